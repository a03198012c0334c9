package linker

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/thumb"
)

// nopWide and nopNarrow take the place of branches to undefined weak functions
// (AAELF32 §5.6.1.5: the branch goes to the next instruction).
const (
	nopWide   = 0x8000_f3af // as a word in memory
	nopNarrow = 0xbf00
)

// branchForm returns the branch that the relocation is for.
func branchForm(t elf.R_ARM) (thumb.Branch, bool) {
	switch t {
	case elf.R_ARM_THM_PC22: // the old name of R_ARM_THM_CALL
		return thumb.BranchCall, true
	case elf.R_ARM_THM_JUMP24:
		return thumb.BranchJump24, true
	case elf.R_ARM_THM_JUMP19:
		return thumb.BranchJump19, true
	case elf.R_ARM_THM_JUMP11:
		return thumb.BranchJump11, true
	case elf.R_ARM_THM_JUMP8:
		return thumb.BranchJump8, true
	}
	return 0, false
}

func isBranch(t elf.R_ARM) bool {
	_, ok := branchForm(t)
	return ok
}

// isAbsolute reports whether the relocation stores an address as a word.
// R_ARM_TARGET1 means that too on bare metal (AAELF32 §5.6.1.9).
func isAbsolute(t elf.R_ARM) bool {
	switch t {
	case elf.R_ARM_ABS32, elf.R_ARM_TARGET1, elf.R_ARM_ABS32_NOI, elf.R_ARM_THM_MOVW_ABS_NC, elf.R_ARM_THM_MOVT_ABS:
		return true
	}
	return false
}

// width is the length of what the relocation changes, 0 if it is not known here.
func width(t elf.R_ARM) uint32 {
	if f, ok := branchForm(t); ok {
		return uint32(f.Size())
	}
	switch t {
	case elf.R_ARM_THM_PC8:
		return 2
	case elf.R_ARM_ABS32, elf.R_ARM_TARGET1, elf.R_ARM_ABS32_NOI, elf.R_ARM_THM_MOVW_ABS_NC, elf.R_ARM_THM_MOVT_ABS,
		elf.R_ARM_REL32, elf.R_ARM_TARGET2, elf.R_ARM_REL32_NOI, elf.R_ARM_PREL31,
		elf.R_ARM_THM_MOVW_PREL_NC, elf.R_ARM_THM_MOVT_PREL, elf.R_ARM_THM_PC12, elf.R_ARM_THM_ALU_PREL_11_0:
		return 4
	}
	return 0
}

// relocationName uses the names of today's AAELF32.
func relocationName(t elf.R_ARM) string {
	if t == elf.R_ARM_THM_PC22 {
		return "R_ARM_THM_CALL"
	}
	return t.String()
}

// checkRelocation refuses what the linker does not know.
func checkRelocation(p *piece, r object.Reloc) error {
	n := width(r.Type)
	if n == 0 {
		return problem.New(problem.BadRelocation, "compile without position-independent code and thread-local variables, or flash this change",
			"%s refers to %s by a relocation of type %s, which is not supported", p, display(r.Symbol.Name), relocationName(r.Type))
	}
	if off := r.Offset - p.start; uint64(off)+uint64(n) > uint64(len(p.data())) {
		return problem.New(problem.BadRelocation, "",
			"the relocation of %s for %s reaches beyond its end", p, display(r.Symbol.Name))
	}
	return nil
}

// at is the address of the target, without Thumb bit.
func (t target) at(base uint32) uint32 {
	if t.piece != nil {
		return base + t.piece.offset + t.addr
	}
	return t.addr
}

