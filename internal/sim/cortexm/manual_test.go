package cortexm

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/thumb"
)

// manualCase is one statement of the ARMv7-M Architecture Reference Manual (ARM
// DDI 0403E), or of a Cortex-M technical reference manual where it says so.
type manualCase struct {
	section string
	name    string
	config  Config
	// setUp is called after reset, before the first instruction.
	setUp func(*Core)
	// code runs in thread mode from caseCode on; handlers, by exception
	// number, return at once unless given here.
	code     string
	handlers map[int]string
	// steps is how many instructions are executed; 0 means 40.
	steps int
	// exceptions is IPSR over time, without repetitions: "0 3" is a HardFault.
	exceptions string
	// want are final values: r0 … r15, xpsr, msp, psp, or a register of the
	// system control space by name, or memory as "[address]".
	want map[string]uint32
	// stop is how the run must end, if not at the step limit.
	stop Stop
	// check is for what want cannot express.
	check func(*testing.T, *Core)
}

// Memory of the cases.
const (
	caseFlash    = 0x08000000 // also at 0
	caseCode     = caseFlash + 0x200
	caseHandlers = caseFlash + 0x1000
	caseHandler  = 0x80 // bytes for each
	caseRAM      = 0x20000000
	caseStack    = caseRAM + 0x2000
)

// scs are the register names that cases use.
var scs = map[string]uint32{
	"SYST_CSR": 0xE000E010, "SYST_RVR": 0xE000E014, "SYST_CVR": 0xE000E018,
	"ISER0": 0xE000E100, "ICER0": 0xE000E180, "ISPR0": 0xE000E200, "ICPR0": 0xE000E280, "IABR0": 0xE000E300, "IPR0": 0xE000E400,
	"CPUID": 0xE000ED00, "ICSR": 0xE000ED04, "VTOR": 0xE000ED08, "AIRCR": 0xE000ED0C, "SCR": 0xE000ED10, "CCR": 0xE000ED14,
	"SHPR1": 0xE000ED18, "SHPR2": 0xE000ED1C, "SHPR3": 0xE000ED20, "SHCSR": 0xE000ED24, "CFSR": 0xE000ED28, "HFSR": 0xE000ED2C,
	"DFSR": 0xE000ED30, "MMFAR": 0xE000ED34, "BFAR": 0xE000ED38, "MPU_TYPE": 0xE000ED90, "MPU_CTRL": 0xE000ED94,
	"MPU_RNR": 0xE000ED98, "MPU_RBAR": 0xE000ED9C, "MPU_RASR": 0xE000EDA0, "DHCSR": 0xE000EDF0, "DEMCR": 0xE000EDFC,
	"STIR": 0xE000EF00, "ICIALLU": 0xE000EF50, "FP_CTRL": 0xE0002000, "FP_REMAP": 0xE0002004, "FP_COMP0": 0xE0002008,
	"FP_COMP1": 0xE000200C, "FP_COMP6": 0xE0002020, "FP_COMP7": 0xE0002024,
}

// poke returns a set-up that writes registers and memory, in pairs of an
// address or a name and a value.
func poke(pairs ...any) func(*Core) {
	return func(c *Core) {
		for i := 0; i < len(pairs); i += 2 {
			var addr uint32
			switch a := pairs[i].(type) {
			case string:
				addr = scs[a]
			case int:
				addr = uint32(a)
			}
			if addr == 0 {
				panic(fmt.Sprint("unknown register ", pairs[i]))
			}
			if !c.store32(addr, uint32(pairs[i+1].(int))) {
				panic(fmt.Sprintf("storing to %v failed", pairs[i]))
			}
		}
	}
}

func TestJudgeManual(t *testing.T) {
	cases := slices.Concat(fpbCases, debugCases, entryCases, priorityCases, faultCases, systemCases)
	programs := assembleCases(t, cases)
	sections := map[string]bool{}
	for i, c := range cases {
		sections[c.section] = true
		t.Run(strings.ReplaceAll(c.section+"/"+c.name, " ", "_"), func(t *testing.T) { runCase(t, c, programs[i]) })
	}
	t.Logf("%d cases from %d sections", len(cases), len(sections))
}

// program is the code of one case, by address.
type program map[uint32][]byte

