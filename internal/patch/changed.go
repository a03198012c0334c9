package patch

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/objdiff"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/toolchain"
)

// Compare compiles the unit with exactly its command and compares its functions
// with the image's. It needs no board.
func (b *Builder) Compare(ctx context.Context, unit Unit) (*objdiff.Report, error) {
	command, err := b.command(ctx, unit.Path)
	if err != nil {
		return nil, err
	}
	return b.compare(ctx, unit, command)
}

// BuildChanged builds an injection of all functions of the unit that differ from
// the image. It may be of none: applying it takes back what equals the image
// again. The two compiles, as the firmware was built and as a patch is, run side
// by side.
func (b *Builder) BuildChanged(ctx context.Context, unit Unit, emit func(Event)) (*Injection, error) {
	in := &Injection{unit: unit.Path, image: b.Image, started: time.Now()}
	name := filepath.Base(unit.Path)
	emit(Event{Stage: StageResolve, Function: name})
	command, err := b.command(ctx, unit.Path)
	if err != nil {
		return nil, err
	}
	if command.Note != "" {
		in.note(command.Note)
	}
	emit(Event{Stage: StageCompile, Function: name})
	watch := startWatch()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var compared error
	var both sync.WaitGroup
	both.Go(func() {
		if in.report, compared = b.compare(ctx, unit, command); compared != nil {
			cancel()
		}
	})
	err = in.compileUnit(ctx, b, unit, command)
	if err != nil {
		cancel()
	}
	both.Wait()
	watch.lap(&in.compile)
	// The first to fail has cancelled the other.
	if err != nil && (compared == nil || errors.Is(compared, context.Canceled)) {
		return nil, err
	}
	if compared != nil {
		return nil, compared
	}
	for _, f := range in.report.Changed() {
		in.targets = append(in.targets, f.Target)
	}
	for _, note := range in.report.Notes {
		in.note(note)
	}
	in.look()
	return in, nil
}

// Report is the comparison that chose the functions; nil if the user named them.
func (in *Injection) Report() *objdiff.Report { return in.report }

// sentinelDate is what __DATE__ and __TIME__ are in the object that is compared,
// so that they can be told from dates that somebody wrote.
var sentinelDate = time.Date(1971, time.March, 4, 5, 6, 7, 0, time.UTC)

func (b *Builder) compare(ctx context.Context, unit Unit, command toolchain.Command) (*objdiff.Report, error) {
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
	return report, nil
}

// stale lists the functions of the unit that are patched and equal the image
// again.
func (in *Injection) stale(l *Ledger) []Slot {
	if in.report == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(l.Slots), func(s Slot) bool {
		return s.State == Held || s.Unit != in.unit || slices.ContainsFunc(in.targets, func(t *firmware.Symbol) bool {
			return Address(t.Addr) == s.Original
		})
	})
}
