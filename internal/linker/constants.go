package linker

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
)

// placeConstant binds read-only data to the image's where its content is the
// same, pointers compared by what they point to. Constants that differ, such as
// an edited table, are carried: what the image's functions read stays as it is.
func (b *binder) placeConstant(p *piece, names []*object.Symbol) (place, error) {
	differs := ""
	for _, s := range names {
		if p.size() == 0 {
			break
		}
		v, err := b.image.find(p.unit, s, firmware.Variable)
		if err != nil || v == nil {
			continue // of several that could be meant one is as good as another, below
		}
		addr := v.Addr - p.offsetOf(s)
		if b.equalAt(p, addr) {
			return place{addr: addr}, nil
		}
		differs = display(s.Name)
	}
	if addr, ok := b.search(p); ok {
		return place{addr: addr}, nil
	}
	if differs != "" && !holdsLabels(p) {
		b.note("constant %s differs from the firmware's: the patch uses its own, other functions keep theirs", differs)
	}
	return place{piece: p}, nil
}

// holdsLabels reports whether the constant is a jump table of a replaced
// function: that it differs says nothing.
func holdsLabels(p *piece) bool {
	return slices.ContainsFunc(p.relocs(), func(r object.Reloc) bool { return labelled(p, r) != nil })
}

// labelled returns the replaced function that the relocation points into, nil
// if it is not one that does.
func labelled(p *piece, r object.Reloc) *piece {
	s := r.Symbol
	if s.Section == nil || s.Type != elf.STT_SECTION {
		return nil
	}
	q := find(p.unit.split(s.Section), s.Value+uint32(r.Addend)&^1)
	if q == nil || q.root == nil {
		return nil
	}
	return q
}

// equality is a question: does the image hold the constant's content there?
type equality struct {
	piece *piece
	addr  uint32
}

// equalAt reports whether the image holds the content of the constant at the
// address.
func (b *binder) equalAt(p *piece, addr uint32) bool {
	question := equality{p, addr}
	if answer, ok := b.equal[question]; ok {
		return answer
	}
	c := comparison{b, make(map[equality]bool)}
	answer := c.equal(question)
	if answer {
		maps.Copy(b.equal, c.assumed)
	}
	b.equal[question] = answer
	return answer
}

// A comparison answers one question and those that it raises. What refers to
// itself, directly or not, is assumed to be equal unless something differs.
type comparison struct {
	*binder
	assumed map[equality]bool
}

func (c comparison) equal(q equality) bool {
	if c.assumed[q] {
		return true
	}
	if answer, ok := c.binder.equal[q]; ok {
		return answer
	}
	c.assumed[q] = true
	p := q.piece
	if q.addr&(p.align-1) != 0 || !c.image.readOnly(q.addr, p.size()) {
		return false
	}
	there, ok := c.image.Bytes(q.addr, p.size())
	if !ok {
		return false
	}
	here := p.data()
	done := 0
	for _, r := range p.relocs() {
		off := int(r.Offset - p.start)
		if !isAbsolute(r.Type) || off < done || off+4 > len(here) || !bytes.Equal(here[done:off], there[done:off]) {
			return false
		}
		done = off + 4
		if !c.pointsAlike(p, r, binary.LittleEndian.Uint32(there[off:])) {
			return false
		}
	}
	return bytes.Equal(here[done:], there[done:])
}

// pointsAlike reports whether word, which the image has at the place of the
// relocation, is what the relocation asks for, or points to the same content.
func (c comparison) pointsAlike(from *piece, r object.Reloc, word uint32) bool {
	s := r.Symbol
	if s.Section != nil && !s.Common {
		off := s.Value
		if s.Type == elf.STT_SECTION {
			off += uint32(r.Addend)
		}
		if p := find(from.unit.split(s.Section), off); p != nil && p.class == constant {
			return c.equal(equality{p, word - (s.Value + uint32(r.Addend) - p.start)})
		}
	}
	to, err := c.resolve(from, r)
	if err != nil || to.piece != nil {
		return false
	}
	value := to.addr + uint32(r.Addend)
	if to.thumb {
		value |= 1
	}
	return value == word
}

// searchLimit bounds what is searched for: a longer constant of the image has a
// name, and was found by it.
const searchLimit = 4096

// search looks for the content of the constant in the image's read-only memory.
func (b *binder) search(p *piece) (uint32, bool) {
	want := p.data()
	if len(want) == 0 || len(want) > searchLimit || len(p.relocs()) > 0 {
		return 0, false
	}
	for _, r := range b.image.Regions() {
		if r.Write || !r.Read || !r.Loaded {
			continue
		}
		all, ok := b.image.Bytes(r.Addr, r.Size)
		if !ok {
			continue
		}
		for from := 0; ; {
			i := bytes.Index(all[from:], want)
			if i < 0 {
				break
			}
			if addr := r.Addr + uint32(from+i); addr&(p.align-1) == 0 {
				return addr, true
			}
			from += i + 1
		}
	}
	return 0, false
}

// readOnly reports whether the n bytes at addr lie in one region that the
// firmware does not write.
func (im *imageIndex) readOnly(addr, n uint32) bool {
	for _, r := range im.Regions() {
		if !r.Write && r.Loaded && addr-r.Addr < r.Size && n <= r.Size-(addr-r.Addr) {
			return true
		}
	}
	return false
}

func (b *binder) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(b.notes, text) {
		b.notes = append(b.notes, text)
	}
}
