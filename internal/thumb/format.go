package thumb

import (
	"fmt"
	"iter"
	"strings"
)

// Line is one line of a listing.
type Line struct {
	Addr  uint32
	Bytes []byte // part of the code given to Disassemble
	Text  string // mnemonic, tab, operands
	Inst  Inst
}

// Disassemble lists code, which begins at addr, as objdump does: with the
// conditions of IT blocks, and the names that resolve gives to branch targets
// and literals. resolve may be nil and answers "" for an address it does not
// know. An odd last byte is left out.
func Disassemble(addr uint32, code []byte, resolve func(uint32) string) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		var it uint32
		for at, rest := addr, code; len(rest) >= 2; {
			i := decodeAt(rest)
			if int(i.Size) > len(rest) {
				i = Inst{Op: OpUndefined, Size: 2, Cond: AL, Imm: i.Imm >> 16}
			}
			p := printer{inst: i, pc: at, cond: i.Cond, resolve: resolve}
			if it != 0 {
				p.inIT, p.cond = true, Cond(it>>4)
				it = advanceIT(it)
			}
			if i.Op == OpIT {
				it = i.Imm
			}
			if !yield(Line{Addr: at, Bytes: rest[:i.Size], Text: p.text(), Inst: i}) {
				return
			}
			at, rest = at+uint32(i.Size), rest[i.Size:]
		}
	}
}

// advanceIT is ITAdvance (A7.3.3).
func advanceIT(it uint32) uint32 {
	if it&7 == 0 {
		return 0
	}
	return it&0xE0 | it<<1&0x1F
}

// Format returns the UAL text of i at address pc, outside an IT block.
func (i Inst) Format(pc uint32) string {
	return printer{inst: i, pc: pc, cond: i.Cond}.text()
}

// printer prints one instruction in its context.
type printer struct {
	inst    Inst
	pc      uint32
	cond    Cond
	inIT    bool
	resolve func(uint32) string
}

