package cortexm

import (
	"math/bits"

	"github.com/fpbls/fpbls/internal/thumb"
)

// executeMemory performs the loads and stores that interpret does not.
func (c *Core) executeMemory(in *thumb.Inst) bool {
	switch in.Op {
	case thumb.OpLDM, thumb.OpLDMDB, thumb.OpPOP:
		return c.loadMultiple(in)
	case thumb.OpSTM, thumb.OpSTMDB, thumb.OpPUSH:
		return c.storeMultiple(in)
	case thumb.OpLDRD, thumb.OpSTRD:
		return c.transferDual(in)
	case thumb.OpLDREX, thumb.OpLDREXB, thumb.OpLDREXH:
		return c.loadExclusive(in)
	case thumb.OpSTREX, thumb.OpSTREXB, thumb.OpSTREXH:
		return c.storeExclusive(in)
	case thumb.OpCLREX:
		c.exclusive = false
		return true
	}
	return c.transfer(in)
}

// transfer is a load or store of one register, any form.
func (c *Core) transfer(in *thumb.Inst) bool {
	base := c.r[in.Rn&15]
	if in.Rn == thumb.PC {
		base &^= 3
	}
	addr := base + in.Imm
	if in.Mode == thumb.PostIndex {
		addr = base
	}
	switch in.Op {
	case thumb.OpLDRReg, thumb.OpLDRBReg, thumb.OpLDRHReg, thumb.OpLDRSBReg, thumb.OpLDRSHReg,
		thumb.OpSTRReg, thumb.OpSTRBReg, thumb.OpSTRHReg:
		addr = base + c.r[in.Rm&15]<<in.Amount
	}
	var v uint32
	ok := true
	rt := c.r[in.Rd&15]
	switch in.Op {
	case thumb.OpLDRLit:
		if v, ok = c.literal(addr); !ok {
			v, ok = c.load32(addr)
		}
	case thumb.OpLDRBLit, thumb.OpLDRHLit, thumb.OpLDRSBLit, thumb.OpLDRSHLit:
		v, ok = c.narrowLiteral(in.Op, addr)
	case thumb.OpLDRImm, thumb.OpLDRReg:
		v, ok = c.load32(addr)
	case thumb.OpLDRBImm, thumb.OpLDRBReg, thumb.OpLDRSBImm, thumb.OpLDRSBReg:
		v, ok = c.load8(addr)
	case thumb.OpLDRHImm, thumb.OpLDRHReg, thumb.OpLDRSHImm, thumb.OpLDRSHReg:
		v, ok = c.load16(addr)
	case thumb.OpLDRT, thumb.OpLDRBT, thumb.OpLDRHT, thumb.OpLDRSBT, thumb.OpLDRSHT:
		v, ok = c.loadAsUser(addr, unprivilegedSize(in.Op))
	case thumb.OpSTRT, thumb.OpSTRBT, thumb.OpSTRHT:
		return c.storeAsUser(addr, unprivilegedSize(in.Op), rt)
	case thumb.OpSTRImm, thumb.OpSTRReg:
		return c.store32(addr, rt) && c.writeBack(in, base)
	case thumb.OpSTRBImm, thumb.OpSTRBReg:
		return c.store8(addr, rt) && c.writeBack(in, base)
	case thumb.OpSTRHImm, thumb.OpSTRHReg:
		return c.store16(addr, rt) && c.writeBack(in, base)
	}
	if !ok {
		return false
	}
	switch in.Op {
	case thumb.OpLDRSBImm, thumb.OpLDRSBReg, thumb.OpLDRSBLit, thumb.OpLDRSBT:
		v = uint32(int8(v))
	case thumb.OpLDRSHImm, thumb.OpLDRSHReg, thumb.OpLDRSHLit, thumb.OpLDRSHT:
		v = uint32(int16(v))
	}
	if in.Rn != thumb.PC {
		c.writeBack(in, base)
	}
	switch in.Rd {
	case thumb.PC:
		c.branchExchange(v)
	case thumb.SP:
		c.r[thumb.SP] = v &^ 3
	default:
		c.r[in.Rd&15] = v
	}
	return true
}

// loadAsUser and storeAsUser make unprivileged accesses. The fast paths are for
// the privilege the core runs with.
func (c *Core) loadAsUser(addr, size uint32) (uint32, bool) {
	c.asUser = true
	v, ok := c.load(addr, size)
	c.asUser = false
	return v, ok
}

func (c *Core) storeAsUser(addr, size, v uint32) bool {
	c.asUser = true
	ok := c.store(addr, size, v)
	c.asUser = false
	return ok
}

func unprivilegedSize(op thumb.Op) uint32 {
	switch op {
	case thumb.OpLDRBT, thumb.OpLDRSBT, thumb.OpSTRBT:
		return 1
	case thumb.OpLDRHT, thumb.OpLDRSHT, thumb.OpSTRHT:
		return 2
	}
	return 4
}

// writeBack updates the base register of an indexed access that succeeded.
func (c *Core) writeBack(in *thumb.Inst, base uint32) bool {
	if in.Mode == thumb.Offset {
		return true
	}
	v := base + in.Imm
	if in.Rn == thumb.SP {
		v &^= 3
	}
	c.r[in.Rn&15] = v
	return true
}

