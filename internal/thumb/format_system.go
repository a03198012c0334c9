package thumb

import "fmt"

// memory prints loads, stores and preload hints.
func (p printer) memory() string {
	i := p.inst
	name := p.name(names[i.Op])
	d, n, a := regNames[i.Rd&15], regNames[i.Rn&15], regNames[i.Ra&15]
	switch i.Op {
	case OpLDM, OpLDMDB, OpSTM, OpSTMDB:
		if i.Mode != Offset {
			n += "!"
		}
		return name + "\t" + n + ", " + registerList(i.Regs)
	case OpPUSH, OpPOP:
		return name + "\t" + registerList(i.Regs)
	case OpLDRD, OpSTRD:
		return name + "\t" + d + ", " + a + ", " + p.place()
	case OpLDREX, OpLDREXB, OpLDREXH:
		return name + "\t" + d + ", " + p.place()
	case OpSTREX, OpSTREXB, OpSTREXH:
		return name + "\t" + a + ", " + d + ", " + p.place()
	case OpPLDImm, OpPLDReg, OpPLDLit, OpPLIImm, OpPLIReg, OpPLILit:
		return name + "\t" + p.place()
	}
	return name + "\t" + d + ", " + p.place()
}

// place prints the address operand of a load or store.
func (p printer) place() string {
	i := p.inst
	n := regNames[i.Rn&15]
	switch i.Op {
	case OpLDRReg, OpLDRBReg, OpLDRHReg, OpLDRSBReg, OpLDRSHReg, OpSTRReg, OpSTRBReg, OpSTRHReg, OpPLDReg, OpPLIReg:
		if i.Size == 4 && i.Amount != 0 {
			return fmt.Sprintf("[%s, %s, lsl #%d]", n, regNames[i.Rm&15], i.Amount)
		}
		return "[" + n + ", " + regNames[i.Rm&15] + "]"
	case OpLDRLit, OpLDRBLit, OpLDRHLit, OpLDRSBLit, OpLDRSHLit, OpPLDLit, OpPLILit:
		offset := fmt.Sprintf("#%d", int32(i.Imm))
		if i.Imm == 0 && i.Mode == PreIndex {
			offset = "#-0"
		}
		return "[pc, " + offset + "]\t@ (" + p.address((p.pc+4)&^3+i.Imm) + ")"
	}
	offset := fmt.Sprintf(", #%d", int32(i.Imm))
	switch i.Mode {
	case PreIndex:
		return "[" + n + offset + "]!"
	case PostIndex:
		return "[" + n + "]" + offset
	}
	if i.Imm == 0 && i.Size == 4 {
		offset = ""
	}
	return "[" + n + offset + "]"
}

var specialNames = map[uint32]string{
	0: "CPSR", 1: "IAPSR", 2: "EAPSR", 3: "PSR", 5: "IPSR", 6: "EPSR", 7: "IEPSR", 8: "MSP", 9: "PSP",
	sysPRIMASK: "PRIMASK", sysBASEPRI: "BASEPRI", sysBASEPRIMAX: "BASEPRI_MAX", sysFAULTMASK: "FAULTMASK", sysCONTROL: "CONTROL",
}

// Special register numbers (B5.1.1).
const (
	sysPRIMASK    = 16
	sysBASEPRI    = 17
	sysBASEPRIMAX = 18
	sysFAULTMASK  = 19
	sysCONTROL    = 20
)

func specialName(n uint32) string {
	if s := specialNames[n]; s != "" {
		return s
	}
	return fmt.Sprintf("(UNDEF: %d)", n)
}

// system prints what has neither data nor memory operands.
func (p printer) system() string {
	i := p.inst
	name := p.name(names[i.Op])
	switch i.Op {
	case OpIT:
		return itName(i.Imm) + "\t" + condNames[i.Imm>>4&15]
	case OpSVC:
		return fmt.Sprintf("%s\t%d", name, i.Imm)
	case OpBKPT:
		return fmt.Sprintf("bkpt\t0x%04x", i.Imm)
	case OpUDF:
		return fmt.Sprintf("%s\t#%d", name, i.Imm)
	case OpDBG:
		return fmt.Sprintf("%s\t#%d", name, i.Imm)
	case OpCPS:
		effect, masks := "cpsie", ""
		if i.Imm&0x10 != 0 {
			effect = "cpsid"
		}
		for n, m := range []string{"f", "i", "a"} {
			if i.Imm>>n&1 == 1 {
				masks = m + masks
			}
		}
		return effect + "\t" + masks
	case OpMRS:
		return name + "\t" + regNames[i.Rd&15] + ", " + specialName(i.Imm)
	case OpMSR:
		special := specialName(i.Imm)
		if i.Imm < 4 {
			special += map[uint8]string{1: "_s", 2: "_f", 3: "_fs"}[i.Amount]
		}
		return name + "\t" + special + ", " + regNames[i.Rn&15]
	case OpDMB, OpDSB, OpISB:
		option := fmt.Sprintf("#%d", i.Imm)
		if s, ok := barrierNames[i.Imm]; ok && (i.Op != OpISB || i.Imm == 15) {
			option = s
		}
		return name + "\t" + option
	case OpCoproc:
		return fmt.Sprintf(".inst.w\t0x%08x\t@ coprocessor", i.Imm)
	case OpUndefined:
		if i.Size == 4 {
			return fmt.Sprintf(".inst.w\t0x%08x\t@ undefined", i.Imm)
		}
		return fmt.Sprintf(".inst.n\t0x%04x\t@ undefined", i.Imm)
	}
	return name
}

