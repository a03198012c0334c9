package thumb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrPosition is wrapped by the errors about instructions that work only where
// they stand.
var ErrPosition = errors.New("works only where it stands")

// Relocate returns code that does what the first n bytes of the code at addr do
// and then goes on behind them. It may be placed at any multiple of 4. More than
// n bytes are taken where an instruction or an IT block goes on. read returns
// memory that never changes: the code itself and its literals.
//
// What depends on the PC is replaced by what does the same anywhere:
//
//   - loads from literals, ADR and reads of the PC by loads of the value;
//   - branches and calls by jumps with a whole address, conditions kept. A call
//     returns into the new code, which goes on like the old.
//
// The rest that reads the PC (table branches, ADD Rd, PC) is refused with an
// error that wraps [ErrPosition] and names the instruction.
func Relocate(addr, n uint32, read func(addr, n uint32) ([]byte, bool)) ([]byte, error) {
	r := &relocator{read: read}
	at, ended := addr, false
	for !ended && (at-addr < n || r.conditional > 0) {
		i, code, err := r.fetch(at)
		if err != nil {
			return nil, err
		}
		inside := r.conditional > 0
		if inside {
			r.conditional--
		}
		if err := r.move(i, at, code, inside); err != nil {
			return nil, err
		}
		at += uint32(i.Size)
		ended = i.EndsFlow() && !inside
	}
	for _, to := range r.targets {
		if to >= addr && to < at {
			return nil, fmt.Errorf("a branch to 0x%08x goes into the moved code: %w", to, ErrPosition)
		}
	}
	if !ended {
		r.load(PC, at|1)
	}
	return r.finish(), nil
}

// A relocator collects the new code. Whole addresses and constants stand behind
// it, each once.
type relocator struct {
	read        func(addr, n uint32) ([]byte, bool)
	conditional int // instructions that the IT block still covers

	code    []byte
	loads   []pending // LDR.W from the pool
	calls   []pending // BL to a jump behind the code
	targets []uint32  // of the branches
}

// A pending is an instruction at an offset of the code that waits for the place
// of a value.
type pending struct {
	offset int
	value  uint32
}

func (r *relocator) fetch(at uint32) (Inst, []byte, error) {
	code, ok := r.read(at, 2)
	if ok && Is32(binary.LittleEndian.Uint16(code)) {
		code, ok = r.read(at, 4)
	}
	if !ok {
		return Inst{}, nil, fmt.Errorf("there is no code at 0x%08x", at)
	}
	return decodeAt(code), code, nil
}

// move appends the instruction i, which stands at address at. Inside an IT block
// it becomes exactly one instruction.
func (r *relocator) move(i Inst, at uint32, code []byte, inside bool) error {
	text, _, _ := strings.Cut(i.Format(at), "\t@")
	stuck := fmt.Errorf("%s at 0x%08x: %w", strings.ReplaceAll(text, "\t", " "), at, ErrPosition)
	aligned := (at + 4) &^ 3 // the PC as literals see it, DDI 0403E A4.2.2
	literal := func(offset, n uint32) (uint32, error) {
		p, ok := r.read(aligned+i.Imm+offset, n)
		if !ok {
			return 0, stuck
		}
		return binary.LittleEndian.Uint32(append(slices.Clip(p), 0, 0, 0)), nil
	}
	switch i.Op {
	case OpLDRLit, OpLDRBLit, OpLDRHLit, OpLDRSBLit, OpLDRSHLit:
		size := uint32(4)
		switch i.Op {
		case OpLDRBLit, OpLDRSBLit:
			size = 1
		case OpLDRHLit, OpLDRSHLit:
			size = 2
		}
		v, err := literal(0, size)
		switch i.Op {
		case OpLDRSBLit:
			v = uint32(int8(v))
		case OpLDRSHLit:
			v = uint32(int16(v))
		}
		r.load(i.Rd, v)
		return err
	case OpLDRD:
		if i.Rn != PC {
			break
		}
		first, err := literal(0, 4)
		second, err2 := literal(4, 4)
		if inside {
			return stuck
		}
		r.load(i.Rd, first)
		r.load(i.Ra, second)
		return errors.Join(err, err2)
	case OpADR:
		r.load(i.Rd, aligned+i.Imm)
		return nil
	case OpMOVReg:
		if i.Rm != PC || i.Rd == PC {
			break
		}
		r.load(i.Rd, at+4)
		return nil
	case OpB, OpCBZ, OpCBNZ:
		to, _ := i.BranchTarget(at)
		r.targets = append(r.targets, to)
		// Past the jump, which is 4 bytes long, on the opposite condition.
		switch {
		case i.Op == OpCBZ, i.Op == OpCBNZ:
			r.emit(binary.LittleEndian.Uint16(code)&^0x02f8 ^ 0x0800 | 1<<3)
		case i.Cond != AL:
			r.emit(0xd000 | uint16(i.Cond^1)<<8 | 1)
		}
		r.load(PC, to|1)
		return nil
	case OpBL:
		to, _ := i.BranchTarget(at)
		r.calls = append(r.calls, pending{len(r.code), to | 1})
		r.emit(0xf000, 0xd000)
		return nil
	case OpPLDLit, OpPLILit:
		r.emit(0xbf00) // a hint about a place that is not read any more
		return nil
	case OpIT:
		if inside {
			return stuck // UNPREDICTABLE, and what follows would never end (DDI 0403E A7.7.38)
		}
		r.conditional = 4
		for mask := i.Imm; mask&1 == 0; mask >>= 1 { // DDI 0403E A7.3.2
			r.conditional--
		}
	case OpCoproc:
		if i.Imm>>16&0xfe1f == 0xec1f { // LDC, VLDR from a literal
			return stuck
		}
	case OpUndefined:
		return stuck
	}
	if i.Rn == PC || i.Rm == PC {
		return stuck
	}
	r.code = append(r.code, code...)
	return nil
}

func (r *relocator) emit(halfwords ...uint16) {
	for _, hw := range halfwords {
		r.code = binary.LittleEndian.AppendUint16(r.code, hw)
	}
}

// load appends LDR.W Rt, [PC, #imm12] of the value.
func (r *relocator) load(rt uint8, value uint32) {
	r.loads = append(r.loads, pending{len(r.code), value})
	r.emit(0xf8df, uint16(rt)<<12)
}

// finish appends the jumps of the calls and the values.
func (r *relocator) finish() []byte {
	for _, c := range r.calls {
		at := len(r.code)
		r.load(PC, c.value)
		// Cannot fail: a BL, a few instructions away.
		_ = PutBranch(r.code[c.offset:], BranchCall, int32(at-c.offset-4))
	}
	if len(r.code)%4 != 0 {
		r.emit(0xbf00)
	}
	place := make(map[uint32]int)
	for _, l := range r.loads {
		at, ok := place[l.value]
		if !ok {
			at = len(r.code)
			place[l.value] = at
			r.code = binary.LittleEndian.AppendUint32(r.code, l.value)
		}
		hw2 := binary.LittleEndian.Uint16(r.code[l.offset+2:])
		binary.LittleEndian.PutUint16(r.code[l.offset+2:], hw2|uint16(at-(l.offset+4)&^3))
	}
	return r.code
}
