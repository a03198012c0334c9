package firmware

import (
	"bytes"
	"encoding/binary"
	"iter"
	"strings"

	"github.com/fpbls/fpbls/internal/thumb"
)

// minBanner is how long a text must be to be told from others.
const minBanner = 8

// Banners returns texts that the firmware prints when it starts, as far as can be
// seen: constants whose address code loads that is run once. Of formats it is the
// longest piece between the conversions. The board may print them at other times, too.
func (im *Image) Banners() []string {
	var all []string
	seen := make(map[uint32]bool)
	for _, f := range im.functions {
		if im.EnteredOnce(f) == "" {
			continue
		}
		for l := range im.loads(f, nil) {
			at := l.value
			if seen[at] || im.loops(f, l.addr) {
				continue
			}
			seen[at] = true
			if text := piece(im.text(at)); len(text) >= minBanner {
				all = append(all, text)
			}
		}
	}
	return all
}

// A load is an instruction that completes a constant of 32 bits in a register.
type load struct {
	addr, value uint32
	literal     bool // from memory, else by MOVW and MOVT
}

// loads yields the constants that the function loads.
func (im *Image) loads(f *Symbol, want func(hw1 uint16) bool) iter.Seq[load] {
	return func(yield func(load) bool) {
		var low [16]uint32 // what MOVW has put into a register
		for addr, inst := range im.instructions(f, want) {
			l := load{addr: addr, literal: inst.Op == thumb.OpLDRLit}
			switch inst.Op {
			case thumb.OpMOVW:
				low[inst.Rd&15] = inst.Imm
				continue
			case thumb.OpMOVT:
				l.value = inst.Imm<<16 | low[inst.Rd&15]
			case thumb.OpLDRLit:
				p, ok := im.Bytes((addr+4)&^3+inst.Imm, 4)
				if !ok {
					continue
				}
				l.value = binary.LittleEndian.Uint32(p)
			default:
				continue
			}
			if !yield(l) {
				return
			}
		}
	}
}

// isMove reports whether an instruction that begins so is MOVW or MOVT, which
// together make an address (DDI 0403E A7.7.76, A7.7.79).
func isMove(hw1 uint16) bool { return hw1&0xfb70 == 0xf240 }

// maxText bounds what is taken for a text.
const maxText = 256

// CString returns the bytes at the address up to the first zero, of an endless
// text the beginning. It is false where there is no zero.
func (im *Image) CString(addr uint32) ([]byte, bool) {
	p, ok := im.Bytes(addr, maxText)
	for n := uint32(maxText); !ok && n > 0; n /= 2 {
		p, ok = im.Bytes(addr, n) // less is left
	}
	if n := bytes.IndexByte(p, 0); n >= 0 {
		return p[:n], true
	}
	return p, false
}

// text is the constant text at the address; empty if there is none.
func (im *Image) text(addr uint32) string {
	r := im.regionAt(addr)
	if r == nil || r.Write || im.At(addr) != nil && !im.IsData(addr) {
		return ""
	}
	p, ok := im.CString(addr)
	if !ok || bytes.ContainsFunc(p, func(c rune) bool { return c >= 0x7f || c < ' ' && !strings.ContainsRune("\t\r\n\x1b", c) }) {
		return ""
	}
	return string(p)
}

// piece is the longest part of the format that is printed as it stands, on one line.
func piece(format string) string {
	best := ""
	for line := range strings.FieldsFuncSeq(format, func(r rune) bool { return r == '\n' || r == '\r' }) {
		for i, part := range strings.Split(line, "%") {
			if i > 0 { // what follows a % belongs to the conversion up to its letter
				part = strings.TrimPrefix(part, conversion(part))
			}
			if part = strings.TrimSpace(part); len(part) > len(best) {
				best = part
			}
		}
	}
	return best
}

// conversion is the beginning up to the letter that ends it.
func conversion(s string) string {
	return s[:strings.IndexAny(s, "diouxXeEfFgGaAcspn")+1]
}
