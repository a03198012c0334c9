package cortexm

import "github.com/fpbls/fpbls/internal/thumb"

// Exception numbers (B1.5.2).
const (
	excNMI          = 2
	excHardFault    = 3
	excMemManage    = 4
	excBusFault     = 5
	excUsageFault   = 6
	excSVCall       = 11
	excDebugMonitor = 12
	excPendSV       = 14
	excSysTick      = 15
	excIRQ          = 16
)

// raise makes a synchronous exception pending, or escalates it to HardFault
// when it is disabled or cannot preempt (B1.5.4 "Priority escalation").
func (c *Core) raise(exc uint32) {
	now := c.priority()
	if exc >= excMemManage && exc <= excDebugMonitor &&
		(!c.nvic.enabled.has(exc) || c.groupPriority(exc) >= now) {
		c.scb.hfsr |= hfsrFORCED
		exc = excHardFault
	}
	if exc == excHardFault && now <= -1 {
		c.enterLockup("fault at the priority of HardFault or NMI")
		return
	}
	c.nvic.pending.set(exc)
	c.kick()
}

// enterException stacks the context and starts the handler of exc (B1.5.6).
func (c *Core) enterException(exc uint32) {
	lr := uint32(0xFFFFFFF1)
	if c.ipsr == 0 {
		lr = 0xFFFFFFF9 | c.control&2<<1
	}
	if !c.pushStack() {
		exc = c.derived(exc, cfsrSTKERR, cfsrMSTKERR)
	}
	c.takeException(exc, lr)
}

// pushStack is PushStack. SP moves even when a store aborts.
func (c *Core) pushStack() bool {
	sp := c.r[thumb.SP]
	psr := c.xPSR()
	frame := sp - 32
	if c.scb.ccr&ccrStackAlign != 0 {
		psr |= sp & 4 << 7
		frame &^= 4
	}
	c.r[thumb.SP] = frame
	for i, v := range [8]uint32{c.r[0], c.r[1], c.r[2], c.r[3], c.r[12], c.r[thumb.LR], c.pc, psr} {
		if !c.store32(frame+uint32(4*i), v) {
			return false
		}
	}
	return true
}

// derived handles a fault while exc is being entered (B1.5.12): it replaces exc
// when its priority is higher, else it stays pending or escalates. It returns
// the exception to take now.
func (c *Core) derived(exc, busBit, memBit uint32) uint32 {
	fault := c.abort.exc
	bit := busBit
	if fault == excMemManage {
		bit = memBit
	}
	c.abort = abort{}
	c.scb.cfsr |= bit
	c.recordFault(fault, "stacking of an exception frame failed", c.pc)
	if !c.nvic.enabled.has(fault) || c.groupPriority(fault) >= c.priority() {
		c.scb.hfsr |= hfsrFORCED
		fault = excHardFault
	}
	if c.groupPriority(fault) < c.groupPriority(exc) {
		c.nvic.pending.set(exc)
		return fault
	}
	if fault != exc {
		c.nvic.pending.set(fault)
	}
	return exc
}

// takeException is ExceptionTaken: the frame is on the stack, or stays there
// in a tail-chain.
func (c *Core) takeException(exc, lr uint32) {
	if c.control&2 != 0 {
		c.r[thumb.SP], c.spOther = c.spOther, c.r[thumb.SP]
		c.control &^= 2
	}
	c.nvic.pending.clear(exc)
	c.nvic.active.set(exc)
	c.ipsr, c.it = exc, 0
	c.r[thumb.LR] = lr
	c.exclusive = false
	c.event = true
	c.thumbBit = true
	vector, ok := c.readVector(exc)
	if !ok {
		c.scb.hfsr |= hfsrVECTTBL
		c.recordFault(excHardFault, "the vector table cannot be read", c.pc)
		if exc == excHardFault || exc == excNMI {
			c.enterLockup("the vector table cannot be read")
			return
		}
		c.nvic.pending.set(excHardFault)
		c.pc = 0
		c.kick()
		return
	}
	c.pc, c.thumbBit = vector&^1, vector&1 == 1
	c.kick()
}

func (c *Core) readVector(exc uint32) (uint32, bool) {
	v, ok := c.load32Raw(c.scb.vtor + 4*exc)
	return v, ok
}

