package patch

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/linker"
	"github.com/fpbls/fpbls/internal/objdiff"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/thumb"
)

// Functions that depend on each other's code form a group. A group is injected,
// updated, switched off and on, and taken back as a whole, also when the user names
// one function of it. What makes a group:
//
//   - Two changed functions of which one calls the other or contains its code
//     ([objdiff.Groups]).
//   - A function whose parameters have changed and all its callers, in other files
//     as well. If one of them is not changed accordingly, the patch is refused.
//   - A function that shares its address in the image with others, which the compiler
//     or linker has folded into one, and all its callers: it gets no comparator, and
//     they call its new code ([Inner]).
//   - A function and those who count on registers that its old code keeps
//     ([firmware.Image.ReliedOn]), if the new code may change them and a stub in front
//     of it cannot save them. They need not differ: compiled anew without -fipa-ra they
//     count on nothing.
//
// Callers are armed before what they call. While that is done, and for as long as a
// call that had begun before goes on, old and new code of a group run side by
// side; which is why the window is kept short, and a note tells of changed
// parameters.
//
// All that is injected at once, of however many groups, lies in one block.

// A gatherer finds the groups of an injection.
type gatherer struct {
	*Builder
	in   *Injection
	emit func(Event)
}

func (b *Builder) gather(emit func(Event)) *gatherer {
	in := &Injection{image: b.Image, named: make(map[string]Address), started: time.Now()}
	return &gatherer{Builder: b, in: in, emit: emit}
}

// compile compiles the units that were asked for.
func (g *gatherer) compile(ctx context.Context, units []Unit, name string) error {
	for _, u := range units {
		g.in.requested = append(g.in.requested, u.Path)
	}
	return g.add(ctx, units, name)
}

// add compiles units.
func (g *gatherer) add(ctx context.Context, units []Unit, name string) error {
	g.emit(Event{Stage: StageCompile, Function: name})
	watch := startWatch()
	all, err := inParallel(ctx, units, g.compileUnit)
	watch.lap(&g.in.compile)
	if err != nil {
		return err
	}
	for _, u := range all {
		g.in.units = append(g.in.units, u)
		g.in.diagnostics = append(g.in.diagnostics, u.diagnostics...)
		if u.note != "" {
			g.in.note(u.note)
		}
	}
	return nil
}

// choose makes the function a target, unless it is one.
func (g *gatherer) choose(f *firmware.Symbol, u *compiled) *target {
	for _, t := range g.in.targets {
		// Aliases are one function: two comparators must not match one address.
		if t.Symbol == f || t.Addr == f.Addr && t.unit == u && slices.Contains(u.namesOf(t.Name), f.Name) {
			return t
		}
	}
	t := &target{Symbol: f, unit: u, function: u.function(f)}
	g.in.targets = append(g.in.targets, t)
	return t
}

// offer makes the function a target, unless it is never entered again and nobody has
// asked for it: then it is nil.
func (g *gatherer) offer(f *firmware.Symbol, u *compiled) *target {
	why := EnteredOnce(g.Image, f)
	if why == "" || g.Anyway && g.in.changed || g.in.has(Address(f.Addr)) {
		return g.choose(f, u)
	}
	note := Note{Code: NoteLeftOut, Function: f.Name, Unit: u.path, Text: "left out: " + why}
	if !slices.ContainsFunc(g.in.notes, func(n Note) bool { return n.Code == note.Code && n.Function == note.Function }) {
		g.in.notes = append(g.in.notes, note)
	}
	return nil
}

// function is what the comparison says of the function, nil if nothing.
func (u *compiled) function(f *firmware.Symbol) *objdiff.Function {
	if u.report == nil {
		return nil
	}
	for i := range u.report.Functions {
		if r := &u.report.Functions[i]; r.Target == f {
			return r
		}
	}
	return nil
}

