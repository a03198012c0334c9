package patch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/problem"
)

// A Selector names patches on the board: one function, one slot, or all.
type Selector struct {
	Function string // as in [firmware.Image.Lookup], or the address of the original as 0x…
	Slot     *int
	All      bool
}

// Revert takes the selected patches back, so that calls run the image's code
// again, and returns what they were. A slot whose memory is still needed is switched
// off and held; its record says so.
func (b *Board) Revert(ctx context.Context, images firmware.Images, sel Selector) ([]Record, error) {
	chosen, err := b.Ledger.choose(images, sel)
	if err != nil {
		return nil, err
	}
	return b.revertAll(ctx, chosen)
}

// takeBack reverts what the injection says equals the image again.
func (in *Injection) takeBack(ctx context.Context, b *Board) ([]Record, error) {
	stale := in.stale(b.Ledger)
	if len(stale) == 0 {
		return nil, nil
	}
	reverted, err := b.revertAll(ctx, stale)
	for i := range b.Info.Slots {
		if s := &b.Info.Slots[i]; b.Ledger.slotIndex(s.ID) < 0 && slices.ContainsFunc(stale, func(t Slot) bool { return t.ID == s.ID }) {
			s.Free = true
		}
	}
	return reverted, err
}

func (b *Board) revertAll(ctx context.Context, chosen []Slot) ([]Record, error) {
	var done []Slot
	var err error
	b.save(func(l *Ledger) {
		for _, s := range chosen {
			l.remove(s.ID)
		}
	})
	// What is called before its callers, and the latest group first: what came later
	// may refer to what came before.
	for _, s := range slices.Backward(chosen) {
		if err = b.takeBack(ctx, s.ID); err != nil {
			break
		}
		done = append(done, s)
	}
	if err == nil {
		err = b.release(ctx)
	}
	b.save(nil)
	var records []Record
	for _, s := range slices.Backward(done) {
		if i := b.Ledger.slotIndex(s.ID); i >= 0 {
			s.State = b.Ledger.Slots[i].State
		}
		records = append(records, s.Record())
	}
	return records, err
}

// takeBack switches a slot off, and frees it unless its memory is needed.
func (b *Board) takeBack(ctx context.Context, slot int) error {
	if b.Ledger.canFree(slot) {
		return b.disarm(ctx, slot)
	}
	if err := b.Client.Enable(ctx, slot, false); err != nil {
		return err
	}
	b.Ledger.Slots[b.Ledger.slotIndex(slot)].State = Held
	return nil
}

// Enable switches the selected patches on or off and returns what they are now.
func (b *Board) Enable(ctx context.Context, images firmware.Images, sel Selector, on bool) ([]Record, error) {
	chosen, err := b.Ledger.choose(images, sel)
	if err != nil {
		return nil, err
	}
	state := Disabled
	if on {
		state = Live
	}
	var done []Record
	if !on {
		slices.Reverse(chosen) // as they were armed, backwards
	}
	b.save(func(l *Ledger) {
		for _, s := range chosen {
			l.Slots[l.slotIndex(s.ID)].State = state
		}
	})
	for _, s := range chosen {
		if s.State != state {
			if err := b.Client.Enable(ctx, s.ID, on); err != nil {
				err = errors.Join(err, b.undoEnable(ctx, chosen, s.ID, on))
				b.save(nil)
				return nil, err
			}
			s.State = state
			b.Ledger.Slots[b.Ledger.slotIndex(s.ID)] = s
		}
		done = append(done, s.Record())
	}
	b.save(nil)
	return done, nil
}

// undoEnable puts the slots back that were switched before the one that failed, so
// that no group is left half on.
func (b *Board) undoEnable(ctx context.Context, chosen []Slot, failed int, on bool) error {
	i := slices.IndexFunc(chosen, func(s Slot) bool { return s.ID == failed })
	for _, s := range slices.Backward(chosen[:i]) {
		if was := s.State == Live; was != on {
			if err := b.Client.Enable(ctx, s.ID, was); err != nil {
				return fmt.Errorf("putting %s back: %w", s.Record().Name(), err)
			}
			b.Ledger.Slots[b.Ledger.slotIndex(s.ID)] = s
		}
	}
	return nil
}

// choose resolves the selector to slots that are not held, whole groups of them, in
// the order in which they were armed.
func (l *Ledger) choose(images firmware.Images, sel Selector) ([]Slot, error) {
	groups := make(map[string]bool)
	for _, s := range l.Slots {
		if s.State != Held && s.Group != "" && sel.matches(images, s) {
			groups[s.Group] = true
		}
	}
	for _, b := range l.Blocks {
		for _, f := range b.Inner {
			if sel.Slot == nil && sel.matches(images, Slot{ID: NoSlot, Function: f.Function, Original: f.Original}) {
				groups[f.Group] = true
			}
		}
	}
	var found []Slot
	for _, s := range l.Slots {
		if s.State != Held && (groups[s.Group] || sel.matches(images, s)) {
			found = append(found, s)
		}
	}
	if len(found) > 0 || sel.All {
		slices.SortStableFunc(found, func(a, b Slot) int { return cmp.Or(cmp.Compare(a.Group, b.Group), a.Rank-b.Rank) })
		return found, nil
	}
	hint := "nothing is injected"
	if len(l.Slots) > 0 {
		hint = "injected are: " + l.summary()
	}
	if sel.Slot != nil {
		return nil, problem.New(problem.NotInjected, hint, "slot %d holds no patch", *sel.Slot)
	}
	return nil, problem.New(problem.NotInjected, hint, "%s is not injected", sel.Function)
}

func (sel Selector) matches(images firmware.Images, s Slot) bool {
	switch {
	case sel.All:
		return true
	case sel.Slot != nil:
		return s.ID == *sel.Slot
	case sel.Function == s.Function && s.Function != "", strings.EqualFold(sel.Function, s.Original.String()):
		return true
	}
	return slices.ContainsFunc(images.Lookup(sel.Function), func(f *firmware.Symbol) bool {
		return Address(f.Addr) == s.Original
	})
}
