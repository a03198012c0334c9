// Package sim is the simulated board: a Cortex-M core that executes a real
// firmware image, its memory and peripherals, and a serial line with a host end.
package sim

import (
	"bytes"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim/cortexm"
)

// Config selects and tunes a board. The zero value is an stm32f103 with an
// unpaced line.
type Config struct {
	// Board is one of [Boards]; empty is the first.
	Board string
	// Baud paces the line, ten bits a byte in both directions. Zero: bytes
	// cross as fast as the firmware takes them, and none is lost.
	Baud int
	// FPB replaces the board's Flash Patch unit; the zero value keeps it.
	FPB cortexm.FPBConfig
	// Executed, if set, is called before an instruction in RAM is executed for
	// the first time since its memory has changed. It runs on the board's goroutine;
	// read reads the board's memory.
	Executed func(addr uint32, read func(addr uint32, p []byte) bool)
}

// Direction is which way a byte crosses the line.
type Direction bool

const (
	ToBoard Direction = false
	ToHost  Direction = true
)

// A Board is a simulated board with a firmware in its flash.
//
// [Board.Run] is its one goroutine: it executes the core, and virtual time (the
// core's cycles) follows time.Now while it runs. All other methods may be
// called from any goroutine; they wait at most for the slice of execution that
// is under way, about a millisecond.
type Board struct {
	desc  description
	cfg   Config
	image []segment

	mu    sync.Mutex // guards the core and the devices
	core  *cortexm.Core
	uart  uart
	led   func() bool
	ram   []byte
	flash []byte
	stop  cortexm.Stop // why the core stopped last

	line line
}

// segment is loadable content at its load address.
type segment struct {
	addr uint32
	data []byte
}

// New returns a board that has just been powered on, with the ELF in its flash, and
// more of them if there are. It does nothing until Run.
func New(cfg Config, image []byte, more ...[]byte) (*Board, error) {
	desc, err := describe(cfg.Board)
	if err != nil {
		return nil, err
	}
	segments, err := loadable(image)
	if err != nil {
		return nil, err
	}
	for _, image := range more {
		further, err := loadable(image)
		if err != nil {
			return nil, err
		}
		segments = append(segments, further...)
	}
	b := &Board{desc: desc, cfg: cfg, image: segments}
	b.line.init()
	b.flash, b.ram = make([]byte, desc.flash.size), make([]byte, desc.ram.size)
	nor := make([]byte, desc.nor.size)
	erase(b.flash)
	erase(nor)
	for _, s := range segments {
		switch {
		case holds(b.flash, s.addr-desc.flash.base, s.data):
			copy(b.flash[s.addr-desc.flash.base:], s.data)
		case desc.flash.aliased && holds(b.flash, s.addr-desc.flash.alias, s.data):
			copy(b.flash[s.addr-desc.flash.alias:], s.data)
		case holds(nor, s.addr-desc.nor.base, s.data):
			copy(nor[s.addr-desc.nor.base:], s.data)
		default:
			return nil, problem.New(problem.BadELF, "choose another --board, or link for this one",
				"the firmware has content at 0x%08x, outside the flash of board %s (0x%08x, %d KiB)",
				s.addr, desc.name, desc.flash.base, desc.flash.size>>10)
		}
	}

	config := desc.core
	if cfg.FPB != (cortexm.FPBConfig{}) {
		config.FPB = cfg.FPB
	}
	b.core = cortexm.New(config)
	b.core.Map(desc.flash.base, b.flash, cortexm.Read|cortexm.Exec|desc.flash.perm)
	if desc.flash.aliased {
		b.core.Map(desc.flash.alias, b.flash, cortexm.Read|cortexm.Exec)
	}
	if len(nor) > 0 {
		b.core.Map(desc.nor.base, nor, cortexm.Read|cortexm.Exec)
	}
	b.core.Map(desc.ram.base, b.ram, cortexm.Read|cortexm.Write|cortexm.Exec)
	b.uart, b.led = desc.devices(b)
	b.core.OnResetRequest(func() {}) // Run sees it in Stop
	if cfg.Executed != nil {
		b.core.OnDecode(func(pc uint32) {
			if pc-desc.ram.base < uint32(desc.ram.size) {
				cfg.Executed(pc, b.core.ReadMemory)
			}
		})
	}
	b.reset(cortexm.PowerOn)
	return b, nil
}

