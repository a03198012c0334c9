package cortexm

// Bits of the debug registers (C1.6).
const (
	demcrMonEnable  = 1 << 16
	demcrMonPend    = 1 << 17
	demcrMonStep    = 1 << 18
	demcrMonRequest = 1 << 19
	demcrTrace      = 1 << 24
	demcrCatch      = 0x7F1 // VC_* bits

	dhcsrDebugEnable = 1 << 0
	dhcsrHalt        = 1 << 1
	dhcsrKey         = 0xA05F
)

// breakpoint handles a BKPT instruction or an FPB breakpoint (C1.5): it halts under a debugger, runs the DebugMonitor exception when that is
// enabled and can preempt, and is a HardFault otherwise.
func (c *Core) breakpoint(a abort) {
	switch {
	case c.scb.debugger:
		c.scb.dfsr |= a.dfsr
		c.halted = true
		c.kick()
	case c.scb.demcr&demcrMonEnable != 0 && c.groupPriority(excDebugMonitor) < c.priority():
		c.scb.dfsr |= a.dfsr
		c.nvic.pending.set(excDebugMonitor)
		c.kick()
	default:
		c.scb.dfsr |= a.dfsr
		c.scb.hfsr |= hfsrDEBUGEVT
		c.raise(excHardFault)
		c.recordFault(excHardFault, a.cause+" that neither a debugger nor DebugMonitor could take", c.pc)
	}
}

// stepping reports whether DebugMonitor single-stepping applies to the code
// that runs now (C1.5.1).
func (c *Core) stepping() bool {
	const step = demcrMonEnable | demcrMonStep
	return c.scb.demcr&step == step && !c.scb.debugger && c.groupPriority(excDebugMonitor) < c.priority()
}

// monitorStep pends DebugMonitor once an instruction was executed under
// stepping.
func (c *Core) monitorStep() {
	if !c.scb.demcrStepped(c) {
		return
	}
	c.scb.dfsr |= dfsrHALTED
	c.nvic.pending.set(excDebugMonitor)
}

// demcrStepped reports whether the core has executed an instruction since it
// was last asked with stepping on.
func (s *scb) demcrStepped(c *Core) bool {
	if !c.stepping() {
		s.stepFrom = 0
		return false
	}
	from := s.stepFrom
	s.stepFrom = c.cycles + 1 // never 0
	return from != 0 && c.cycles+1 > from
}

// SetDebugger attaches or detaches a debugger: with one, breakpoints stop the
// core instead of running DebugMonitor.
func (c *Core) SetDebugger(attached bool) { c.scb.debugger = attached }
