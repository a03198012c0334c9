package board

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// visible are edits whose effect shows in the application's reports.
var visible = []struct {
	file, function, from, to string
	want                     *regexp.Regexp
}{
	{"app/status.c", "status_text", "all systems nominal", "patched text", regexp.MustCompile("patched text")},
	{"app/status.c", "next_count", "++count", "count += 1000", regexp.MustCompile(`count=\d{4}`)},
	{"app/status.c", "clamp", "return value > high ? high : value;", "return 77;", regexp.MustCompile("sensor=7[0-9] ")},
	{"app/status.c", "phase_name", `"idle", "ramp-up", "run", "cool-down"`, `"0", "1", "2", "3"`, regexp.MustCompile("phase=[0-3] ")},
	{"app/status.c", "per_mille", "part * 1000 / whole", "part * 2000 / whole", regexp.MustCompile("load=666")},
	{"app/sensor.c", "sensor_average", "return sum / samples;", "return 4711;", regexp.MustCompile("sensor=4711 ")},
	{"app/print.c", "print", `case 'd': {`, `case 'd': uart_write("~", 1); {`, regexp.MustCompile("count=~")},
}

// unaligned builds the firmware so that functions start where they happen to:
// without sections of their own, and with the given flags and shift.
func unaligned(t *testing.T, level string, shift bool) *fixture {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f, err := buildFixture(dir, func(p *testfirmware.Project) error {
		p.Flags = slices.DeleteFunc(p.Flags, func(f string) bool { return f == "-ffunction-sections" || f == "-Os" })
		p.Flags = append(p.Flags, level, "-fno-align-functions")
		if err := p.WriteDatabase(); err != nil {
			return err
		}
		script := filepath.Join(dir, "board", "stm32f103.ld")
		text, err := os.ReadFile(script)
		if err != nil {
			return err
		}
		text = regexp.MustCompile(`SUBALIGN\(4\)`).ReplaceAll(text, nil)
		if err := os.WriteFile(script, text, 0o644); err != nil || !shift {
			return err
		}
		for _, unit := range []string{"status.c", "sensor.c", "print.c"} {
			path := filepath.Join(dir, "app", unit)
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			// Two bytes of code in front of all others.
			text = append([]byte("__attribute__((naked, used)) static void shift(void) { __asm(\"bx lr\"); }\n#line 1\n"), text...)
			if err := os.WriteFile(path, text, 0o644); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Functions at 4k+2 are caught in their second halfword where their first
// instruction can be taken back, and refused otherwise; either way the board
// lives, and so does the function before.
func TestUnalignedEntries(t *testing.T) {
	accepted, refused := 0, 0
	levels, least := []string{"-Os", "-O2"}, 4
	if testing.Short() {
		levels, least = levels[:1], 2
	}
	for _, level := range levels {
		for _, shift := range []bool{false, true} {
			project := unaligned(t, level, shift)
			runOn(t, project, sim.Config{}, func(t *testing.T, b *bench) {
				for _, v := range visible {
					symbol := b.image.Lookup(v.function)[0]
					if symbol.Addr%4 != 2 {
						continue
					}
					_, err := b.board.Inject(t.Context(), b.request(v.file, []string{v.function}, v.from, v.to), nil)
					if problem.Has(err, problem.UnalignedEntry) || problem.Has(err, problem.BranchIntoEntry) {
						t.Logf("%s shift %t: %v", level, shift, err)
						refused++
						continue
					}
					if err != nil {
						t.Errorf("%s shift %t, %s: %v", level, shift, v.function, err)
						continue
					}
					accepted++
					seen := false
					for range 40 {
						if seen = v.want.MatchString(b.fresh()); seen {
							break
						}
					}
					if !seen {
						t.Errorf("%s shift %t: %s at 0x%08x shows no effect", level, shift, v.function, symbol.Addr)
					}
					info, err := b.board.Info(t.Context())
					if err != nil || len(info.Patches) != 1 || info.Patches[0].Original != patch.Address(symbol.Addr) || info.Patches[0].Name() != v.function {
						t.Errorf("info of %s: %+v, %v", v.function, info.Patches, err)
					}
					b.revert(v.function)
					if report := b.fresh(); v.want.MatchString(report) && v.function != "next_count" {
						t.Errorf("%s shift %t: %s is still patched: %s", level, shift, v.function, report)
					}
				}
				if h := b.sim.Health(); h.Fault != nil {
					t.Errorf("%s shift %t: health %v", level, shift, h)
				}
			})
		}
	}
	t.Logf("%d functions at 4k+2 were patched, %d refused", accepted, refused)
	if accepted < least {
		t.Errorf("only %d functions at 4k+2 were patched", accepted)
	}
}
