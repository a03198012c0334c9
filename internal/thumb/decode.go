package thumb

// Is32 reports whether hw1 is the first halfword of a 32-bit instruction
// (A5.1).
func Is32(hw1 uint16) bool { return hw1 >= 0xE800 }

// Decode decodes the instruction that starts with hw1; hw2 is the halfword
// behind it and is ignored for 16-bit encodings. It is total: what ARMv7-M
// does not define gives OpUndefined. Encodings that are UNPREDICTABLE decode
// to what their fields say.
func Decode(hw1, hw2 uint16) Inst {
	if Is32(hw1) {
		return decode32(uint32(hw1), uint32(hw2))
	}
	return decode16(uint32(hw1))
}

// bits returns v[hi:lo].
func bits(v uint32, hi, lo uint) uint32 { return v >> lo & (1<<(hi-lo+1) - 1) }

// reg returns the four-bit register field of v at lo.
func reg(v uint32, lo uint) uint8 { return uint8(v >> lo & 15) }

// reg3 returns the three-bit register field of v at lo.
func reg3(v uint32, lo uint) uint8 { return uint8(v >> lo & 7) }

// signed extends the width-bit number v.
func signed(v uint32, width uint) uint32 {
	return uint32(int32(v<<(32-width)) >> (32 - width))
}

func undefined16(hw uint32) Inst { return Inst{Op: OpUndefined, Size: 2, Cond: AL, Imm: hw} }

// decode16 follows A5.2.
func decode16(hw uint32) Inst {
	i := Inst{Size: 2, Cond: AL}
	switch hw >> 12 {
	case 0, 1:
		decodeShiftAddSub16(hw, &i)
	case 2, 3:
		i.Op = [4]Op{OpMOVImm, OpCMPImm, OpADDImm, OpSUBImm}[bits(hw, 12, 11)]
		i.Rd, i.Rn, i.Imm = reg3(hw, 8), reg3(hw, 8), bits(hw, 7, 0)
		i.SetFlags = true
		i.ITFlags = i.Op != OpCMPImm
	case 4:
		switch {
		case bits(hw, 11, 10) == 0:
			decodeDataProcessing16(hw, &i)
		case bits(hw, 11, 10) == 1:
			if hw&0xFF07 > 0x4700 {
				return undefined16(hw) // UNPREDICTABLE; BXNS, BLXNS in ARMv8-M
			}
			decodeSpecial16(hw, &i)
		default:
			i.Op, i.Rd, i.Rn, i.Imm = OpLDRLit, reg3(hw, 8), PC, bits(hw, 7, 0)<<2
		}
	case 5:
		i.Op = [8]Op{OpSTRReg, OpSTRHReg, OpSTRBReg, OpLDRSBReg, OpLDRReg, OpLDRHReg, OpLDRBReg, OpLDRSHReg}[bits(hw, 11, 9)]
		i.Rd, i.Rn, i.Rm = reg3(hw, 0), reg3(hw, 3), reg3(hw, 6)
	case 6, 7, 8:
		n := hw>>12 - 6
		i.Op = [6]Op{OpSTRImm, OpLDRImm, OpSTRBImm, OpLDRBImm, OpSTRHImm, OpLDRHImm}[n<<1|bits(hw, 11, 11)]
		scale := [3]uint{2, 0, 1}[n]
		i.Rd, i.Rn, i.Imm = reg3(hw, 0), reg3(hw, 3), bits(hw, 10, 6)<<scale
	case 9:
		i.Op = OpSTRImm
		if bits(hw, 11, 11) == 1 {
			i.Op = OpLDRImm
		}
		i.Rd, i.Rn, i.Imm = reg3(hw, 8), SP, bits(hw, 7, 0)<<2
	case 10:
		i.Op, i.Rd, i.Imm = OpADR, reg3(hw, 8), bits(hw, 7, 0)<<2
		if bits(hw, 11, 11) == 1 {
			i.Op, i.Rn = OpADDImm, SP
		}
	case 11:
		return decodeMisc16(hw)
	case 12:
		i.Rn, i.Regs = reg3(hw, 8), uint16(bits(hw, 7, 0))
		i.Op, i.Mode = OpSTM, PreIndex
		if bits(hw, 11, 11) == 1 {
			i.Op = OpLDM
			if i.Regs>>i.Rn&1 == 1 {
				i.Mode = Offset
			}
		}
	case 13:
		switch cond := bits(hw, 11, 8); cond {
		case 14:
			i.Op, i.Imm = OpUDF, bits(hw, 7, 0)
		case 15:
			i.Op, i.Imm = OpSVC, bits(hw, 7, 0)
		default:
			i.Op, i.Cond, i.Imm = OpB, Cond(cond), signed(bits(hw, 7, 0)<<1, 9)
		}
	default: // 14; 15 and the upper half of 14 are 32-bit encodings
		i.Op, i.Imm = OpB, signed(bits(hw, 10, 0)<<1, 12)
	}
	return i
}

func decodeShiftAddSub16(hw uint32, i *Inst) {
	i.SetFlags, i.ITFlags = true, true
	i.Rd = reg3(hw, 0)
	switch op := bits(hw, 12, 11); op {
	case 3:
		i.Rn = reg3(hw, 3)
		if bits(hw, 10, 10) == 1 {
			i.Op = [2]Op{OpADDImm, OpSUBImm}[bits(hw, 9, 9)]
			i.Imm = bits(hw, 8, 6)
		} else {
			i.Op = [2]Op{OpADDReg, OpSUBReg}[bits(hw, 9, 9)]
			i.Rm = reg3(hw, 6)
		}
	default:
		i.Op, i.Rm = OpMOVReg, reg3(hw, 3)
		i.Shift, i.Amount = immShift(op, bits(hw, 10, 6))
	}
}

