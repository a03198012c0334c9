package cortexm

import "github.com/fpbls/fpbls/internal/thumb"

// opBreakpoint is a fetch that an FPB comparator turned into a breakpoint.
const opBreakpoint = thumb.NumOps

// Run executes until Cycles reaches limit or one of the reasons of Stop.
func (c *Core) Run(limit uint64) Stop {
	for {
		if stop, done := c.attend(limit); done {
			return stop
		}
		c.interpret()
	}
}

// attend does what happens between instructions: timers, pending exceptions,
// sleep and the reasons to stop. It sets the deadline at which it wants to be
// called again.
func (c *Core) attend(limit uint64) (stop Stop, done bool) {
	for {
		switch {
		case c.resetAsked:
			c.resetAsked = false
			if c.onReset == nil {
				c.Reset(Warm)
				continue
			}
			c.onReset()
			return Stop{ResetRequested: true}, true
		case c.lockup:
			return Stop{Lockup: true}, true
		case c.halted:
			return Stop{Halted: true}, true
		case c.yielded:
			c.yielded = false
			return Stop{Yielded: true}, true
		}
		c.systickUpdate()
		c.monitorStep()
		if c.sleeping && !c.wakes() {
			return Stop{Asleep: true}, true
		}
		c.sleeping = false
		if c.cycles >= limit {
			return Stop{}, true
		}
		if exc := c.nextException(); exc != 0 {
			c.enterException(exc)
			continue
		}
		if !c.thumbBit {
			c.abort = abort{exc: excUsageFault, cfsr: cfsrINVSTATE, cause: "branch to an address without the Thumb bit"}
			c.takeFault(c.pc, c.it)
			continue
		}
		break
	}
	c.deadline = limit
	if at, ok := c.systick.next(); ok {
		c.deadline = min(limit, at)
	}
	if c.stepping() {
		c.deadline = c.cycles + 1
	}
	return Stop{}, false
}

// holds evaluates a condition (A7.3).
func (c *Core) holds(cond thumb.Cond) bool {
	var r bool
	switch cond >> 1 {
	case 0:
		r = c.z == 0
	case 1:
		r = c.carry != 0
	case 2:
		r = int32(c.n) < 0
	case 3:
		r = int32(c.v) < 0
	case 4:
		r = c.carry != 0 && c.z != 0
	case 5:
		r = int32(c.n^c.v) >= 0
	case 6:
		r = int32(c.n^c.v) >= 0 && c.z != 0
	default:
		return true
	}
	return r != (cond&1 == 1)
}

// nextIT is ITAdvance (A7.3.3).
func nextIT(it uint32) uint32 {
	if it&7 == 0 {
		return 0
	}
	return it&0xE0 | it<<1&0x1F
}

// add returns x + y + carry and sets the flags.
func (c *Core) add(x, y, carry uint32) uint32 {
	s := uint64(x) + uint64(y) + uint64(carry)
	r := uint32(s)
	c.n, c.z, c.carry, c.v = r, r, uint32(s>>32), (x^r)&(y^r)
	return r
}

// shift is Shift_C (A7.4.2) by a constant, without the carry.
func shift(v uint32, kind thumb.Shift, n uint8, carry uint32) uint32 {
	switch kind {
	case thumb.LSL:
		return v << n
	case thumb.LSR:
		return v >> n
	case thumb.ASR:
		return uint32(int32(v) >> n)
	case thumb.ROR:
		return v>>(n&31) | v<<(32-n&31)
	case thumb.RRX:
		return carry<<31 | v>>1
	}
	return v
}

// shiftCarry is the carry out of Shift_C.
func shiftCarry(v uint32, kind thumb.Shift, n uint8, carry uint32) uint32 {
	switch kind {
	case thumb.LSL:
		if n > 32 {
			return 0
		}
		return v >> (32 - n) & 1
	case thumb.LSR:
		return v >> (n - 1) & 1
	case thumb.ASR:
		return uint32(int32(v)>>(n-1)) & 1
	case thumb.ROR:
		return v >> ((n - 1) & 31) & 1
	case thumb.RRX:
		return v & 1
	}
	return carry
}

// operand is the shifted Rm of an arithmetic operation.
func (c *Core) operand(in *thumb.Inst) uint32 {
	v := c.r[in.Rm&15]
	if in.Shift != thumb.ShiftNone {
		v = shift(v, in.Shift, in.Amount, c.carry)
	}
	return v
}

// logicReg sets N and Z from a logical result and C from the shifter. It must
// see Rm as it was before the result is written.
func (c *Core) logicReg(in *thumb.Inst, result uint32) {
	if in.Shift != thumb.ShiftNone {
		c.carry = shiftCarry(c.r[in.Rm&15], in.Shift, in.Amount, c.carry)
	}
	c.n, c.z = result, result
}

// logicImm sets N and Z from a logical result and C from a rotated constant.
func (c *Core) logicImm(in *thumb.Inst, result uint32) {
	if in.Shift != thumb.ShiftNone {
		c.carry = in.Imm >> 31
	}
	c.n, c.z = result, result
}
