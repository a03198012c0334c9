package object

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/problem"
)

// compile builds a C source with the cross compiler.
func compile(t testing.TB, source string, flags ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	c, o := filepath.Join(dir, "unit.c"), filepath.Join(dir, "unit.o")
	if err := os.WriteFile(c, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-mcpu=cortex-m3", "-mthumb", "-c", c, "-o", o}, flags...)
	if out, err := exec.Command("arm-none-eabi-gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const unit = `
extern int outside(int);
extern int undefined_weak(void) __attribute__((weak));
static int counter = 3;
int table[4] = {1, 2, 3, 4};
int tentative;
const char *text(void) { return "hello"; }
static int __attribute__((noinline)) step(int n) { counter += n; return counter; }
int work(int n) { return outside(step(n)) + table[2] + tentative + (undefined_weak ? undefined_weak() : 0); }
int *third(void) { return &table[3]; }
int tail(int n) { return outside(n); }
`

func TestParse(t *testing.T) {
	o, err := Parse(compile(t, unit, "-Os", "-ffunction-sections", "-fdata-sections", "-fcommon"))
	if err != nil {
		t.Fatal(err)
	}
	symbol := func(name string) *Symbol {
		t.Helper()
		i := slices.IndexFunc(o.Symbols, func(s *Symbol) bool { return s.Name == name && s.Type != elf.STT_SECTION })
		if i < 0 {
			t.Fatalf("no symbol %s", name)
		}
		return o.Symbols[i]
	}
	for _, name := range []string{"text", "step", "work", "third", "tail"} {
		s := symbol(name)
		if !s.IsFunction() || !s.Thumb || s.Value&1 != 0 || s.Section == nil || s.Section.Name != ".text."+name || !s.Section.IsCode() {
			t.Errorf("function %s: %+v", name, s)
		}
	}
	if s := symbol("counter"); s.Bind != elf.STB_LOCAL || s.File != "unit.c" || !s.Section.IsWrite() || s.Section.Name != ".data.counter" {
		t.Errorf("counter: %+v in %+v", s, s.Section)
	}
	if s := symbol("tentative"); !s.Common || s.Size != 4 {
		t.Errorf("tentative: %+v", s)
	}
	if s := symbol("outside"); !s.Undefined || s.IsWeak() {
		t.Errorf("outside: %+v", s)
	}
	if s := symbol("undefined_weak"); !s.Undefined || !s.IsWeak() {
		t.Errorf("undefined_weak: %+v", s)
	}

	relocation := func(section string, typ elf.R_ARM, symbol string) Reloc {
		t.Helper()
		for _, s := range o.Sections {
			for _, r := range s.Relocs {
				if s.Name == section && r.Type == typ && r.Symbol.Name == symbol {
					return r
				}
			}
		}
		t.Fatalf("no relocation %v against %s in %s", typ, symbol, section)
		return Reloc{}
	}
	// A branch reads the PC four bytes ahead, which the addend takes back.
	if r := relocation(".text.work", elf.R_ARM_THM_PC22, "outside"); r.Addend != -4 {
		t.Errorf("call of outside: addend %d", r.Addend)
	}
	if r := relocation(".text.tail", elf.R_ARM_THM_JUMP24, "outside"); r.Addend != -4 {
		t.Errorf("tail call of outside: addend %d", r.Addend)
	}
	if r := relocation(".text.third", elf.R_ARM_ABS32, "table"); r.Addend != 12 {
		t.Errorf("address of table[3]: addend %d", r.Addend)
	}
	if i := slices.IndexFunc(o.Sections, (*Section).IsMergeString); i < 0 || !strings.Contains(string(o.Sections[i].Data), "hello\x00") {
		t.Errorf("no mergeable string section with hello")
	}
}

func TestMovwMovtAddends(t *testing.T) {
	o, err := Parse(compile(t, "int table[20000]; int *far(void) { return &table[17000]; }", "-Os", "-mslow-flash-data"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, s := range o.Sections {
		for _, r := range s.Relocs {
			if r.Type == elf.R_ARM_THM_MOVW_ABS_NC || r.Type == elf.R_ARM_THM_MOVT_ABS {
				found++
			}
		}
	}
	if found != 2 {
		t.Errorf("%d MOVW/MOVT relocations, want 2", found)
	}
}

// Branch addends against encodings that the assembler made.
func TestBranchAddends(t *testing.T) {
	for _, test := range []struct {
		hw1, hw2 uint16
		want     int32
		decode   func(uint16, uint16) int32
	}{
		{0xf7ff, 0xfffe, -4, branch24}, // bl .
		{0xf000, 0xf800, 0, branch24},
		{0xf000, 0xf802, 4, branch24},
		{0xf3ff, 0xd7ff, 0xfffffe, branch24},
		{0xf400, 0xd000, -0x1000000, branch24},
		{0xf47f, 0xaffe, -4, branch19}, // bne.w .
		{0xf040, 0x8000, 0, branch19},
	} {
		if got := test.decode(test.hw1, test.hw2); got != test.want {
			t.Errorf("%04x %04x: %d, want %d", test.hw1, test.hw2, got, test.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	good := compile(t, "int x;")
	host, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		if host, err = os.ReadFile(os.Args[0]); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "not an ELF"},
		{"text", []byte("int main(void) {}"), "not an ELF"},
		{"truncated", good[:60], "not an ELF"},
		{"this test", host, "not for ARM"},
		{"LTO", compile(t, "int f(void) { return 1; }", "-flto", "-fno-fat-lto-objects"), "-flto"},
	} {
		_, err := Parse(test.data)
		if !problem.Has(err, problem.BadObject) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(compile(f, unit, "-Os"))
	f.Add(compile(f, unit, "-O0", "-g", "-ffunction-sections"))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Parse(data)
		if err != nil {
			return
		}
		for _, s := range o.Sections {
			for _, r := range s.Relocs {
				if r.Symbol == nil || r.Offset > s.Size {
					t.Errorf("relocation %+v of %s", r, s.Name)
				}
			}
		}
	})
}
