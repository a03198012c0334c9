package cortexm

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"strings"

	"github.com/fpbls/fpbls/internal/thumb"
)

// Where the judge's programs live, on our core and on QEMU's mps2-an385.
const (
	codeBase = 0x00010000
	codeSize = 0x00100000
	dataBase = 0x20000800
	dataSize = 0x00000800
)

// patterns are the encodings of A5.2 and A5.3, x for a random bit. Each line is
// chosen equally often.
var patterns = strings.Fields(`
000xxxxxxxxxxxxx 001xxxxxxxxxxxxx 010000xxxxxxxxxx 010000xxxxxxxxxx 010001xxxxxxxxxx 01001xxxxxxxxxxx
0101xxxxxxxxxxxx 011xxxxxxxxxxxxx 1000xxxxxxxxxxxx 1001xxxxxxxxxxxx 1010xxxxxxxxxxxx 10110000xxxxxxxx
1011x0x1xxxxxxxx 10110010xxxxxxxx 1011x10xxxxxxxxx 10110110011x00xx 10111010xxxxxxxx 10111111xxxxxxxx
1100xxxxxxxxxxxx 1101xxxxxxxxxxxx 11011111xxxxxxxx 11011110xxxxxxxx 11100xxxxxxxxxxx
1110100xx0xxxxxxxxxxxxxxxxxxxxxx 1110100xx1xxxxxxxxxxxxxxxxxxxxxx 11101000010xxxxxxxxx1111xxxxxxxx
111010001100xxxxxxxx1111010xxxxx 111010001101xxxxxxxx1111010x1111 111010001101xxxx11110000000xxxxx
1110101xxxxxxxxx0xxxxxxxxxxxxxxx 1110101xxxxxxxxx0xxxxxxxxxxxxxxx 1110101xxxx111110xxxxxxxxxxxxxxx 1110101xxxx1xxxx0xxx1111xxxxxxxx
11110x0xxxxxxxxx0xxxxxxxxxxxxxxx 11110x0xxxxxxxxx0xxxxxxxxxxxxxxx 11110x0xxxx111110xxxxxxxxxxxxxxx 11110x0xxxx1xxxx0xxx1111xxxxxxxx
11110x1xxxxxxxxx0xxxxxxxxxxxxxxx 1111001101x0xxxx0xxxxxxxxxxxxxxx 11110011011011110xxxxxxxxxxxxxxx 111100111x00xxxx0xxxxxxxxxxxxxxx 11110011001x0xxx0xxxxxxxxx0xxxxx
11110011101x0xxx0xxxxxxxxx0xxxxx 11110x10x1x0xxxx0xxxxxxxxxxxxxxx 11110x10x0x011110xxxxxxxxxxxxxxx
11110xxxxxxxxxxx1xxxxxxxxxxxxxxx 111100111000xxxx100010000000000x 111100111000xxxx10000x00000xxxxx 11110011111011111000xxxx000xxxxx
111100111011111110001111010xxxxx 11110011101111111000111100101111 111100111011111110001111011xxxxx 111100111010111110000000xxxxxxxx 11110111111100001010xxxxxxxxxxxx
1111100xxxxxxxxxxxxxxxxxxxxxxxxx 1111100xxxxxxxxxxxxx000000xxxxxx 1111100xxxxxxxxxxxxx1xxxxxxxxxxx 1111100xxxxxxxxxxxxx1110xxxxxxxx 1111100xxxx11111xxxxxxxxxxxxxxxx 1111100xxxx1xxxx1111xxxxxxxxxxxx 1111100x0xx1xxxx1111000000xxxxxx
111110000x00xxxxxxxxxxxxxxxxxxxx 11111000x100xxxxxxxxxxxxxxxxxxxx
111110100xxxxxxx1111xxxx0000xxxx 111110100x0x11111111xxxx10xxxxxx 111110100x0x11111111xxxx10xxxxxx
111110101001xxxx1111xxxx10xxxxxx 111110101011xxxx1111xxxx1000xxxx
111110110000xxxxxxxxxxxx000xxxxx 111110110000xxxx1111xxxx0000xxxx 111110111xx0xxxxxxxxxxxx0000xxxx 1111101110x1xxxx1111xxxx1111xxxx
1110111xxxxxxxxxxxxxxxxxxxxxxxxx
`)

// randomEncoding fills in a pattern.
func randomEncoding(r *rand.Rand) (hw1, hw2 uint16) {
	p := patterns[r.IntN(len(patterns))]
	var v uint32
	for i := range len(p) {
		b := uint32(p[i] - '0')
		if p[i] == 'x' {
			b = r.Uint32() & 1
		}
		v = v<<1 | b
	}
	if len(p) == 16 {
		return uint16(v), 0
	}
	if v>>25 == 0x7D && v>>23&1 == 1 {
		v = v&^0xF0000 | v&15<<16 // REV, CLZ: Rm stands twice
	}
	return uint16(v >> 16), uint16(v)
}

