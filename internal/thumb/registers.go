package thumb

// Registers is a set of core registers, bit n for register n.
type Registers uint16

// Set returns the set of the registers.
func Set(registers ...uint8) Registers {
	var s Registers
	for _, r := range registers {
		s |= 1 << (r & 15)
	}
	return s
}

// Has reports whether the register is in the set.
func (s Registers) Has(r uint8) bool { return s&(1<<(r&15)) != 0 }

// Registers that a call does not keep (AAPCS32 §6.1.1).
const (
	IP          = 12
	CallClobber = Registers(0x000f | 1<<IP | 1<<LR)
)

// Uses returns the core registers that the instruction reads and those that it
// writes, without what the callee of a call does. False: it cannot be told, as
// for coprocessors, which move values to core registers as well.
func (i Inst) Uses() (reads, writes Registers, ok bool) {
	rd, rn, rm, ra := Set(i.Rd), Set(i.Rn), Set(i.Rm), Set(i.Ra)
	base := Registers(0) // written back
	if i.Mode != Offset {
		base = rn
	}
	switch i.Op {
	case OpANDImm, OpBICImm, OpORRImm, OpORNImm, OpEORImm, OpADDImm, OpADCImm, OpSBCImm, OpSUBImm, OpRSBImm,
		OpADDW, OpSUBW, OpSBFX, OpUBFX, OpSSAT, OpUSAT:
		return rn, rd, true
	case OpANDReg, OpBICReg, OpORRReg, OpORNReg, OpEORReg, OpADDReg, OpADCReg, OpSBCReg, OpSUBReg, OpRSBReg,
		OpLSLReg, OpLSRReg, OpASRReg, OpRORReg, OpMUL, OpSDIV, OpUDIV:
		return rn | rm, rd, true
	case OpMOVImm, OpMVNImm, OpMOVW, OpADR, OpMRS, OpLDRLit, OpLDRBLit, OpLDRHLit, OpLDRSBLit, OpLDRSHLit:
		return 0, rd, true
	case OpMOVReg, OpMVNReg, OpREV, OpREV16, OpREVSH, OpRBIT, OpCLZ:
		return rm, rd, true
	case OpSXTB, OpSXTH, OpUXTB, OpUXTH:
		return rm, rd, true
	case OpMOVT, OpBFC:
		return rd, rd, true
	case OpBFI:
		return rd | rn, rd, true
	case OpTSTImm, OpTEQImm, OpCMPImm, OpCMNImm, OpMSR, OpCBZ, OpCBNZ:
		return rn, 0, true
	case OpTSTReg, OpTEQReg, OpCMPReg, OpCMNReg, OpTBB, OpTBH:
		return rn | rm, 0, true
	case OpMLA, OpMLS:
		return rn | rm | ra, rd, true
	case OpSMULL, OpUMULL:
		return rn | rm, rd | ra, true
	case OpSMLAL, OpUMLAL:
		return rn | rm | rd | ra, rd | ra, true
	case OpLDRImm, OpLDRBImm, OpLDRHImm, OpLDRSBImm, OpLDRSHImm, OpLDRT, OpLDRBT, OpLDRHT, OpLDRSBT, OpLDRSHT,
		OpLDREX, OpLDREXB, OpLDREXH:
		return rn, rd | base, true
	case OpLDRReg, OpLDRBReg, OpLDRHReg, OpLDRSBReg, OpLDRSHReg:
		return rn | rm, rd, true
	case OpSTRImm, OpSTRBImm, OpSTRHImm, OpSTRT, OpSTRBT, OpSTRHT:
		return rd | rn, base, true
	case OpSTRReg, OpSTRBReg, OpSTRHReg:
		return rd | rn | rm, 0, true
	case OpLDRD:
		return rn &^ Set(PC), rd | ra | base, true
	case OpSTRD:
		return rd | ra | rn, base, true
	case OpSTREX, OpSTREXB, OpSTREXH:
		return rd | rn, ra, true
	case OpLDM, OpLDMDB:
		return rn, Registers(i.Regs) | base, true
	case OpSTM, OpSTMDB:
		return rn | Registers(i.Regs), base, true
	case OpPUSH:
		return Registers(i.Regs) | Set(SP), Set(SP), true
	case OpPOP:
		return Set(SP), Registers(i.Regs) | Set(SP), true
	case OpB:
		return 0, 0, true
	case OpBL:
		return 0, Set(LR), true
	case OpBX:
		return rm, 0, true
	case OpBLX:
		return rm, Set(LR), true
	case OpSVC, OpBKPT: // a handler reads and changes what it likes
		return 0x000f, 0x000f, true
	case OpIT, OpCPS, OpDMB, OpDSB, OpISB, OpNOP, OpYIELD, OpWFE, OpWFI, OpSEV, OpDBG, OpCLREX, OpUDF,
		OpPLDImm, OpPLDLit, OpPLIImm, OpPLILit, OpPLDReg, OpPLIReg:
		return 0, 0, true
	}
	return 0, 0, false
}
