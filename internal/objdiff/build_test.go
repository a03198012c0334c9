package objdiff

import (
	"encoding/json"
	"flag"
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

var (
	full = flag.Bool("judge.full", false, "compare at every level of optimisation")
	seed = flag.Int64("judge.seed", 1, "seed of the mutations")
	many = flag.Int("judge.n", 100, "how many mutations")
)

// A way is how a program is compiled.
type way struct {
	compiler string // gcc or clang
	program  string
	flags    []string
}

func (w way) String() string { return w.program + " " + w.compiler + " " + strings.Join(w.flags, " ") }

// ways lists the ways of the tests: all of them, or one of each kind.
func ways() []way {
	sections := []string{"-ffunction-sections", "-fdata-sections"}
	none := []string{"-fno-function-sections", "-fno-data-sections"}
	var all []way
	for _, compiler := range []string{"gcc", "clang"} {
		for _, program := range []string{"demo", "cases"} {
			for i, level := range []string{"-O2", "-Os", "-O0", "-O1", "-O3"} {
				for j, flags := range [][]string{sections, none} {
					if *full || i < 2 && i == j {
						all = append(all, way{compiler, program, append([]string{level}, flags...)})
					}
				}
			}
		}
	}
	return all
}

// built is a firmware and the objects that it was linked from.
type built struct {
	image *firmware.Image
	units []unit
}

type unit struct {
	path   string // of the source
	object []byte
}

func run(t testing.TB, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// build compiles and links the program.
func (w way) build(t testing.TB) built {
	t.Helper()
	program := map[string]testfirmware.Program{"demo": testfirmware.Demo(), "cases": testfirmware.Cases()}[w.program].With(w.flags...)
	project, err := program.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		Arguments    []string
		File, Output string
	}
	if err := json.Unmarshal(read(t, project.CompileCommands), &entries); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(project.Dir, "build"), 0o755); err != nil {
		t.Fatal(err)
	}
	link := append([]string{testfirmware.Compiler}, program.Link...)
	var all sync.WaitGroup
	for _, e := range entries {
		args := e.Arguments
		if w.compiler == "clang" && !strings.HasSuffix(e.File, "entries.c") { // assembler for GCC
			args = append([]string{"clang", "--target=arm-none-eabi", "-w"}, slices.DeleteFunc(args[1:], func(a string) bool { return a == "-mthumb" })...)
		}
		link = append(link, e.Output)
		all.Go(func() { run(t, project.Dir, args...) })
	}
	all.Wait()
	if w.compiler == "clang" { // calls what newlib has
		support, err := filepath.Abs(filepath.Join("..", "linker", "testdata", "aeabi.c"))
		if err != nil {
			t.Fatal(err)
		}
		run(t, project.Dir, testfirmware.Compiler, "-mcpu=cortex-m3", "-mthumb", "-Os", "-ffreestanding", "-c", support, "-o", "build/aeabi.o")
		link = append(link, "build/aeabi.o")
	}
	run(t, project.Dir, slices.Concat(link, program.Libs, []string{"-o", project.ELF})...)

	b := built{image: openImage(t, project.ELF)}
	for _, e := range entries {
		b.units = append(b.units, unit{filepath.Join(project.Dir, e.File), read(t, filepath.Join(project.Dir, e.Output))})
	}
	return b
}

func openImage(t testing.TB, path string) *firmware.Image {
	t.Helper()
	im, err := firmware.Parse(path, read(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// input is the comparison of the unit's object, or of another one for it.
func (b built) input(t testing.TB, u unit) Input {
	t.Helper()
	o, err := object.Parse(u.object)
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Object: o, Image: b.image, Unit: u.path}
	if in.ImageDebug, err = b.image.Debug(); err != nil {
		t.Fatal(err)
	}
	if in.ObjectDebug, err = dwarf.ForObject(o); err != nil {
		t.Fatal(err)
	}
	return in
}