// assembleCases assembles all cases at once; each piece is a section of its own.
func assembleCases(t *testing.T, cases []manualCase) []program {
	t.Helper()
	var src strings.Builder
	src.WriteString(".syntax unified\n.cpu cortex-m3\n.thumb\n")
	place := map[string]func(program, []byte){}
	list := make([]program, len(cases))
	for i, c := range cases {
		list[i] = program{}
		pieces := map[uint32]string{caseCode: c.code + "\nb .\n"}
		for exc, code := range c.handlers {
			pieces[uint32(caseHandlers+caseHandler*exc)] = code
		}
		for addr, code := range pieces {
			name := fmt.Sprintf("c%d.%x", i, addr)
			fmt.Fprintf(&src, ".section %s,\"ax\",%%progbits\n.balign 4\n%s\n.ltorg\n", name, code)
			place[name] = func(p program, b []byte) { p[addr] = b }
		}
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "x.s"), filepath.Join(dir, "x.o")
	if err := os.WriteFile(in, []byte(src.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if b, err := exec.CommandContext(t.Context(), "arm-none-eabi-as", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("arm-none-eabi-as: %v\n%s", err, b)
	}
	f, err := elf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, s := range f.Sections {
		put := place[s.Name]
		if put == nil {
			if strings.HasPrefix(s.Name, ".rel.c") {
				t.Fatalf("section %s needs relocation", s.Name)
			}
			continue
		}
		b, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		var i int
		fmt.Sscanf(s.Name, "c%d.", &i)
		put(list[i], b)
	}
	return list
}

func runCase(t *testing.T, mc manualCase, p program) {
	c := New(mc.config)
	flash, ram := make([]byte, 64<<10), make([]byte, 20<<10)
	c.Map(caseFlash, flash, Read|Exec)
	c.Map(0, flash, Read|Exec)
	c.Map(caseRAM, ram, Read|Write|Exec)
	binary.LittleEndian.PutUint32(flash, caseStack)
	binary.LittleEndian.PutUint32(flash[4:], caseCode|1)
	for exc := 2; exc < 64; exc++ {
		addr := uint32(caseHandlers + caseHandler*exc)
		binary.LittleEndian.PutUint32(flash[4*exc:], addr|1)
		binary.LittleEndian.PutUint16(flash[addr-caseFlash:], 0x4770) // bx lr
	}
	for addr, b := range p {
		copy(flash[addr-caseFlash:], b)
	}
	c.Reset(PowerOn)
	if mc.setUp != nil {
		mc.setUp(c)
	}
	steps := mc.steps
	if steps == 0 {
		steps = 40
	}
	var seen []string
	note := func() {
		if s := fmt.Sprint(c.ipsr); len(seen) == 0 || seen[len(seen)-1] != s {
			seen = append(seen, s)
		}
	}
	note()
	var stop Stop
	for range steps {
		if stop = c.Run(c.Cycles() + 1); stop != (Stop{}) {
			break
		}
		note()
		// Enter what is pending, so that handlers of one instruction are seen.
		c.attend(c.Cycles() + 1)
		c.kick()
		note()
	}
	note()
	if stop != mc.stop {
		t.Errorf("stopped with %+v, want %+v (fault %+v)", stop, mc.stop, c.Fault())
	}
	if got := strings.Join(seen, " "); mc.exceptions != "" && got != mc.exceptions {
		t.Errorf("IPSR was %s, want %s (fault %+v)", got, mc.exceptions, c.Fault())
	}
	for name, want := range mc.want {
		if got := valueOf(t, c, name); got != want {
			t.Errorf("%s = 0x%08x, want 0x%08x", name, got, want)
		}
	}
	if mc.check != nil {
		mc.check(t, c)
	}
}

func valueOf(t *testing.T, c *Core, name string) uint32 {
	t.Helper()
	var n uint32
	if k, _ := fmt.Sscanf(name, "r%d", &n); k == 1 {
		return c.Reg(int(n))
	}
	if k, _ := fmt.Sscanf(name, "[0x%x]", &n); k == 1 {
		v, ok := c.load32Raw(n)
		if !ok {
			t.Fatalf("no memory at %s", name)
		}
		return v
	}
	switch name {
	case "sp":
		return c.Reg(thumb.SP)
	case "lr":
		return c.Reg(thumb.LR)
	case "pc":
		return c.Reg(thumb.PC)
	case "xpsr":
		return c.XPSR()
	case "msp":
		return c.readSpecialAs(sysMSP)
	case "psp":
		return c.readSpecialAs(sysPSP)
	}
	addr, ok := scs[name]
	if !ok {
		t.Fatalf("unknown name %s", name)
	}
	return c.ppbWord(addr)
}

// readSpecialAs reads a special register as privileged code would.
func (c *Core) readSpecialAs(n uint32) uint32 {
	control := c.control
	c.control &^= 1
	defer func() { c.control = control }()
	return c.readSpecial(n)
}
