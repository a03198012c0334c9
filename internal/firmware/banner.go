package firmware

import (
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
		var low [16]uint32 // what MOVW has put into a register
		for addr, inst := range im.instructions(f) {
			var at uint32
			switch inst.Op {
			case thumb.OpLDRLit:
				at, _ = im.word((addr+4)&^3 + inst.Imm)
			case thumb.OpMOVW:
				low[inst.Rd&15] = inst.Imm
			case thumb.OpMOVT:
				at = inst.Imm<<16 | low[inst.Rd&15]
			}
			if at == 0 || seen[at] || im.loops(f, addr) {
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

// word is the word that the image puts at the address.
func (im *Image) word(addr uint32) (uint32, bool) {
	p, ok := im.Bytes(addr, 4)
	if !ok {
		return 0, false
	}
	return uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24, true
}

// maxText bounds what is taken for a text.
const maxText = 256

// text is the constant C string at the address; empty if there is none.
func (im *Image) text(addr uint32) string {
	r := im.regionAt(addr)
	if r == nil || r.Write || im.At(addr) != nil && !im.IsData(addr) {
		return ""
	}
	for n := uint32(0); n < maxText; n++ {
		p, ok := im.Bytes(addr, n+1)
		switch {
		case !ok:
			return ""
		case p[n] == 0:
			return string(p[:n])
		case p[n] >= 0x7f || p[n] < ' ' && !strings.ContainsRune("\t\r\n\x1b", rune(p[n])):
			return ""
		}
	}
	return ""
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
