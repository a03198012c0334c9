package patch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fpbls/fpbls/internal/csource"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/linker"
	"github.com/fpbls/fpbls/internal/objdiff"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/thumb"
	"github.com/fpbls/fpbls/internal/toolchain"
)

// A Builder turns edited source files into injections. It may be used by
// several goroutines at once.
type Builder struct {
	Image     *firmware.Image
	Images    firmware.Images // of the board, Image among them; may be nil if that is all
	Database  *toolchain.Database
	Toolchain *toolchain.Toolchain

	// Text returns a file as it stands in the editor, nil if it is not open. It is
	// asked for the files that a group leads to. It may be nil.
	Text func(path string) []byte

	// Anyway takes functions that are never entered again, too. Otherwise they are
	// refused when they are named. Where they only would come along they are left out.
	Anyway bool
}

// A Unit is a source file as it stands in the editor.
type Unit struct {
	Path string // absolute
	Text []byte // nil: as it is on disk
}

// An Injection is compiled units and the functions chosen from them, ready to be
// linked and applied. It is immutable and can be applied more than once.
type Injection struct {
	image       *firmware.Image
	units       []*compiled
	targets     []*target // group by group, callers before what they call
	requested   []string  // paths of the units that were asked for
	changed     bool      // chosen by comparison: what equals the image again is taken back
	named       map[string]Address
	notes       []Note
	diagnostics []toolchain.Diagnostic
	started     time.Time
	compile     int64 // milliseconds
}

// A target is a function of the image and its new code.
type target struct {
	*firmware.Symbol
	unit     *compiled
	group    int // of the injection
	function *objdiff.Function
	relies   []string        // functions that keep registers for its code in the image
	keep     thumb.Registers // see entry
	once     bool            // never entered again
	inner    bool            // gets no comparator: see Inner
}

// Build compiles the unit and resolves the functions, named as in
// [firmware.Image.Lookup], and finds the groups that they belong to. It needs no
// board. A rejected source is a [*toolchain.CompileError].
func (b *Builder) Build(ctx context.Context, unit Unit, functions []string, emit func(Event)) (*Injection, error) {
	if len(functions) == 0 {
		return nil, problem.New(problem.Usage, "name the function to inject", "no function was chosen from %s", unit.Path)
	}
	g := b.gather(emit)
	emit(Event{Stage: StageResolve, Function: functions[0]})
	text, err := unit.text()
	if err != nil {
		return nil, err
	}
	var chosen []*firmware.Symbol
	carriers := make(map[string][]*firmware.Symbol) // of what has no code of its own
	for _, name := range functions {
		f, err := resolve(b.Image, unit.Path, text, name)
		switch in := b.carriers(name); {
		case err == nil:
			g.in.named[name] = Address(f.Addr)
			chosen = append(chosen, f)
		case problem.Has(err, problem.AmbiguousName) || len(in) == 0:
			return nil, err
		default:
			carriers[name] = in
		}
	}
	units, err := b.Units([]Unit{unit})
	if err != nil {
		return nil, err
	}
	for _, in := range carriers {
		units = append(units, g.unitsOf(in, units)...)
	}
	if err := g.compile(ctx, units, functions[0]); err != nil {
		return nil, err
	}
	u := g.in.units[0]
	if _, other := u.otherCompiler(b.Image); u.incomparable != nil && !other {
		g.in.note(fmt.Sprintf("it is not known what else belongs to this change: %v", u.incomparable))
	}
	for _, f := range chosen {
		if why := EnteredOnce(b.Image, f); why != "" && !b.Anyway {
			return nil, problem.New(problem.NeverEntered, "inject what it calls, flash the change, or say that you want it anyway (--anyway)", "%s", why)
		}
		g.choose(f, g.definer(f, u))
	}
	for _, name := range functions {
		if in := carriers[name]; in != nil {
			if err := g.chooseCarriers(name, in); err != nil {
				return nil, err
			}
		}
	}
	return g.finish(ctx)
}