// interesting values for registers and memory.
func randomWord(r *rand.Rand) uint32 {
	switch r.IntN(8) {
	case 0:
		return uint32(r.IntN(4)) - 1
	case 1:
		return 1 << r.IntN(32)
	case 2:
		return 1<<r.IntN(32) - 1
	case 3:
		return uint32(int8(r.Uint32()))
	case 4:
		return 0x7FFFFFFE + uint32(r.IntN(4))
	}
	return r.Uint32()
}

// generator writes a program while our core executes it, so that every
// address and branch is valid.
type generator struct {
	r    *rand.Rand
	core *Core
	end  uint32 // first address behind all code written so far
	seen map[thumb.Op]int
	list []executed
}

// executed is one instruction and our state behind it.
type executed struct {
	addr  uint32
	code  []byte
	after machine
}

func (g *generator) state() machine {
	m := machine{XPSR: g.core.XPSR()}
	for i := range m.R {
		m.R[i] = g.core.Reg(i)
	}
	return m
}

// emit writes one instruction at the PC and executes it.
func (g *generator) emit(hw1, hw2 uint16) {
	in := thumb.Decode(hw1, hw2)
	b := binary.LittleEndian.AppendUint16(nil, hw1)
	if in.Size == 4 {
		b = binary.LittleEndian.AppendUint16(b, hw2)
	}
	pc := g.core.pc
	g.core.WriteMemory(pc, b)
	g.end = max(g.end, pc+uint32(len(b)))
	g.seen[in.Op]++
	g.core.Run(g.core.Cycles() + 1)
	g.core.attend(g.core.Cycles() + 1) // enter a pending exception, as QEMU's step does
	g.core.kick()
	g.list = append(g.list, executed{pc, b, g.state()})
}

func (g *generator) emit32(v uint32) { g.emit(uint16(v>>16), uint16(v)) }

// set emits MOVW and MOVT.
func (g *generator) set(reg uint8, v uint32) {
	for i, half := range []uint32{v & 0xFFFF, v >> 16} {
		g.emit32(0xF2400000 | uint32(i)<<23 | half>>12<<16 | half>>11&1<<26 | half>>8&7<<12 | uint32(reg)<<8 | half&0xFF)
	}
}

// setPointer makes a base register point into the data.
func (g *generator) setPointer(reg uint8) {
	addr := dataBase + dataSize/2 + uint32(g.r.IntN(512))
	if g.r.IntN(4) != 0 {
		addr &^= 3
	}
	if g.r.IntN(8) == 0 {
		addr = 0x22000000 + (addr&^3-0x20000000)*32 // bit-band alias
	}
	if reg != thumb.SP {
		g.set(reg, addr)
		return
	}
	g.set(0, (dataBase+dataSize/2)+uint32(g.r.IntN(128))*4)
	g.emit(0x4685, 0) // mov sp, r0
}

// next emits one random instruction, with preparations when it needs some.
func (g *generator) next() {
	for {
		hw1, hw2 := randomEncoding(g.r)
		in := thumb.Decode(hw1, hw2)
		if unpredictable(in, hw1, hw2) || !g.allowed(in) {
			continue
		}
		if g.core.it != 0 {
			if needsPointer(in) && !g.accessOK(in) {
				continue
			}
			g.emit(hw1, hw2)
			return
		}
		switch in.Op {
		case thumb.OpBX, thumb.OpBLX:
			g.prepareTarget(in.Rm)
		case thumb.OpMOVReg, thumb.OpADDReg:
			if in.Rd == thumb.PC {
				if in.Op == thumb.OpADDReg || in.Rm == thumb.PC {
					continue
				}
				g.prepareTarget(in.Rm)
			}
		case thumb.OpSTREX, thumb.OpSTREXB, thumb.OpSTREXH:
			// Only a pair can succeed; QEMU compares the address.
			if !g.preparePointer(in) {
				continue
			}
			g.loadExclusiveFor(in)
		case thumb.OpTBB, thumb.OpTBH:
			g.set(in.Rm, uint32(g.r.IntN(64)))
		}
		if needsPointer(in) && !g.preparePointer(in) {
			continue
		}
		if b, ok := branchForm(in); ok {
			if hw1, hw2, ok = g.branch(b, hw1, hw2); !ok {
				continue
			}
		}
		if in.Op == thumb.OpCBZ || in.Op == thumb.OpCBNZ {
			if target, _ := in.BranchTarget(g.core.pc); target < g.core.pc+2 {
				continue
			}
		}
		g.emit(hw1, hw2)
		return
	}
}

