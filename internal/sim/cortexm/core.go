// Package cortexm simulates a Cortex-M processor instruction by instruction:
// the ARMv7-M core with its exceptions, NVIC, SysTick, system control space,
// and the Flash Patch and Breakpoint unit as ARM DDI 0403E defines them.
//
// It knows no board and no time: a board maps memory and devices, lets the
// core run up to a cycle count, and says what a cycle is worth. Every
// instruction takes one cycle.
package cortexm

import "github.com/fpbls/fpbls/internal/thumb"

// Core is one processor. It belongs to one goroutine at a time; devices and
// hooks are called on the goroutine of Run and must not call Run themselves.
type Core struct {
	// What the interpreter touches for every instruction comes first.
	r        [16]uint32 // r[15] is the PC as the executing instruction reads it
	pc       uint32     // address of the next instruction
	n, z     uint32     // N is bit 31 of n; Z is set when z is zero
	carry    uint32     // 0 or 1
	v        uint32     // V is bit 31
	q        bool       // saturation, sticky
	it       uint32     // ITSTATE
	cycles   uint64
	deadline uint64 // attend is called when cycles gets here
	page     *codePage
	pageBase uint32
	loads    [256]*region // memory that can be read, by address bits 31:24
	stores   [256]*region // memory that can be written

	scratch thumb.Inst // an instruction that is not cached

	regions []*region
	nowhere *region
	model   Model
	cfg     Config

	// Mode and special registers.
	thumbBit   bool
	sleeping   bool
	waitEvent  bool // the sleep is a WFE
	event      bool
	lockup     bool
	halted     bool
	yielded    bool
	resetAsked bool
	ipsr       uint32
	spOther    uint32 // the stack pointer that is not in use
	control    uint32
	primask    bool
	faultmask  bool
	basepri    uint8

	exclusive     bool
	exclusiveAddr uint32

	nvic    nvic
	scb     scb
	systick systick
	fpb     fpb
	mpu     mpu
	dwt     dwt

	asUser   bool // the access being made is an unprivileged one (LDRT)
	abort    abort
	fault    *Fault
	onReset  func()
	onDecode func(pc uint32)
}

// Model selects the processor.
type Model uint8

// Models. The Cortex-M4 and M7 here are the ARMv7-M integer core with their
// CPUID and FPB version; DSP and floating point are not part of them.
const (
	CortexM3 Model = iota
	CortexM4
	CortexM7
)

// FPBConfig describes the Flash Patch and Breakpoint unit. The zero value is
// that of the model: version 1 with 6 code and 2 literal comparators, or
// version 2 with 8 comparators on the Cortex-M7.
type FPBConfig struct {
	Version int // 1 or 2; NoFPB for none
	Code    int
	Literal int
}

// NoFPB as FPBConfig.Version leaves the unit out.
const NoFPB = -1

// Config describes a processor. The zero value is a Cortex-M3 as STM32F1 parts
// have it.
type Config struct {
	Model Model
	FPB   FPBConfig
	// IRQs is the number of external interrupts; 0 means 64, at most 240.
	IRQs int
	// PriorityBits is the number of implemented priority bits; 0 means 4.
	PriorityBits int
	// MPURegions is the number of MPU regions; 0 means that there is no MPU.
	MPURegions int
	// ICache gives the core an instruction cache that stores do not refresh
	// (as on the Cortex-M7) once CCR.IC is set.
	ICache bool
	// Debugger starts with halting debug enabled: breakpoints stop the core.
	Debugger bool
	// RefDivider is the ratio of SysTick's reference clock to the core clock;
	// 0 means 8.
	RefDivider uint32
}

func (cfg Config) withDefaults() Config {
	if cfg.FPB == (FPBConfig{}) {
		cfg.FPB = FPBConfig{Version: 1}
		if cfg.Model == CortexM7 {
			cfg.FPB.Version = 2
		}
	}
	switch f := &cfg.FPB; {
	case f.Version == NoFPB:
		f.Code, f.Literal = 0, 0
	case f.Version == 2:
		f.Literal = 0
		if f.Code == 0 {
			f.Code = 8
		}
	default:
		f.Version = 1
		if f.Code == 0 && f.Literal == 0 {
			f.Code, f.Literal = 6, 2
		}
	}
	cfg.FPB.Code = min(cfg.FPB.Code, maxCode)
	cfg.FPB.Literal = min(cfg.FPB.Literal, maxLiteral)
	if cfg.IRQs == 0 {
		cfg.IRQs = 64
	}
	cfg.IRQs = min(cfg.IRQs, 240)
	if cfg.PriorityBits == 0 {
		cfg.PriorityBits = 4
	}
	cfg.PriorityBits = min(max(cfg.PriorityBits, 3), 8)
	cfg.MPURegions = min(cfg.MPURegions, maxMPURegions)
	if cfg.RefDivider == 0 {
		cfg.RefDivider = 8
	}
	return cfg
}

