package cortexm

import "github.com/fpbls/fpbls/internal/thumb"

// interpret executes instructions until the deadline. The frequent ones are
// here; the others are in execute.
func (c *Core) interpret() {
	for c.cycles < c.deadline {
		pc, it := c.pc, c.it
		var in *thumb.Inst
		if idx := (pc - c.pageBase) >> 1; idx < pageEntries && c.page[idx].Op != 0 {
			in = &c.page[idx]
		} else if in = c.fetch(); in == nil {
			c.takeFault(pc, it)
			continue
		}
		c.cycles++
		c.r[thumb.PC] = pc + 4
		c.pc = pc + uint32(in.Size)
		if it != 0 {
			c.it = nextIT(it)
			if !c.holds(thumb.Cond(it>>4)) && in.Op != thumb.OpBKPT && in.Op != opBreakpoint {
				continue
			}
			if in.ITFlags {
				c.scratch = *in
				c.scratch.SetFlags = false
				in = &c.scratch
			}
		}

		ok := true
		switch in.Op {
		case thumb.OpMOVImm:
			c.r[in.Rd&15] = in.Imm
			if in.SetFlags {
				c.logicImm(in, in.Imm)
			}
		case thumb.OpMOVReg:
			v := c.operand(in)
			if in.SetFlags {
				c.logicReg(in, v)
			}
			c.writeALU(in.Rd, v)
		case thumb.OpADDImm:
			if in.SetFlags {
				c.r[in.Rd&15] = c.add(c.r[in.Rn&15], in.Imm, 0)
			} else {
				c.r[in.Rd&15] = c.r[in.Rn&15] + in.Imm
			}
			if in.Rd == thumb.SP {
				c.r[thumb.SP] &^= 3
			}
		case thumb.OpADDReg:
			v := c.operand(in)
			if in.SetFlags {
				c.r[in.Rd&15] = c.add(c.r[in.Rn&15], v, 0)
			} else {
				c.writeALU(in.Rd, c.r[in.Rn&15]+v)
			}
		case thumb.OpSUBImm:
			if in.SetFlags {
				c.r[in.Rd&15] = c.add(c.r[in.Rn&15], ^in.Imm, 1)
			} else {
				c.r[in.Rd&15] = c.r[in.Rn&15] - in.Imm
			}
			if in.Rd == thumb.SP {
				c.r[thumb.SP] &^= 3
			}
		case thumb.OpSUBReg:
			v := c.operand(in)
			if in.SetFlags {
				c.r[in.Rd&15] = c.add(c.r[in.Rn&15], ^v, 1)
			} else {
				c.r[in.Rd&15] = c.r[in.Rn&15] - v
			}
			if in.Rd == thumb.SP {
				c.r[thumb.SP] &^= 3
			}
		case thumb.OpCMPImm:
			c.add(c.r[in.Rn&15], ^in.Imm, 1)
		case thumb.OpCMPReg:
			c.add(c.r[in.Rn&15], ^c.operand(in), 1)
		case thumb.OpANDImm:
			v := c.r[in.Rn&15] & in.Imm
			c.r[in.Rd&15] = v
			if in.SetFlags {
				c.logicImm(in, v)
			}
		case thumb.OpANDReg:
			v := c.r[in.Rn&15] & c.operand(in)
			if in.SetFlags {
				c.logicReg(in, v)
			}
			c.r[in.Rd&15] = v
		case thumb.OpORRReg:
			v := c.r[in.Rn&15] | c.operand(in)
			if in.SetFlags {
				c.logicReg(in, v)
			}
			c.r[in.Rd&15] = v
		case thumb.OpEORReg:
			v := c.r[in.Rn&15] ^ c.operand(in)
			if in.SetFlags {
				c.logicReg(in, v)
			}
			c.r[in.Rd&15] = v
		case thumb.OpTSTImm:
			c.logicImm(in, c.r[in.Rn&15]&in.Imm)
		case thumb.OpMOVW:
			c.r[in.Rd&15] = in.Imm
		case thumb.OpMOVT:
			c.r[in.Rd&15] = c.r[in.Rd&15]&0xFFFF | in.Imm<<16
		case thumb.OpUXTB:
			c.r[in.Rd&15] = shift(c.r[in.Rm&15], thumb.ROR, in.Amount, 0) & 0xFF
		case thumb.OpUXTH:
			c.r[in.Rd&15] = shift(c.r[in.Rm&15], thumb.ROR, in.Amount, 0) & 0xFFFF
		case thumb.OpUBFX:
			c.r[in.Rd&15] = c.r[in.Rn&15] >> in.Amount & (1<<in.Imm - 1)
		case thumb.OpMUL:
			v := c.r[in.Rn&15] * c.r[in.Rm&15]
			c.r[in.Rd&15] = v
			if in.SetFlags {
				c.n, c.z = v, v
			}

		case thumb.OpB:
			if in.Cond == thumb.AL || c.holds(in.Cond) {
				c.pc = pc + 4 + in.Imm
			}
		case thumb.OpBL:
			c.r[thumb.LR] = c.pc | 1
			c.pc = pc + 4 + in.Imm
		case thumb.OpCBZ:
			if c.r[in.Rn&15] == 0 {
				c.pc = pc + 4 + in.Imm
			}
		case thumb.OpCBNZ:
			if c.r[in.Rn&15] != 0 {
				c.pc = pc + 4 + in.Imm
			}
		case thumb.OpBX:
			c.branchExchange(c.r[in.Rm&15])
		case thumb.OpBLX:
			target := c.r[in.Rm&15]
			c.r[thumb.LR] = c.pc | 1
			c.pc, c.thumbBit = target&^1, target&1 == 1
			if !c.thumbBit {
				c.kick()
			}
		case thumb.OpIT:
			c.it = in.Imm
		case thumb.OpNOP:

		case thumb.OpLDRImm:
			if in.Mode != thumb.Offset || in.Rd >= thumb.SP {
				ok = c.execute(in)
				break
			}
			var v uint32
			if v, ok = c.load32(c.r[in.Rn&15] + in.Imm); ok {
				c.r[in.Rd&15] = v
			}
		case thumb.OpLDRReg:
			if in.Rd >= thumb.SP {
				ok = c.execute(in)
				break
			}
			var v uint32
			if v, ok = c.load32(c.r[in.Rn&15] + c.r[in.Rm&15]<<in.Amount); ok {
				c.r[in.Rd&15] = v
			}
		case thumb.OpLDRLit:
			if in.Rd >= thumb.SP || c.fpb.literals {
				ok = c.execute(in)
				break
			}
			var v uint32
			if v, ok = c.load32((pc+4)&^3 + in.Imm); ok {
				c.r[in.Rd&15] = v
			}
		case thumb.OpLDRBImm:
			if in.Mode != thumb.Offset {
				ok = c.execute(in)
				break
			}
			var v uint32
			if v, ok = c.load8(c.r[in.Rn&15] + in.Imm); ok {
				c.r[in.Rd&15] = v
			}
		case thumb.OpLDRBReg:
			var v uint32
			if v, ok = c.load8(c.r[in.Rn&15] + c.r[in.Rm&15]<<in.Amount); ok {
				c.r[in.Rd&15] = v
			}
		case thumb.OpLDRHImm:
			if in.Mode != thumb.Offset {
				ok = c.execute(in)
				break
			}
			var v uint32
			if v, ok = c.load16(c.r[in.Rn&15] + in.Imm); ok {
				c.r[in.Rd&15] = v
			}
		case thumb.OpSTRImm:
			if in.Mode != thumb.Offset {
				ok = c.execute(in)
				break
			}
			ok = c.store32(c.r[in.Rn&15]+in.Imm, c.r[in.Rd&15])
		case thumb.OpSTRReg:
			ok = c.store32(c.r[in.Rn&15]+c.r[in.Rm&15]<<in.Amount, c.r[in.Rd&15])
		case thumb.OpSTRBImm:
			if in.Mode != thumb.Offset {
				ok = c.execute(in)
				break
			}
			ok = c.store8(c.r[in.Rn&15]+in.Imm, c.r[in.Rd&15])
		case thumb.OpSTRBReg:
			ok = c.store8(c.r[in.Rn&15]+c.r[in.Rm&15]<<in.Amount, c.r[in.Rd&15])
		case thumb.OpSTRHImm:
			if in.Mode != thumb.Offset {
				ok = c.execute(in)
				break
			}
			ok = c.store16(c.r[in.Rn&15]+in.Imm, c.r[in.Rd&15])
		default:
			ok = c.execute(in)
		}
		if !ok {
			c.takeFault(pc, it)
		}
	}
}

// writeALU writes the result of MOV or ADD, whose destination may be the PC
// (ALUWritePC, A2.3.1) or SP.
func (c *Core) writeALU(rd uint8, v uint32) {
	switch rd {
	case thumb.PC:
		c.pc = v &^ 1
	case thumb.SP:
		c.r[thumb.SP] = v &^ 3
	default:
		c.r[rd&15] = v
	}
}

// branchExchange is BXWritePC and LoadWritePC (A2.3.1): an exception return in
// handler mode, a branch otherwise.
func (c *Core) branchExchange(v uint32) {
	if v>>28 == 15 && c.ipsr != 0 {
		c.exceptionReturn(v)
		return
	}
	c.pc, c.thumbBit = v&^1, v&1 == 1
	if !c.thumbBit {
		c.kick()
	}
}
