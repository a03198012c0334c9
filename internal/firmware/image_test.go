package firmware

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/problem"
)

// project is a firmware of two C files and a C++ file; every name in it is a
// case of the tests below.
var project = map[string]string{
	"one.c": `
		static int hidden = 1;
		static int __attribute__((noinline)) helper(int n) { return n + hidden; }
		int one(int n) { return helper(n); }
		int alias(int n) __attribute__((alias("one")));
		int loop(volatile int *p) { while (*p) *p -= 1; return 0; }
		const int table[3] = {10, 20, 30};
		int big[100];
		int main(void) { extern int two(int); extern int cpp(int); return one(two(cpp(loop(big)))); }`,
	"two.c": `
		static int hidden = 2;
		static int __attribute__((noinline)) helper(int n) { return n - hidden; }
		int two(int n) { return helper(n) + helper(n + 1); }`,
	"three.cc": `
		namespace motor {
		struct Controller {
			int gain;
			int __attribute__((noinline)) step(int n);
			int __attribute__((noinline)) step(char n);
			bool operator()(int n);
		};
		int Controller::step(int n) { return n * gain; }
		int Controller::step(char n) { return n + gain; }
		bool Controller::operator()(int n) { return n > gain; }
		}
		motor::Controller controller;
		extern "C" int cpp(int n) { return controller.step(n) + controller.step('a') + controller(n); }`,
}

// link builds the project and returns the ELF's path.
func link(t testing.TB, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	elf := filepath.Join(dir, "app.elf")
	args := []string{"-mcpu=cortex-m3", "-mthumb", "-nostdlib", "-g", "-Os", "-fno-exceptions", "-Wl,-emain", "-Ttext=0x08000000", "-Tdata=0x20000000", "-o", elf}
	for name, text := range project {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, filepath.Join(dir, name))
	}
	if out, err := exec.Command("arm-none-eabi-gcc", slices.Concat(args, []string{"-lgcc"}, flags)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return elf
}

