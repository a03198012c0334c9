package patch

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/fpbls/fpbls/internal/problem"
)

// Verify reports whether the board runs what the injection would put there now. It
// is linked once more, for the address where the patch lives, and compared with the
// board's memory. A patch that the ledger knew nothing of is then ours: what it
// defines can be bound to, and it is freed with its slot.
func (in *Injection) Verify(ctx context.Context, b *Board) (bool, error) {
	var slots []*Slot
	for _, t := range in.targets {
		s := b.Ledger.slotOf(Address(t.Addr))
		if s == nil && slices.Contains(slices.Collect(maps.Values(in.named)), Address(t.Addr)) {
			return false, problem.New(problem.NotInjected, "", "%s is not injected", t.Display)
		}
		if s == nil {
			return false, nil // the group has become another one
		}
		slots = append(slots, s)
	}
	if b.Ledger.block(slots[0].Block) != nil {
		return in.asInjected(ctx, b)
	}
	l, p, plan, err := in.relink(b, slots)
	if err != nil || l == nil {
		return false, err
	}
	code, err := b.Client.ReadMemory(ctx, l.base, int(l.code), nil)
	if err != nil {
		return false, fmt.Errorf("looking at the patch at %s: %w", Address(l.base), err)
	}
	if !bytes.Equal(code, l.data[:l.code]) {
		return false, nil
	}
	block := l.block(plan, p)
	for i, now := range l.slots(plan, p, block, "") {
		s := slots[i]
		now.ID, now.Mode, now.State = s.ID, s.Mode, s.State
		*s = now
	}
	b.Ledger.Blocks = append(b.Ledger.Blocks, block)
	b.save(nil)
	return true, nil
}

// asInjected reports whether blocks that are known hold what would be injected now.
func (in *Injection) asInjected(ctx context.Context, b *Board) (bool, error) {
	if err := b.checkBlocks(ctx); err != nil {
		return false, err
	}
	p, err := prepare(in.image, in.targets, b.Ledger.live())
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(in.targets, func(t *target) bool {
		s := b.Ledger.slotOf(Address(t.Addr))
		block := b.Ledger.block(s.Block)
		return s.Digest != p.digest(t) || block == nil || block.foreign
	}), nil
}

// relink links the injection for where the slots run their patches; nil if it
// cannot have been put there.
func (in *Injection) relink(b *Board, slots []*Slot) (*loaded, *prepared, []step, error) {
	var plan []step
	for i, t := range in.targets {
		e, err := checkTarget(in.image, t.Symbol, b.Info.FPB.Version)
		if err != nil {
			return nil, nil, nil, err
		}
		e.keep = t.keep
		plan = append(plan, step{target: t, entry: e, slot: slots[i].ID})
	}
	// What else lived when it was linked is not known.
	p, err := prepare(in.image, in.targets, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	align := max(p.Align, 8)
	at := uint32(slots[0].Address)
	l, err := link(p, plan, at&^(align-1))
	if err != nil {
		return nil, nil, nil, err
	}
	base := at - (l.targets[0] - l.base)
	if base%align != 0 || !in.image.Contains(base, uint32(len(l.data))) {
		return nil, nil, nil, nil
	}
	if l, err = link(p, plan, base); err != nil {
		return nil, nil, nil, err
	}
	for i, s := range slots {
		if Address(l.targets[i]) != s.Address {
			return nil, nil, nil, nil
		}
	}
	return l, p, plan, nil
}

// block describes what is on the board once l is, freed with the first step's slot.
func (l *loaded) block(plan []step, p *prepared) Block {
	return Block{
		ID: Address(l.base).String(), Owner: plan[0].slot, Base: Address(l.base),
		Size: uint32(len(l.data)), Code: l.code, Sum: checksum(l.data[:l.code]),
		Defines: l.linked.Defines, Needs: p.Needs, Inner: l.inner(p, l.groups(plan)), checked: true,
	}
}