// finish completes the groups and puts them in order.
func (g *gatherer) finish(ctx context.Context) (*Injection, error) {
	var links [][2]*target
	for again := true; again; {
		var err error
		if links, err = g.complete(ctx); err != nil {
			return nil, err
		}
		if again, err = g.recompile(ctx); err != nil {
			return nil, err
		}
	}
	if err := g.checkCalls(); err != nil {
		return nil, err
	}
	if err := g.checkLayouts(); err != nil {
		return nil, err
	}
	g.arrange(links)
	g.in.look()
	return g.in, nil
}

// complete adds what belongs to the targets, until nothing is missing.
func (g *gatherer) complete(ctx context.Context) ([][2]*target, error) {
	var links [][2]*target
	for done := -1; done < len(g.in.targets)+len(g.in.units); {
		done = len(g.in.targets) + len(g.in.units)
		links = g.depend()
		more, err := g.relying()
		if err != nil {
			return nil, err
		}
		links = append(links, more...)
		if more, err = g.folded(); err != nil {
			return nil, err
		}
		links = append(links, more...)
		if err := g.otherFiles(ctx); err != nil {
			return nil, err
		}
	}
	return links, nil
}

// recompile looks at units that were compiled only once, as the firmware was: where
// their code counts on registers that others keep (-fipa-ra), or cannot be linked as it
// is, they are compiled as a patch. True: it was done, and the code is another one.
func (g *gatherer) recompile(ctx context.Context) (bool, error) {
	if len(g.in.targets) == 0 || !slices.ContainsFunc(g.in.units, func(u *compiled) bool { return u.exact }) {
		return false, nil
	}
	p, err := prepare(g.Image, g.in.targets, nil)
	if err == nil && !p.CountsOnCallees(g.calling) {
		return false, nil
	}
	watch := startWatch()
	defer watch.lap(&g.in.compile)
	for _, u := range g.in.units {
		if u.exact {
			u.exact = false
			if err := u.again(ctx); err != nil {
				return false, err
			}
		}
	}
	for _, t := range g.in.targets {
		t.keep, t.relies = 0, nil
	}
	return true, nil
}

// calling tells how a function is called: one of the units as it is there, others as in
// the image.
func (g *gatherer) calling(name string) linker.Calling {
	for _, u := range g.in.units {
		if u.debug == nil {
			continue
		}
		if addr, ok := u.addressOf(name); ok {
			return callingOf(u.debug, name, addr)
		}
	}
	if debug, err := g.Image.Debug(); err == nil {
		for _, s := range g.Image.Lookup(name) {
			return callingOf(debug, s.Name, s.Addr)
		}
	}
	return linker.Calling{May: 0x000f, Result: 0x0003}
}

func callingOf(debug *dwarf.Info, name string, addr uint32) linker.Calling {
	c := linker.Calling{Result: 1<<debug.ResultRegisters(name, addr) - 1}
	named, known := debug.NamedRegisters(name, addr)
	if c.Arguments = 1<<named - 1; !known || debug.ArgumentRegisters(name, addr) != named {
		c.May = 0x000f
	}
	return c
}

// depend adds what is in one group with the targets by comparison.
func (g *gatherer) depend() [][2]*target {
	var reports []*objdiff.Report
	for _, u := range g.in.units {
		if u.report != nil {
			reports = append(reports, u.report)
		}
	}
	var links [][2]*target
	for _, group := range objdiff.Groups(reports) {
		if !slices.ContainsFunc(group, func(m objdiff.Member) bool { return g.in.has(Address(m.Target.Addr)) }) {
			continue
		}
		var first *target
		for _, m := range group {
			t := g.offer(m.Target, g.compiled(m.Unit))
			if first == nil {
				first = t
			}
			if t != nil {
				links = append(links, [2]*target{first, t})
			}
		}
	}
	return links
}

func (g *gatherer) compiled(path string) *compiled {
	i := slices.IndexFunc(g.in.units, func(u *compiled) bool { return u.path == path })
	if i < 0 {
		return nil
	}
	return g.in.units[i]
}