func open(t testing.TB, flags ...string) *Image {
	t.Helper()
	im, err := Open(link(t, flags...))
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func names(symbols []*Symbol) string {
	var list []string
	for _, s := range symbols {
		name := s.Display
		if s.File != "" {
			name = filepath.Base(s.File) + ":" + name
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestLookup(t *testing.T) {
	im := open(t)
	for _, test := range []struct{ name, want string }{
		{"two", "two"},
		{"helper", "one.c:helper two.c:helper"},
		{"two.c:helper", "two.c:helper"},
		{"src/two.c:helper", "two.c:helper"},
		{"nine.c:helper", ""},
		{"cpp", "cpp"},
		{"motor::Controller::step", "motor::Controller::step(char) motor::Controller::step(int)"},
		{"motor::Controller::step(int)", "motor::Controller::step(int)"},
		{"motor::Controller::operator()", "motor::Controller::operator()(int)"},
		{"_ZN5motor10Controller4stepEi", "motor::Controller::step(int)"},
		{"big", "big"},
		{"nothing", ""},
	} {
		if got := names(im.Lookup(test.name)); got != test.want {
			t.Errorf("Lookup(%q) = %q, want %q", test.name, got, test.want)
		}
	}
}

func TestImageFacts(t *testing.T) {
	im := open(t)
	one := im.Lookup("one")[0]
	if got := im.At(one.Addr | 1); got == nil || got.Addr != one.Addr {
		t.Errorf("At(one|1) = %+v", got)
	}
	if got := im.At(one.Addr + one.Size - 2); got == nil || got.Addr != one.Addr {
		t.Errorf("At(end of one) = %+v", got)
	}
	if got := im.At(0x1000); got != nil {
		t.Errorf("At(0x1000) = %+v", got)
	}
	if got := names(im.SameAddress(one)); got != "alias" {
		t.Errorf("at the address of one: %q, want alias", got)
	}
	table := im.Lookup("table")[0]
	if b, ok := im.Bytes(table.Addr, 12); !ok || b[0] != 10 || b[4] != 20 || b[8] != 30 {
		t.Errorf("bytes of table: %v, %t", b, ok)
	}
	if _, ok := im.Bytes(im.Lookup("big")[0].Addr, 4); ok {
		t.Error("big is in .bss and has no bytes")
	}
	if !im.Contains(im.Lookup("big")[0].Addr, 400) || im.Contains(0x4000_0000, 4) {
		t.Error("Contains is wrong about big or the peripherals")
	}
	loop := im.Lookup("loop")[0]
	var inside []Branch
	for _, b := range im.BranchesInto(loop.Addr, loop.Addr+loop.Size) {
		if !b.Call {
			inside = append(inside, b)
		}
	}
	if len(inside) == 0 {
		t.Error("the loop of loop was not found")
	}
	if calls := im.Calls(im.Lookup("main")[0]); len(calls) != 4 {
		t.Errorf("main calls %d functions, want 4", len(calls))
	}
	info, err := im.Debug()
	if err != nil || len(info.Units()) != 3 {
		t.Errorf("debug information: %+v, %v", info, err)
	}
}

func TestBuildID(t *testing.T) {
	elf := link(t)
	a, err := Open(elf)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(elf)
	if err != nil || a.BuildID() != b.BuildID() || len(a.BuildID()) != 64 {
		t.Errorf("identity %q, then %q, %v", a.BuildID(), b.BuildID(), err)
	}
	if id := open(t, "-Wl,--build-id=0xc0ffee").BuildID(); id != "c0ffee" {
		t.Errorf("build-id %q", id)
	}
}

func TestNear(t *testing.T) {
	im := open(t)
	for _, test := range []struct{ name, want string }{
		{"hepler", "helper"},
		{"Loop", "loop"},
		{"Controller", "motor::Controller::operator() motor::Controller::step"},
		{"zzzzzzzz", ""},
	} {
		if got := strings.Join(im.Near(test.name), " "); got != test.want {
			t.Errorf("Near(%q) = %q, want %q", test.name, got, test.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	elf := link(t)
	data, err := os.ReadFile(elf)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	object, stripped := filepath.Join(dir, "a.o"), filepath.Join(dir, "stripped")
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	run("arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-c", filepath.Join(filepath.Dir(elf), "two.c"), "-o", object)
	run("arm-none-eabi-strip", "-o", stripped, elf)
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range []struct {
		path string
		code problem.Code
		want string
	}{
		{filepath.Join(dir, "none.elf"), problem.NoELF, "no firmware ELF"},
		{dir, problem.NoELF, "not a file"},
		{file("app.bin", []byte("\x00\x50\x00\x20")), problem.BadELF, "not an ELF"},
		{os.Args[0], problem.BadELF, "not for 32-bit ARM"},
		{file("cut.elf", data[:len(data)/2]), problem.BadELF, ""},
		{file("header.elf", data[:40]), problem.BadELF, "damaged"},
		{object, problem.BadELF, "not linked yet"},
		{stripped, problem.NoSymbols, "no symbols"},
	} {
		_, err := Open(test.path)
		if !problem.Has(err, test.code) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s with %q", filepath.Base(test.path), err, test.code, test.want)
		}
	}
}

func TestWithoutParameters(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"f(int)", "f"},
		{"ns::C::f(int, char*) const", "ns::C::f"},
		{"ns::C::operator()(int)", "ns::C::operator()"},
		{"(anonymous namespace)::f(int)", "(anonymous namespace)::f"},
		{"f<int (*)(char)>(int)", "f<int (*)(char)>"},
		{"operator<(A, B)", "operator<"},
		{"operator<<(A, B)", "operator<<"},
		{"plain", "plain"},
	} {
		if got := withoutParameters(test.name); got != test.want {
			t.Errorf("%q: %q, want %q", test.name, got, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile(link(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := Parse("fuzz.elf", data)
		if err != nil {
			return
		}
		for _, s := range im.Functions()[:min(len(im.Functions()), 8)] {
			im.At(s.Addr)
			im.SameAddress(s)
			im.Calls(s)
		}
		im.Near("main")
		im.Lookup("main")
		im.Debug()
	})
}
