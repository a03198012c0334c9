package patch

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/fpbls/fpbls/internal/linker"
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
		if s == nil {
			return false, problem.New(problem.NotInjected, "", "%s is not injected", t.Display)
		}
		slots = append(slots, s)
	}
	l, p, err := in.relink(b, slots)
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
	if b.Ledger.block(slots[0].Block) == nil {
		block := l.block(slots[0].ID, p)
		for i, s := range slots {
			s.Unit, s.Size, s.Block = in.unit, l.linked.Functions[i].Size, block.ID
		}
		b.Ledger.Blocks = append(b.Ledger.Blocks, block)
		b.save(nil)
	}
	return true, nil
}

// relink links the injection for where the slots run their patches; nil if it
// cannot have been put there.
func (in *Injection) relink(b *Board, slots []*Slot) (*loaded, *linker.Patch, error) {
	var entries []entry
	for _, t := range in.targets {
		e, err := checkTarget(in.image, t, b.Info.FPB.Version)
		if err != nil {
			return nil, nil, err
		}
		entries = append(entries, e)
	}
	// What else lived when it was linked: the blocks that it is known to need.
	live := b.Ledger.live()
	known := b.Ledger.block(slots[0].Block)
	live = slices.DeleteFunc(live, func(s linker.LiveSymbol) bool {
		return known == nil || !slices.Contains(known.Needs, s.Block)
	})
	p, err := in.prepare(live)
	if err != nil {
		return nil, nil, err
	}
	align := max(p.Align, 8)
	at := uint32(slots[0].Address)
	l, err := link(p, entries, at&^(align-1))
	if err != nil {
		return nil, nil, err
	}
	base := at - (l.targets[0] - l.base)
	if base%align != 0 || !in.image.Contains(base, uint32(len(l.data))) {
		return nil, nil, nil
	}
	if l, err = link(p, entries, base); err != nil {
		return nil, nil, err
	}
	for i, s := range slots {
		if Address(l.targets[i]) != s.Address {
			return nil, nil, nil
		}
	}
	return l, p, nil
}

// block describes what is on the board once l is, freed with the slot.
func (l *loaded) block(owner int, p *linker.Patch) Block {
	return Block{
		ID: Address(l.base).String(), Owner: owner, Base: Address(l.base),
		Size: uint32(len(l.data)), Code: l.code, Sum: checksum(l.data[:l.code]),
		Defines: l.linked.Defines, Needs: p.Needs, checked: true,
	}
}
