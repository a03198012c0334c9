package linker

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/thumb"
)

// maxBlock bounds a block: RAM of microcontrollers is smaller.
const maxBlock = 16 << 20

// A veneer takes a branch to an address that it cannot reach itself.
type veneer struct {
	target uint32 // without Thumb bit
	offset uint32 // in the block
}

// loadPC is "ldr.w pc, [pc, #0]" as a word in memory; the address follows.
const (
	loadPC     = 0xf000_f8df
	veneerSize = 8
)

// layOut gives every piece its offset: code, veneers, constants, variables,
// zeroed variables. Each target outside of the block that is branched to gets
// a veneer whether it needs one or not, so that the size does not depend on the
// address.
func (p *Patch) layOut(order []*piece) error {
	p.order = slices.Clone(order)
	slices.SortStableFunc(p.order, func(a, b *piece) int { return cmp.Compare(a.class, b.class) })
	p.Align = 4
	next := uint64(0)
	behindCode := func() {
		targets := make(map[uint32]bool)
		for _, q := range p.order {
			for _, r := range q.refs {
				if !isBranch(r.typ) || r.to.piece != nil || r.to.null {
					continue
				}
				if to := r.destination(); !targets[to] {
					targets[to] = true
					next = alignUp(next, 4, 0)
					p.veneers = append(p.veneers, veneer{to, uint32(next)})
					next += veneerSize
				}
			}
		}
	}
	placed := code
	for _, q := range p.order {
		if placed == code && q.class != code {
			behindCode()
		}
		if placed <= constant && q.class > constant {
			next = alignUp(next, 4, 0)
			p.code = uint32(next)
		}
		placed = q.class
		next = alignUp(next, uint64(q.align), uint64(q.phase()))
		p.Align = max(p.Align, q.align)
		q.offset = uint32(next)
		if next += uint64(q.size()); next > maxBlock || p.Align > maxBlock {
			return problem.New(problem.PatchTooLarge, "a patch lives in the board's RAM",
				"the patch needs more than %d MB, with %s", maxBlock>>20, q)
		}
	}
	if placed == code {
		behindCode()
	}
	if placed <= constant {
		p.code = uint32(next)
	}
	p.Size = uint32(next)
	return nil
}

// alignUp returns the next offset that is phase bytes behind a multiple of align.
func alignUp(off, align, phase uint64) uint64 {
	return (off+align-1-phase)&^(align-1) + phase
}

// Link relocates the block for an address, a multiple of Align. It can be
// repeated; the size is always the same.
func (p *Patch) Link(base uint32) (*Linked, error) {
	if base&(p.Align-1) != 0 {
		return nil, problem.New(problem.Internal, "", "the block's address 0x%08x is no multiple of %d", base, p.Align)
	}
	if uint64(base)+uint64(p.Size) > math.MaxUint32 {
		return nil, problem.New(problem.OutOfReach, "", "a block of %d bytes at 0x%08x goes beyond the address space", p.Size, base)
	}
	return p.link(base)
}

func (p *Patch) link(base uint32) (*Linked, error) {
	l := &Linked{Base: base, Data: make([]byte, p.Size), CodeSize: p.code}
	at := make(map[uint32]uint32, len(p.veneers))
	for _, v := range p.veneers {
		at[v.target] = base + v.offset
		binary.LittleEndian.PutUint32(l.Data[v.offset:], loadPC)
		binary.LittleEndian.PutUint32(l.Data[v.offset+4:], v.target|1)
	}
	for _, q := range p.order {
		content := l.Data[q.offset : q.offset+q.size()]
		copy(content, q.data())
		for _, r := range q.refs {
			if err := r.apply(content, base+q.offset, base, func(to uint32) uint32 { return at[to] }); err != nil {
				return nil, failure(q, r, err)
			}
		}
	}
	for i, f := range p.Functions {
		r := p.roots[i]
		f.Addr = base + r.piece.offset + r.symbol.Value - r.piece.start
		l.Functions = append(l.Functions, f)
	}
	for _, d := range p.defines {
		d.Addr = base + d.piece.offset + d.Addr
		l.Defines = append(l.Defines, d.Definition)
	}
	return l, nil
}

func failure(p *piece, r reference, err error) error {
	hint := "the object does not fit its relocations"
	if errors.Is(err, thumb.ErrRange) {
		hint = "only branches of 32 bits and whole addresses reach from RAM to the firmware"
	}
	return problem.New(problem.BadRelocation, hint, "%s refers to %s by %s: %w", p, r.to.name, relocationName(r.typ), err)
}

func (r *root) size() uint32 {
	if r.symbol.Size > 0 {
		return r.symbol.Size
	}
	return r.piece.end - r.symbol.Value
}
