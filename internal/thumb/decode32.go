package thumb

func undefined32(hw1, hw2 uint32) Inst {
	return Inst{Op: OpUndefined, Size: 4, Cond: AL, Imm: hw1<<16 | hw2}
}

// decode32 follows A5.3.
func decode32(hw1, hw2 uint32) Inst {
	i := Inst{Size: 4, Cond: AL}
	ok := false
	switch op := bits(hw1, 12, 11); {
	case hw1>>10&1 == 1 && op != 2:
		// A5.3.18 leaves two corners undefined.
		i.Op, i.Imm, ok = OpCoproc, hw1<<16|hw2, bits(hw1, 9, 8) != 3 && bits(hw1, 9, 5) != 0
	case op == 1 && bits(hw1, 9, 9) == 1:
		ok = decodeShiftedRegister(hw1, hw2, &i)
	case op == 1 && bits(hw1, 6, 6) == 0:
		ok = decodeBlockTransfer(hw1, hw2, &i)
	case op == 1:
		ok = decodeDualExclusive(hw1, hw2, &i)
	case op == 2 && hw2>>15 == 1:
		ok = decodeBranchMisc(hw1, hw2, &i)
	case op == 2 && bits(hw1, 9, 9) == 0:
		ok = decodeModifiedImm(hw1, hw2, &i)
	case op == 2:
		ok = decodePlainImm(hw1, hw2, &i)
	case bits(hw1, 9, 9) == 0 && bits(hw1, 4, 4) == 0:
		ok = bits(hw1, 8, 8) == 0 && decodeStore(hw1, hw2, &i)
	case bits(hw1, 9, 9) == 0:
		ok = decodeLoad(hw1, hw2, &i)
	case bits(hw1, 8, 8) == 0:
		ok = decodeRegister(hw1, hw2, &i)
	default:
		ok = decodeMultiply(hw1, hw2, &i)
	}
	if !ok {
		return undefined32(hw1, hw2)
	}
	return i
}

// dataOp is one row of the data-processing tables (A5.3.1, A5.3.11), which
// share their numbering. compare replaces op when Rd is 15 and the flags are
// set; alone replaces it when Rn is 15.
type dataOp struct{ imm, reg, compareImm, compareReg, aloneImm, aloneReg Op }

var dataOps = [16]dataOp{
	0:  {imm: OpANDImm, reg: OpANDReg, compareImm: OpTSTImm, compareReg: OpTSTReg},
	1:  {imm: OpBICImm, reg: OpBICReg},
	2:  {imm: OpORRImm, reg: OpORRReg, aloneImm: OpMOVImm, aloneReg: OpMOVReg},
	3:  {imm: OpORNImm, reg: OpORNReg, aloneImm: OpMVNImm, aloneReg: OpMVNReg},
	4:  {imm: OpEORImm, reg: OpEORReg, compareImm: OpTEQImm, compareReg: OpTEQReg},
	8:  {imm: OpADDImm, reg: OpADDReg, compareImm: OpCMNImm, compareReg: OpCMNReg},
	10: {imm: OpADCImm, reg: OpADCReg},
	11: {imm: OpSBCImm, reg: OpSBCReg},
	13: {imm: OpSUBImm, reg: OpSUBReg, compareImm: OpCMPImm, compareReg: OpCMPReg},
	14: {imm: OpRSBImm, reg: OpRSBReg},
}

func decodeModifiedImm(hw1, hw2 uint32, i *Inst) bool {
	row := dataOps[bits(hw1, 8, 5)]
	i.Op = row.imm
	i.Rn, i.Rd, i.SetFlags = reg(hw1, 0), reg(hw2, 8), bits(hw1, 4, 4) == 1
	var rotated bool
	i.Imm, rotated = ExpandImm(bits(hw1, 10, 10)<<11 | bits(hw2, 14, 12)<<8 | hw2&0xFF)
	if rotated {
		i.Shift = ROR
	}
	switch {
	case i.Rd == PC && i.SetFlags && row.compareImm != 0:
		i.Op, i.Rd = row.compareImm, 0
	case i.Rn == PC && row.aloneImm != 0:
		i.Op, i.Rn = row.aloneImm, 0
	}
	return i.Op != 0
}

func decodeShiftedRegister(hw1, hw2 uint32, i *Inst) bool {
	if hw2>>15 != 0 {
		return false
	}
	row := dataOps[bits(hw1, 8, 5)]
	i.Op = row.reg
	i.Rn, i.Rd, i.Rm, i.SetFlags = reg(hw1, 0), reg(hw2, 8), reg(hw2, 0), bits(hw1, 4, 4) == 1
	i.Shift, i.Amount = immShift(bits(hw2, 5, 4), bits(hw2, 14, 12)<<2|bits(hw2, 7, 6))
	switch {
	case i.Rd == PC && i.SetFlags && row.compareReg != 0:
		i.Op, i.Rd = row.compareReg, 0
	case i.Rn == PC && row.aloneReg != 0:
		i.Op, i.Rn = row.aloneReg, 0
	}
	return i.Op != 0
}

