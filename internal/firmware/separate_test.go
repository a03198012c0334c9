package firmware

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/problem"
)

// What an ELF was stripped of is found where GDB would find it, and else it is said
// where it should be.
func TestSeparateDebugFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("arm-none-eabi-"+args[0], args[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	if err := os.WriteFile(at("a.c"), []byte("int value = 3; int twice(int x) { return 2 * x + value; } int main(void) { return twice(4); }"), 0o644); err != nil {
		t.Fatal(err)
	}
	run("gcc", "-mcpu=cortex-m3", "-mthumb", "-g", "-nostdlib", "-Wl,--build-id", "-Wl,-emain", "-o", "whole.elf", "a.c")
	run("objcopy", "--only-keep-debug", "whole.elf", "fw.debug")
	run("objcopy", "--strip-all", "--add-gnu-debuglink=fw.debug", "whole.elf", "linked.elf")
	run("objcopy", "--strip-all", "whole.elf", "bare.elf")
	run("objcopy", "--strip-debug", "--add-gnu-debuglink=fw.debug", "whole.elf", "symbols.elf")

	whole, err := Open(at("whole.elf"))
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string) {
		t.Helper()
		im, err := Open(at(name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if f := im.Lookup("twice"); len(f) != 1 || f[0].Addr != whole.Lookup("twice")[0].Addr || f[0].Section != ".text" {
			t.Errorf("%s: twice is %+v", name, f)
		}
		if debug, err := im.Debug(); err != nil || len(debug.Units()) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(at(to)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(at(from), at(to)); err != nil {
			t.Fatal(err)
		}
	}
	check("linked.elf")
	check("symbols.elf")
	move("fw.debug", ".debug/fw.debug")
	check("linked.elf")
	id := whole.BuildID()
	move(".debug/fw.debug", ".build-id/"+id[:2]+"/"+id[2:]+".debug")
	check("bare.elf")
	check("linked.elf")

	move(".build-id/"+id[:2]+"/"+id[2:]+".debug", "elsewhere")
	_, err = Open(at("linked.elf"))
	if _, hint := problem.Describe(err); !problem.Has(err, problem.NoSymbols) || !strings.Contains(hint, at("fw.debug")) {
		t.Errorf("without it: %v", err)
	}
	im, err := Open(at("symbols.elf"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Debug(); err == nil || !strings.Contains(err.Error(), at("fw.debug")) {
		t.Errorf("without it: %v", err)
	}
	// That of another build is not taken.
	if err := os.WriteFile(at("fw.debug"), []byte("something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(at("linked.elf")); !problem.Has(err, problem.NoSymbols) {
		t.Errorf("with another one: %v", err)
	}
}
