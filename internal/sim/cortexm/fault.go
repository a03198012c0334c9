package cortexm

import "github.com/fpbls/fpbls/internal/thumb"

// Fault describes a fault. Exception is its own kind even when it escalated to
// HardFault, which is what FORCED in HFSR tells.
type Fault struct {
	Exception  string // "HardFault", "BusFault", …
	Cause      string // in words
	PC         uint32 // instruction that faulted
	Address    uint32 // of the access, when HasAddress
	HasAddress bool
	Regs       [16]uint32
	CFSR       uint32
	HFSR       uint32
	Cycle      uint64
}

// Fault is the last fault since reset, nil if there was none.
func (c *Core) Fault() *Fault { return c.fault }

// Bits of CFSR (B3.2.15).
const (
	cfsrIACCVIOL    = 1 << 0
	cfsrDACCVIOL    = 1 << 1
	cfsrMUNSTKERR   = 1 << 3
	cfsrMSTKERR     = 1 << 4
	cfsrMMARVALID   = 1 << 7
	cfsrIBUSERR     = 1 << 8
	cfsrPRECISERR   = 1 << 9
	cfsrUNSTKERR    = 1 << 11
	cfsrSTKERR      = 1 << 12
	cfsrBFARVALID   = 1 << 15
	cfsrUNDEFINSTR  = 1 << 16
	cfsrINVSTATE    = 1 << 17
	cfsrINVPC       = 1 << 18
	cfsrNOCP        = 1 << 19
	cfsrUNALIGNED   = 1 << 24
	cfsrDIVBYZERO   = 1 << 25
	hfsrVECTTBL     = 1 << 1
	hfsrFORCED      = 1 << 30
	hfsrDEBUGEVT    = 1 << 31
	dfsrHALTED      = 1 << 0
	dfsrBKPT        = 1 << 1
	dfsrImplemented = 0x1F
)

// abort is why an instruction could not complete. The instruction's own
// function fills it in and returns false.
type abort struct {
	exc     uint32
	cfsr    uint32
	dfsr    uint32
	cause   string
	addr    uint32
	hasAddr bool
}

// busFault aborts a data access, unless CCR.BFHFNMIGN lets HardFault and NMI
// handlers probe memory (B3.2.8); it is true then.
func (c *Core) busFault(addr uint32, cause string) bool {
	if c.scb.ccr&ccrIgnoreFaults != 0 && c.priority() < 0 {
		return true
	}
	c.abort = abort{exc: excBusFault, cfsr: cfsrPRECISERR | cfsrBFARVALID, cause: cause, addr: addr, hasAddr: true}
	return false
}

func (c *Core) memFault(addr uint32) bool {
	c.abort = abort{exc: excMemManage, cfsr: cfsrDACCVIOL | cfsrMMARVALID,
		cause: "access that the MPU forbids", addr: addr, hasAddr: true}
	return false
}

func (c *Core) unaligned(addr uint32) bool {
	c.abort = abort{exc: excUsageFault, cfsr: cfsrUNALIGNED, cause: "unaligned access", addr: addr, hasAddr: true}
	return false
}

// takeFault turns c.abort into an exception. pc and it belong to the
// instruction, which will be executed again when the handler returns.
func (c *Core) takeFault(pc, it uint32) {
	a := c.abort
	c.abort = abort{}
	c.pc, c.it = pc, it
	if a.exc == excDebugMonitor {
		c.breakpoint(a)
		return
	}
	c.scb.cfsr |= a.cfsr
	if a.cfsr&cfsrBFARVALID != 0 {
		c.scb.bfar = a.addr
	}
	if a.cfsr&cfsrMMARVALID != 0 {
		c.scb.mmfar = a.addr
	}
	c.raise(a.exc)
	c.recordFault(a.exc, a.cause, pc)
	c.fault.Address, c.fault.HasAddress = a.addr, a.hasAddr
}

func (c *Core) recordFault(exc uint32, cause string, pc uint32) {
	name := map[uint32]string{excHardFault: "HardFault", excMemManage: "MemManage",
		excBusFault: "BusFault", excUsageFault: "UsageFault", excDebugMonitor: "DebugMonitor"}[exc]
	c.fault = &Fault{Exception: name, Cause: cause, PC: pc, Regs: c.r, CFSR: c.scb.cfsr, HFSR: c.scb.hfsr, Cycle: c.cycles}
	c.fault.Regs[thumb.PC] = pc
}