// loadExclusiveFor emits the load that belongs to a store exclusive.
func (g *generator) loadExclusiveFor(in thumb.Inst) {
	free := uint32(0)
	for free == uint32(in.Rn) || free == uint32(in.Rd) {
		free++
	}
	rn := uint32(in.Rn)
	switch in.Op {
	case thumb.OpSTREX:
		g.emit32(0xE8500F00 | rn<<16 | free<<12 | in.Imm>>2)
	case thumb.OpSTREXB:
		g.emit32(0xE8D00F4F | rn<<16 | free<<12)
	default:
		g.emit32(0xE8D00F5F | rn<<16 | free<<12)
	}
}

// prepareTarget makes a register hold an address behind all code so far.
func (g *generator) prepareTarget(reg uint8) {
	target := g.end + 64 + uint32(g.r.IntN(200))*2
	if reg == thumb.SP || reg == thumb.PC {
		return
	}
	g.set(reg, target|1)
}

func branchForm(in thumb.Inst) (thumb.Branch, bool) {
	switch {
	case in.Op == thumb.OpBL:
		return thumb.BranchCall, true
	case in.Op != thumb.OpB:
		return 0, false
	case in.Size == 4 && in.Cond == thumb.AL:
		return thumb.BranchJump24, true
	case in.Size == 4:
		return thumb.BranchJump19, true
	case in.Cond == thumb.AL:
		return thumb.BranchJump11, true
	}
	return thumb.BranchJump8, true
}

// branch gives a direct branch a target behind all code so far.
func (g *generator) branch(b thumb.Branch, hw1, hw2 uint16) (uint16, uint16, bool) {
	_, reach := b.Reach()
	offset := int32(max(g.end, g.core.pc)-g.core.pc) + g.r.Int32N(600)&^1
	if offset > reach {
		return 0, 0, false
	}
	place := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, hw1), hw2)
	if thumb.PutBranch(place, b, offset) != nil {
		panic("branch does not fit")
	}
	return binary.LittleEndian.Uint16(place), binary.LittleEndian.Uint16(place[2:]), true
}

// allowed keeps out what would end the program or what QEMU cannot step.
func (g *generator) allowed(in thumb.Inst) bool {
	inIT := g.core.it != 0
	switch in.Op {
	case thumb.OpWFI, thumb.OpWFE, thumb.OpYIELD, thumb.OpBKPT, thumb.OpDBG, thumb.OpUndefined:
		return false
	case thumb.OpSVC, thumb.OpUDF, thumb.OpCoproc:
		// QEMU says UNDEFINSTR for coprocessors 10 and 11 on a core without
		// floating point, where the manual says NOCP (B1.5.14).
		if in.Op == thumb.OpCoproc && in.Imm>>9&7 == 5 {
			return false
		}
		// A fault in a handler would lock up, which ends QEMU.
		return g.core.ipsr == 0 && g.core.priority() > 0 && !inIT && g.stackOK() && g.r.IntN(6) == 0
	case thumb.OpIT:
		return !inIT
	case thumb.OpCPS:
		return !inIT && in.Imm&7 != 0 && g.r.IntN(4) == 0
	case thumb.OpB, thumb.OpBL, thumb.OpBX, thumb.OpBLX, thumb.OpCBZ, thumb.OpCBNZ, thumb.OpTBB, thumb.OpTBH:
		if (in.Op == thumb.OpBX || in.Op == thumb.OpBLX) && (in.Rm == thumb.SP || in.Rm == thumb.PC) {
			return false
		}
		return !inIT
	case thumb.OpSTREX, thumb.OpSTREXB, thumb.OpSTREXH, thumb.OpLDREX, thumb.OpLDREXB, thumb.OpLDREXH, thumb.OpMSR:
		return !inIT
	case thumb.OpMOVReg, thumb.OpADDReg:
		return !inIT || in.Rd != thumb.PC
	case thumb.OpSDIV, thumb.OpUDIV:
		// May fault when CCR.DIV_0_TRP is set.
		return g.core.scb.ccr&ccrDivTrap == 0 || g.core.r[in.Rm] != 0 ||
			g.core.ipsr == 0 && g.core.priority() > 0 && !inIT && g.stackOK()
	}
	return true
}

// stackOK reports whether an exception frame fits into the data.
func (g *generator) stackOK() bool {
	sp := g.core.r[thumb.SP]
	return sp >= dataBase+64 && sp <= dataBase+dataSize
}

func needsPointer(in thumb.Inst) bool {
	return in.Op >= thumb.OpLDRImm && in.Op <= thumb.OpSTREXH || in.Op == thumb.OpTBB || in.Op == thumb.OpTBH
}

