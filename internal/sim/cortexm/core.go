// Package cortexm simulates a Cortex-M processor instruction by instruction:
// the ARMv7-M core with its exceptions, NVIC, SysTick, system control space,
// and the Flash Patch and Breakpoint unit as ARM DDI 0403E defines them.
//
// It knows no board and no time: a board maps memory and devices, lets the
// core run up to a cycle count, and says what a cycle is worth. Every
// instruction takes one cycle.
package cortexm

// Core is one processor. It belongs to one goroutine at a time; devices are
// called on the goroutine of Run.
type Core struct {
	// Bus state, general registers and flags: what the interpreter touches
	// for every instruction comes first.
	r [16]uint32
}

// Model selects the processor.
type Model uint8

// Models. The Cortex-M7 here is the ARMv7-M integer core with its CPUID and
// FPB version 2; floating point is not part of it.
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

// Perm says what a mapping allows.
type Perm uint8

// Permissions of mapped memory.
const (
	Read Perm = 1 << iota
	Write
	Exec
)

// Device is a peripheral behind an address range. Accesses are aligned to
// their size (1, 2 or 4).
type Device interface {
	Load(offset uint32, size int) uint32
	Store(offset uint32, size int, v uint32)
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
func New(cfg Config) *Core { return &Core{} }

// Map makes mem appear at base. The same slice may be mapped more than once.
// The host must not change mem behind the core's back; see WriteMemory.
func (c *Core) Map(base uint32, mem []byte, p Perm) {}

// MapDevice makes d appear at base.
func (c *Core) MapDevice(base, size uint32, d Device) {}

// Reset resets the core and loads SP and PC from address 0.
func (c *Core) Reset(kind ResetKind) {}

// Run executes until Cycles reaches limit or one of the reasons of Stop.
func (c *Core) Run(limit uint64) Stop { return Stop{} }

// Yield makes Run return after the current instruction. Devices call it.
func (c *Core) Yield() {}

// Cycles is the number of cycles since New, asleep or not.
func (c *Core) Cycles() uint64 { return 0 }

// Skip moves time forward to cycle to, for a core that is asleep; SysTick
// follows. Moving backwards does nothing.
func (c *Core) Skip(to uint64) {}

// NextWake is the cycle at which SysTick will next become pending.
func (c *Core) NextWake() (cycle uint64, ok bool) { return 0, false }

// SetIRQ drives external interrupt line n.
func (c *Core) SetIRQ(n int, level bool) {}

// OnResetRequest sets what is called when the firmware asks for a reset; Run
// then returns with ResetRequested. Without a hook the core resets itself.
func (c *Core) OnResetRequest(f func()) {}

// Resume continues after a breakpoint that halted the core.
func (c *Core) Resume() {}

// Fault is the last fault since reset, nil if there was none.
func (c *Core) Fault() *Fault { return nil }

// Reg returns general register n; 15 is the address of the next instruction.
func (c *Core) Reg(n int) uint32 { return 0 }

// SetReg sets general register n.
func (c *Core) SetReg(n int, v uint32) {}

// ReadMemory copies from mapped memory without side effects, like a debugger.
// It is false when a byte is not memory.
func (c *Core) ReadMemory(addr uint32, p []byte) bool { return false }

// WriteMemory copies into mapped memory, read-only memory included.
func (c *Core) WriteMemory(addr uint32, p []byte) bool { return false }

// Fault describes a fault exception.
type Fault struct {
	Exception  string // "HardFault", "BusFault", …
	Cause      string // in words
	PC         uint32 // instruction that faulted
	Address    uint32 // data address when HasAddress
	HasAddress bool
	Regs       [16]uint32
	CFSR       uint32
	HFSR       uint32
	Cycle      uint64
}