// relying adds the functions that count on registers which the new code of the
// targets may change.
func (g *gatherer) relying() ([][2]*target, error) {
	var links [][2]*target
	for i := 0; i < len(g.in.targets); i++ { // grows while it is walked
		t := g.in.targets[i]
		relied := g.Image.ReliedOn(t.Symbol)
		if len(relied) == 0 {
			continue
		}
		changes := t.unit.clobbers(t.Symbol)
		for _, r := range relied {
			if r.Registers &= changes; r.Registers == 0 {
				continue
			}
			if g.canSave(t.Symbol, r.Registers) {
				t.keep |= r.Registers
				continue
			}
			if r.Caller == t.Symbol {
				continue
			}
			if why := EnteredOnce(g.Image, r.Caller); why != "" {
				return nil, problem.New(problem.CallerRelies, "flash this change, or build with -fno-ipa-ra and flash that once",
					"%s counts on registers that the firmware's %s keeps, and cannot be patched with it: it %s",
					r.Caller.Display, t.Display, g.Image.EnteredOnce(r.Caller))
			}
			caller := g.choose(r.Caller, t.unit)
			if !slices.Contains(caller.relies, t.Name) {
				caller.relies = append(caller.relies, t.Name)
			}
			links = append(links, [2]*target{caller, t})
		}
	}
	return links, nil
}

// canSave reports whether a stub in front of the function can save the registers: its
// own call moves the stack, and IP is lost before it runs.
func (g *gatherer) canSave(f *firmware.Symbol, registers thumb.Registers) bool {
	debug, err := g.Image.Debug()
	return err == nil && !registers.Has(thumb.IP) && !debug.StackArguments(f.Name, f.Addr)
}

// clobbers are the registers that a patch of the function may change: what its code
// writes, all if it calls anything, and IP, on the way to it.
func (u *compiled) clobbers(f *firmware.Symbol) thumb.Registers {
	return linker.Clobbers(u.object, f.Name) | thumb.Set(thumb.IP)
}

// otherFiles compiles the files of those who must follow a change of parameters, or
// who have a copy of a changed function inlined.
func (g *gatherer) otherFiles(ctx context.Context) error {
	debug, err := g.Image.Debug()
	if err != nil {
		return nil
	}
	var leads []*firmware.Symbol
	lead := func(addr uint32) {
		if f := g.Image.At(addr); f != nil {
			leads = append(leads, f)
		}
	}
	for _, t := range g.in.targets {
		if t.inner {
			for _, b := range g.callers(t.Symbol) {
				lead(b.Addr)
			}
		}
		if t.function == nil || t.function.Verdict != objdiff.Changed {
			continue
		}
		if t.function.Call != nil {
			for _, b := range g.callers(t.Symbol) {
				lead(b.Addr)
			}
		}
		for _, name := range append([]string{t.Name}, t.function.Contains...) {
			for _, site := range debug.InlinedAt(name) {
				if !g.unchanged(name) {
					lead(site.Addr)
				}
			}
		}
	}
	units := g.unitsOf(leads, nil)
	if len(units) == 0 {
		return nil
	}
	return g.add(ctx, units, filepath.Base(units[0].Path))
}

// unitsOf lists the units that the functions are from and that are neither compiled
// nor known.
func (g *gatherer) unitsOf(functions []*firmware.Symbol, known []Unit) []Unit {
	debug, err := g.Image.Debug()
	if err != nil {
		return nil
	}
	var units []Unit
	for _, f := range functions {
		from, _ := debug.PathAt(f.Addr)
		path, ok := g.sourceOf(from)
		is := func(u Unit) bool { return u.Path == path }
		if ok && g.compiled(path) == nil && !slices.ContainsFunc(known, is) && !slices.ContainsFunc(units, is) {
			units = append(units, g.unit(path))
		}
	}
	return units
}

// definer is the unit that has code for the function, or the one that was meant.
func (g *gatherer) definer(f *firmware.Symbol, meant *compiled) *compiled {
	for _, u := range g.in.units {
		if u.function(f) != nil {
			return u
		}
	}
	return meant
}

