package linker

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
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
	out := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(source), filepath.Ext(source))+".o")
	run(t, dir, slices.Concat(c.args, c.flags, flags, []string{"-w", "-c", source, "-o", out})...)
	return out
}

// link links objects with GNU ld and the script.
func link(t testing.TB, script string, objects ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image.elf")
	args := slices.Concat(gcc, []string{"-nostdlib", "-Wl,--no-warnings,-T," + script}, objects, []string{"-lgcc", "-o", out})
	run(t, ".", args...)
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
	in := Input{Object: o, Image: im, Unit: unit, Roots: roots, Library: libgcc}
	var err error
	if in.ImageDebug, err = im.Debug(); err != nil && !errors.Is(err, dwarf.ErrNone) {
		t.Fatal(err)
	}
	if in.ObjectDebug, err = dwarf.ForObject(o); err != nil && !errors.Is(err, dwarf.ErrNone) {
		t.Fatal(err)
	}
	return in
}

// libgcc reads the compiler's own library.
func libgcc() ([]byte, error) {
	path, err := exec.Command(gcc[0], "-mcpu=cortex-m3", "-mthumb", "-print-libgcc-file-name").Output()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(string(bytes.TrimSpace(path)))
}

// fixture is a program in testdata: its image and one object of it.
type fixture struct {
	object *object.Object
	path   string // of the object
	unit   string
	image  *firmware.Image
}

// buildApp compiles testdata/app, links it and returns the fixture of each file.
func buildApp(t testing.TB, c compiler) []fixture {
	t.Helper()
	dir := filepath.Join("testdata", "app")
	units := []string{"app.c", "filter.c", "main.c"}
	var objects []string
	for _, u := range units {
		objects = append(objects, c.compile(t, dir, u))
	}
	image := openImage(t, link(t, filepath.Join(dir, "image.ld"), objects...))
	var all []fixture
	for i, u := range units {
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