func erase(flash []byte) {
	for i := range flash {
		flash[i] = 0xff
	}
}

func holds(memory []byte, offset uint32, data []byte) bool {
	return uint64(offset)+uint64(len(data)) <= uint64(len(memory))
}

// loadable returns the content of the ELF's program headers, by load address.
func loadable(image []byte) ([]segment, error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, problem.New(problem.BadELF, "name the ELF that the linker wrote", "the firmware is not an ELF, or it is damaged: %w", err)
	}
	defer f.Close()
	if f.Machine != elf.EM_ARM || f.Type != elf.ET_EXEC {
		return nil, problem.New(problem.BadELF, "name the ELF that the linker wrote",
			"the firmware is no linked ARM program but %s for %s", strings.TrimPrefix(f.Type.String(), "ET_"), strings.TrimPrefix(f.Machine.String(), "EM_"))
	}
	var segments []segment
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Filesz == 0 {
			continue
		}
		if p.Off+p.Filesz < p.Off || p.Off+p.Filesz > uint64(len(image)) || p.Paddr > 0xffff_ffff {
			return nil, problem.New(problem.BadELF, "build it again", "the firmware is cut off")
		}
		segments = append(segments, segment{uint32(p.Paddr), image[p.Off : p.Off+p.Filesz]})
	}
	if len(segments) == 0 {
		return nil, problem.New(problem.BadELF, "name the ELF that the linker wrote", "the firmware has nothing to load")
	}
	return segments, nil
}

// Reset resets the board. A power-on reset clears RAM and the debug domain; a
// warm one, as the reset button gives, leaves RAM and the armed comparators.
func (b *Board) Reset(kind cortexm.ResetKind) {
	b.mu.Lock()
	b.reset(kind)
	b.mu.Unlock()
	b.line.kick()
}

func (b *Board) reset(kind cortexm.ResetKind) {
	if kind == cortexm.PowerOn {
		// Not zero, as in real RAM: firmware that relies on it shows.
		noise := bytes.Repeat([]byte{0xa5, 0x5a, 0xc3, 0x3c}, len(b.ram)/4)
		b.core.WriteMemory(b.desc.ram.base, noise)
	}
	b.uart.reset()
	b.core.Reset(kind)
	b.stop = cortexm.Stop{}
}

// Health is the state of the core.
type Health struct {
	Locked bool           // only a reset helps
	Halted bool           // a debugger's breakpoint
	Asleep bool           // waits for an interrupt
	Fault  *cortexm.Fault // the last one since reset, or nil
}

func (h Health) String() string {
	s := "running"
	switch {
	case h.Locked:
		s = "locked up"
	case h.Halted:
		s = "halted"
	}
	if h.Fault != nil {
		s += fmt.Sprintf(" after a %s at 0x%08x: %s", h.Fault.Exception, h.Fault.PC, h.Fault.Cause)
		if h.Fault.HasAddress {
			s += fmt.Sprintf(" (0x%08x)", h.Fault.Address)
		}
	}
	return s
}

// Health tells how the core is.
func (b *Board) Health() Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Health{Locked: b.stop.Lockup, Halted: b.stop.Halted, Asleep: b.stop.Asleep, Fault: b.core.Fault()}
}

// LED reports whether the board's LED is lit.
func (b *Board) LED() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.led()
}

// Cycles is the virtual time since power-on, in core cycles.
func (b *Board) Cycles() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.core.Cycles()
}

// Memory reads what the core would read at the address; false where there is
// no memory.
func (b *Board) Memory(addr uint32, n int) ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := make([]byte, n)
	ok := b.core.ReadMemory(addr, p)
	return p, ok
}

// Boards lists the names of the boards.
func Boards() []string {
	var names []string
	for _, d := range descriptions {
		names = append(names, d.name)
	}
	return names
}

func describe(name string) (description, error) {
	if name == "" {
		return descriptions[0], nil
	}
	i := slices.IndexFunc(descriptions, func(d description) bool { return d.name == name })
	if i < 0 {
		return description{}, problem.New(problem.Usage, "boards are "+strings.Join(Boards(), ", "), "there is no board %q", name)
	}
	return descriptions[i], nil
}
