package thumb_test

import (
	"debug/elf"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/sim/cortexm"
	"github.com/fpbls/fpbls/internal/thumb"
)

// relocations are first instructions of a function f: what replacing a word takes
// away. They call and read what stands behind them.
var relocations = []struct {
	name, code string
	refused    string // part of the reason
}{
	{name: "push, mov", code: "push {r4, lr}; mov r4, r0"},
	{name: "push.w", code: "push.w {r4-r8, lr}"},
	{name: "half of an instruction", code: "adds r0, r0, r1; add.w r0, r0, #257"},
	{name: "literal", code: "ldr r3, literal + 4; ldr r2, [r3, #4]"},
	{name: "literal, 32 bits", code: "ldr.w r9, literal"},
	{name: "literal byte", code: "ldrb.w r1, literal"},
	{name: "literal signed byte", code: "ldrsb.w r1, literal + 3"},
	{name: "literal halfword", code: "ldrh.w r1, literal + 2"},
	{name: "literal signed halfword", code: "ldrsh.w r1, literal + 2"},
	{name: "two literals", code: "ldrd r1, r2, literal"},
	{name: "jump through a literal", code: "nop; nop; ldr.w pc, there"},
	{name: "adr", code: "adr r0, literal; ldr r1, [r0]"},
	{name: "adr.w", code: "adr.w r7, f"},
	{name: "mov from pc", code: "mov r1, pc; movs r0, #1"},
	{name: "call", code: "bl callee; adds r0, #1"},
	{name: "push, call", code: "push {r3, lr}; bl callee; mov r5, r0"},
	{name: "call of a register", code: "ldr r3, there; blx r3"},
	{name: "tail call", code: "movs r1, #2; b.w callee"},
	{name: "branch", code: "movs r1, #2; b after"},
	{name: "conditional branch", code: "cmp r0, r1; bhi after"},
	{name: "conditional branch, 32 bits", code: "bmi.w after"},
	{name: "cbz", code: "cbz r0, after; movs r0, #1"},
	{name: "cbnz", code: "movs r0, #1; cbnz r1, after"},
	{name: "return", code: "adds r0, r0, r0; bx lr"},
	{name: "IT", code: "cmp r0, r1; it lt; movlt r0, r1"},
	{name: "ITTEE", code: "cmp r0, #0; ittee mi; rsbmi r0, r0, #0; movmi r1, r0; movpl r2, r0; movpl r3, r1"},
	{name: "literals in IT", code: "cmp r0, r1; ite eq; ldreq r2, literal; ldrne r2, there"},
	{name: "branch in IT", code: "it vs; bvs callee"},
	{name: "call in IT", code: "cmp r0, r1; it ge; blge callee"},
	{name: "flags in IT", code: "cmp r0, r1; it ge; addge r0, r1"},
	{name: "prefetch", code: "pld literal"},
	{name: "barriers", code: "dmb; cpsid i"},

	{name: "table branch", code: "tbb [pc, r0]", refused: "tbb [pc, r0] at 0x"},
	{name: "add to pc", code: "add r0, pc; nop", refused: "add r0, pc at 0x"},
	{name: "loop", code: "subs r0, #1; bne f", refused: "goes into the moved code"},
	{name: "two literals in IT", code: "it eq; ldrdeq r1, r2, literal; nop", refused: "ldrd"},
	{name: "literal in RAM", code: "ldr.w r0, [pc, #-2048]", refused: "ldr.w r0"},
}

// Where the code stands: f at the address + 0 and + 2, what it calls outside of it.
const (
	flash   = 0x0800_0000
	callees = flash + 0x1000
	stub    = flash + 0x2000
	caller  = flash + 0x1800
	probes  = flash + 0x3000
)

func TestRelocate(t *testing.T) {
	for _, test := range relocations {
		for _, start := range []uint32{flash + 0x100, flash + 0x102} {
			n := uint32(4) // what a comparator replaces
			if start%4 != 0 {
				n = 6
			}
			t.Run(test.name, func(t *testing.T) { relocate(t, start, n, test.code, test.refused) })
		}
	}
}

