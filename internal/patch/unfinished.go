package patch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/firmware"
)

// Finish ends what a process left in the middle when it was killed, or lost the line:
// an operation that was to turn before into planned. If all that it was to arm is armed,
// the rest is done as well; otherwise that is taken back, and what was live before is live
// again. b.Ledger is then what is on the board. It returns what was found and done, in
// words; after an error the next connection tries again.
func (b *Board) Finish(ctx context.Context, before, planned *Ledger, images firmware.Images) (string, error) {
	b.Ledger = meet(before, planned, b, images)
	var added, armed []Slot
	for _, s := range planned.Slots {
		if !before.holds(s) {
			added = append(added, s)
			if b.Ledger.holds(s) && b.Ledger.Slots[b.Ledger.slotIndex(s.ID)].State == Live {
				armed = append(armed, s)
			}
		}
	}
	what := "an earlier fpbls was ended while it changed " + names(added, before, planned)
	if len(armed) < len(added) {
		if err := b.undo(ctx, added, before); err != nil {
			return "", fmt.Errorf("%s: taking that back: %w", what, err)
		}
		b.save(nil)
		return what + ": what it had begun was taken back", nil
	}
	if err := b.complete(ctx, before, planned); err != nil {
		return "", fmt.Errorf("%s: completing that: %w", what, err)
	}
	b.save(nil)
	return what + ": that was completed", nil
}

// meet is the ledger of a board whose slots may be as they were or as they should be.
func meet(before, planned *Ledger, b *Board, images firmware.Images) *Ledger {
	was, _ := Reconcile(before, b.Info, images)
	now, _ := Reconcile(planned, b.Info, images)
	for i, s := range now.Slots {
		if !planned.holds(s) && before.holds(s) {
			now.Slots[i] = was.Slots[was.slotIndex(s.ID)]
		}
	}
	for _, block := range was.Blocks {
		if now.block(block.ID) == nil {
			now.Blocks = append(now.Blocks, block)
		}
	}
	return now
}

// names lists the functions that the operation was about.
func names(added []Slot, before, planned *Ledger) string {
	about := slices.Clone(added)
	for _, s := range before.Slots {
		if i := planned.slotIndex(s.ID); i < 0 || planned.holds(s) && planned.Slots[i].State != s.State {
			about = append(about, s)
		}
	}
	var list []string
	for _, s := range about {
		if name := s.Record().Name(); !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return strings.Join(list, ", ")
}

// undo takes back what is armed of the slots, the first one, which owns their memory,
// last, and switches on again what was live.
func (b *Board) undo(ctx context.Context, added []Slot, before *Ledger) error {
	for _, s := range slices.Backward(added) {
		if b.Ledger.holds(s) {
			if err := b.disarm(ctx, s.ID); err != nil {
				return err
			}
		}
	}
	for _, s := range before.Slots {
		if b.Ledger.holds(s) {
			if err := b.bring(ctx, s.ID, s.State); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete does what the operation had left to do.
func (b *Board) complete(ctx context.Context, before, planned *Ledger) error {
	for _, s := range slices.Backward(before.Slots) {
		if !b.Ledger.holds(s) {
			continue
		}
		if !planned.holds(s) {
			if err := b.takeBack(ctx, s.ID); err != nil {
				return err
			}
			continue
		}
		state := planned.Slots[planned.slotIndex(s.ID)].State
		replaced := slices.ContainsFunc(planned.Slots, func(n Slot) bool { return n.Original == s.Original && !before.holds(n) })
		if replaced {
			state = Held
		}
		if err := b.bring(ctx, s.ID, state); err != nil {
			return err
		}
	}
	return b.release(ctx)
}

// bring gives the slot the state.
func (b *Board) bring(ctx context.Context, id int, state State) error {
	s := &b.Ledger.Slots[b.Ledger.slotIndex(id)]
	if on := state == Live; on != (s.State == Live) {
		if err := b.Client.Enable(ctx, id, on); err != nil {
			return err
		}
	}
	s.State = state
	return nil
}