var (
	condNames  = [16]string{"eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "", ""}
	regNames   = [16]string{"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "sl", "fp", "ip", "sp", "lr", "pc"}
	shiftNames = [...]string{LSL: "lsl", LSR: "lsr", ASR: "asr", ROR: "ror", RRX: "rrx"}
)

// name puts a mnemonic together: base, flags, condition, width.
func (p printer) name(base string) string {
	i := p.inst
	if i.SetFlags && !comparison(i.Op) && (!i.ITFlags || !p.inIT) {
		base += "s"
	}
	base += condNames[p.cond&15]
	switch {
	case i.Size == 4 && wide(i):
		base += ".w"
	case i.Size == 2 && i.Op == OpB:
		base += ".n"
	}
	return base
}

func comparison(op Op) bool { return op >= OpTSTImm && op <= OpCMNReg }

// wide reports whether the 32-bit encoding is marked because there is a 16-bit
// one of the same name.
func wide(i Inst) bool {
	switch i.Op {
	case OpANDReg, OpBICReg, OpORRReg, OpEORReg, OpADDImm, OpADDReg, OpADCReg, OpSBCReg, OpSUBImm, OpSUBReg,
		OpMOVImm, OpMOVReg, OpMVNReg, OpTSTReg, OpCMPImm, OpCMPReg, OpCMNReg, OpRSBImm,
		OpLSLReg, OpLSRReg, OpASRReg, OpRORReg,
		OpREV, OpREV16, OpREVSH, OpSXTB, OpSXTH, OpUXTB, OpUXTH,
		OpLDRLit, OpLDRReg, OpLDRBReg, OpLDRHReg, OpLDRSBReg, OpLDRSHReg,
		OpSTRReg, OpSTRBReg, OpSTRHReg, OpB, OpUDF, OpNOP, OpYIELD, OpWFE, OpWFI, OpSEV,
		OpLDRBLit, OpLDRHLit:
		return i.Op != OpMOVReg || i.Shift != RRX
	case OpLDRImm, OpLDRBImm, OpLDRHImm, OpSTRImm, OpSTRBImm, OpSTRHImm:
		return i.Mode == Offset && int32(i.Imm) >= 0
	case OpLDM, OpSTM:
		return true
	}
	return false
}

func (p printer) text() string {
	i := p.inst
	name, operands := p.name(names[i.Op]), ""
	d, n, m := regNames[i.Rd&15], regNames[i.Rn&15], regNames[i.Rm&15]
	switch i.Op {
	case OpMOVReg:
		return p.move()
	case OpANDImm, OpBICImm, OpORRImm, OpORNImm, OpEORImm, OpADDImm, OpADCImm, OpSBCImm, OpSUBImm, OpRSBImm, OpADDW, OpSUBW:
		return p.arithmeticImm()
	case OpMOVImm, OpMVNImm, OpMOVW, OpMOVT:
		operands = fmt.Sprintf("%s, #%d", d, i.Imm)
	case OpTSTImm, OpTEQImm, OpCMPImm, OpCMNImm:
		operands = fmt.Sprintf("%s, #%d", n, i.Imm)
	case OpANDReg, OpBICReg, OpORRReg, OpORNReg, OpEORReg, OpADDReg, OpADCReg, OpSBCReg, OpSUBReg, OpRSBReg:
		operands = p.threeRegisters(d, n, m) + p.shifted()
	case OpMVNReg:
		operands = d + ", " + m + p.shifted()
	case OpTSTReg, OpTEQReg, OpCMPReg, OpCMNReg:
		operands = n + ", " + m + p.shifted()
	case OpLSLReg, OpLSRReg, OpASRReg, OpRORReg:
		operands = p.threeRegisters(d, n, m)
	case OpADR:
		return p.adr()
	case OpBFC:
		operands = fmt.Sprintf("%s, #%d, #%d", d, i.Amount, i.Imm)
	case OpBFI, OpSBFX, OpUBFX:
		operands = fmt.Sprintf("%s, %s, #%d, #%d", d, n, i.Amount, i.Imm)
	case OpSSAT, OpUSAT:
		operands = fmt.Sprintf("%s, #%d, %s%s", d, i.Imm, m, p.shifted())
	case OpSXTB, OpSXTH, OpUXTB, OpUXTH:
		operands = d + ", " + m
		if i.Amount != 0 {
			operands += fmt.Sprintf(", ror #%d", i.Amount)
		}
	case OpREV, OpREV16, OpREVSH, OpRBIT, OpCLZ:
		operands = d + ", " + m
	case OpMUL:
		operands = d + ", " + n + ", " + m
		if i.Size == 2 {
			operands = d + ", " + n
		}
	case OpSDIV, OpUDIV:
		operands = d + ", " + n + ", " + m
	case OpMLA, OpMLS:
		operands = d + ", " + n + ", " + m + ", " + regNames[i.Ra&15]
	case OpSMULL, OpUMULL, OpSMLAL, OpUMLAL:
		operands = d + ", " + regNames[i.Ra&15] + ", " + n + ", " + m
	case OpB, OpBL:
		operands = p.target()
	case OpCBZ, OpCBNZ:
		operands = n + ", " + p.target()
	case OpBX, OpBLX:
		operands = m
	case OpTBB:
		operands = "[" + n + ", " + m + "]"
	case OpTBH:
		operands = "[" + n + ", " + m + ", lsl #1]"
	default:
		if i.Op >= OpLDRImm && i.Op <= OpSTREXH || i.Op >= OpPLDImm && i.Op <= OpPLILit {
			return p.memory()
		}
		return p.system()
	}
	return name + "\t" + operands
}

func (p printer) arithmeticImm() string {
	i := p.inst
	base := names[i.Op]
	d, n := regNames[i.Rd&15], regNames[i.Rn&15]
	if i.Op == OpRSBImm && i.Size == 2 {
		return p.name("neg") + "\t" + d + ", " + n
	}
	if i.Size == 2 && i.Rd == i.Rn {
		return p.name(base) + "\t" + fmt.Sprintf("%s, #%d", d, i.Imm)
	}
	return p.name(base) + "\t" + fmt.Sprintf("%s, %s, #%d", d, n, i.Imm)
}

func (p printer) threeRegisters(d, n, m string) string {
	i := p.inst
	if i.Size == 2 && i.Rd == i.Rn && (i.Op != OpADDReg && i.Op != OpSUBReg || !i.SetFlags) {
		return d + ", " + m
	}
	return d + ", " + n + ", " + m
}

// shifted is the shift behind a register operand.
func (p printer) shifted() string {
	switch i := p.inst; i.Shift {
	case ShiftNone:
		return ""
	case RRX:
		return ", rrx"
	default:
		return fmt.Sprintf(", %s #%d", shiftNames[i.Shift], i.Amount)
	}
}

func (p printer) move() string {
	i := p.inst
	d, m := regNames[i.Rd&15], regNames[i.Rm&15]
	switch i.Shift {
	case ShiftNone:
		if i.Size == 2 && i.Rd == 8 && i.Rm == 8 {
			return p.name("nop") // what assemblers pad with
		}
		return p.name("mov") + "\t" + d + ", " + m
	case RRX:
		return p.name("rrx") + "\t" + d + ", " + m
	}
	return p.name(shiftNames[i.Shift]) + "\t" + fmt.Sprintf("%s, %s, #%d", d, m, i.Amount)
}

func (p printer) adr() string {
	i := p.inst
	d := regNames[i.Rd&15]
	at := p.address((p.pc+4)&^3 + i.Imm)
	switch {
	case i.Size == 2:
		return p.name("add") + fmt.Sprintf("\t%s, pc, #%d\t@ (%s)", d, i.Imm, at)
	case i.Mode == PreIndex:
		return p.name("subw") + fmt.Sprintf("\t%s, pc, #%d\t@ (%s)", d, -i.Imm, at)
	}
	return p.name("addw") + fmt.Sprintf("\t%s, pc, #%d\t@ (%s)", d, i.Imm, at)
}

func (p printer) target() string {
	to, _ := p.inst.BranchTarget(p.pc)
	return p.address(to)
}

// address prints an address and its name.
func (p printer) address(a uint32) string {
	s := fmt.Sprintf("0x%08x", a)
	if p.resolve != nil {
		if name := p.resolve(a); name != "" {
			s += " <" + name + ">"
		}
	}
	return s
}

func registerList(regs uint16) string {
	var b strings.Builder
	b.WriteByte('{')
	for n := range 16 {
		if regs>>n&1 == 1 {
			if b.Len() > 1 {
				b.WriteString(", ")
			}
			b.WriteString(regNames[n])
		}
	}
	b.WriteByte('}')
	return b.String()
}
