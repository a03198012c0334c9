package patch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/objdiff"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/toolchain"
)

// compiled is a unit, compiled exactly as the firmware was, which tells what differs,
// and as a patch needs it: that is another compile unless the first will do.
type compiled struct {
	path         string
	exact        bool                            // the object is that of the first compile
	again        func(ctx context.Context) error // makes it that of another
	report       *objdiff.Report                 // nil if it could not be compared
	incomparable error                           // why

	object      *object.Object
	debug       *dwarf.Info // of the object; nil without any
	library     func() ([]byte, error)
	note        string // on its compile command
	diagnostics []toolchain.Diagnostic
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

// inParallel calls f for each unit, for as many at once as there are processors. The
// first error cancels the others.
func inParallel[T any](ctx context.Context, units []Unit, f func(context.Context, Unit) (T, error)) ([]T, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	all := make([]T, len(units))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var running sync.WaitGroup
	for i, unit := range units {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			var err error
			if all[i], err = f(ctx, unit); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	return all, context.Cause(ctx)
}

// compileUnit compiles the unit once if that may do for the patch, else both ways side
// by side.
func (b *Builder) compileUnit(ctx context.Context, unit Unit) (*compiled, error) {
	command, err := b.command(ctx, unit.Path)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &compiled{path: unit.Path, note: command.Note}
	c.again = func(ctx context.Context) error { return c.compile(ctx, b, unit, command) }
	if inSections(command) {
		return c, c.once(ctx, b, unit, command)
	}
	var compared error
	var both sync.WaitGroup
	both.Go(func() {
		var found *comparison
		if found, compared = b.compare(ctx, unit, command); compared == nil {
			c.report = found.report
		} else if !problem.Has(compared, problem.CannotCompare) {
			cancel()
		}
	})
	err = c.compile(ctx, b, unit, command)
	if err != nil {
		cancel()
	}
	both.Wait()
	switch {
	case problem.Has(compared, problem.CannotCompare):
		c.incomparable = compared
	case compared != nil && (err == nil || errors.Is(err, context.Canceled)):
		return nil, compared // the first to fail has cancelled the other
	}
	return c, err
}

// inSections reports whether the command gives every function and variable a section
// of its own.
func inSections(c toolchain.Command) bool {
	last := func(option string) bool {
		on := false
		for _, a := range c.Args {
			if a == "-f"+option || a == "-fno-"+option {
				on = a == "-f"+option
			}
		}
		return on
	}
	return last("function-sections") && last("data-sections")
}

// once compiles the unit as the firmware was, and again only if the object would not do:
// it has the wrong lines or dates. What else can be wrong with it shows when it is
// linked; see gatherer.recompile.
func (c *compiled) once(ctx context.Context, b *Builder, unit Unit, command toolchain.Command) error {
	found, err := b.compare(ctx, unit, command)
	switch {
	case problem.Has(err, problem.CannotCompare):
		c.incomparable = err
		return c.again(ctx)
	case err != nil:
		return err
	}
	c.report = found.report
	if found.renumbered || found.dated {
		return c.again(ctx)
	}
	c.exact, c.object, c.debug, c.diagnostics = true, found.object, found.debug, found.diagnostics
	c.library = func() ([]byte, error) { return b.Toolchain.LibGCC(context.WithoutCancel(ctx), command) }
	return nil
}

// compile compiles the unit as a patch needs it.
func (c *compiled) compile(ctx context.Context, b *Builder, unit Unit, command toolchain.Command) error {
	result, err := b.Toolchain.Compile(ctx, toolchain.Unit{Command: command, Text: unit.Text, Flags: patchFlags(command)})
	if err != nil {
		return err
	}
	c.diagnostics = result.Diagnostics
	if c.object, err = object.Parse(result.Object); err != nil {
		return err
	}
	c.debug, _ = dwarf.ForObject(c.object)
	c.library = func() ([]byte, error) { return b.Toolchain.LibGCC(context.WithoutCancel(ctx), command) }
	return nil
}

// Compare compiles each unit with exactly its command and compares its functions
// with the image's. It needs no board.
func (b *Builder) Compare(ctx context.Context, units ...Unit) ([]*objdiff.Report, error) {
	return inParallel(ctx, units, func(ctx context.Context, unit Unit) (*objdiff.Report, error) {
		command, err := b.command(ctx, unit.Path)
		if err != nil {
			return nil, err
		}
		found, err := b.compare(ctx, unit, command)
		if err != nil {
			return nil, err
		}
		return found.report, nil
	})
}

// A comparison is a unit, compiled as the firmware was, and how it differs.
type comparison struct {
	report      *objdiff.Report
	object      *object.Object
	debug       *dwarf.Info // nil without any
	diagnostics []toolchain.Diagnostic
	renumbered  bool // lines have the numbers that they had in the firmware
	dated       bool // there is a __DATE__ or __TIME__ in it, which is not today's
}

// sentinelDate is what __DATE__ and __TIME__ are in the object that is compared,
// so that they can be told from dates that somebody wrote.
var sentinelDate = time.Date(1971, time.March, 4, 5, 6, 7, 0, time.UTC)

func (b *Builder) compare(ctx context.Context, unit Unit, command toolchain.Command) (*comparison, error) {
	text, err := unit.text()
	if err != nil {
		return nil, err
	}
	// Without debug information there are no lines, and statics go by their names.
	imageDebug, _ := b.Image.Debug()
	lines := renumber(text, imageDebug, unit.Path)
	if lines != nil {
		unit.Text = lines.text
	}
	result, err := b.Toolchain.Compile(ctx, toolchain.Unit{Command: command, Text: unit.Text, Epoch: sentinelDate.Unix()})
	if err != nil {
		if ce, ok := errors.AsType[*toolchain.CompileError](err); ok {
			for i := range ce.Diagnostics {
				lines.correct(&ce.Diagnostics[i], unit.Path)
			}
		}
		return nil, err
	}
	o, err := object.Parse(result.Object)
	if err != nil {
		return nil, err
	}
	in := objdiff.Input{Object: o, Image: b.Image, ImageDebug: imageDebug, Unit: unit.Path, Date: sentinelDate}
	in.ObjectDebug, _ = dwarf.ForObject(o)
	report, err := objdiff.Compare(in)
	if err != nil {
		return nil, err
	}
	for i := range report.Functions {
		f := &report.Functions[i]
		was := f.Line
		f.Line = lines.declared(f.Name, was)
		for j := range f.Reasons {
			r := &f.Reasons[j]
			if filepath.Base(r.File) == filepath.Base(unit.Path) {
				r.File, r.Line = unit.Path, lines.actual(r.Line, f.Line+r.Line-was)
			}
		}
	}
	return &comparison{
		report: report, object: o, debug: in.ObjectDebug, diagnostics: result.Diagnostics, renumbered: lines != nil,
		dated: bytes.Contains(result.Object, []byte(sentinelDate.Format("Jan _2 2006"))) || bytes.Contains(result.Object, []byte(sentinelDate.Format(time.TimeOnly))),
	}, nil
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