func decodePlainImm(hw1, hw2 uint32, i *Inst) bool {
	i.Rn, i.Rd = reg(hw1, 0), reg(hw2, 8)
	imm12 := bits(hw1, 10, 10)<<11 | bits(hw2, 14, 12)<<8 | hw2&0xFF
	lsb := bits(hw2, 14, 12)<<2 | bits(hw2, 7, 6)
	field := bits(hw2, 4, 0)
	switch bits(hw1, 8, 4) {
	case 0, 10:
		i.Op, i.Imm = OpADDW, imm12
		if bits(hw1, 8, 4) == 10 {
			i.Op = OpSUBW
		}
		if i.Rn == PC {
			if i.Op == OpSUBW {
				i.Imm = -i.Imm
				i.Mode = PreIndex // the subtracting encoding: "#-0" differs from "#0"
			}
			i.Op, i.Rn = OpADR, 0
		}
	case 4, 12:
		i.Op = OpMOVW
		if bits(hw1, 8, 4) == 12 {
			i.Op = OpMOVT
		}
		i.Imm, i.Rn = bits(hw1, 3, 0)<<12|imm12, 0
	case 16, 18, 24, 26:
		i.Op, i.Imm, i.Rm, i.Rn = OpSSAT, field+1, i.Rn, 0
		if bits(hw1, 7, 7) == 1 {
			i.Op, i.Imm = OpUSAT, field
		}
		if bits(hw1, 5, 5) == 1 && lsb == 0 {
			return false // SSAT16, USAT16: DSP extension
		}
		i.Shift, i.Amount = immShift(bits(hw1, 5, 5)<<1, lsb)
		if hw1>>10&1 == 1 || hw2&0x20 != 0 {
			return false
		}
	case 20, 28:
		i.Op, i.Amount, i.Imm = OpSBFX, uint8(lsb), field+1
		if bits(hw1, 8, 4) == 28 {
			i.Op = OpUBFX
		}
		if hw1>>10&1 == 1 || hw2&0x20 != 0 {
			return false
		}
	case 22:
		if hw1>>10&1 == 1 || hw2&0x20 != 0 || field < lsb {
			return false
		}
		i.Op, i.Amount, i.Imm = OpBFI, uint8(lsb), field+1-lsb
		if i.Rn == PC {
			i.Op, i.Rn = OpBFC, 0
		}
	default:
		return false
	}
	return true
}

func decodeBlockTransfer(hw1, hw2 uint32, i *Inst) bool {
	load := bits(hw1, 4, 4) == 1
	i.Rn, i.Regs = reg(hw1, 0), uint16(hw2)
	if bits(hw1, 5, 5) == 1 {
		i.Mode = PreIndex
	}
	switch bits(hw1, 8, 7) {
	case 1:
		i.Op = OpSTM
		if load {
			i.Op = OpLDM
		}
	case 2:
		i.Op = OpSTMDB
		if load {
			i.Op = OpLDMDB
		}
	}
	return i.Op != 0
}

// decodeDualExclusive follows A5.3.6.
func decodeDualExclusive(hw1, hw2 uint32, i *Inst) bool {
	i.Rn, i.Rd = reg(hw1, 0), reg(hw2, 12)
	load := bits(hw1, 4, 4) == 1
	p, u, w := bits(hw1, 8, 8), bits(hw1, 7, 7), bits(hw1, 5, 5)
	if p == 1 || w == 1 {
		i.Op, i.Ra, i.Imm = OpSTRD, reg(hw2, 8), hw2&0xFF<<2
		if load {
			i.Op = OpLDRD
		}
		i.Mode = indexMode(p, w)
		if u == 0 {
			i.Imm = -i.Imm
		}
		return true
	}
	if u == 0 {
		i.Imm = hw2 & 0xFF << 2
		if load {
			i.Op = OpLDREX
			return bits(hw2, 11, 8) == 15
		}
		i.Op, i.Ra = OpSTREX, reg(hw2, 8)
		return true
	}
	switch op := bits(hw2, 7, 4); {
	case load && op <= 1:
		i.Op, i.Rd, i.Rm = OpTBB+Op(op), 0, reg(hw2, 0)
		return bits(hw2, 15, 8) == 0xF0
	case load && (op == 4 || op == 5):
		i.Op = OpLDREXB + Op(op-4)
		return hw2&0xF0F == 0xF0F
	case !load && (op == 4 || op == 5):
		i.Op, i.Ra = OpSTREXB+Op(op-4), reg(hw2, 0)
		return bits(hw2, 11, 8) == 15
	}
	return false
}

