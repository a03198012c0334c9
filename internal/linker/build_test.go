package linker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// A compiler is a way to compile the fixtures.
type compiler struct {
	name  string
	args  []string
	flags []string
}

func (c compiler) String() string { return c.name + " " + strings.Join(c.flags, " ") }

var (
	gcc   = []string{"arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-g"}
	clang = []string{"clang", "--target=arm-none-eabi", "-mcpu=cortex-m3", "-g"}

	sections = []string{"-ffunction-sections", "-fdata-sections"}
)

// compilers lists GCC and Clang with each optimisation level.
func compilers(flags ...string) []compiler {
	var all []compiler
	for _, level := range []string{"-O0", "-O2", "-Os"} {
		f := append([]string{level}, flags...)
		all = append(all, compiler{"gcc", gcc, f}, compiler{"clang", clang, f})
	}
	return all
}

// run runs a tool in dir; it must succeed.
func run(t testing.TB, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func readFile(t testing.TB, path ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t testing.TB, data string, path ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(path...), []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
}

// compile compiles dir/source and returns the object file's path.
func (c compiler) compile(t testing.TB, dir, source string, flags ...string) string {
	t.Helper()
	readFile(t, dir, source) // lets "go test" know that the result depends on it
	out := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(source), filepath.Ext(source))+".o")
	run(t, dir, slices.Concat(c.args, c.flags, flags, []string{"-w", "-c", source, "-o", out})...)
	return out
}

// link links objects with GNU ld and the script.
func link(t testing.TB, script string, objects ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image.elf")
	library, err := libgccPath()
	if err != nil {
		t.Fatal(err)
	}
	run(t, ".", slices.Concat([]string{"arm-none-eabi-ld", "-T", script}, objects, []string{library, "-o", out})...)
	return out
}

func parseObject(t testing.TB, path string) *object.Object {
	t.Helper()
	o, err := object.Parse(readFile(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func openImage(t testing.TB, path string) *firmware.Image {
	t.Helper()
	im, err := firmware.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// input makes an Input with the debug information that there is.
func input(t testing.TB, o *object.Object, im *firmware.Image, unit string, roots ...string) Input {
	t.Helper()
	u := Unit{Object: o, Path: unit}
	for _, name := range roots {
		u.Roots = append(u.Roots, Root{Name: name})
	}
	in := Input{Image: im, Library: libgcc}
	var err error
	if in.ImageDebug, err = im.Debug(); err != nil && !errors.Is(err, dwarf.ErrNone) {
		t.Fatal(err)
	}
	if u.Debug, err = dwarf.ForObject(o); err != nil && !errors.Is(err, dwarf.ErrNone) {
		t.Fatal(err)
	}
	in.Units = []Unit{u}
	return in
}

// libgccPath asks the compiler where its own library is.
var libgccPath = sync.OnceValues(func() (string, error) {
	path, err := exec.Command(gcc[0], "-mcpu=cortex-m3", "-mthumb", "-print-libgcc-file-name").Output()
	return string(bytes.TrimSpace(path)), err
})

// libgcc reads the compiler's own library.
func libgcc() ([]byte, error) {
	path, err := libgccPath()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// fixture is a program in testdata: its image and one object of it.
type fixture struct {
	object *object.Object
	path   string // of the object
	unit   string
	image  *firmware.Image
}

// A program is a fixture that can be compiled in several ways.
type program struct {
	name   string
	dir    string
	script string
	units  []string
	flags  []string
}

// programs are the fixtures of this package and the test firmware.
func programs(t testing.TB) []program {
	t.Helper()
	app, err := filepath.Abs(filepath.Join("testdata", "app"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := testfirmware.WriteProject(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		Arguments []string
		File      string
	}
	if err := json.Unmarshal(readFile(t, p.CompileCommands), &entries); err != nil {
		t.Fatal(err)
	}
	board := program{name: "firmware", dir: p.Dir, script: filepath.Join(p.Dir, "board", "stm32f103.ld")}
	for _, e := range entries {
		board.units = append(board.units, e.File)
		board.flags = slices.DeleteFunc(slices.Clone(e.Arguments[1:]), func(arg string) bool {
			return arg == "-c" || arg == "-o" || arg == e.File || strings.HasSuffix(arg, ".o") ||
				strings.HasPrefix(arg, "-O") || strings.HasSuffix(arg, "-sections") || arg == "-mthumb"
		})
	}
	return []program{
		{"app", app, filepath.Join(app, "image.ld"), []string{"app.c", "filter.c", "main.c"}, nil},
		board,
	}
}

// build compiles the program, links it and returns the fixture of each file.
func (p program) build(t testing.TB, c compiler) []fixture {
	t.Helper()
	var objects []string
	for _, u := range p.units {
		objects = append(objects, c.compile(t, p.dir, u, p.flags...))
	}
	support := compiler{"gcc", gcc, []string{"-Os", "-ffreestanding"}}.compile(t, "testdata", "aeabi.c")
	image := openImage(t, link(t, p.script, append(slices.Clone(objects), support)...))
	var all []fixture
	for i, u := range p.units {
		all = append(all, fixture{parseObject(t, objects[i]), objects[i], u, image})
	}
	return all
}

// functions lists the names of the object's functions that the image has.
func (f fixture) functions() []string {
	im, u := &imageIndex{Image: f.image}, newUnit(f.object, f.unit, false)
	var names []string
	for _, s := range f.object.Symbols {
		if s.Section == nil || !s.IsFunction() || isPart(s.Name) {
			continue
		}
		there, err := im.find(u, s, firmware.Function)
		if err == nil && there != nil && (!s.IsWeak() || there.Weak) {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func hex(v uint32) string { return fmt.Sprintf("0x%08x", v) }