func decodeDataProcessing16(hw uint32, i *Inst) {
	i.Op = [16]Op{
		OpANDReg, OpEORReg, OpLSLReg, OpLSRReg, OpASRReg, OpADCReg, OpSBCReg, OpRORReg,
		OpTSTReg, OpRSBImm, OpCMPReg, OpCMNReg, OpORRReg, OpMUL, OpBICReg, OpMVNReg,
	}[bits(hw, 9, 6)]
	dn, m := reg3(hw, 0), reg3(hw, 3)
	i.SetFlags, i.ITFlags = true, true
	i.Rd, i.Rn, i.Rm = dn, dn, m
	switch i.Op {
	case OpTSTReg, OpCMPReg, OpCMNReg:
		i.ITFlags = false
	case OpRSBImm:
		i.Rn, i.Rm = m, 0
	case OpMUL:
		i.Rn, i.Rm = m, dn
	}
}

func decodeSpecial16(hw uint32, i *Inst) {
	m := reg(hw, 3)
	dn := reg3(hw, 0) | uint8(hw>>4&8)
	switch bits(hw, 9, 8) {
	case 0:
		i.Op, i.Rd, i.Rn, i.Rm = OpADDReg, dn, dn, m
	case 1:
		i.Op, i.Rn, i.Rm, i.SetFlags = OpCMPReg, dn, m, true
	case 2:
		i.Op, i.Rd, i.Rm = OpMOVReg, dn, m
	case 3:
		i.Op, i.Rm = OpBX, m
		if bits(hw, 7, 7) == 1 {
			i.Op = OpBLX
		}
	}
}

// decodeMisc16 follows A5.2.5.
func decodeMisc16(hw uint32) Inst {
	i := Inst{Size: 2, Cond: AL}
	switch op := bits(hw, 11, 8); op {
	case 0:
		i.Op = [2]Op{OpADDImm, OpSUBImm}[bits(hw, 7, 7)]
		i.Rd, i.Rn, i.Imm = SP, SP, bits(hw, 6, 0)<<2
	case 1, 3, 9, 11:
		i.Op = OpCBZ
		if op >= 9 {
			i.Op = OpCBNZ
		}
		i.Rn, i.Imm = reg3(hw, 0), bits(hw, 9, 9)<<6|bits(hw, 7, 3)<<1
	case 2:
		i.Op = [4]Op{OpSXTH, OpSXTB, OpUXTH, OpUXTB}[bits(hw, 7, 6)]
		i.Rd, i.Rm = reg3(hw, 0), reg3(hw, 3)
	case 4, 5:
		i.Op, i.Rn, i.Mode, i.Regs = OpPUSH, SP, PreIndex, uint16(hw&0xFF|bits(hw, 8, 8)<<LR)
	case 12, 13:
		i.Op, i.Rn, i.Mode, i.Regs = OpPOP, SP, PreIndex, uint16(hw&0xFF|bits(hw, 8, 8)<<PC)
	case 6:
		if bits(hw, 7, 5) != 3 || hw&8 != 0 {
			return undefined16(hw)
		}
		i.Op, i.Imm = OpCPS, hw&0x17
	case 10:
		i.Op = [4]Op{OpREV, OpREV16, OpUndefined, OpREVSH}[bits(hw, 7, 6)]
		if i.Op == OpUndefined {
			return undefined16(hw)
		}
		i.Rd, i.Rm = reg3(hw, 0), reg3(hw, 3)
	case 14:
		i.Op, i.Imm = OpBKPT, bits(hw, 7, 0)
	case 15:
		if hw&15 != 0 {
			i.Op, i.Imm = OpIT, bits(hw, 7, 0)
		} else {
			i.Op = hint(bits(hw, 7, 4))
		}
	default:
		return undefined16(hw)
	}
	return i
}

// hint maps the hint number; unallocated hints are NOPs (A5.2.5).
func hint(n uint32) Op {
	switch n {
	case 1:
		return OpYIELD
	case 2:
		return OpWFE
	case 3:
		return OpWFI
	case 4:
		return OpSEV
	}
	return OpNOP
}

// immShift is DecodeImmShift (A7.4.2).
func immShift(kind, amount uint32) (Shift, uint8) {
	switch {
	case kind == 0 && amount == 0:
		return ShiftNone, 0
	case kind == 0:
		return LSL, uint8(amount)
	case kind == 3 && amount == 0:
		return RRX, 1
	case kind == 3:
		return ROR, uint8(amount)
	}
	if amount == 0 {
		amount = 32
	}
	return LSR + Shift(kind-1), uint8(amount)
}

// ExpandImm is ThumbExpandImm (A5.3.2) of the 12-bit field i:imm3:imm8. rotated
// is true when the constant comes from a rotation: the carry of a flag-setting
// logical operation is then bit 31 of the value.
func ExpandImm(imm12 uint32) (value uint32, rotated bool) {
	b := imm12 & 0xFF
	switch imm12 >> 8 & 15 {
	case 0:
		return b, false
	case 1:
		return b<<16 | b, false
	case 2:
		return b<<24 | b<<8, false
	case 3:
		return b<<24 | b<<16 | b<<8 | b, false
	}
	n := imm12 >> 7 & 31
	v := 0x80 | imm12&0x7F
	return v>>n | v<<(32-n), true
}
