package dwarf

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/object"
)

const unit = `
static inline int twice(int n) { static int calls; calls++; return 2 * n; }
int first(int n)
{
	static int count = 7;
	count += n;
	{
		static short count;
		count++;
		n += count;
	}
	{
		static struct point { int x, y; } here;
		here.x += n;
		n += here.x;
	}
	return twice(count) + n;
}
int second(int n)
{
	static int count;
	return count += n;
}
`

var compilers = []struct {
	name string
	args []string
}{
	{"gcc", []string{"arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb"}},
	{"gcc dwarf 4", []string{"arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-gdwarf-4"}},
	{"clang", []string{"clang", "--target=arm-none-eabi", "-mcpu=cortex-m3"}},
}

// build compiles, and links if asked to, and returns the file.
func build(t testing.TB, compiler []string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	if err := os.WriteFile(filepath.Join(dir, "unit.c"), []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	args := slices.Concat(compiler[1:], []string{"-g", "unit.c", "-o", out}, flags)
	cmd := exec.Command(compiler[0], args...)
	cmd.Dir = dir
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	return out
}

func TestObject(t *testing.T) {
	for _, c := range compilers {
		for _, flags := range [][]string{{"-O0"}, {"-Os"}, {"-O2", "-ffunction-sections", "-fdata-sections"}} {
			t.Run(c.name+" "+strings.Join(flags, " "), func(t *testing.T) {
				data, err := os.ReadFile(build(t, c.args, append(flags, "-c")...))
				if err != nil {
					t.Fatal(err)
				}
				o, err := object.Parse(data)
				if err != nil {
					t.Fatal(err)
				}
				info, err := ForObject(o)
				if err != nil {
					t.Fatal(err)
				}
				if c.name == "clang" {
					checkClangStatics(t, info)
				} else {
					checkStatics(t, info)
				}
				for _, s := range info.StaticLocals() {
					section, offset, ok := info.SectionAt(s.Addr)
					if !ok || !section.IsWrite() {
						t.Errorf("%s of %s lies in %+v at %d", s.Name, s.Function, section, offset)
					}
					found := slices.ContainsFunc(o.Symbols, func(sym *object.Symbol) bool {
						// GCC leaves type and size off local variables in .bss.
						return sym.Section == section && sym.Value == offset && sym.Type != elf.STT_SECTION && (sym.Size == s.Size || sym.Size == 0)
					})
					if !found {
						t.Errorf("%s of %s: no symbol at %s+%d", s.Name, s.Function, section.Name, offset)
					}
				}
			})
		}
	}
}

func TestImage(t *testing.T) {
	path := build(t, compilers[0].args, "-Os", "-nostdlib", "-Wl,-efirst")
	info, err := ForImage(func() (*elf.File, func(), error) {
		f, err := elf.Open(path)
		return f, func() { f.Close() }, err
	})
	if err != nil {
		t.Fatal(err)
	}
	checkStatics(t, info)
	fn, ok := info.FunctionAt(info.Functions()[0].Low + 2)
	if !ok || fn.Name != info.Functions()[0].Name {
		t.Errorf("function at its second instruction: %+v", fn)
	}
	file, line, ok := info.LineOf(fn.Low)
	// The first instruction belongs to the function, or with -Os to its first statement.
	if !ok || filepath.Base(file) != "unit.c" || line < fn.Line || line > fn.Line+3 {
		t.Errorf("line of %s is %s:%d, declared at line %d", fn.Name, file, line, fn.Line)
	}
	if u := info.Units()[0]; !strings.Contains(u.Producer, "GNU C") || u.Name != "unit.c" {
		t.Errorf("unit %+v", u)
	}
	if sites := info.InlinedAt("twice"); len(sites) != 1 || sites[0].Caller != "first" || sites[0].Line != 17 {
		t.Errorf("twice was inlined at %+v", sites)
	}
}

func checkStatics(t *testing.T, info *Info) {
	t.Helper()
	var got []string
	for _, s := range info.StaticLocals() {
		got = append(got, s.Function+" ["+s.Scope+"] "+s.Name+" "+s.Type)
	}
	want := []string{
		"first [] count int", "first [0] count short int", "first [1] here struct point",
		"second [] count int", "twice [] calls int",
	}
	if !slices.Equal(got, want) {
		t.Errorf("static variables:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// checkClangStatics expects less: Clang 14 describes static variables of nested
// blocks as the function's own, and those of inlined functions under a function
// without a name.
func checkClangStatics(t *testing.T, info *Info) {
	t.Helper()
	for _, want := range []StaticLocal{
		{Function: "first", Name: "count", Type: "int", Size: 4},
		{Function: "first", Name: "count", Type: "short", Size: 2},
		{Function: "second", Name: "count", Type: "int", Size: 4},
	} {
		if !slices.ContainsFunc(info.StaticLocals(), func(s StaticLocal) bool {
			return s.Function == want.Function && s.Name == want.Name && s.Type == want.Type && s.Size == want.Size
		}) {
			t.Errorf("no %+v in %+v", want, info.StaticLocals())
		}
	}
}

func FuzzObject(f *testing.F) {
	for _, c := range compilers {
		data, err := os.ReadFile(build(f, c.args, "-c", "-Os"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := object.Parse(data)
		if err != nil {
			return
		}
		if info, err := ForObject(o); err == nil {
			info.LineOf(0x1000)
		}
	})
}

func TestCompilerOfProducer(t *testing.T) {
	for producer, want := range map[string]string{
		"GNU C17 12.2.1 20221205 -mcpu=cortex-m3 -mthumb -Os -g": "GNU 12.2.1 20221205",
		"GNU C++14 12.2.1 20221205 -mcpu=cortex-m3":              "GNU 12.2.1 20221205",
		"Debian clang version 14.0.6":                            "Debian clang version 14.0.6",
		"":                                                       "",
	} {
		if got := (Unit{Producer: producer}).Compiler(); got != want {
			t.Errorf("%q: %q, want %q", producer, got, want)
		}
	}
}
