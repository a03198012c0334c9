// Package thumb decodes, encodes and prints the Thumb-2 instructions of
// ARMv7-M (ARM DDI 0403E, chapter A5 and A7). It is the only decoder of the
// program: the simulated core executes its [Inst] values, the linker patches
// branches and immediates with its encoders, and listings print its text.
//
// The package is pure: no I/O, no state, safe for concurrent use.
package thumb

// Inst is one decoded instruction. It is a small plain value, made to be kept
// in arrays and switched on by [Inst.Op]. Which fields are meaningful depends
// on Op; the others are zero.
type Inst struct {
	// Imm is the immediate: a constant, a branch or address offset (two's
	// complement, relative to the PC as the instruction reads it), a width,
	// a saturation limit, the IT state, or the raw encoding for OpCoproc,
	// OpUDF, OpUndefined.
	Imm uint32
	Op  Op
	// Size is the length in bytes, 2 or 4.
	Size uint8
	// Cond is the condition of a conditional branch, AL for everything else.
	// What an IT block adds is not part of the encoding.
	Cond Cond
	// Rd is the destination, or Rt of loads and stores.
	Rd uint8
	// Rn is the first operand or the base register.
	Rn uint8
	// Rm is the second operand or the index register.
	Rm uint8
	// Ra is the accumulator, RdHi of long multiplies, or Rt2 of LDRD and STRD.
	Ra uint8
	// Shift and Amount are applied to Rm. Amount is also the lsb of bit fields,
	// the rotation of extends, and the mask of MSR.
	Shift  Shift
	Amount uint8
	// Mode says how loads and stores use Rn and Imm.
	Mode Mode
	// SetFlags is set when the instruction sets the condition flags outside
	// an IT block.
	SetFlags bool
	// ITFlags is set for the 16-bit encodings that set the flags outside an
	// IT block but do not inside one.
	ITFlags bool
	// Regs is the register list of block transfers, bit n for register n.
	Regs uint16
}

// Mode is an addressing mode.
type Mode uint8

// Addressing modes of loads and stores with an immediate offset.
const (
	Offset    Mode = iota // [Rn, #imm]
	PreIndex              // [Rn, #imm]!
	PostIndex             // [Rn], #imm
)

// Shift is a shift kind.
type Shift uint8

// Shift kinds. ShiftNone means that the operand is used as it stands and the
// carry is kept; a decoded LSL always has an amount of at least one.
const (
	ShiftNone Shift = iota
	LSL
	LSR
	ASR
	ROR
	RRX
)

// Cond is a condition code (A7.3).
type Cond uint8

// Condition codes.
const (
	EQ Cond = iota
	NE
	CS
	CC
	MI
	PL
	VS
	VC
	HI
	LS
	GE
	LT
	GT
	LE
	AL
)

// Register numbers with a role.
const (
	SP = 13
	LR = 14
	PC = 15
)

// BranchTarget returns where the direct branch i at address pc goes, without
// the Thumb bit. It is false for everything that is not a direct branch.
func (i Inst) BranchTarget(pc uint32) (uint32, bool) {
	switch i.Op {
	case OpB, OpBL, OpCBZ, OpCBNZ:
		return pc + 4 + i.Imm, true
	}
	return 0, false
}

// EndsFlow reports whether control never continues behind i when i is executed
// unconditionally: branches without link, returns, loads of the PC, UDF.
func (i Inst) EndsFlow() bool {
	switch i.Op {
	case OpB:
		return i.Cond == AL
	case OpBX, OpTBB, OpTBH, OpUDF, OpUndefined:
		return true
	case OpPOP, OpLDM, OpLDMDB:
		return i.Regs&(1<<PC) != 0
	case OpLDRImm, OpLDRReg, OpLDRLit, OpMOVReg, OpADDReg:
		return i.Rd == PC
	}
	return false
}