// unchanged reports whether something that is the same as in the firmware contains
// the function, which then is the same as well.
func (g *gatherer) unchanged(name string) bool {
	return slices.ContainsFunc(g.in.units, func(u *compiled) bool {
		return u.report != nil && slices.ContainsFunc(u.report.Functions, func(f objdiff.Function) bool {
			return f.Verdict == objdiff.Same && (f.Name == name || slices.Contains(f.Contains, name))
		})
	})
}

// sourceOf finds the file that debug information calls by the path, as the compile
// database knows it: the firmware may have been built elsewhere.
func (g *gatherer) sourceOf(path string) (string, bool) {
	best, score := "", 0
	for _, file := range g.Database.Files() {
		if n := dwarf.SameFile(file, path); n > score {
			best, score = file, n
		}
	}
	return best, best != ""
}

// callers lists the branches that enter the function from others.
func (g *gatherer) callers(f *firmware.Symbol) []firmware.Branch {
	return slices.DeleteFunc(slices.Clone(g.Image.BranchesInto(f.Addr, f.Addr+2)), func(b firmware.Branch) bool {
		return b.Addr-f.Addr < f.Size
	})
}

// checkCalls refuses a change of parameters that not everybody follows who calls the
// function.
func (g *gatherer) checkCalls() error {
	for _, t := range g.in.targets {
		if t.function == nil || t.function.Call == nil {
			continue
		}
		var others []string
		for _, b := range g.callers(t.Symbol) {
			caller := g.Image.At(b.Addr)
			if caller == nil || g.in.has(Address(caller.Addr)) || slices.Contains(others, caller.Display) {
				continue
			}
			if f := t.unit.function(caller); f != nil {
				continue // compiled with the new declaration, and the same code
			}
			others = append(others, caller.Display)
		}
		call := t.function.Call
		if len(others) > 0 {
			return problem.New(problem.SignatureChanged, "change those callers as well, give the new function another name, or flash this change",
				"%s is now %s and was %s in the firmware, and its callers %s still call it the old way",
				t.Display, call.Is, call.Was, strings.Join(others, ", "))
		}
		if g.Image.AddressTaken(t.Symbol) {
			return problem.New(problem.SignatureChanged, "give the new function another name, or flash this change",
				"%s is now %s and was %s in the firmware, and its address is stored: those who call it by that cannot be patched",
				t.Display, call.Is, call.Was)
		}
		g.in.note(fmt.Sprintf("%s is now %s instead of %s: calls that had begun before still come in the old way until they end", t.Display, call.Is, call.Was))
	}
	return nil
}

// arrange numbers the groups and sorts the targets.
func (g *gatherer) arrange(links [][2]*target) {
	targets := g.in.targets
	for i, t := range targets {
		t.group = i
	}
	for _, link := range links {
		from, to := max(link[0].group, link[1].group), min(link[0].group, link[1].group)
		for _, t := range targets {
			if t.group == from {
				t.group = to
			}
		}
	}
	objdiff.CallersFirst(targets, func(t *target) (string, []string) {
		uses := t.relies
		if t.function != nil {
			uses = slices.Concat(uses, t.function.Uses)
		}
		return t.Name, uses
	})
	slices.SortStableFunc(targets, func(a, b *target) int { return a.group - b.group })
	for _, t := range targets {
		if note := g.why(t); note != "" {
			g.in.notes = append(g.in.notes, Note{Code: NoteGroup, Function: t.Name, Unit: t.unit.path, Text: note})
		}
	}
}

// why tells why a function is injected that nobody named and that does not differ, or
// that others led to.
func (g *gatherer) why(t *target) string {
	for _, named := range g.in.named {
		if named == Address(t.Addr) {
			return ""
		}
	}
	switch {
	case len(t.relies) > 0 && (t.function == nil || t.function.Verdict == objdiff.Same):
		return fmt.Sprintf("%s is injected as well: it counts on registers that the firmware's %s keeps", t.Display, strings.Join(t.relies, ", "))
	case len(g.in.named) > 0, !slices.Contains(g.in.requested, t.unit.path):
		return fmt.Sprintf("%s (%s) is injected as well: its code depends on that of the functions injected with it, and differs from the firmware's", t.Display, filepath.Base(t.unit.path))
	}
	return ""
}