// exceptionReturn is ExceptionReturn (B1.5.8), with tail-chaining: a pending
// exception that can run now is entered without unstacking.
func (c *Core) exceptionReturn(ret uint32) {
	c.kick()
	exc := c.ipsr
	nested := c.nvic.active.count()
	wasActive := c.nvic.active.has(exc)
	if exc != excNMI {
		c.faultmask = false
	}
	c.deactivate(exc)
	usePSP, toThread := false, true
	valid := wasActive
	switch ret & 15 {
	case 1:
		toThread = false
		valid = valid && nested > 1
	case 9, 13:
		usePSP = ret&4 != 0
		valid = valid && (nested == 1 || c.scb.ccr&ccrNonBaseThread != 0)
	default:
		valid = false
	}
	if !valid {
		c.invalidReturn(ret|0xF0000000, "EXC_RETURN value does not fit the active exceptions")
		return
	}
	if next := c.nextException(); next != 0 {
		c.takeException(next, ret)
		return
	}
	c.popStack(ret, usePSP, toThread)
}

// deactivate ends the activation of exc; a line that is still high pends it
// again (B3.4.1).
func (c *Core) deactivate(exc uint32) {
	c.nvic.active.clear(exc)
	if exc >= excIRQ && c.nvic.level.has(exc) {
		c.nvic.pending.set(exc)
	}
}

// invalidReturn takes the UsageFault of a failed integrity check without
// stacking anew.
func (c *Core) invalidReturn(lr uint32, cause string) {
	c.scb.cfsr |= cfsrINVPC
	c.recordFault(excUsageFault, cause, c.r[thumb.PC]-4)
	c.chainFault(excUsageFault, lr)
}

// chainFault enters a fault that belongs to an exception return.
func (c *Core) chainFault(exc, lr uint32) {
	now := c.priority()
	if !c.nvic.enabled.has(exc) || c.groupPriority(exc) >= now {
		c.scb.hfsr |= hfsrFORCED
		exc = excHardFault
		if now <= -1 {
			c.enterLockup("fault at the priority of HardFault or NMI")
			return
		}
	}
	c.takeException(exc, lr)
}

func (c *Core) popStack(ret uint32, usePSP, toThread bool) {
	frame := c.r[thumb.SP] // handlers run on MSP
	if usePSP {
		frame = c.spOther
	}
	var w [8]uint32
	for i := range w {
		v, ok := c.load32(frame + uint32(4*i))
		if !ok {
			fault, bit := c.abort.exc, uint32(cfsrUNSTKERR)
			if fault == excMemManage {
				bit = cfsrMUNSTKERR
			}
			c.abort = abort{}
			c.scb.cfsr |= bit
			c.recordFault(fault, "unstacking of an exception frame failed", c.r[thumb.PC]-4)
			c.chainFault(fault, ret)
			return
		}
		w[i] = v
	}
	psr := w[7]
	sp := frame + 32
	if c.scb.ccr&ccrStackAlign != 0 {
		sp |= psr >> 7 & 4
	}
	if (psr&0x1FF == 0) != toThread {
		// The frame is still there: the fault is entered on top of it.
		c.invalidReturn(ret, "the stacked IPSR does not fit the EXC_RETURN value")
		return
	}
	copy(c.r[:4], w[:4])
	c.r[12], c.r[thumb.LR] = w[4], w[5]
	c.pc = w[6] &^ 1
	c.setXPSR(psr)
	c.ipsr = psr & 0x1FF
	if usePSP {
		c.spOther, c.r[thumb.SP] = c.r[thumb.SP], sp
		c.control |= 2
	} else {
		c.r[thumb.SP] = sp
	}
	c.exclusive = false
	c.event = true
	if toThread && c.nvic.active.count() == 0 && c.scb.scr&scrSleepOnExit != 0 {
		c.sleeping, c.waitEvent = true, false
	}
}

// enterLockup stops the core for good (B1.5.15).
func (c *Core) enterLockup(cause string) {
	if c.fault == nil {
		c.recordFault(excHardFault, cause, c.pc)
	}
	c.lockup = true
	c.pc = 0xEFFFFFFE
	c.kick()
}

// wakes reports whether a sleeping core wakes up (B1.5.18, B1.5.19). PRIMASK
// does not keep WFI asleep, only its handler from running.
func (c *Core) wakes() bool {
	if c.waitEvent {
		if c.event {
			c.event = false
			return true
		}
		if c.scb.scr&scrSendEventOnPend != 0 && c.nvic.pending.any() {
			return true
		}
	}
	primask := c.primask
	c.primask = false
	exc := c.nextException()
	c.primask = primask
	return exc != 0
}