// apply relocates one place of data, the content of a piece that stands at
// addr. veneer returns the address of the veneer for a branch target outside
// of the block. The operations are those of AAELF32 §5.6.1, table 5-9 ff.
func (r reference) apply(data []byte, addr, base uint32, veneer func(uint32) uint32) error {
	place := data[r.offset:]
	at := addr + r.offset                   // P
	sum := r.to.at(base) + uint32(r.addend) // S + A
	if form, ok := branchForm(r.typ); ok {
		return r.branch(place, form, at, sum, veneer)
	}
	value := sum // (S + A) | T
	if r.to.thumb {
		value |= 1
	}
	aligned := int64(at &^ 3) // Pa
	switch r.typ {
	case elf.R_ARM_ABS32, elf.R_ARM_TARGET1:
		binary.LittleEndian.PutUint32(place, value)
	case elf.R_ARM_ABS32_NOI:
		binary.LittleEndian.PutUint32(place, sum)
	case elf.R_ARM_REL32, elf.R_ARM_TARGET2:
		binary.LittleEndian.PutUint32(place, value-at)
	case elf.R_ARM_REL32_NOI:
		binary.LittleEndian.PutUint32(place, sum-at)
	case elf.R_ARM_PREL31:
		v := int32(value - at)
		if v < -1<<30 || v >= 1<<30 {
			return fmt.Errorf("offset %d: %w", v, thumb.ErrRange)
		}
		old := binary.LittleEndian.Uint32(place)
		binary.LittleEndian.PutUint32(place, old&(1<<31)|uint32(v)&^(1<<31))
	case elf.R_ARM_THM_MOVW_ABS_NC:
		return thumb.PutImm16(place, uint16(value))
	case elf.R_ARM_THM_MOVT_ABS:
		return thumb.PutImm16(place, uint16(sum>>16))
	case elf.R_ARM_THM_MOVW_PREL_NC:
		return thumb.PutImm16(place, uint16(value-at))
	case elf.R_ARM_THM_MOVT_PREL:
		return thumb.PutImm16(place, uint16((sum-at)>>16))
	case elf.R_ARM_THM_PC8:
		return putPC8(place, int64(sum)-aligned)
	case elf.R_ARM_THM_PC12:
		return putPC12(place, int64(sum)-aligned)
	case elf.R_ARM_THM_ALU_PREL_11_0:
		return putADR(place, int64(value)-aligned)
	}
	return nil
}

// branch relocates a branch to sum, S + A; the addend takes back what the PC
// reads ahead.
func (r reference) branch(place []byte, form thumb.Branch, at, sum uint32, veneer func(uint32) uint32) error {
	if r.to.null {
		if form.Size() == 2 {
			binary.LittleEndian.PutUint16(place, nopNarrow)
		} else {
			binary.LittleEndian.PutUint32(place, nopWide)
		}
		return nil
	}
	err := thumb.PutBranch(place, form, int32(sum-at))
	if errors.Is(err, thumb.ErrRange) && r.to.piece == nil {
		return thumb.PutBranch(place, form, int32(veneer(r.destination())-4-at))
	}
	return err
}

// destination is where a branch to outside of the block goes.
func (r reference) destination() uint32 { return r.to.at(0) + uint32(r.addend) + 4 }

// putPC8 writes the offset of a 16-bit load from a literal: unsigned words.
func putPC8(place []byte, v int64) error {
	if v < 0 || v > 1020 || v&3 != 0 {
		return fmt.Errorf("offset %d: %w", v, thumb.ErrRange)
	}
	hw := binary.LittleEndian.Uint16(place)
	binary.LittleEndian.PutUint16(place, hw&^0xff|uint16(v>>2))
	return nil
}

// putPC12 writes the offset of a 32-bit load from a literal: sign and magnitude.
func putPC12(place []byte, v int64) error {
	if v < -4095 || v > 4095 {
		return fmt.Errorf("offset %d: %w", v, thumb.ErrRange)
	}
	hw1, hw2 := binary.LittleEndian.Uint16(place)|0x80, binary.LittleEndian.Uint16(place[2:])
	if v < 0 {
		hw1, v = hw1&^0x80, -v
	}
	binary.LittleEndian.PutUint16(place, hw1)
	binary.LittleEndian.PutUint16(place[2:], hw2&^0xfff|uint16(v))
	return nil
}

// putADR writes the offset of ADR.W: ADD or SUB of a 12-bit constant to the PC.
func putADR(place []byte, v int64) error {
	if v < -4095 || v > 4095 {
		return fmt.Errorf("offset %d: %w", v, thumb.ErrRange)
	}
	hw1, hw2 := binary.LittleEndian.Uint16(place)&^0x4a0, binary.LittleEndian.Uint16(place[2:])&^0x70ff
	if v < 0 {
		hw1, v = hw1|0xa0, -v
	}
	n := uint16(v)
	binary.LittleEndian.PutUint16(place, hw1|n>>11&1<<10)
	binary.LittleEndian.PutUint16(place[2:], hw2|n>>8&7<<12|n&0xff)
	return nil
}
