package object

import (
	"debug/elf"
	"encoding/binary"
)

// width is how many bytes the relocation reads and writes, 0 if none or unknown.
func (r Reloc) width() int {
	switch r.Type {
	case elf.R_ARM_NONE, elf.R_ARM_V4BX:
		return 0
	case elf.R_ARM_ABS8:
		return 1
	case elf.R_ARM_ABS16, elf.R_ARM_THM_ABS5, elf.R_ARM_THM_PC8, elf.R_ARM_THM_JUMP6, elf.R_ARM_THM_JUMP11, elf.R_ARM_THM_JUMP8:
		return 2 // THM_PC11 and THM_PC9 are the old names of THM_JUMP11 and THM_JUMP8
	case elf.R_ARM_ABS32, elf.R_ARM_REL32, elf.R_ARM_PREL31, elf.R_ARM_TARGET1, elf.R_ARM_TARGET2,
		elf.R_ARM_ABS32_NOI, elf.R_ARM_REL32_NOI,
		elf.R_ARM_THM_PC22, elf.R_ARM_THM_JUMP24, elf.R_ARM_THM_JUMP19, elf.R_ARM_THM_PC12,
		elf.R_ARM_THM_ALU_PREL_11_0,
		elf.R_ARM_THM_MOVW_ABS_NC, elf.R_ARM_THM_MOVT_ABS, elf.R_ARM_THM_MOVW_PREL_NC, elf.R_ARM_THM_MOVT_PREL:
		return 4
	}
	return 0
}

// addendAt extracts the addend from the place (AAELF32 §5.6.1.1, table 4-9 ff.).
// It is 0 for types without one and for types that are not known; those are
// refused where they are used.
func (r Reloc) addendAt(data []byte) int32 {
	p := data[r.Offset:]
	le := binary.LittleEndian
	switch r.Type {
	case elf.R_ARM_ABS8:
		return int32(int8(p[0]))
	case elf.R_ARM_ABS16:
		return int32(int16(le.Uint16(p)))
	case elf.R_ARM_ABS32, elf.R_ARM_REL32, elf.R_ARM_TARGET1, elf.R_ARM_TARGET2, elf.R_ARM_ABS32_NOI, elf.R_ARM_REL32_NOI:
		return int32(le.Uint32(p))
	case elf.R_ARM_PREL31:
		return int32(le.Uint32(p)<<1) >> 1
	case elf.R_ARM_THM_PC22, elf.R_ARM_THM_JUMP24: // THM_PC22 is the old name of THM_CALL
		return branch24(le.Uint16(p), le.Uint16(p[2:]))
	case elf.R_ARM_THM_JUMP19:
		return branch19(le.Uint16(p), le.Uint16(p[2:]))
	case elf.R_ARM_THM_JUMP11:
		return int32(uint32(le.Uint16(p))<<21) >> 20
	case elf.R_ARM_THM_JUMP8:
		return int32(uint32(le.Uint16(p))<<24) >> 23
	case elf.R_ARM_THM_PC8:
		// imm8 counts words; the addend is in terms of Pa, the aligned place.
		return int32((uint32(le.Uint16(p))&0xff<<2+4)&0x3ff) - 4
	case elf.R_ARM_THM_PC12:
		imm := int32(le.Uint16(p[2:]) & 0xfff)
		if le.Uint16(p)&0x80 == 0 { // U
			imm = -imm
		}
		return imm
	case elf.R_ARM_THM_ALU_PREL_11_0:
		hw1, hw2 := uint32(le.Uint16(p)), uint32(le.Uint16(p[2:]))
		imm := int32(hw1>>10&1<<11 | hw2>>12&7<<8 | hw2&0xff)
		if hw1&0x00a0 == 0x00a0 { // SUB form
			imm = -imm
		}
		return imm
	case elf.R_ARM_THM_MOVW_ABS_NC, elf.R_ARM_THM_MOVT_ABS, elf.R_ARM_THM_MOVW_PREL_NC, elf.R_ARM_THM_MOVT_PREL:
		hw1, hw2 := uint32(le.Uint16(p)), uint32(le.Uint16(p[2:]))
		return int32(int16(hw1&0xf<<12 | hw1>>10&1<<11 | hw2>>12&7<<8 | hw2&0xff))
	}
	return 0
}

// branch24 is the offset of BL and B.W, encodings T1 and T4.
func branch24(hw1, hw2 uint16) int32 {
	s := uint32(hw1) >> 10 & 1
	i1 := ^(uint32(hw2)>>13 ^ s) & 1
	i2 := ^(uint32(hw2)>>11 ^ s) & 1
	v := s<<24 | i1<<23 | i2<<22 | uint32(hw1)&0x3ff<<12 | uint32(hw2)&0x7ff<<1
	return int32(v<<7) >> 7
}

// branch19 is the offset of B<c>.W, encoding T3.
func branch19(hw1, hw2 uint16) int32 {
	s := uint32(hw1) >> 10 & 1
	j1, j2 := uint32(hw2)>>13&1, uint32(hw2)>>11&1
	v := s<<20 | j2<<19 | j1<<18 | uint32(hw1)&0x3f<<12 | uint32(hw2)&0x7ff<<1
	return int32(v<<11) >> 11
}
