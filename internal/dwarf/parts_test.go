package dwarf

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fpbls/fpbls/internal/object"
)

func TestParts(t *testing.T) {
	for _, version := range []string{"-gdwarf-4", "-gdwarf-5"} {
		dir := t.TempDir()
		source := `
static struct { int a; char pad[60]; int b; } state;
int f(int n) { state.a += n; return state.b; }
int g(int n) { static struct { short x; int y; } own; own.x++; own.y += n; state.b -= n; return state.a + own.x + own.y; }
`
		if err := os.WriteFile(filepath.Join(dir, "unit.c"), []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("clang", "--target=arm-none-eabi", "-mcpu=cortex-m3", "-Os", version, "-c", "unit.c", "-o", "unit.o")
		cmd.Dir = dir
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, msg)
		}
		data, err := os.ReadFile(filepath.Join(dir, "unit.o"))
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
		symbols := make(map[string]Part)
		for _, p := range info.Parts() {
			section, offset, _ := info.SectionAt(p.Addr)
			i := slices.IndexFunc(o.Symbols, func(s *object.Symbol) bool {
				return s.Section == section && s.Value == offset && s.Size == p.Size && s.Name != section.Name
			})
			if i < 0 {
				t.Fatalf("no symbol for %+v", p)
			}
			p.Addr, p.Path = 0, filepath.Base(p.Path)
			symbols[o.Symbols[i].Name] = p
		}
		for name, want := range map[string]Part{
			"state.0": {Name: "state", Path: "unit.c", Offset: 0, Size: 4},
			"state.1": {Name: "state", Path: "unit.c", Offset: 64, Size: 4},
			"g.own.0": {Function: "g", Name: "own", Path: "unit.c", Offset: 0, Size: 2},
			"g.own.1": {Function: "g", Name: "own", Path: "unit.c", Offset: 4, Size: 4},
		} {
			if symbols[name] != want {
				t.Errorf("%s: %s is %+v, want %+v", version, name, symbols[name], want)
			}
		}
	}
}
