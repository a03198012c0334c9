package linker

import (
	"cmp"
	"slices"
)

// A definition is what a block will define; Addr is relative to the piece.
type definition struct {
	Definition
	piece *piece
}

// definitions lists what the block holds besides the functions that are
// redirected to it and their parts.
func (b *binder) definitions(order []*piece) []definition {
	escaping := escapes(order)
	var all []definition
	for _, p := range order {
		if p.root != nil && !(p.root.inner && p.root.piece == p) {
			continue
		}
		names := p.symbols
		if p.class == constant || len(names) == 0 {
			all = append(all, definition{Definition{Name: p.String(), Kind: p.kind(), Size: p.size(), AddressEscapes: escaping[p]}, p})
			continue
		}
		for _, s := range names {
			name, unit := b.identity(p, s)
			all = append(all, definition{Definition{
				Name: name, Unit: unit, Kind: p.kind(), Addr: p.offsetOf(s), Size: s.Size,
				AddressEscapes: escaping[p],
			}, p})
		}
	}
	slices.SortStableFunc(all, func(a, b definition) int {
		return cmp.Compare(a.piece.offset+a.Addr, b.piece.offset+b.Addr)
	})
	return all
}

func (p *piece) kind() Kind {
	switch p.class {
	case code:
		return KindFunction
	case constant:
		return KindConstant
	}
	return KindVariable
}