func relocate(t *testing.T, start, n uint32, code, refused string) {
	memory := assemble(t, strings.NewReplacer("START", fmt.Sprint(start-flash), "CODE", strings.ReplaceAll(code, "; ", "\n")).Replace(`
		.syntax unified
		.cpu cortex-m3
		.thumb
		.word 0x20000800, 0x08001801
		.org START
	f:	CODE
		movs r6, #1
		movs r7, #2
		b .
	after:	movs r6, #3
		b .
		.align 2
	literal:
		.word 0x89abcdef, 0x20000100
	there:	.word 0x08001001
		.org 0x1000
		.type callee, %function
	callee:	eors r0, r1
		bx lr
		.org 0x1800
		b .
		.org 0x3000
		msr apsr_nzcvq, r12
		mrs r12, apsr
		.space 64`))
	moved, err := thumb.Relocate(start, n, func(addr, n uint32) ([]byte, bool) {
		if addr < start || addr+n > flash+uint32(len(memory)) {
			return nil, false
		}
		return memory[addr-flash:][:n], true
	})
	if refused != "" {
		if !errors.Is(err, thumb.ErrPosition) || !strings.Contains(err.Error(), refused) {
			t.Errorf("got %x, error %v, want %q", moved, err, refused)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	copy(memory[stub-flash:], moved)
	rng := rand.New(rand.NewPCG(1, uint64(start)))
	for range 50 {
		var regs [13]uint32
		for i := range regs {
			regs[i] = rng.Uint32()
		}
		if rng.IntN(3) == 0 {
			regs[0] = 0
		}
		if rng.IntN(3) == 0 {
			regs[0] = regs[1]
		}
		// The new code first: where it comes back to is where to stop.
		got := newMachine(memory, regs)
		got.run(t, stub, func(pc uint32) bool { return pc < callees || pc == caller })
		want := newMachine(memory, regs)
		want.run(t, start, func(pc uint32) bool { return pc == got.pc })
		if strings.Contains(code, "bl") { // the way back differs
			got.regs[thumb.LR], want.regs[thumb.LR] = 0, 0
		}
		if got.regs != want.regs || got.flags != want.flags || string(got.ram) != string(want.ram) {
			t.Fatalf("from %#x:\nmoved to    %#x, flags %#x\noriginal to %#x, flags %#x\ncode %x", regs, got.regs, got.flags, want.regs, want.flags, moved)
		}
	}
}

// A machine is a core about to run a few instructions, and what they left.
type machine struct {
	core  *cortexm.Core
	ram   []byte
	regs  [15]uint32
	pc    uint32
	flags uint32
}

func newMachine(memory []byte, regs [13]uint32) *machine {
	m := &machine{core: cortexm.New(cortexm.Config{}), ram: make([]byte, 4096)}
	m.core.Map(0, memory, cortexm.Read|cortexm.Exec)
	m.core.Map(flash, memory, cortexm.Read|cortexm.Exec)
	m.core.Map(0x2000_0000, m.ram, cortexm.Read|cortexm.Write)
	m.core.Reset(cortexm.PowerOn)
	for i, v := range regs {
		m.core.SetReg(i, v)
	}
	m.core.SetReg(thumb.LR, caller|1)
	return m
}

func (m *machine) step(pc uint32) uint32 {
	m.core.SetReg(thumb.PC, pc)
	m.core.Run(m.core.Cycles() + 1)
	return m.core.Reg(thumb.PC)
}

func (m *machine) run(t *testing.T, pc uint32, stop func(pc uint32) bool) {
	t.Helper()
	m.step(probes)
	for n := 0; n == 0 || !stop(pc); n++ {
		pc = m.step(pc)
		if n == 40 {
			t.Fatalf("does not come back, at 0x%08x: %v", pc, m.core.Fault())
		}
	}
	m.pc = pc
	for i := range m.regs {
		m.regs[i] = m.core.Reg(i)
	}
	m.step(probes + 4)
	m.flags = m.core.Reg(12)
}

// assemble returns the code with room behind it.
func assemble(t *testing.T, source string) []byte {
	t.Helper()
	object := filepath.Join(t.TempDir(), "f.o")
	as := exec.CommandContext(t.Context(), "arm-none-eabi-as", "-o", object)
	as.Stdin = strings.NewReader(source)
	if out, err := as.CombinedOutput(); err != nil {
		t.Fatalf("arm-none-eabi-as: %v\n%s", err, out)
	}
	f, err := os.Open(object)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e, err := elf.NewFile(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := e.Section(".text").Data()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func FuzzRelocate(f *testing.F) {
	f.Add([]byte{0x10, 0xb5, 0x04, 0x46}, uint32(4))
	f.Add([]byte{0x00, 0xf0, 0x00, 0xf8}, uint32(6))
	f.Fuzz(func(t *testing.T, code []byte, n uint32) {
		moved, err := thumb.Relocate(flash, n%64, func(addr, n uint32) ([]byte, bool) {
			if off := uint64(addr - flash); off+uint64(n) <= uint64(len(code)) {
				return code[off:][:n], true
			}
			return nil, false
		})
		if err == nil && (len(moved)%4 != 0 || len(moved) > 1024) {
			t.Errorf("%d bytes for %x", len(moved), code)
		}
	})
}