// literal is what an FPB literal comparator answers to a literal load.
func (c *Core) literal(addr uint32) (uint32, bool) {
	if !c.fpb.literals {
		return 0, false
	}
	table, ok := c.fpb.remapLiteral(addr)
	if !ok {
		return 0, false
	}
	return c.load32(table)
}

func (c *Core) narrowLiteral(op thumb.Op, addr uint32) (uint32, bool) {
	if word, ok := c.literal(addr &^ 3); ok {
		return word >> (addr & 3 * 8), true
	}
	if op == thumb.OpLDRBLit || op == thumb.OpLDRSBLit {
		return c.load8(addr)
	}
	return c.load16(addr)
}

func (c *Core) loadMultiple(in *thumb.Inst) bool {
	n := uint32(bits.OnesCount16(in.Regs)) * 4
	base := c.r[in.Rn&15]
	addr, end := base, base+n
	if in.Op == thumb.OpLDMDB {
		addr, end = base-n, base-n
	}
	if addr&3 != 0 {
		return c.unaligned(addr)
	}
	target := uint32(0)
	for list := in.Regs; list != 0; list &= list - 1 {
		v, ok := c.load32(addr)
		if !ok {
			c.r[in.Rn&15] = base
			return false
		}
		addr += 4
		switch rt := bits.TrailingZeros16(list); rt {
		case thumb.PC:
			target = v
		case thumb.SP:
			c.r[rt] = v &^ 3
		default:
			c.r[rt] = v
		}
	}
	if in.Mode != thumb.Offset && in.Regs>>in.Rn&1 == 0 {
		c.r[in.Rn&15] = end
	}
	if in.Regs>>thumb.PC == 1 {
		c.branchExchange(target)
	}
	return true
}

func (c *Core) storeMultiple(in *thumb.Inst) bool {
	n := uint32(bits.OnesCount16(in.Regs)) * 4
	base := c.r[in.Rn&15]
	addr, end := base, base+n
	if in.Op != thumb.OpSTM {
		addr, end = base-n, base-n
	}
	if addr&3 != 0 {
		return c.unaligned(addr)
	}
	for list := in.Regs; list != 0; list &= list - 1 {
		if !c.store32(addr, c.r[bits.TrailingZeros16(list)]) {
			return false
		}
		addr += 4
	}
	if in.Mode != thumb.Offset {
		c.r[in.Rn&15] = end
	}
	return true
}

func (c *Core) transferDual(in *thumb.Inst) bool {
	base := c.r[in.Rn&15]
	if in.Rn == thumb.PC {
		base &^= 3
	}
	addr := base + in.Imm
	if in.Mode == thumb.PostIndex {
		addr = base
	}
	if addr&3 != 0 {
		return c.unaligned(addr)
	}
	if in.Op == thumb.OpSTRD {
		return c.store32(addr, c.r[in.Rd&15]) && c.store32(addr+4, c.r[in.Ra&15]) && c.writeBack(in, base)
	}
	load := c.load32
	if in.Rn == thumb.PC && c.fpb.literals {
		load = func(a uint32) (uint32, bool) {
			if v, ok := c.literal(a); ok {
				return v, true
			}
			return c.load32(a)
		}
	}
	lo, ok := load(addr)
	if !ok {
		return false
	}
	hi, ok := load(addr + 4)
	if !ok {
		return false
	}
	if in.Rn != thumb.PC {
		c.writeBack(in, base)
	}
	c.r[in.Rd&15], c.r[in.Ra&15] = lo, hi
	return true
}

func (c *Core) loadExclusive(in *thumb.Inst) bool {
	addr := c.r[in.Rn&15] + in.Imm
	size := exclusiveSize(in.Op)
	if addr&(size-1) != 0 {
		return c.unaligned(addr)
	}
	v, ok := c.loadSized(addr, size)
	if !ok {
		return false
	}
	c.exclusive, c.exclusiveAddr = true, addr
	c.r[in.Rd&15] = v
	return true
}

func (c *Core) storeExclusive(in *thumb.Inst) bool {
	addr := c.r[in.Rn&15] + in.Imm
	size := exclusiveSize(in.Op)
	if addr&(size-1) != 0 {
		return c.unaligned(addr)
	}
	status := uint32(1)
	if c.exclusive && c.exclusiveAddr == addr {
		if !c.storeSized(addr, size, c.r[in.Rd&15]) {
			return false
		}
		status = 0
	}
	c.exclusive = false
	c.r[in.Ra&15] = status
	return true
}

func exclusiveSize(op thumb.Op) uint32 {
	switch op {
	case thumb.OpLDREXB, thumb.OpSTREXB:
		return 1
	case thumb.OpLDREXH, thumb.OpSTREXH:
		return 2
	}
	return 4
}

func (c *Core) loadSized(addr, size uint32) (uint32, bool) {
	switch size {
	case 1:
		return c.load8(addr)
	case 2:
		return c.load16(addr)
	}
	return c.load32(addr)
}

func (c *Core) storeSized(addr, size, v uint32) bool {
	switch size {
	case 1:
		return c.store8(addr, v)
	case 2:
		return c.store16(addr, v)
	}
	return c.store32(addr, v)
}
