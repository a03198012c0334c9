package board

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
)

// Info is the board's answer about itself.
type Info struct {
	Loader  string         `json:"loader"`
	FPB     Unit           `json:"fpb"`
	Patches []patch.Record `json:"patches"`
	Slots   []Slot         `json:"slots"`
	Match   Match          `json:"match"`

	// Recovered is what was done, at connecting, about an operation of an earlier
	// process that had not ended; empty if there was none.
	Recovered string `json:"recovered,omitempty"`
}

// Unit is the Flash Patch unit.
type Unit struct {
	Version int  `json:"version"`
	Code    int  `json:"code"`    // instruction comparators
	Literal int  `json:"literal"` // literal comparators
	Enabled bool `json:"enabled"`
}

// Slot is one of the loader's slots.
type Slot struct {
	ID   int  `json:"id"`
	Free bool `json:"free"`
}

// A Request asks for functions of a source file to be injected.
type Request struct {
	Builder   *patch.Builder
	Unit      patch.Unit
	More      []patch.Unit // with Changed
	Functions []string
	Changed   bool   // instead of Functions: all that differ from the image; what equals it again is taken back
	Mode      string // auto, trampoline, direct, debugmon; empty is auto
}

func (r Request) build(ctx context.Context, emit func(patch.Event)) (*patch.Injection, error) {
	if r.Changed {
		return r.Builder.BuildChanged(ctx, append([]patch.Unit{r.Unit}, r.More...), emit)
	}
	return r.Builder.Build(ctx, r.Unit, r.Functions, emit)
}

func (r Request) title() string {
	if r.Changed {
		return "Inject what changed in " + filepath.Base(r.Unit.Path)
	}
	return "Inject " + r.Functions[0]
}

// Info asks the board what is on it: one round trip of the line when it is
// connected.
func (b *Board) Info(ctx context.Context) (Info, error) {
	var info Info
	err := b.run(ctx, "Info", func(ctx context.Context, s *session) error {
		if err := b.refresh(ctx, s); err != nil {
			return err
		}
		info = Info{
			Loader:  s.info.Version,
			FPB:     Unit{s.info.FPB.Version, s.info.FPB.Code, s.info.FPB.Literal, s.info.FPB.Present && s.info.FPB.Enabled},
			Patches: s.ledger.Records(),
			Match:   b.Status().Match, Recovered: b.Status().Recovered,
		}
		for _, slot := range s.info.Slots {
			info.Slots = append(info.Slots, Slot{ID: slot.ID, Free: slot.Free})
		}
		return nil
	})
	return info, err
}

// Inject builds the functions and puts them on the board. The compiler runs
// before the turn comes. emit is called from this goroutine.
func (b *Board) Inject(ctx context.Context, r Request, emit func(patch.Event)) (patch.Result, error) {
	if emit == nil {
		emit = func(patch.Event) {}
	}
	injection, err := r.build(ctx, emit)
	if err != nil {
		return patch.Result{}, err
	}
	var result patch.Result
	err = b.run(ctx, r.title(), func(ctx context.Context, s *session) error {
		return b.change(ctx, s, func(target *patch.Board) error {
			if !s.mayRun(r.Builder.Image) {
				return problem.New(problem.WrongFirmware, "name the ELF that was flashed with --elf, or flash this one",
					"the board runs another firmware than %s", r.Builder.Image.Path())
			}
			var err error
			result, err = injection.Apply(ctx, target, r.Mode, emit)
			return err
		})
	})
	return result, err
}

// Verify reports whether the board runs what Inject would put there now, and makes
// a patch that was found on it ours if so.
func (b *Board) Verify(ctx context.Context, r Request) (same bool, err error) {
	injection, err := r.Builder.Build(ctx, r.Unit, r.Functions, func(patch.Event) {})
	if err != nil {
		return false, err
	}
	err = b.run(ctx, "Verify "+r.Functions[0], func(ctx context.Context, s *session) error {
		return b.change(ctx, s, func(target *patch.Board) error {
			var err error
			same, err = injection.Verify(ctx, target)
			return err
		})
	})
	return same, err
}

// Revert takes patches back and returns what they were.
func (b *Board) Revert(ctx context.Context, sel patch.Selector) (records []patch.Record, err error) {
	err = b.run(ctx, "Revert "+describe(sel), func(ctx context.Context, s *session) error {
		return b.change(ctx, s, func(target *patch.Board) error {
			var err error
			records, err = target.Revert(ctx, s.running, sel)
			return err
		})
	})
	return records, err
}

// Enable switches patches on or off and returns what they are now.
func (b *Board) Enable(ctx context.Context, sel patch.Selector, on bool) (records []patch.Record, err error) {
	title := "Disable "
	if on {
		title = "Enable "
	}
	err = b.run(ctx, title+describe(sel), func(ctx context.Context, s *session) error {
		return b.change(ctx, s, func(target *patch.Board) error {
			var err error
			records, err = target.Enable(ctx, s.running, sel, on)
			return err
		})
	})
	return records, err
}

func describe(sel patch.Selector) string {
	switch {
	case sel.All:
		return "all"
	case sel.Slot != nil:
		return fmt.Sprintf("slot %d", *sel.Slot)
	}
	return sel.Function
}

// refresh asks for info and brings the ledger in line with it.
func (b *Board) refresh(ctx context.Context, s *session) error {
	b.identify(ctx, s)
	info, err := s.client.Info(ctx)
	if err != nil {
		return err
	}
	b.take(s, info)
	return nil
}

// take brings ledger and status in line with what the board answered.
func (b *Board) take(s *session, info fpb.Info) {
	s.info = info
	var lost []patch.Record
	s.ledger, lost = patch.Reconcile(s.ledger, info, s.running)
	b.update(func(st *Status) { st.setInfo(s, lost) })
}

// change runs f on what the board shows now, and keeps ledger, journal and
// status true whatever f does.
func (b *Board) change(ctx context.Context, s *session, f func(*patch.Board) error) error {
	if err := b.refresh(ctx, s); err != nil {
		return err
	}
	defer b.update(func(st *Status) { st.setInfo(s, nil) })
	return f(b.target(s))
}

// target is what operations of [patch] work on.
func (b *Board) target(s *session) *patch.Board {
	return &patch.Board{
		Client: s.client, Info: s.info, Ledger: s.ledger, Identified: s.identified,
		Save: func(now, before *patch.Ledger) {
			// Without the journal the next process knows less, not wrong.
			_ = b.journal.save(s.firmware, now, before)
		},
	}
}