// preparePointer sets base and index so that the access is to the data. It is
// false when the instruction cannot be helped.
func (g *generator) preparePointer(in thumb.Inst) bool {
	if g.accessOK(in) {
		return true
	}
	if in.Rn == thumb.PC {
		return false
	}
	if usesIndex(in) {
		if in.Rm == in.Rn || in.Rm == thumb.SP {
			return false
		}
		g.set(in.Rm, uint32(g.r.IntN(64)))
	}
	for range 8 {
		g.setPointer(in.Rn)
		if g.accessOK(in) {
			return true
		}
	}
	return false
}

func usesIndex(in thumb.Inst) bool {
	switch in.Op {
	case thumb.OpLDRReg, thumb.OpLDRBReg, thumb.OpLDRHReg, thumb.OpLDRSBReg, thumb.OpLDRSHReg,
		thumb.OpSTRReg, thumb.OpSTRBReg, thumb.OpSTRHReg, thumb.OpTBB, thumb.OpTBH:
		return true
	}
	return false
}

// accessOK reports whether the data access of in, with the registers as they
// are, is one that both sides define.
func (g *generator) accessOK(in thumb.Inst) bool {
	c := g.core
	base := c.r[in.Rn]
	if in.Rn == thumb.PC {
		base = (c.pc + 4) &^ 3
		if in.Op == thumb.OpTBB || in.Op == thumb.OpTBH {
			base = c.pc + 4
		}
	}
	addr, size := base+in.Imm, uint32(4)
	strict := false // an unaligned address faults
	switch in.Op {
	case thumb.OpLDRBImm, thumb.OpLDRBReg, thumb.OpLDRBLit, thumb.OpLDRSBImm, thumb.OpLDRSBReg, thumb.OpLDRSBLit,
		thumb.OpSTRBImm, thumb.OpSTRBReg, thumb.OpLDRBT, thumb.OpLDRSBT, thumb.OpSTRBT, thumb.OpLDREXB, thumb.OpSTREXB, thumb.OpTBB:
		size = 1
	case thumb.OpLDRHImm, thumb.OpLDRHReg, thumb.OpLDRHLit, thumb.OpLDRSHImm, thumb.OpLDRSHReg, thumb.OpLDRSHLit,
		thumb.OpSTRHImm, thumb.OpSTRHReg, thumb.OpLDRHT, thumb.OpLDRSHT, thumb.OpSTRHT, thumb.OpTBH:
		size = 2
	case thumb.OpLDREXH, thumb.OpSTREXH:
		size, strict = 2, true
	case thumb.OpLDREX, thumb.OpSTREX:
		strict = true
	case thumb.OpLDRD, thumb.OpSTRD:
		size, strict = 8, true
	case thumb.OpLDM, thumb.OpSTM, thumb.OpPOP:
		addr, size, strict = base, uint32(4*bits.OnesCount16(in.Regs)), true
	case thumb.OpLDMDB, thumb.OpSTMDB, thumb.OpPUSH:
		size, strict = uint32(4*bits.OnesCount16(in.Regs)), true
		addr = base - size
	}
	if in.Mode == thumb.PostIndex {
		addr = base
	}
	if usesIndex(in) {
		addr = base + c.r[in.Rm]<<in.Amount
		if in.Op == thumb.OpTBH {
			addr = base + c.r[in.Rm]<<1
		}
	}
	loads := in.Rn == thumb.PC // literals come from the code
	inside := func(base, length uint32) bool { return addr-base < length && addr-base+size <= length }
	ok := inside(dataBase, dataSize) || loads && inside(codeBase, codeSize)
	if !ok && size <= 4 && addr&(size-1) == 0 && !strict {
		ok = inside(0x22000000+(dataBase-0x20000000)*32, dataSize*32)
	}
	align := uint32(4)
	if size < 4 {
		align = size
	}
	if strict || c.scb.ccr&ccrUnalignTrap != 0 {
		if addr&(align-1) != 0 {
			// A fault: wanted now and then, where it can be taken.
			return ok && c.ipsr == 0 && c.priority() > 0 && c.it == 0 && g.stackOK() && in.Op != thumb.OpSTREX && g.r.IntN(4) == 0
		}
	}
	if in.Op == thumb.OpTBB || in.Op == thumb.OpTBH {
		return ok && g.tableOK(addr, size)
	}
	if in.Regs>>thumb.PC == 1 && in.Op != thumb.OpSTM && in.Op != thumb.OpSTMDB || in.Rd == thumb.PC {
		return false // branches through memory come as their own case
	}
	return ok
}

// tableOK reports whether the table branch goes behind all code so far.
func (g *generator) tableOK(addr, size uint32) bool {
	v, ok := g.core.loadSized(addr, size)
	target := g.core.pc + 4 + 2*v
	return ok && target >= g.end && target < codeBase+codeSize/2
}