// Check links the injection at a place nobody has and reports what would be
// refused, without a board. version is that of the FPB, 1 or 2.
func (in *Injection) Check(version int) (Result, error) {
	r := Result{Notes: slices.Clone(in.notes), Diagnostics: in.diagnostics, Named: in.named}
	r.MS.Compile = in.compile
	if len(in.targets) == 0 {
		return r, nil
	}
	for _, t := range armed(in.targets) {
		if _, err := checkTarget(in.image, t.Symbol, version); err != nil {
			return r, err
		}
	}
	prepared, err := prepare(in.image, in.targets, nil)
	if err != nil {
		return r, err
	}
	linked, err := prepared.Link(0x2000_0000)
	if err != nil {
		return r, err
	}
	for _, f := range linked.Functions {
		r.Patches = append(r.Patches, Record{
			Function: new(f.Target.Name), Slot: NoSlot, State: Disabled,
			Original: Address(f.Target.Addr), Size: f.Size,
		})
	}
	r.addNotes(prepared.Patch)
	r.MS.Total = time.Since(in.started).Milliseconds()
	return r, nil
}

// prepare decides what the patch of the targets takes along and what it binds to.
func prepare(image *firmware.Image, targets []*target, live []linker.LiveSymbol) (*prepared, error) {
	input := linker.Input{Image: image, Live: live}
	// Without debug information statics are told apart by their names alone.
	input.ImageDebug, _ = image.Debug()
	var order []*target // as the linker returns them
	for _, t := range targets {
		if slices.ContainsFunc(order, func(o *target) bool { return o.unit == t.unit }) {
			continue
		}
		unit := linker.Unit{Object: t.unit.object, Debug: t.unit.debug, Path: t.unit.path}
		for _, o := range targets {
			if o.unit == t.unit {
				order = append(order, o)
				unit.Roots = append(unit.Roots, linker.Root{Name: o.Name, Inner: o.inner})
			}
		}
		input.Units = append(input.Units, unit)
		input.Library = t.unit.library
	}
	p, err := linker.Prepare(input)
	if err != nil {
		return nil, err
	}
	index := make(map[*target]int)
	for i, t := range order {
		index[t] = i
	}
	return &prepared{Patch: p, index: index}, nil
}

// prepared is a patch and where in it the targets are.
type prepared struct {
	*linker.Patch
	index map[*target]int // in Functions
}

func (p *prepared) digest(t *target) string { return p.Functions[p.index[t]].Digest }

func (u Unit) text() ([]byte, error) {
	if u.Text != nil {
		return u.Text, nil
	}
	text, err := os.ReadFile(u.Path)
	if err != nil {
		return nil, problem.New(problem.NoSuchFile, "check the path", "cannot read the source: %w", err)
	}
	return text, nil
}

// resolve finds the function of the image that name, in the unit, stands for.
func resolve(image *firmware.Image, unit string, text []byte, name string) (*firmware.Symbol, error) {
	var found []*firmware.Symbol
	for _, s := range image.Lookup(name) {
		if s.Kind == firmware.Function {
			found = append(found, s)
		}
	}
	if here := slices.DeleteFunc(slices.Clone(found), func(s *firmware.Symbol) bool {
		return filepath.Base(s.File) != filepath.Base(unit)
	}); len(here) > 0 {
		found = here
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, missing(image, unit, text, name)
	}
	if slices.ContainsFunc(found, func(s *firmware.Symbol) bool { return s.Addr != found[0].Addr }) {
		var names []string
		for _, s := range found {
			names = append(names, fmt.Sprintf("%s at %s", s.Display, Address(s.Addr)))
		}
		return nil, problem.New(problem.AmbiguousName, "name one of them: "+strings.Join(names, ", "),
			"%s stands for %d functions of the firmware", name, len(found))
	}
	return found[0], nil
}

// missing says why the image has no function of that name.
func missing(image *firmware.Image, unit string, text []byte, name string) error {
	for _, f := range csource.Parse(text).Functions {
		if f.Name == name {
			if debug, err := image.Debug(); err == nil && len(debug.Units()) > 0 {
				if _, ok := debug.UnitOf(unit); !ok {
					return problem.New(problem.NotInImage,
						"name the ELF that has it: as elf, or as bootloader if it is a second program on the board",
						"%s is no part of %s: nothing of it was linked", filepath.Base(unit), filepath.Base(image.Path()))
				}
			}
			return problem.New(problem.NotInImage,
				"inject the functions that call it instead, or declare it __attribute__((noinline)) and flash once",
				"%s is in %s, but the firmware has no such function: the compiler inlined it everywhere or the linker removed it",
				name, filepath.Base(unit))
		}
	}
	hint := "check the name with \"fpbls symbols\""
	if near := image.Near(name); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, ", ") + "?"
	}
	return problem.New(problem.NoSuchFunction, hint, "the firmware %s has no function %s", filepath.Base(image.Path()), name)
}
