package testfirmware

import (
	"bytes"
	"debug/elf"
	"os"
	"slices"
	"strings"
	"testing"
)

// programs are those that are built for the tests, by name.
func programs() map[string]Program {
	return map[string]Program{"demo": Demo(), "cases": Cases(), "conformance": Conformance(), "throwing": Throwing(), "bootloader": Bootloader(), "application": Application()}
}

// build builds the program in a new directory and returns the ELF.
func build(t *testing.T, p Program) []byte {
	t.Helper()
	project, err := p.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := project.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(project.ELF)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// The same sources give the same ELF in any directory, which is in none of them.
func TestBuildsAreReproducible(t *testing.T) {
	for name, p := range programs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := build(t, p), build(t, p)
			if !bytes.Equal(a, b) {
				t.Error("two builds differ")
			}
			if bytes.Contains(a, []byte(os.TempDir()+"/")) {
				t.Error("the directory of the build is in the ELF")
			}
		})
	}
}

// The cases that the compiler has to make are in the image.
func TestCasesAreThere(t *testing.T) {
	for level, clones := range map[string][]string{
		"-O0": nil,
		"-O2": {"scaled.constprop.0", "length.isra.0"},
		"-Os": {"scaled.constprop.0", "recompute.part.0"},
	} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			at := functions(t, build(t, Cases().With(level)))
			has := func(name string) bool { return len(at[name]) > 0 }
			same := func(a, b string) bool { return has(a) && slices.Equal(at[a], at[b]) }
			for name, addrs := range at {
				if strings.HasPrefix(name, "entry_") && addrs[0]%4 != 2 {
					t.Errorf("%s stands at 0x%08x, want 4k+2", name, addrs[0])
				}
			}
			for _, name := range clones {
				if !has(name) {
					t.Errorf("there is no %s", name)
				}
			}
			for name, want := range map[string]bool{
				"aliases are one function":              same("alias_target", "alias_name"),
				"functions of the same code are one":    same("fold_a", "fold_b") == (level != "-O0"),
				"inlined functions are gone":            has("inlined") == (level == "-O0"),
				"the weak default is gone":              len(at["weak_overridden"]) == 1,
				"two files have a function step":        len(at["step"]) == 2,
				"in_ram is in RAM":                      has("in_ram") && at["in_ram"][0] >= 0x2000_0000,
				"two functions share a word":            at["tiny_first"][0]+2 == at["tiny_second"][0] && at["tiny_first"][0]%4 == 0,
				"the loops begin at the start of words": at["loop_at_0"][0]%4 == 0 && at["loop_at_2"][0]%4 == 0,
			} {
				if !want {
					t.Errorf("not so: %s", name)
				}
			}
		})
	}
}

// functions lists the addresses of the functions by name.
func functions(t *testing.T, image []byte) map[string][]uint64 {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	at := make(map[string][]uint64)
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			at[s.Name] = append(at[s.Name], s.Value&^1)
		}
	}
	return at
}