func indexMode(p, w uint32) Mode {
	switch {
	case p == 0:
		return PostIndex
	case w == 1:
		return PreIndex
	}
	return Offset
}

// decodeAddress decodes the forms that single loads and stores share (A5.3.7 to
// A5.3.10) and returns which one it is.
func decodeAddress(hw1, hw2 uint32, i *Inst) (form addressForm, ok bool) {
	i.Rn, i.Rd = reg(hw1, 0), reg(hw2, 12)
	if bits(hw1, 7, 7) == 1 {
		i.Imm = hw2 & 0xFFF
		return formImm, true
	}
	if bits(hw2, 11, 11) == 0 {
		i.Rm = reg(hw2, 0)
		if n := bits(hw2, 5, 4); n != 0 {
			i.Shift, i.Amount = LSL, uint8(n)
		}
		return formReg, bits(hw2, 10, 6) == 0
	}
	p, u, w := bits(hw2, 10, 10), bits(hw2, 9, 9), bits(hw2, 8, 8)
	i.Imm = hw2 & 0xFF
	if p == 1 && u == 1 && w == 0 {
		return formUnprivileged, true
	}
	if u == 0 {
		i.Imm = -i.Imm
	}
	i.Mode = indexMode(p, w)
	return formImm, p == 1 || w == 1
}

type addressForm uint8

const (
	formImm addressForm = iota
	formReg
	formLit
	formUnprivileged
)

var (
	storeForms = [3][4]Op{
		{formImm: OpSTRBImm, formReg: OpSTRBReg, formUnprivileged: OpSTRBT},
		{formImm: OpSTRHImm, formReg: OpSTRHReg, formUnprivileged: OpSTRHT},
		{formImm: OpSTRImm, formReg: OpSTRReg, formUnprivileged: OpSTRT},
	}
	loadForms = [2][3][4]Op{
		{
			{OpLDRBImm, OpLDRBReg, OpLDRBLit, OpLDRBT},
			{OpLDRHImm, OpLDRHReg, OpLDRHLit, OpLDRHT},
			{OpLDRImm, OpLDRReg, OpLDRLit, OpLDRT},
		},
		{
			{OpLDRSBImm, OpLDRSBReg, OpLDRSBLit, OpLDRSBT},
			{OpLDRSHImm, OpLDRSHReg, OpLDRSHLit, OpLDRSHT},
		},
	}
)

func decodeStore(hw1, hw2 uint32, i *Inst) bool {
	size := bits(hw1, 6, 5)
	form, ok := decodeAddress(hw1, hw2, i)
	if !ok || size == 3 || i.Rn == PC {
		return false
	}
	i.Op = storeForms[size][form]
	return true
}

func decodeLoad(hw1, hw2 uint32, i *Inst) bool {
	sign, size := bits(hw1, 8, 8), bits(hw1, 6, 5)
	if size == 3 {
		return false
	}
	form, ok := formLit, true
	if reg(hw1, 0) == PC {
		i.Rn, i.Rd, i.Imm = PC, reg(hw2, 12), hw2&0xFFF
		if bits(hw1, 7, 7) == 0 {
			i.Imm = -i.Imm
			i.Mode = PreIndex // as for ADR
		}
	} else {
		form, ok = decodeAddress(hw1, hw2, i)
	}
	i.Op = loadForms[sign][size][form]
	if !ok || i.Op == 0 {
		return false
	}
	if i.Rd == PC && size < 2 {
		return decodeMemoryHint(sign, size, form, i)
	}
	return true
}

// decodeMemoryHint turns byte and halfword loads of the PC into the hints they
// are (A5.3.8, A5.3.9).
func decodeMemoryHint(sign, size uint32, form addressForm, i *Inst) bool {
	if form == formUnprivileged || form == formImm && i.Mode != Offset {
		return false // UNPREDICTABLE
	}
	i.Rd = 0
	if size == 1 {
		*i = Inst{Op: OpNOP, Size: 4, Cond: AL} // unallocated hint
		return true
	}
	hints := [2][3]Op{{OpPLDImm, OpPLDReg, OpPLDLit}, {OpPLIImm, OpPLIReg, OpPLILit}}
	i.Op = hints[sign][form]
	return true
}

