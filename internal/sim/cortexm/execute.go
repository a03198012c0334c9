package cortexm

import (
	"math/bits"

	"github.com/fpbls/fpbls/internal/thumb"
)

// execute performs the instructions that interpret does not. It is false when
// the instruction aborts; c.abort then says why.
func (c *Core) execute(in *thumb.Inst) bool {
	switch {
	case in.Op < thumb.OpLDRImm:
		return c.executeData(in)
	case in.Op <= thumb.OpCLREX:
		return c.executeMemory(in)
	}
	return c.executeSystem(in)
}

func (c *Core) executeData(in *thumb.Inst) bool {
	rn, rm := c.r[in.Rn&15], c.r[in.Rm&15]
	rd := &c.r[in.Rd&15]
	switch in.Op {
	case thumb.OpBICImm:
		c.setLogicImm(in, rn&^in.Imm)
	case thumb.OpORRImm:
		c.setLogicImm(in, rn|in.Imm)
	case thumb.OpORNImm:
		c.setLogicImm(in, rn|^in.Imm)
	case thumb.OpEORImm:
		c.setLogicImm(in, rn^in.Imm)
	case thumb.OpMVNImm:
		c.setLogicImm(in, ^in.Imm)
	case thumb.OpBICReg:
		c.setLogicReg(in, rn&^c.operand(in))
	case thumb.OpORNReg:
		c.setLogicReg(in, rn|^c.operand(in))
	case thumb.OpMVNReg:
		c.setLogicReg(in, ^c.operand(in))
	case thumb.OpTSTReg:
		c.logicReg(in, rn&c.operand(in))
	case thumb.OpTEQImm:
		c.logicImm(in, rn^in.Imm)
	case thumb.OpTEQReg:
		c.logicReg(in, rn^c.operand(in))
	case thumb.OpADCImm:
		c.setSum(in, rn, in.Imm, c.carry)
	case thumb.OpADCReg:
		c.setSum(in, rn, c.operand(in), c.carry)
	case thumb.OpSBCImm:
		c.setSum(in, rn, ^in.Imm, c.carry)
	case thumb.OpSBCReg:
		c.setSum(in, rn, ^c.operand(in), c.carry)
	case thumb.OpRSBImm:
		c.setSum(in, ^rn, in.Imm, 1)
	case thumb.OpRSBReg:
		c.setSum(in, ^rn, c.operand(in), 1)
	case thumb.OpCMNImm:
		c.add(rn, in.Imm, 0)
	case thumb.OpCMNReg:
		c.add(rn, c.operand(in), 0)
	case thumb.OpLSLReg, thumb.OpLSRReg, thumb.OpASRReg, thumb.OpRORReg:
		c.shiftByRegister(in, rn, rm&0xFF)
	case thumb.OpADDW:
		c.writeALU(in.Rd, rn+in.Imm)
	case thumb.OpSUBW:
		c.writeALU(in.Rd, rn-in.Imm)
	case thumb.OpADR:
		*rd = c.r[thumb.PC]&^3 + in.Imm
	case thumb.OpBFC:
		*rd &^= (1<<in.Imm - 1) << in.Amount
	case thumb.OpBFI:
		mask := uint32(1<<in.Imm-1) << in.Amount
		*rd = *rd&^mask | rn<<in.Amount&mask
	case thumb.OpSBFX:
		*rd = uint32(int32(rn<<((32-uint32(in.Amount)-in.Imm)&31)) >> (32 - in.Imm))
	case thumb.OpSSAT:
		c.saturate(in, -1<<(in.Imm-1), 1<<(in.Imm-1)-1)
	case thumb.OpUSAT:
		c.saturate(in, 0, 1<<in.Imm-1)
	case thumb.OpSXTB:
		*rd = uint32(int8(shift(rm, thumb.ROR, in.Amount, 0)))
	case thumb.OpSXTH:
		*rd = uint32(int16(shift(rm, thumb.ROR, in.Amount, 0)))
	case thumb.OpREV:
		*rd = bits.ReverseBytes32(rm)
	case thumb.OpREV16:
		*rd = rm>>8&0x00FF00FF | rm<<8&0xFF00FF00
	case thumb.OpREVSH:
		*rd = uint32(int16(bits.ReverseBytes16(uint16(rm))))
	case thumb.OpRBIT:
		*rd = bits.Reverse32(rm)
	case thumb.OpCLZ:
		*rd = uint32(bits.LeadingZeros32(rm))
	case thumb.OpMLA:
		*rd = c.r[in.Ra&15] + rn*rm
	case thumb.OpMLS:
		*rd = c.r[in.Ra&15] - rn*rm
	case thumb.OpSMULL:
		c.setLong(in, uint64(int64(int32(rn))*int64(int32(rm))))
	case thumb.OpUMULL:
		c.setLong(in, uint64(rn)*uint64(rm))
	case thumb.OpSMLAL:
		c.setLong(in, c.long(in)+uint64(int64(int32(rn))*int64(int32(rm))))
	case thumb.OpUMLAL:
		c.setLong(in, c.long(in)+uint64(rn)*uint64(rm))
	case thumb.OpSDIV, thumb.OpUDIV:
		return c.divide(in, rn, rm)
	case thumb.OpUDF:
		return c.undefined("UDF instruction")
	default:
		return c.undefined("undefined instruction")
	}
	return true
}

