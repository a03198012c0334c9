package cortexm

import "github.com/fpbls/fpbls/internal/thumb"

// executeSystem performs table branches, system instructions and hints.
func (c *Core) executeSystem(in *thumb.Inst) bool {
	switch in.Op {
	case thumb.OpTBB:
		v, ok := c.load8(c.r[in.Rn&15] + c.r[in.Rm&15])
		if ok {
			c.pc = c.r[thumb.PC] + 2*v
		}
		return ok
	case thumb.OpTBH:
		v, ok := c.load16(c.r[in.Rn&15] + c.r[in.Rm&15]<<1)
		if ok {
			c.pc = c.r[thumb.PC] + 2*v
		}
		return ok
	case thumb.OpSVC:
		c.raise(excSVCall)
	case thumb.OpBKPT:
		c.abort = abort{exc: excDebugMonitor, dfsr: dfsrBKPT, cause: "BKPT instruction"}
		return false
	case opBreakpoint:
		c.abort = abort{exc: excDebugMonitor, dfsr: dfsrBKPT, cause: "FPB breakpoint"}
		return false
	case thumb.OpCPS:
		c.changeMasks(in.Imm)
	case thumb.OpMRS:
		c.r[in.Rd&15] = c.readSpecial(in.Imm)
	case thumb.OpMSR:
		c.writeSpecial(in.Imm, in.Amount, c.r[in.Rn&15])
	case thumb.OpWFI:
		c.sleeping, c.waitEvent = true, false
		c.kick()
	case thumb.OpWFE:
		if c.event {
			c.event = false
		} else {
			c.sleeping, c.waitEvent = true, true
			c.kick()
		}
	case thumb.OpSEV:
		c.event = true
	case thumb.OpYIELD, thumb.OpDBG, thumb.OpDMB, thumb.OpDSB, thumb.OpISB,
		thumb.OpPLDImm, thumb.OpPLDReg, thumb.OpPLDLit, thumb.OpPLIImm, thumb.OpPLIReg, thumb.OpPLILit:
	case thumb.OpCoproc:
		c.abort = abort{exc: excUsageFault, cfsr: cfsrNOCP, cause: "coprocessor or floating-point instruction"}
		return false
	}
	return true
}

// privileged reports whether code runs privileged (B1.3.1).
func (c *Core) privileged() bool { return c.ipsr != 0 || c.control&1 == 0 }

// xPSR returns the combined status register.
func (c *Core) xPSR() uint32 {
	v := c.apsr() | c.ipsr | c.it>>2<<10&0xFC00 | c.it&3<<25
	if c.thumbBit {
		v |= 1 << 24
	}
	return v
}

// XPSR returns the combined program status register.
func (c *Core) XPSR() uint32 { return c.xPSR() }

func (c *Core) apsr() uint32 {
	v := c.n&(1<<31) | c.carry<<29 | c.v>>31<<28
	if c.z == 0 {
		v |= 1 << 30
	}
	if c.q {
		v |= 1 << 27
	}
	return v
}

func (c *Core) setAPSR(v uint32) {
	c.n, c.carry, c.v, c.q = v, v>>29&1, v<<3, v>>27&1 == 1
	c.z = ^v & (1 << 30)
}

// setXPSR restores everything of a stacked xPSR but IPSR.
func (c *Core) setXPSR(v uint32) {
	c.setAPSR(v)
	c.it = v>>10&0x3F<<2 | v>>25&3
	c.thumbBit = v>>24&1 == 1
}

// Special register numbers (B5.1.1).
const (
	sysMSP        = 8
	sysPSP        = 9
	sysPRIMASK    = 16
	sysBASEPRI    = 17
	sysBASEPRIMAX = 18
	sysFAULTMASK  = 19
	sysCONTROL    = 20
)

func (c *Core) readSpecial(n uint32) uint32 {
	switch {
	case n < 8:
		// EPSR reads as zero.
		var v uint32
		if n&1 != 0 {
			v |= c.ipsr
		}
		if n&4 == 0 {
			v |= c.apsr()
		}
		return v
	case n == sysCONTROL:
		return c.control
	case !c.privileged():
		return 0
	}
	switch n {
	case sysMSP:
		if c.control&2 != 0 {
			return c.spOther
		}
		return c.r[thumb.SP]
	case sysPSP:
		if c.control&2 == 0 {
			return c.spOther
		}
		return c.r[thumb.SP]
	case sysPRIMASK:
		return asBit(c.primask)
	case sysBASEPRI, sysBASEPRIMAX:
		return uint32(c.basepri)
	case sysFAULTMASK:
		return asBit(c.faultmask)
	}
	return 0
}

func asBit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

func (c *Core) writeSpecial(n uint32, mask uint8, v uint32) {
	if n < 4 {
		if mask&2 != 0 {
			c.setAPSR(v)
		}
		return
	}
	if !c.privileged() {
		return
	}
	switch n {
	case sysMSP, sysPSP:
		if (n == sysPSP) == (c.control&2 != 0) {
			c.r[thumb.SP] = v &^ 3
		} else {
			c.spOther = v &^ 3
		}
	case sysPRIMASK:
		c.primask = v&1 == 1
	case sysBASEPRI:
		c.basepri = c.priorityBits(v)
	case sysBASEPRIMAX:
		if p := c.priorityBits(v); p != 0 && (p < c.basepri || c.basepri == 0) {
			c.basepri = p
		}
	case sysFAULTMASK:
		if c.priority() > -1 {
			c.faultmask = v&1 == 1
		}
	case sysCONTROL:
		if c.ipsr == 0 && c.control&2 != v&2 {
			c.r[thumb.SP], c.spOther = c.spOther, c.r[thumb.SP]
			c.control ^= 2
		}
		if c.control&1 != v&1 {
			c.control ^= 1
			if c.mpu.enabled() {
				c.mpuChanged()
			}
		}
	}
	c.kick()
}

// changeMasks is CPS (B5.2.1).
func (c *Core) changeMasks(effect uint32) {
	if !c.privileged() {
		return
	}
	disable := effect&0x10 != 0
	if effect&2 != 0 {
		c.primask = disable
	}
	if effect&1 != 0 && (!disable || c.priority() > -1) {
		c.faultmask = disable
	}
	c.kick()
}