// decodeRegister follows A5.3.12.
func decodeRegister(hw1, hw2 uint32, i *Inst) bool {
	if hw2>>12 != 15 {
		return false
	}
	n := reg(hw1, 0)
	i.Rd, i.Rm = reg(hw2, 8), reg(hw2, 0)
	op1, op2 := bits(hw1, 7, 4), bits(hw2, 7, 4)
	switch {
	case op1 < 8 && op2 == 0:
		i.Op, i.Rn, i.SetFlags = OpLSLReg+Op(op1>>1), n, op1&1 == 1
	case op1 < 8 && op2 >= 8:
		i.Op = [8]Op{0: OpSXTH, 1: OpUXTH, 4: OpSXTB, 5: OpUXTB}[op1]
		i.Amount = uint8(op2 & 3 << 3)
		return i.Op != 0 && n == PC && op2 < 12
	case op1 == 9 && op2 >= 8 && op2 < 12:
		i.Op = [4]Op{OpREV, OpREV16, OpRBIT, OpREVSH}[op2&3]
		return n == i.Rm
	case op1 == 11 && op2 == 8:
		i.Op = OpCLZ
		return n == i.Rm
	default:
		return false
	}
	// The shifts by register take the value from Rn and the amount from Rm.
	return true
}

// decodeMultiply follows A5.3.16 and A5.3.17.
func decodeMultiply(hw1, hw2 uint32, i *Inst) bool {
	i.Rn, i.Rm = reg(hw1, 0), reg(hw2, 0)
	op1, op2 := bits(hw1, 6, 4), bits(hw2, 7, 4)
	if bits(hw1, 7, 7) == 0 {
		i.Rd, i.Ra = reg(hw2, 8), reg(hw2, 12)
		switch {
		case op1 != 0:
			return false
		case op2 == 0 && i.Ra == PC:
			i.Op, i.Ra = OpMUL, 0
		case op2 == 0:
			i.Op = OpMLA
		case op2 == 1:
			i.Op = OpMLS
		}
		return i.Op != 0
	}
	i.Rd, i.Ra = reg(hw2, 12), reg(hw2, 8)
	switch {
	case op2 == 0:
		i.Op = [8]Op{0: OpSMULL, 2: OpUMULL, 4: OpSMLAL, 6: OpUMLAL}[op1]
	case op2 == 15 && (op1 == 1 || op1 == 3) && i.Rd == PC:
		i.Op = OpSDIV
		if op1 == 3 {
			i.Op = OpUDIV
		}
		i.Rd, i.Ra = i.Ra, 0
	}
	return i.Op != 0
}

// decodeBranchMisc follows A5.3.4.
func decodeBranchMisc(hw1, hw2 uint32, i *Inst) bool {
	s, j1, j2 := bits(hw1, 10, 10), bits(hw2, 13, 13), bits(hw2, 11, 11)
	if hw2>>12&1 == 1 { // B.W T4, BL
		i1, i2 := ^(j1^s)&1, ^(j2^s)&1
		i.Op = OpB
		if hw2>>14&1 == 1 {
			i.Op = OpBL
		}
		i.Imm = signed(s<<24|i1<<23|i2<<22|bits(hw1, 9, 0)<<12|bits(hw2, 10, 0)<<1, 25)
		return true
	}
	if hw2>>14&1 == 1 {
		return false
	}
	if hw1>>4 == 0xF7F && hw2>>12 == 0xA {
		i.Op, i.Imm = OpUDF, bits(hw1, 3, 0)<<12|bits(hw2, 11, 0)
		return true
	}
	if cond := bits(hw1, 9, 6); cond < 14 {
		i.Op, i.Cond = OpB, Cond(cond)
		i.Imm = signed(s<<20|j2<<19|j1<<18|bits(hw1, 5, 0)<<12|bits(hw2, 10, 0)<<1, 21)
		return true
	}
	return decodeSystem(hw1, hw2, i)
}

// decodeSystem decodes MSR, MRS, hints and barriers (A5.3.4 to A5.3.5, B5.2).
func decodeSystem(hw1, hw2 uint32, i *Inst) bool {
	switch {
	case hw1>>4 == 0xF38 && hw2>>8&0xF3 == 0x80:
		i.Op, i.Rn, i.Imm, i.Amount = OpMSR, reg(hw1, 0), hw2&0xFF, uint8(bits(hw2, 11, 10))
	case hw1 == 0xF3EF && hw2>>12 == 8:
		i.Op, i.Rd, i.Imm = OpMRS, reg(hw2, 8), hw2&0xFF
	case hw1 == 0xF3AF && hw2>>8 == 0x80:
		n := hw2 & 0xFF
		i.Op = hint(n)
		if n >= 0xF0 {
			i.Op, i.Imm = OpDBG, n&15
		}
	case hw1 == 0xF3BF && hw2 == 0x8F2F:
		i.Op = OpCLREX
	case hw1 == 0xF3BF && hw2>>4 == 0x8F4:
		i.Op, i.Imm = OpDSB, hw2&15
	case hw1 == 0xF3BF && hw2>>4 == 0x8F5:
		i.Op, i.Imm = OpDMB, hw2&15
	case hw1 == 0xF3BF && hw2>>4 == 0x8F6:
		i.Op, i.Imm = OpISB, hw2&15
	default:
		return false
	}
	return true
}
