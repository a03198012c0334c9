package patch

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/problem"
)

// Registers that decide whether a breakpoint reaches the DebugMonitor handler
// (DDI 0403E B1.5.4, B3.2, C1.6.2, C1.6.5).
const (
	regIPR0  = 0xE000E400 // of exception 16, a byte each
	regAIRCR = 0xE000ED0C
	regSHPR1 = 0xE000ED18 // of exception 4, a byte each
	regDHCSR = 0xE000EDF0
	regDEMCR = 0xE000EDFC

	dhcsrDebugEnabled = 1 << 0
	demcrMonitor      = 1 << 16
)

// Exception numbers (DDI 0403E B1.5.2).
const (
	excReset        = 1
	excHardFault    = 3
	excMemManage    = 4
	excDebugMonitor = 12
	excExternal     = 16
)

// A monitor reads what decides over breakpoints, each register once.
type monitor struct {
	board *Board
	known map[uint32]uint32
}

func (m *monitor) read(ctx context.Context, addr uint32) (uint32, error) {
	if v, ok := m.known[addr]; ok {
		return v, nil
	}
	p, err := m.board.Client.ReadMemory(ctx, addr, 4, nil)
	if err != nil {
		return 0, fmt.Errorf("reading the debug registers: %w", err)
	}
	m.known[addr] = binary.LittleEndian.Uint32(p)
	return m.known[addr], nil
}

// check refuses breakpoint patches where they would end in HardFault, or
// would switch remap patches off: the loader's first one after a reset clears
// every comparator.
func (m *monitor) check(ctx context.Context) error {
	dhcsr, err := m.read(ctx, regDHCSR)
	if err != nil {
		return err
	}
	if dhcsr&dhcsrDebugEnabled != 0 {
		return problem.New(problem.ModeUnavailable, "detach the debugger and power-cycle the board, or use --mode trampoline",
			"a debugger is attached: it would take the breakpoints")
	}
	demcr, err := m.read(ctx, regDEMCR)
	if err != nil || demcr&demcrMonitor != 0 {
		return err
	}
	l := m.board.Ledger
	for _, s := range l.Slots {
		if s.State == Live && s.Mode != fpb.DebugMonitor {
			return problem.New(problem.ModeUnavailable, "revert them first, or use --mode trampoline",
				"the first breakpoint patch after a reset switches off what is injected: %s", l.summary())
		}
	}
	return nil
}

// reaches refuses a function that runs in an exception which DebugMonitor does not
// preempt: a breakpoint there is a HardFault (DDI 0403E C1.6.1). What calls it with
// interrupts masked cannot be seen.
func (m *monitor) reaches(ctx context.Context, image *firmware.Image, f *firmware.Symbol) error {
	for _, exc := range image.Exceptions(f) {
		if exc == excReset {
			continue
		}
		preempts := false
		if exc > excHardFault {
			own, err := m.priority(ctx, excDebugMonitor)
			if err != nil {
				return err
			}
			other, err := m.priority(ctx, exc)
			if err != nil {
				return err
			}
			preempts = own < other
		}
		if !preempts {
			return problem.New(problem.ModeUnavailable,
				"give DebugMonitor a higher priority than that exception (SHPR3), use --mode trampoline where the board can, or inject what runs outside of it",
				"%s at %s runs in exception %d, which DebugMonitor does not preempt: a breakpoint would end in HardFault",
				f.Display, Address(f.Addr), exc)
		}
	}
	return nil
}

// priority is the group priority of the exception, the lower the more urgent.
func (m *monitor) priority(ctx context.Context, exc int) (uint32, error) {
	at := uint32(regSHPR1 + exc - excMemManage)
	if exc >= excExternal {
		at = uint32(regIPR0 + exc - excExternal)
	}
	v, err := m.read(ctx, at&^3)
	if err != nil {
		return 0, err
	}
	aircr, err := m.read(ctx, regAIRCR)
	if err != nil {
		return 0, err
	}
	group := aircr>>8&7 + 1 // PRIGROUP: how many bits tell subpriorities
	return v >> (at & 3 * 8) & 0xff >> group, nil
}
