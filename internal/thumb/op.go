package thumb

// Op says what an instruction does. Forms that an interpreter executes in
// different ways have different values: Imm takes Inst.Imm as its last operand,
// Reg takes Rm shifted by Inst.Shift, Lit addresses relative to the PC.
type Op uint8

// Operations. The zero Op is never decoded, so that it can mark an empty entry
// of a cache.
const (
	_           Op = iota
	OpUndefined    // no instruction of ARMv7-M
	OpUDF          // permanently undefined

	// Data processing; the last operand is Imm or shifted Rm.
	OpANDImm
	OpANDReg
	OpBICImm
	OpBICReg
	OpORRImm
	OpORRReg
	OpORNImm
	OpORNReg
	OpEORImm
	OpEORReg
	OpADDImm
	OpADDReg
	OpADCImm
	OpADCReg
	OpSBCImm
	OpSBCReg
	OpSUBImm
	OpSUBReg
	OpRSBImm
	OpRSBReg
	OpMOVImm
	OpMOVReg // also LSL, LSR, ASR, ROR, RRX by a constant
	OpMVNImm
	OpMVNReg
	OpTSTImm
	OpTSTReg
	OpTEQImm
	OpTEQReg
	OpCMPImm
	OpCMPReg
	OpCMNImm
	OpCMNReg

	// Shifts of Rn by the bottom byte of Rm.
	OpLSLReg
	OpLSRReg
	OpASRReg
	OpRORReg

	// Plain immediates.
	OpMOVW
	OpMOVT
	OpADDW // add a 12-bit constant, no flags
	OpSUBW
	OpADR // Imm is signed

	// Bit fields (lsb in Amount, width in Imm), saturation (limit in Imm),
	// extension (rotation in Amount), bit reversal.
	OpBFC
	OpBFI
	OpSBFX
	OpUBFX
	OpSSAT
	OpUSAT
	OpSXTB
	OpSXTH
	OpUXTB
	OpUXTH
	OpREV
	OpREV16
	OpREVSH
	OpRBIT
	OpCLZ

	// Multiplication and division. RdLo of the long forms is Rd, RdHi is Ra.
	OpMUL
	OpMLA
	OpMLS
	OpSMULL
	OpUMULL
	OpSMLAL
	OpUMLAL
	OpSDIV
	OpUDIV

	// Loads and stores of Rd.
	OpLDRImm
	OpLDRReg
	OpLDRLit
	OpLDRBImm
	OpLDRBReg
	OpLDRBLit
	OpLDRHImm
	OpLDRHReg
	OpLDRHLit
	OpLDRSBImm
	OpLDRSBReg
	OpLDRSBLit
	OpLDRSHImm
	OpLDRSHReg
	OpLDRSHLit
	OpSTRImm
	OpSTRReg
	OpSTRBImm
	OpSTRBReg
	OpSTRHImm
	OpSTRHReg
	OpLDRT // unprivileged forms, Imm offset
	OpLDRBT
	OpLDRHT
	OpLDRSBT
	OpLDRSHT
	OpSTRT
	OpSTRBT
	OpSTRHT

	// Two registers, Rd and Ra; Rn is the PC for a literal LDRD.
	OpLDRD
	OpSTRD

	// Block transfers. Mode is PreIndex when Rn is written back.
	OpLDM
	OpLDMDB
	OpSTM
	OpSTMDB
	OpPUSH // 16-bit encodings only
	OpPOP

	// Exclusives. The status of a store goes to Ra.
	OpLDREX
	OpLDREXB
	OpLDREXH
	OpSTREX
	OpSTREXB
	OpSTREXH
	OpCLREX

	// Branches.
	OpB // with Cond
	OpBL
	OpBX
	OpBLX
	OpCBZ
	OpCBNZ
	OpTBB
	OpTBH

	// System.
	OpIT // Imm is the new ITSTATE
	OpSVC
	OpBKPT
	OpCPS // Imm bit 4 set disables; bit 1 is PRIMASK, bit 0 FAULTMASK
	OpMRS // special register number in Imm
	OpMSR // the same, mask in Amount
	OpDMB
	OpDSB
	OpISB

	// Hints.
	OpNOP
	OpYIELD
	OpWFE
	OpWFI
	OpSEV
	OpDBG
	OpPLDImm
	OpPLDReg
	OpPLDLit
	OpPLIImm
	OpPLIReg
	OpPLILit

	// A coprocessor instruction, floating point included; raw in Imm.
	OpCoproc

	// NumOps is the number of operations: values from here on are free for
	// an interpreter's own use.
	NumOps
)
