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
	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/linker"
	"github.com/fpbls/fpbls/internal/objdiff"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/toolchain"
)

// A Builder turns edited source files into injections. It may be used by
// several goroutines at once.
type Builder struct {
	Image     *firmware.Image
	Database  *toolchain.Database
	Toolchain *toolchain.Toolchain
}

// A Unit is a source file as it stands in the editor.
type Unit struct {
	Path string // absolute
	Text []byte // nil: as it is on disk
}

// An Injection is a compiled unit and the functions chosen from it, ready to be
// linked and applied. It is immutable and can be applied more than once.
type Injection struct {
	unit        string
	image       *firmware.Image
	targets     []*firmware.Symbol
	object      *object.Object
	debug       *dwarf.Info // of the object; nil without any
	library     func() ([]byte, error)
	notes       []Note
	diagnostics []toolchain.Diagnostic
	started     time.Time
	compile     int64           // milliseconds
	report      *objdiff.Report // what chose the functions; nil if the user named them
}

// sectionFlags give every function and variable a section of its own, so that
// the linker can take one and leave the rest, and address each variable by its
// own symbol. -fno-ipa-ra: what the patch calls can be patched itself, and a
// trampoline clobbers IP, so the compiler must not count on what it knows of
// its callees.
var (
	sectionFlags = []string{"-ffunction-sections", "-fdata-sections"}
	gccFlags     = []string{"-fno-section-anchors", "-fno-ipa-ra"}
	clangFlags   = []string{"-mno-global-merge"} // one variable made of several could not be bound
)

// Build compiles the unit and resolves the functions, named as in
// [firmware.Image.Lookup]. It needs no board. A rejected source is a
// [*toolchain.CompileError].
func (b *Builder) Build(ctx context.Context, unit Unit, functions []string, emit func(Event)) (*Injection, error) {
	if len(functions) == 0 {
		return nil, problem.New(problem.Usage, "name the function to inject", "no function was chosen from %s", unit.Path)
	}
	in := &Injection{unit: unit.Path, image: b.Image, started: time.Now()}
	emit(Event{Stage: StageResolve, Function: functions[0]})
	text, err := unit.text()
	if err != nil {
		return nil, err
	}
	for _, name := range functions {
		target, err := resolve(b.Image, unit.Path, text, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(in.targets, target) {
			in.targets = append(in.targets, target)
		}
	}
	command, err := b.command(ctx, unit.Path)
	if err != nil {
		return nil, err
	}
	if command.Note != "" {
		in.note(command.Note)
	}

	emit(Event{Stage: StageCompile, Function: in.targets[0].Name})
	watch := startWatch()
	err = in.compileUnit(ctx, b, unit, command)
	watch.lap(&in.compile)
	if err != nil {
		return nil, err
	}
	in.look()
	return in, nil
}

// compileUnit compiles the unit as a patch needs it.
func (in *Injection) compileUnit(ctx context.Context, b *Builder, unit Unit, command toolchain.Command) error {
	result, err := b.Toolchain.Compile(ctx, toolchain.Unit{Command: command, Text: unit.Text, Flags: patchFlags(command)})
	if err != nil {
		return err
	}
	in.diagnostics = result.Diagnostics
	if in.object, err = object.Parse(result.Object); err != nil {
		return err
	}
	in.debug, _ = dwarf.ForObject(in.object)
	in.library = func() ([]byte, error) { return b.Toolchain.LibGCC(ctx, command) }
	return nil
}

// Check links the injection at a place nobody has and reports what would be
// refused, without a board. version is that of the FPB, 1 or 2.
func (in *Injection) Check(version int) (Result, error) {
	r := Result{Notes: slices.Clone(in.notes), Diagnostics: in.diagnostics}
	for _, t := range in.targets {
		if _, err := checkTarget(in.image, t, version); err != nil {
			return r, err
		}
	}
	prepared, err := in.prepare(nil)
	if err != nil {
		return r, err
	}
	linked, err := prepared.Link(0x2000_0000)
	if err != nil {
		return r, err
	}
	for _, f := range linked.Functions {
		r.Patches = append(r.Patches, Record{
			Function: new(f.Target.Name), Slot: -1, State: Disabled,
			Original: Address(f.Target.Addr), Size: f.Size,
		})
	}
	r.addNotes(prepared)
	r.MS.Compile = in.compile
	r.MS.Total = time.Since(in.started).Milliseconds()
	return r, nil
}

// prepare decides what the patch takes along and what it binds to.
func (in *Injection) prepare(live []linker.LiveSymbol) (*linker.Patch, error) {
	input := linker.Input{Image: in.image, Live: live, Library: in.library}
	// Without debug information statics are told apart by their names alone.
	input.ImageDebug, _ = in.image.Debug()
	unit := linker.Unit{Object: in.object, Debug: in.debug, Path: in.unit}
	for _, t := range in.targets {
		unit.Roots = append(unit.Roots, linker.Root{Name: t.Name})
	}
	input.Units = []linker.Unit{unit}
	return linker.Prepare(input)
}

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

// command picks the compile command of the file. Where the database has several
// (one source in two programs), it is the one whose functions come out as long
// as the image's.
func (b *Builder) command(ctx context.Context, path string) (toolchain.Command, error) {
	commands := b.Database.Commands(path)
	if len(commands) < 2 {
		return b.Database.Command(path)
	}
	best, bestScore := commands[0], -1
	for _, c := range commands {
		result, err := b.Toolchain.Compile(ctx, toolchain.Unit{Command: c})
		if ctx.Err() != nil {
			return toolchain.Command{}, err
		}
		if err != nil {
			continue // another entry may still fit
		}
		if score := b.likeness(result.Object); score > bestScore {
			best, bestScore = c, score
		}
	}
	best.Note = fmt.Sprintf("the compile database has %d entries for %s; used the one that matches the firmware best", len(commands), filepath.Base(path))
	return best, nil
}

// likeness counts the object's functions that are as long as the image's.
func (b *Builder) likeness(data []byte) int {
	o, err := object.Parse(data)
	if err != nil {
		return -1
	}
	n := 0
	for _, s := range o.Symbols {
		if s.Section == nil || !s.Section.IsCode() || s.Size == 0 {
			continue
		}
		for _, f := range b.Image.Lookup(s.Name) {
			if f.Size == s.Size {
				n++
				break
			}
		}
	}
	return n
}

func patchFlags(c toolchain.Command) []string {
	if len(c.Args) > 0 && strings.Contains(filepath.Base(c.Args[0]), "clang") {
		return slices.Concat(sectionFlags, clangFlags)
	}
	return slices.Concat(sectionFlags, gccFlags)
}