var barrierNames = map[uint32]string{2: "oshst", 3: "osh", 6: "unst", 7: "un", 10: "ishst", 11: "ish", 14: "st", 15: "sy"}

// itName gives IT its then and else letters.
func itName(state uint32) string {
	name := "it"
	first := state >> 4 & 1
	for mask := state & 15; mask&7 != 0; mask <<= 1 {
		if mask>>3&1 == first {
			name += "t"
		} else {
			name += "e"
		}
	}
	return name
}

var names = [NumOps]string{
	OpANDImm: "and", OpANDReg: "and", OpBICImm: "bic", OpBICReg: "bic", OpORRImm: "orr", OpORRReg: "orr",
	OpORNImm: "orn", OpORNReg: "orn", OpEORImm: "eor", OpEORReg: "eor", OpADDImm: "add", OpADDReg: "add",
	OpADCImm: "adc", OpADCReg: "adc", OpSBCImm: "sbc", OpSBCReg: "sbc", OpSUBImm: "sub", OpSUBReg: "sub",
	OpRSBImm: "rsb", OpRSBReg: "rsb", OpMOVImm: "mov", OpMOVReg: "mov", OpMVNImm: "mvn", OpMVNReg: "mvn",
	OpTSTImm: "tst", OpTSTReg: "tst", OpTEQImm: "teq", OpTEQReg: "teq", OpCMPImm: "cmp", OpCMPReg: "cmp",
	OpCMNImm: "cmn", OpCMNReg: "cmn", OpLSLReg: "lsl", OpLSRReg: "lsr", OpASRReg: "asr", OpRORReg: "ror",
	OpMOVW: "movw", OpMOVT: "movt", OpADDW: "addw", OpSUBW: "subw", OpADR: "adr",
	OpBFC: "bfc", OpBFI: "bfi", OpSBFX: "sbfx", OpUBFX: "ubfx", OpSSAT: "ssat", OpUSAT: "usat",
	OpSXTB: "sxtb", OpSXTH: "sxth", OpUXTB: "uxtb", OpUXTH: "uxth",
	OpREV: "rev", OpREV16: "rev16", OpREVSH: "revsh", OpRBIT: "rbit", OpCLZ: "clz",
	OpMUL: "mul", OpMLA: "mla", OpMLS: "mls", OpSMULL: "smull", OpUMULL: "umull", OpSMLAL: "smlal", OpUMLAL: "umlal",
	OpSDIV: "sdiv", OpUDIV: "udiv",
	OpLDRImm: "ldr", OpLDRReg: "ldr", OpLDRLit: "ldr", OpLDRBImm: "ldrb", OpLDRBReg: "ldrb", OpLDRBLit: "ldrb",
	OpLDRHImm: "ldrh", OpLDRHReg: "ldrh", OpLDRHLit: "ldrh", OpLDRSBImm: "ldrsb", OpLDRSBReg: "ldrsb", OpLDRSBLit: "ldrsb",
	OpLDRSHImm: "ldrsh", OpLDRSHReg: "ldrsh", OpLDRSHLit: "ldrsh",
	OpSTRImm: "str", OpSTRReg: "str", OpSTRBImm: "strb", OpSTRBReg: "strb", OpSTRHImm: "strh", OpSTRHReg: "strh",
	OpLDRT: "ldrt", OpLDRBT: "ldrbt", OpLDRHT: "ldrht", OpLDRSBT: "ldrsbt", OpLDRSHT: "ldrsht",
	OpSTRT: "strt", OpSTRBT: "strbt", OpSTRHT: "strht", OpLDRD: "ldrd", OpSTRD: "strd",
	OpLDM: "ldmia", OpLDMDB: "ldmdb", OpSTM: "stmia", OpSTMDB: "stmdb", OpPUSH: "push", OpPOP: "pop",
	OpLDREX: "ldrex", OpLDREXB: "ldrexb", OpLDREXH: "ldrexh", OpSTREX: "strex", OpSTREXB: "strexb", OpSTREXH: "strexh",
	OpCLREX: "clrex", OpB: "b", OpBL: "bl", OpBX: "bx", OpBLX: "blx", OpCBZ: "cbz", OpCBNZ: "cbnz", OpTBB: "tbb", OpTBH: "tbh",
	OpSVC: "svc", OpMRS: "mrs", OpMSR: "msr", OpDMB: "dmb", OpDSB: "dsb", OpISB: "isb",
	OpNOP: "nop", OpYIELD: "yield", OpWFE: "wfe", OpWFI: "wfi", OpSEV: "sev", OpDBG: "dbg",
	OpPLDImm: "pld", OpPLDReg: "pld", OpPLDLit: "pld", OpPLIImm: "pli", OpPLIReg: "pli", OpPLILit: "pli",
	OpUDF: "udf",
}