// ResetKind says how much a reset clears.
type ResetKind uint8

// Reset kinds. A warm reset leaves the debug domain alone: FPB comparators,
// FP_CTRL and the remap base stay, DEMCR.MON_EN is cleared.
const (
	PowerOn ResetKind = iota
	Warm
)

// Stop says why Run returned. All fields are false when the limit was reached.
type Stop struct {
	// Asleep: WFI or WFE waits and nothing is pending. See NextWake, Skip.
	Asleep bool
	// Lockup: a fault in a fault handler; only a reset helps.
	Lockup bool
	// Halted: a breakpoint with halting debug enabled; Resume goes on.
	Halted bool
	// Yielded: a device called Yield.
	Yielded bool
	// ResetRequested: the firmware wrote AIRCR.SYSRESETREQ and a hook is set.
	ResetRequested bool
}

// New returns a core without memory. It needs Map and Reset before it runs.
func New(cfg Config) *Core {
	c := &Core{cfg: cfg.withDefaults(), model: cfg.Model, nowhere: &region{}, page: &noPage}
	c.refreshMaps()
	return c
}

// Reset resets the core and loads SP and PC from address 0 (B1.5.5).
func (c *Core) Reset(kind ResetKind) {
	c.r = [16]uint32{}
	c.n, c.z, c.carry, c.v, c.it = 0, 1, 0, 0, 0
	c.sleeping, c.waitEvent, c.event = false, false, false
	c.lockup, c.halted, c.yielded, c.resetAsked = false, false, false, false
	c.ipsr, c.control, c.spOther = 0, 0, 0
	c.primask, c.faultmask, c.basepri = false, false, 0
	c.exclusive, c.fault = false, nil
	c.nvic = nvic{level: c.nvic.level}
	c.nvic.enabled[0] = alwaysEnabled
	c.scb.reset(kind, c.cfg)
	c.systick = systick{div: uint64(c.cfg.RefDivider)}
	c.mpu = mpu{}
	if kind == PowerOn {
		c.fpb.powerOn(c.cfg.FPB)
		c.dwt = dwt{}
	}
	c.refreshMaps()
	c.flushCode()

	sp, spOK := c.load32(0)
	pc, pcOK := c.load32(4)
	c.r[thumb.SP] = sp &^ 3
	c.r[thumb.LR] = 0xFFFFFFFF
	c.pc, c.thumbBit = pc&^1, pc&1 == 1
	if !spOK || !pcOK {
		c.abort = abort{}
		c.enterLockup("the vector table cannot be read")
	}
	c.kick()
}

// OnDecode has f called before an instruction is executed that is not decoded
// yet: the first time, and again after its memory has changed.
func (c *Core) OnDecode(f func(pc uint32)) { c.onDecode = f }

// Cycles is the number of cycles since New, asleep or not.
func (c *Core) Cycles() uint64 { return c.cycles }

// Skip moves time forward to cycle to, for a core that is asleep; SysTick
// follows. Moving backwards does nothing.
func (c *Core) Skip(to uint64) {
	if to > c.cycles {
		c.cycles = to
		c.kick()
	}
}

// Yield makes Run return after the current instruction. Devices call it.
func (c *Core) Yield() {
	c.yielded = true
	c.kick()
}

// OnResetRequest sets what is called when the firmware asks for a reset; Run
// then returns with ResetRequested. Without a hook the core resets itself.
func (c *Core) OnResetRequest(f func()) { c.onReset = f }

// Resume continues after a breakpoint that halted the core.
func (c *Core) Resume() {
	c.halted = false
	c.kick()
}

// Reg returns general register n; 15 is the address of the next instruction.
func (c *Core) Reg(n int) uint32 {
	if n == thumb.PC {
		return c.pc
	}
	return c.r[n]
}

// SetReg sets general register n.
func (c *Core) SetReg(n int, v uint32) {
	switch n {
	case thumb.PC:
		c.pc = v &^ 1
		c.kick()
	case thumb.SP:
		c.r[n] = v &^ 3
	default:
		c.r[n] = v
	}
}

// kick makes the interpreter look at everything that is not an instruction
// before it executes the next one.
func (c *Core) kick() { c.deadline = 0 }
