package cortexm

import (
	"encoding/binary"
	"testing"
)

// FuzzExecute runs arbitrary bytes as a program, on every kind of core: it must
// neither panic nor run past its limit.
func FuzzExecute(f *testing.F) {
	f.Add(uint8(0), []byte{0x01, 0x20, 0xFE, 0xE7})
	f.Add(uint8(1), []byte{0x70, 0x47})
	f.Add(uint8(0xFF), []byte{0xDF, 0xF8, 0x04, 0xF0, 0x00, 0xDE, 0x00, 0xDF})
	f.Fuzz(func(t *testing.T, kind uint8, program []byte) {
		cfg := Config{Model: Model(kind & 1 * uint8(CortexM7)), ICache: kind&2 != 0, Debugger: kind&4 != 0}
		if kind&8 != 0 {
			cfg.MPURegions = 8
		}
		c := New(cfg)
		flash, ram := make([]byte, 4096), make([]byte, 4096)
		binary.LittleEndian.PutUint32(flash, 0x20000800)
		for n := 4; n < 256; n += 4 {
			binary.LittleEndian.PutUint32(flash[n:], 0x101)
		}
		copy(flash[0x100:], program)
		copy(ram[0x100:], program)
		c.Map(0, flash, Read|Exec)
		c.Map(0x20000000, ram, Read|Write|Exec)
		c.MapDevice(0x40000000, 0x100, nullDevice{})
		c.Reset(PowerOn)
		for n := range 13 {
			// Registers that point at something make more code reachable.
			c.SetReg(n, []uint32{0x20000100, 0x101, 0xE000E010, 0xE0002000, 0x40000000, 0xE000ED14, 7}[n%7])
		}
		const limit = 2000
		for c.Cycles() < limit {
			before := c.Cycles()
			stop := c.Run(limit)
			c.SetIRQ(int(kind&31), before&1 == 0)
			switch {
			case stop.Lockup:
				return
			case stop.Halted:
				c.Resume()
				c.SetDebugger(false)
			case stop.Asleep:
				c.Skip(c.Cycles() + 100)
			}
		}
		if c.Cycles() > limit+100 {
			t.Fatalf("ran to cycle %d", c.Cycles())
		}
	})
}

type nullDevice struct{}

func (nullDevice) Load(offset uint32, size int) uint32     { return offset }
func (nullDevice) Store(offset uint32, size int, v uint32) {}

// TestIdleCoreTakesNoCycles checks that an endless WFI loop costs the host
// nothing but the ticks of SysTick.
func TestIdleCoreTakesNoCycles(t *testing.T) {
	c := New(Config{})
	flash := make([]byte, 1024)
	for n := 0; n < 64; n += 4 {
		binary.LittleEndian.PutUint32(flash[n:], 0x81)
	}
	binary.LittleEndian.PutUint32(flash, 0x20000800)
	copy(flash[0x80:], []byte{0x30, 0xBF, 0xFD, 0xE7}) // wfi; b .-2
	binary.LittleEndian.PutUint32(flash[4*15:], 0x91)
	copy(flash[0x90:], []byte{0x70, 0x47}) // bx lr
	c.Map(0, flash, Read|Exec)
	c.Map(0x20000000, make([]byte, 4096), Read|Write)
	c.Reset(PowerOn)
	c.store32(scs["SYST_RVR"], 71999)
	c.store32(scs["SYST_CVR"], 0)
	c.store32(scs["SYST_CSR"], 7)
	executed, wakes := uint64(0), 0
	for c.Cycles() < 72_000_000 {
		before := c.Cycles()
		stop := c.Run(72_000_000)
		executed += c.Cycles() - before
		if !stop.Asleep {
			break
		}
		at, ok := c.NextWake()
		if !ok {
			t.Fatal("nothing would wake the core")
		}
		c.Skip(min(at, 72_000_000))
		wakes++
	}
	if wakes != 1000 || executed > 4*1000+10 {
		t.Errorf("%d wakes, %d instructions in a second", wakes, executed)
	}
}

// TestSelfModifyingCode checks that decoded instructions follow stores of every
// size, through an alias too, and stores of the host.
func TestSelfModifyingCode(t *testing.T) {
	c := New(Config{})
	ram := make([]byte, 4096)
	c.Map(0x20000000, ram, Read|Write|Exec)
	c.Map(0, ram, Read|Write|Exec)
	binary.LittleEndian.PutUint32(ram, 0x20000800)
	binary.LittleEndian.PutUint32(ram[4:], 0x20000101)
	c.Reset(PowerOn)
	run := func() uint32 {
		t.Helper()
		c.SetReg(15, 0x20000100)
		c.SetReg(0, 0)
		if stop := c.Run(c.Cycles() + 1); stop != (Stop{}) {
			t.Fatalf("%+v", stop)
		}
		return c.Reg(0)
	}
	for n, write := range []func(){
		func() { c.store32(0x20000100, 0xE7FE2001) },
		func() { c.store16(0x20000100, 0x2002) },
		func() { c.store8(0x20000100, 3) },
		func() { c.store8(0x00000100, 4) },
		func() { c.store32(0x00000100, 0xE7FE2005) },
		func() { c.store(0x200000FF, 2, 0x0600) }, // unaligned
		func() { c.WriteMemory(0x100, []byte{7, 0x20}) },
		// A 32-bit instruction (movw r0, #8) whose second half changes later.
		func() { c.store32(0x20000100, 0x0009F240); run(); c.store16(0x20000102, 0x0008) },
	} {
		write()
		if got := run(); got != uint32(n+1) {
			t.Errorf("write %d: executed %d", n, got)
		}
	}
}