func (c *Core) setLogicImm(in *thumb.Inst, v uint32) {
	c.r[in.Rd&15] = v
	if in.SetFlags {
		c.logicImm(in, v)
	}
}

func (c *Core) setLogicReg(in *thumb.Inst, v uint32) {
	if in.SetFlags {
		c.logicReg(in, v)
	}
	c.r[in.Rd&15] = v
}

func (c *Core) setSum(in *thumb.Inst, x, y, carry uint32) {
	if in.SetFlags {
		c.r[in.Rd&15] = c.add(x, y, carry)
	} else {
		c.r[in.Rd&15] = x + y + carry
	}
}

func (c *Core) setLong(in *thumb.Inst, v uint64) {
	c.r[in.Rd&15], c.r[in.Ra&15] = uint32(v), uint32(v>>32)
}

func (c *Core) long(in *thumb.Inst) uint64 {
	return uint64(c.r[in.Ra&15])<<32 | uint64(c.r[in.Rd&15])
}

// shiftByRegister shifts by 0 to 255; zero leaves value and carry alone.
func (c *Core) shiftByRegister(in *thumb.Inst, v, n uint32) {
	carry := c.carry
	if n != 0 {
		switch in.Op {
		case thumb.OpLSLReg:
			w := uint64(v) << min(n, 33)
			v, carry = uint32(w), uint32(w>>32)&1
		case thumb.OpLSRReg:
			w := uint64(v) << 1 >> min(n, 33)
			v, carry = uint32(w>>1), uint32(w)&1
		case thumb.OpASRReg:
			w := int64(int32(v)) << 1 >> min(n, 33)
			v, carry = uint32(w>>1), uint32(w)&1
		default:
			v = bits.RotateLeft32(v, -int(n&31))
			carry = v >> 31
		}
	}
	c.r[in.Rd&15] = v
	if in.SetFlags {
		c.n, c.z, c.carry = v, v, carry
	}
}

// saturate does SSAT and USAT. The Q flag is sticky.
func (c *Core) saturate(in *thumb.Inst, low, high int64) {
	v := int64(int32(c.operand(in)))
	s := min(max(v, low), high)
	if s != v {
		c.q = true
	}
	c.r[in.Rd&15] = uint32(s)
}

func (c *Core) divide(in *thumb.Inst, x, y uint32) bool {
	var q uint32
	switch {
	case y == 0 && c.scb.ccr&ccrDivTrap != 0:
		c.abort = abort{exc: excUsageFault, cfsr: cfsrDIVBYZERO, cause: "division by zero"}
		return false
	case y == 0:
	case in.Op == thumb.OpUDIV:
		q = x / y
	case x == 0x80000000 && y == 0xFFFFFFFF:
		q = x
	default:
		q = uint32(int32(x) / int32(y))
	}
	c.r[in.Rd&15] = q
	return true
}

func (c *Core) undefined(cause string) bool {
	c.abort = abort{exc: excUsageFault, cfsr: cfsrUNDEFINSTR, cause: cause}
	return false
}
