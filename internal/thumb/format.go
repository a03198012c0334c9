package thumb

import (
	"fmt"
	"iter"
)

// Line is one line of a listing.
type Line struct {
	Addr  uint32
	Bytes []byte
	Text  string
	Inst  Inst
}

// Format returns the UAL text of i at address pc.
func (i Inst) Format(pc uint32) string { return fmt.Sprintf("op%d", i.Op) }

// Disassemble lists code at addr.
func Disassemble(addr uint32, code []byte, resolve func(uint32) string) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		for len(code) >= 2 {
			i := decodeAt(code)
			n := min(int(i.Size), len(code))
			if !yield(Line{Addr: addr, Bytes: code[:n], Text: i.Format(addr), Inst: i}) {
				return
			}
			addr, code = addr+uint32(n), code[n:]
		}
	}
}
