package linker

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
)

// digest identifies what the root does, wherever the block lies and whatever else is
// in it: its code and the constants and new functions that it takes along. Variables
// count by their names: a new one is carried the first time and bound to later.
func (r *root) digest() string {
	d := digester{sum: sha256.New(), seen: make(map[*piece]uint32)}
	d.visit(r.piece)
	for i := 0; i < len(d.order); i++ { // grows while it is walked
		d.piece(d.order[i])
	}
	return fmt.Sprintf("%x", d.sum.Sum(nil)[:16])
}

type digester struct {
	sum   hash.Hash
	seen  map[*piece]uint32 // numbered in the order of their first mention
	order []*piece
}

func (d *digester) visit(p *piece) uint32 {
	n, ok := d.seen[p]
	if !ok {
		n = uint32(len(d.seen))
		d.seen[p] = n
		d.order = append(d.order, p)
	}
	return n
}

func (d *digester) piece(p *piece) {
	d.numbers(uint32(p.class), p.phase(), p.size())
	d.sum.Write(p.data())
	for _, r := range p.refs {
		d.numbers(r.offset, uint32(r.typ), uint32(r.addend))
		if to := r.to.piece; to != nil && !to.writable() && !(to.root != nil && to.root.piece == to && to != p) {
			d.numbers(d.visit(to), r.to.addr)
			continue
		}
		d.numbers(uint32(len(r.to.name)))
		d.sum.Write([]byte(r.to.name))
	}
}

func (d *digester) numbers(values ...uint32) {
	for _, v := range values {
		d.sum.Write(binary.LittleEndian.AppendUint32(nil, v))
	}
}
