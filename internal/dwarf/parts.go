package dwarf

import (
	"debug/dwarf"
	"encoding/binary"
)

const opPiece = 0x93 // DW_OP_piece, DWARF 5 §2.6.1.2

// A Part is a piece of a static variable that the compiler has taken apart:
// Clang gives the members of a structure addresses of their own.
type Part struct {
	Function     string // linkage name, empty for a variable outside of functions
	Name         string // of the whole variable
	Path         string // source file of the unit
	Offset, Size uint32 // in the whole variable
	Addr         uint32
}

// Parts lists the parts of variables that were taken apart.
func (i *Info) Parts() []Part { return i.parts }

type pendingPart struct {
	Part
	function, origin dwarf.Offset
}

// variableParts notes the parts of a location that is composed of addresses.
func (w *walker) variableParts(e *dwarf.Entry, expr []byte, function dwarf.Offset) {
	var offset uint64
	for len(expr) > 0 {
		addr, known := uint32(0), false
		switch n := addressLength(expr); {
		case n < 0:
			return
		case n > 0:
			addr, known = w.address(expr[:n])
			expr = expr[n:]
		}
		if len(expr) == 0 || expr[0] != opPiece {
			return
		}
		size, n := binary.Uvarint(expr[1:])
		if n <= 0 || size > 1<<31 || offset > 1<<31 {
			return
		}
		expr = expr[1+n:]
		if known {
			w.parts = append(w.parts, pendingPart{
				Part{Path: w.path, Offset: uint32(offset), Size: uint32(size), Addr: addr}, function, e.Offset,
			})
		}
		offset += size
	}
}

// addressLength is the length of the operation that gives an address at the
// start of the expression: 0 if a piece without a place starts it, -1 if it is
// something else.
func addressLength(expr []byte) int {
	switch expr[0] {
	case opPiece:
		return 0
	case opAddr:
		if len(expr) >= 5 {
			return 5
		}
	case opAddrx:
		if _, n := binary.Uvarint(expr[1:]); n > 0 {
			return 1 + n
		}
	}
	return -1
}
