package patch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/problem"
)

// A step arms one function.
type step struct {
	target *target
	entry  entry // where it is caught; zero until the board was looked at
	old    *Slot // what the function runs now, or nil
	slot   int
}

// plan gives each function a slot. A function that is patched already gets
// another slot where one is free: the old patch is then switched off, not lost,
// until the new one runs.
func (l *Ledger) plan(info fpb.Info, targets []*target) ([]step, error) {
	free := l.free(info)
	var steps []step
	for _, t := range targets {
		s := step{target: t, slot: -1}
		if old := l.slotOf(Address(t.Addr)); old != nil {
			s.old = new(*old)
		}
		steps = append(steps, s)
	}
	// New functions come first: they have no slot of their own to fall back on.
	for i := range steps {
		if steps[i].old == nil && len(free) > 0 {
			steps[i].slot, free = free[0], free[1:]
		}
	}
	for i := range steps {
		s := &steps[i]
		switch {
		case s.slot >= 0:
		case s.old != nil && len(free) > 0:
			s.slot, free = free[0], free[1:]
		case s.old != nil && l.canFree(s.old.ID):
			s.slot = s.old.ID
		default:
			return nil, problem.New(problem.NoFreeSlot, l.wayToSlot(info),
				"no free slot for %s, all %d are taken: %s", s.target.Display, len(info.Slots), l.summary())
		}
	}
	return steps, nil
}

// planInOrder is plan for breakpoints of a system that takes the first comparator
// that is off, whatever the slot: see [fpb.Client.SystemChooses]. What the functions
// run now is taken back first, and the new patches get the slots that the system will
// choose. It is refused where that cannot be, or would cost state.
func (l *Ledger) planInOrder(info fpb.Info, targets []*target) ([]step, error) {
	steps, gone := make([]step, len(targets)), make(map[int]bool)
	for i, t := range targets {
		steps[i] = step{target: t, slot: -1}
		if old := l.slotOf(Address(t.Addr)); old != nil {
			steps[i].old = new(*old)
			gone[old.ID] = true
		}
	}
	rest := l.Clone()
	for id := range gone {
		b := l.owned(id)
		if b != nil && (b.escaped() || slices.ContainsFunc(l.Slots, func(s Slot) bool {
			return s.Block == b.ID && s.State != Held && !gone[s.ID]
		}) || slices.ContainsFunc(l.Blocks, func(other Block) bool {
			return other.ID != b.ID && !gone[other.Owner] && slices.Contains(other.Needs, b.ID)
		})) {
			return nil, problem.New(problem.ModeUnavailable, "revert "+l.summary()+" first; new static variables of them start anew",
				"slot %d cannot be replaced while others use its memory, and this system cannot keep it beside the new patch", id)
		}
		rest.Slots = slices.DeleteFunc(rest.Slots, func(s Slot) bool { return s.ID == id })
	}
	taken := make(map[int]bool)
	for i := range steps {
		n := slices.IndexFunc(info.Slots, func(s fpb.Slot) bool { return (!s.On || gone[s.ID]) && !taken[s.ID] })
		switch {
		case n < 0:
			return nil, problem.New(problem.NoFreeSlot, l.wayToSlot(info),
				"no free slot for %s, all %d are taken: %s", steps[i].target.Display, len(info.Slots), l.summary())
		case rest.slotIndex(info.Slots[n].ID) >= 0:
			return nil, problem.New(problem.ModeUnavailable, "enable or revert it first",
				"slot %d is switched off: this system would give its comparator to %s", info.Slots[n].ID, steps[i].target.Display)
		}
		steps[i].slot = info.Slots[n].ID
		taken[steps[i].slot] = true
	}
	return steps, nil
}

