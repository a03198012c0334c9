package thumb

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrRange is wrapped by the errors of encoders whose target cannot be reached.
var ErrRange = errors.New("branch target out of reach")

// ErrPlace is wrapped when the instruction to be patched is not of the expected
// form.
var ErrPlace = errors.New("unexpected instruction at the place of a relocation")

// Branch is the form of a direct branch, named after its relocation (AAELF32
// §5.6.1).
type Branch uint8

// Branch forms.
const (
	BranchCall   Branch = iota // BL: R_ARM_THM_CALL
	BranchJump24               // B.W: R_ARM_THM_JUMP24
	BranchJump19               // B<c>.W: R_ARM_THM_JUMP19
	BranchJump11               // B.N: R_ARM_THM_JUMP11
	BranchJump8                // B<c>.N: R_ARM_THM_JUMP8
)

// Size is the length of the instruction in bytes.
func (b Branch) Size() int {
	if b >= BranchJump11 {
		return 2
	}
	return 4
}

// Reach returns the smallest and the largest offset, relative to the address
// of the instruction plus 4.
func (b Branch) Reach() (lo, hi int32) {
	n := [...]uint{BranchCall: 24, BranchJump24: 24, BranchJump19: 20, BranchJump11: 11, BranchJump8: 8}[b]
	return -1 << n, 1<<n - 2
}

// EncodeBL returns a BL at from that calls to, as the 32-bit word in memory
// (first halfword in the low half). The Thumb bit of to is ignored.
func EncodeBL(from, to uint32) (uint32, error) { return encodeBranch(BranchCall, from, to) }

// EncodeBW returns a B.W at from that jumps to to, as EncodeBL does.
func EncodeBW(from, to uint32) (uint32, error) { return encodeBranch(BranchJump24, from, to) }

func encodeBranch(b Branch, from, to uint32) (uint32, error) {
	place := []byte{0x00, 0xF0, 0x00, 0xD0}
	if b == BranchJump24 {
		place[3] = 0x90
	}
	if err := PutBranch(place, b, int32(to&^1-from-4)); err != nil {
		return 0, fmt.Errorf("branch from 0x%08x to 0x%08x: %w", from, to, err)
	}
	return binary.LittleEndian.Uint32(place), nil
}

// GetBranch reads the offset of the branch at place, relative to its address
// plus 4. The addend of a REL relocation is that minus 4 (AAELF32 §5.6.1.1
// counts from the place itself): for "bl ." it is -4.
func GetBranch(place []byte, b Branch) (offset int32, err error) {
	i, err := branchAt(place, b)
	if err != nil {
		return 0, err
	}
	return int32(i.Imm), nil
}

// PutBranch writes offset, counted from the address of the instruction plus 4,
// into the branch at place. The instruction keeps its kind and condition.
func PutBranch(place []byte, b Branch, offset int32) error {
	if _, err := branchAt(place, b); err != nil {
		return err
	}
	if lo, hi := b.Reach(); offset < lo || offset > hi || offset&1 != 0 {
		return fmt.Errorf("offset %d: %w", offset, ErrRange)
	}
	v := uint32(offset)
	hw1 := uint32(binary.LittleEndian.Uint16(place))
	switch b {
	case BranchJump8:
		hw1 = hw1&^0xFF | bits(v, 8, 1)
	case BranchJump11:
		hw1 = hw1&^0x7FF | bits(v, 11, 1)
	default:
		hw2 := uint32(binary.LittleEndian.Uint16(place[2:]))
		s := v >> 31
		if b == BranchJump19 {
			hw1 = hw1&^0x43F | s<<10 | bits(v, 17, 12)
			hw2 = hw2&^0x2FFF | bits(v, 18, 18)<<13 | bits(v, 19, 19)<<11 | bits(v, 11, 1)
		} else {
			j1, j2 := ^(bits(v, 23, 23)^s)&1, ^(bits(v, 22, 22)^s)&1
			hw1 = hw1&^0x7FF | s<<10 | bits(v, 21, 12)
			hw2 = hw2&^0x2FFF | j1<<13 | j2<<11 | bits(v, 11, 1)
		}
		binary.LittleEndian.PutUint16(place[2:], uint16(hw2))
	}
	binary.LittleEndian.PutUint16(place, uint16(hw1))
	return nil
}

func branchAt(place []byte, b Branch) (Inst, error) {
	if len(place) < b.Size() {
		return Inst{}, fmt.Errorf("%d bytes left: %w", len(place), ErrPlace)
	}
	i := decodeAt(place)
	ok := int(i.Size) == b.Size()
	switch b {
	case BranchCall:
		ok = ok && i.Op == OpBL
	case BranchJump24, BranchJump11:
		ok = ok && i.Op == OpB && i.Cond == AL
	default:
		ok = ok && i.Op == OpB && i.Cond != AL
	}
	if !ok {
		return Inst{}, fmt.Errorf("%s: %w", i.Format(0), ErrPlace)
	}
	return i, nil
}

// decodeAt decodes the first instruction of code; a missing second halfword
// counts as zero.
func decodeAt(code []byte) Inst {
	var hw [2]uint16
	for n := range min(2, len(code)/2) {
		hw[n] = binary.LittleEndian.Uint16(code[2*n:])
	}
	return Decode(hw[0], hw[1])
}

// GetImm16 reads the constant of the MOVW or MOVT at place.
func GetImm16(place []byte) (uint16, error) {
	if len(place) >= 4 {
		if i := decodeAt(place); i.Op == OpMOVW || i.Op == OpMOVT {
			return uint16(i.Imm), nil
		}
	}
	return 0, fmt.Errorf("neither MOVW nor MOVT: %w", ErrPlace)
}

// PutImm16 writes the constant of the MOVW or MOVT at place.
func PutImm16(place []byte, v uint16) error {
	if _, err := GetImm16(place); err != nil {
		return err
	}
	n := uint32(v)
	hw1 := uint32(binary.LittleEndian.Uint16(place))
	hw2 := uint32(binary.LittleEndian.Uint16(place[2:]))
	hw1 = hw1&^0x40F | bits(n, 11, 11)<<10 | bits(n, 15, 12)
	hw2 = hw2&^0x70FF | bits(n, 10, 8)<<12 | n&0xFF
	binary.LittleEndian.PutUint16(place, uint16(hw1))
	binary.LittleEndian.PutUint16(place[2:], uint16(hw2))
	return nil
}
