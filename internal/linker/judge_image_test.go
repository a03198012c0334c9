package linker

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/thumb"
)

// judgeImage links the function at its own address, with strings and constants
// bound to the image's copies: that gives the image's bytes, if every binding is
// the one that GNU ld made when it linked the image.
func judgeImage(t *testing.T, f fixture, name string) {
	t.Helper()
	b := newBinder(input(t, f.object, f.image, f.unit, name))
	if err := b.findRoots(); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	root := b.roots[0]
	want, ok := f.image.Bytes(root.target.Addr, root.size())
	if !ok {
		t.Errorf("%s: the image has no bytes for it", name)
		return
	}
	b.bindToImage(t, root, want)
	if err := b.carryAll(); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for _, p := range b.order[1:] {
		t.Errorf("%s: carries %s", name, p)
	}
	p, err := b.patch()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	base := root.target.Addr - root.piece.offset - root.piece.offsetOf(root.symbol)
	l, err := p.link(base)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	got := l.Data[root.target.Addr-base:][:root.size()]
	for off := 0; off < len(want); off += 2 {
		if !bytes.Equal(got[off:off+2], want[off:off+2]) && !viaVeneer(f.image, l, root.target.Addr, uint32(off), got, want) {
			t.Errorf("%s at %s: got % x, want % x", name, hex(root.target.Addr+uint32(off)), got[off:], want[off:])
			return
		}
	}
}

// bindToImage places the compiler's parts of the function and the constants
// that it refers to where the image has them: that is where the function's
// bytes in the image point to. What is there must be the constant.
func (b *binder) bindToImage(t *testing.T, root *root, there []byte) {
	t.Helper()
	for _, s := range b.units[0].object.Symbols {
		if s.Section == nil || !s.IsFunction() || !isPart(s.Name) {
			continue
		}
		f, err := b.image.find(b.units[0], s, firmware.Function)
		if p := find(b.units[0].split(s.Section), s.Value); err == nil && f != nil && p != root.piece {
			b.places[p] = place{addr: f.Addr - p.offsetOf(s)}
		}
	}
	pointers := make(map[*piece]uint32)
	for _, r := range root.piece.relocs() {
		s := r.Symbol
		if s.Section == nil || !isAbsolute(r.Type) {
			continue
		}
		off, err := sectionOffset(root.piece, r)
		if s.Type.String() != "STT_SECTION" {
			off = s.Value
		}
		p := find(b.units[0].split(s.Section), off)
		if err != nil || p == nil || p.class != constant || r.Offset-root.piece.start+4 > uint32(len(there)) {
			continue
		}
		place := there[r.Offset-root.piece.start:]
		minus := p.offsetOf(s) + uint32(r.Addend)
		if width(r.Type) == 4 && len(place) >= 4 {
			if half, err := thumb.GetImm16(place); err != nil {
				pointers[p] = binary.LittleEndian.Uint32(place) - minus
			} else if r.Type.String() == "R_ARM_THM_MOVW_ABS_NC" {
				pointers[p] = pointers[p]&^0xffff | uint32(half)
			} else {
				pointers[p] = pointers[p]&0xffff | uint32(half)<<16
				pointers[p] -= minus
			}
		}
	}
	for p, addr := range pointers {
		if !b.equalAt(p, addr) && !labelsAt(b, root, p, addr) {
			t.Errorf("%s: the image has another constant at %s than %s", root.symbol.Name, hex(addr), p)
		}
		b.places[p] = place{addr: addr}
	}
}

// labelsAt reports whether the image has, at the address, the table of addresses
// inside of the function that p is.
func labelsAt(b *binder, root *root, p *piece, addr uint32) bool {
	for _, r := range p.relocs() {
		word, ok := b.image.Bytes(addr+r.Offset-p.start, 4)
		in := root.target.Addr - root.piece.start - root.piece.offsetOf(root.symbol)
		if !ok || r.Symbol.Section != root.piece.section || binary.LittleEndian.Uint32(word) != in+r.Symbol.Value+uint32(r.Addend) {
			return false
		}
	}
	return len(p.relocs()) > 0
}

// viaVeneer reports whether both have a branch at off that goes to the same
// address, the one in the image through a veneer of the linker's.
func viaVeneer(im *firmware.Image, l *Linked, base, off uint32, got, want []byte) bool {
	for start := off &^ 1; start+2 >= off && start < uint32(len(got)); start -= 2 {
		a, okA := branchAt(got, base, start)
		b, okB := branchAt(want, base, start)
		if okA && okB {
			return followVeneer(func(addr, n uint32) ([]byte, bool) {
				if addr < base || uint64(addr-base)+uint64(n) > uint64(len(l.Data)) {
					return nil, false
				}
				return l.Data[addr-base:][:n], true
			}, a) == followVeneer(im.Bytes, b)
		}
	}
	return false
}

func branchAt(code []byte, base, off uint32) (uint32, bool) {
	if uint64(off)+4 > uint64(len(code)) {
		return 0, false
	}
	i := thumb.Decode(binary.LittleEndian.Uint16(code[off:]), binary.LittleEndian.Uint16(code[off+2:]))
	return i.BranchTarget(base + off)
}

// followVeneer returns where a veneer at the address goes, or the address.
func followVeneer(memory func(addr, n uint32) ([]byte, bool), addr uint32) uint32 {
	code, ok := memory(addr, 8)
	if !ok {
		return addr
	}
	i := thumb.Decode(binary.LittleEndian.Uint16(code), binary.LittleEndian.Uint16(code[2:]))
	if i.Op != thumb.OpLDRLit || i.Rd != thumb.PC || i.Imm != 0 {
		return addr
	}
	return binary.LittleEndian.Uint32(code[4:]) &^ 1
}