// makeWay takes back what the functions run now, owners of blocks last.
func (b *Board) makeWay(ctx context.Context, plan []step) error {
	for _, owners := range []bool{false, true} {
		for _, s := range slices.Backward(plan) {
			if s.old == nil || (b.Ledger.owned(s.old.ID) != nil) != owners || !b.Ledger.holds(*s.old) {
				continue
			}
			if err := b.disarm(ctx, s.old.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// canFree reports whether nothing else needs the block that the slot owns.
func (l *Ledger) canFree(slot int) bool {
	b := l.owned(slot)
	return b == nil || !l.inUse(b) && !b.escaped()
}

// wayToSlot says how to get a slot when all are taken.
func (l *Ledger) wayToSlot(info fpb.Info) string {
	for _, s := range info.Slots {
		if s.Free && s.On {
			return fmt.Sprintf("detach the debugger, or whatever else uses comparator %d: it is on, and holds no patch", s.ID)
		}
	}
	if slices.ContainsFunc(l.Slots, func(s Slot) bool { return s.State != Held && l.canFree(s.ID) }) {
		return "revert one of them first"
	}
	return "reset the board: the firmware may hold pointers into what was injected, so none of it can be freed"
}

// activate arms the functions in order. If one fails, those before it are taken
// back in reverse order and what ran before runs again.
func activate(ctx context.Context, b *Board, plan []step, p *prepared, content *loaded, m fpb.Mode) ([]Record, error) {
	block := content.block(plan, p)
	slots := content.slots(plan, p, block, m)
	inOrder := m == fpb.DebugMonitor && b.Client.SystemChooses()
	b.save(func(l *Ledger) {
		for _, s := range plan {
			if s.old != nil && (s.old.ID == s.slot || inOrder) {
				l.remove(s.old.ID)
			}
		}
		for _, s := range slots {
			l.put(s)
		}
		l.Blocks = append(l.Blocks, block)
	})

	if inOrder {
		if err := b.makeWay(ctx, plan); err != nil {
			return nil, b.rollBack(ctx, plan, err)
		}
	}
	for i, s := range plan {
		if err := b.arm(ctx, s, slots[i], i == 0, block); err != nil {
			if !inOrder {
				plan = plan[:i+1]
			}
			return nil, b.rollBack(ctx, plan, err)
		}
	}
	var records []Record
	for i, s := range plan {
		if s.old != nil && s.old.ID != s.slot && b.Ledger.holds(*s.old) {
			b.Ledger.Slots[b.Ledger.slotIndex(s.old.ID)].State = Held
		}
		records = append(records, slots[i].Record())
	}
	for _, f := range block.Inner {
		records = append(records, b.Ledger.innerRecord(f))
	}
	// The old code is not needed any more. Failing to free it loses nothing:
	// it is off, and the next operation tries again.
	err := b.release(ctx)
	b.save(nil)
	return records, err
}

// slots describes the comparators once the steps are done.
func (l *loaded) slots(plan []step, p *prepared, block Block, m fpb.Mode) []Slot {
	slots, groups := make([]Slot, len(plan)), l.groups(plan)
	for i, s := range plan {
		f := l.linked.Functions[p.index[s.target]]
		slots[i] = Slot{
			ID: s.slot, Function: f.Target.Name, Unit: f.Unit, Mode: m, State: Live,
			Original: Address(f.Target.Addr), At: Address(s.entry.at),
			Address: Address(l.targets[i]), Size: f.Size, Digest: f.Digest,
			Once: s.target.once, Block: block.ID, Group: groups[s.target.group], Rank: i,
		}
	}
	return slots
}

// groups names the injection's groups after their first patches.
func (l *loaded) groups(plan []step) map[int]string {
	groups := make(map[int]string)
	for i, s := range plan {
		if groups[s.target.group] == "" {
			groups[s.target.group] = Address(l.targets[i]).String()
		}
	}
	return groups
}

// arm switches one function over. The order follows the loader's traps: the
// comparator goes off before anything it points to changes, and a slot is
// emptied before it is patched, or its memory would leak.
func (b *Board) arm(ctx context.Context, s step, slot Slot, owner bool, block Block) error {
	old := s.old != nil && b.Ledger.holds(*s.old)
	if old && s.old.State == Live {
		if err := b.Client.Enable(ctx, s.old.ID, false); err != nil {
			return err
		}
	}
	if old && s.old.ID == s.slot {
		if err := b.Client.Unpatch(ctx, s.slot); err != nil {
			return err
		}
		b.Ledger.remove(s.slot)
	}
	if err := b.Client.Patch(ctx, slot.Mode, s.slot, uint32(slot.At), uint32(slot.Address)|1); err != nil {
		return err
	}
	b.Ledger.put(slot)
	if owner {
		b.Ledger.Blocks = append(b.Ledger.Blocks, block)
	}
	return nil
}

// rollBack undoes the steps in reverse order and returns why.
func (b *Board) rollBack(ctx context.Context, steps []step, cause error) error {
	var failed []error
	attempt := func(err error) {
		if err != nil {
			failed = append(failed, err)
		}
	}
	for _, s := range slices.Backward(steps) {
		// Whether the new patch got armed may be unknown: off and empty is
		// right for both. The old one is still there unless its slot was
		// needed for the new one.
		kept := s.old != nil && b.Ledger.holds(*s.old)
		if s.old == nil || !kept || s.slot != s.old.ID {
			attempt(b.takeBack(ctx, s.slot))
		}
		switch {
		case s.old == nil:
		case !kept:
			attempt(fmt.Errorf("%s runs the image's code now: its slot had to be reused", s.target.Display))
		case s.old.State == Live:
			attempt(b.Client.Enable(ctx, s.old.ID, true))
		}
	}
	if len(failed) > 0 {
		// The board may run what was to be armed: the ledger that was saved knows it.
		return fmt.Errorf("%w; taking it back was incomplete: %w", cause, errors.Join(failed...))
	}
	b.save(nil)
	return cause
}

// disarm switches a slot off and frees it.
func (b *Board) disarm(ctx context.Context, slot int) error {
	// Off first: unpatch clears the trampoline's target before the comparator,
	// and a call in between would return without having run anything.
	err := b.Client.Enable(ctx, slot, false)
	if err != nil && !problem.Has(err, problem.BoardRefused) && !problem.Has(err, problem.NotInjected) {
		return err // an empty slot is what is wanted
	}
	if err := b.Client.Unpatch(ctx, slot); err != nil {
		return err
	}
	b.Ledger.remove(slot)
	return nil
}

// release frees the slots that are held and no longer needed.
func (b *Board) release(ctx context.Context) error {
	for {
		i := slices.IndexFunc(b.Ledger.Slots, func(s Slot) bool {
			return s.State == Held && b.Ledger.canFree(s.ID)
		})
		if i < 0 {
			return nil
		}
		id := b.Ledger.Slots[i].ID
		if err := b.Client.Unpatch(ctx, id); err != nil {
			return fmt.Errorf("freeing slot %d: %w", id, err)
		}
		b.Ledger.remove(id)
	}
}

// save hands the ledger to the keeper: with change, as the operation that begins will
// change it.
func (b *Board) save(change func(*Ledger)) {
	switch {
	case b.Save == nil:
	case change == nil:
		b.Save(b.Ledger.Clone(), nil)
	default:
		planned := b.Ledger.Clone()
		change(planned)
		b.Save(planned, b.Ledger.Clone())
	}
}
