package board

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
	"github.com/fpbls/fpbls/internal/sim/cortexm"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// Every kind of loader that boards in the field have does the whole job, or says why
// not.
func TestLoaders(t *testing.T) {
	v2 := sim.Config{FPB: cortexm.FPBConfig{Version: 2, Code: 8}}
	for _, tt := range []struct {
		loader string
		cfg    sim.Config
		mode   string
		fails  problem.Code
	}{
		{"1.5", sim.Config{}, "auto", ""},
		{"1.5", sim.Config{}, "debugmon", ""},
		{"1.5, memory from a heap", sim.Config{}, "auto", ""},
		{"1.5, shell", sim.Config{}, "auto", ""},
		{"1.5, shell", sim.Config{}, "debugmon", ""},
		{"1.5, shell", v2, "auto", ""},
		{"1.6", sim.Config{}, "auto", ""},
		{"1.6", sim.Config{}, "debugmon", ""},
		{"1.6", v2, "auto", ""},
		{"1.6, shell that sleeps", sim.Config{}, "auto", ""},
		{"1.6, shell that sleeps", v2, "auto", ""},
		{"1.6, shell to be entered", sim.Config{}, "auto", ""},
		{"1.6, no trampolines", sim.Config{}, "trampoline", problem.ModeUnavailable},
		{"1.6, no trampolines", sim.Config{}, "auto", ""},
		{"1.6, no trampolines", sim.Config{}, "debugmon", ""},
		{"1.6, no DebugMonitor", v2, "auto", problem.ModeUnavailable},
		{"1.6, no Flash Patch unit", sim.Config{}, "auto", problem.NoFPB},
		// It writes version 1's comparators to any unit: OK is answered, another
		// address is caught.
		{"1.5", v2, "auto", problem.ModeUnavailable},
	} {
		name := tt.loader + ", " + tt.mode
		if tt.cfg.FPB.Version == 2 {
			name += ", FPB version 2"
		}
		if testing.Short() && tt.loader != "1.6, shell that sleeps" {
			continue // the race detector makes the simulated core slow
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runOn(t, loaderFixture(t, tt.loader), tt.cfg, func(t *testing.T, b *bench) {
				inject := func(status, factor string) (patch.Result, error) {
					r := b.request("app/status.c", []string{"status_text", "next_count"},
						"all systems nominal", status, "return ++count", "return count += "+factor)
					r.Mode = tt.mode
					return b.board.Inject(t.Context(), r, nil)
				}
				before := count(t, b.fresh())
				r, err := inject("first patch", "1000")
				if tt.fails != "" {
					if !problem.Has(err, tt.fails) {
						t.Errorf("%v, want %s", err, tt.fails)
					}
					b.wantStates()
					b.wantReport("all systems nominal")
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if tt.mode != "auto" && r.Patches[0].Mode != tt.mode {
					t.Errorf("mode %s, want %s", r.Patches[0].Mode, tt.mode)
				}
				b.wantReport("first patch")
				if n := count(t, b.fresh()); n < before+1000 {
					t.Errorf("the count went from %d to %d", before, n)
				}
				if _, err := inject("second patch", "2000"); err != nil {
					t.Fatal(err)
				}
				b.wantReport("second patch")
				if _, err := b.board.Enable(t.Context(), patch.Selector{Function: "status_text"}, false); err != nil {
					t.Fatal(err)
				}
				b.wantReport("all systems nominal")
				if _, err := b.board.Enable(t.Context(), patch.Selector{Function: "status_text"}, true); err != nil {
					t.Fatal(err)
				}
				b.wantReport("second patch")
				if _, err := b.board.Revert(t.Context(), patch.Selector{All: true}); err != nil {
					t.Fatal(err)
				}
				b.wantStates()
				b.wantReport("all systems nominal")
				if strings.Contains(b.text, "[FL") || strings.Contains(b.text, "Slot[") {
					t.Errorf("answers in the output: %q", b.text)
				}
			})
		})
	}
}

// A system that gives a breakpoint the first comparator that is off must not give
// it that of a patch that is only switched off.
func TestSystemChoosesComparators(t *testing.T) {
	runOn(t, loaderFixture(t, "1.5, shell"), sim.Config{}, func(t *testing.T, b *bench) {
		inject := func(function, old, by string) error {
			r := b.request("app/status.c", []string{function}, old, by)
			r.Mode = "debugmon"
			_, err := b.board.Inject(t.Context(), r, nil)
			return err
		}
		enable := func(on bool) {
			t.Helper()
			if _, err := b.board.Enable(t.Context(), patch.Selector{Function: "status_text"}, on); err != nil {
				t.Fatal(err)
			}
		}
		if err := inject("status_text", "all systems", "patched"); err != nil {
			t.Fatal(err)
		}
		enable(false)
		if err := inject("next_count", "++count", "count += 1000"); !problem.Has(err, problem.ModeUnavailable) {
			t.Errorf("%v, want %s", err, problem.ModeUnavailable)
		}
		b.wantStates("0 status_text disabled")
		enable(true)
		if err := inject("next_count", "++count", "count += 1000"); err != nil {
			t.Fatal(err)
		}
		b.wantReport("patched")
		b.wantStates("0 status_text live", "1 next_count live")
		b.revert("status_text")
		b.wantStates("1 next_count live")
		if err := inject("next_count", "++count", "count += 2000"); err != nil {
			t.Fatal(err)
		}
		b.wantStates("0 next_count live") // where the system has put it
		b.wantReport("all systems")
	})
}

// wantReport waits for a report with the text, printed from now on.
func (b *bench) wantReport(text string) {
	b.t.Helper()
	report := b.fresh()
	for range 5 { // others print into the middle of some
		if strings.Contains(report, text) {
			return
		}
		report = b.report()
	}
	b.t.Errorf("the board reports %q, want %q", report, text)
}

// loaders are the fixtures of [testfirmware.Loaders] that were built.
var loaders struct {
	sync.Mutex
	built map[string]*fixture
}

func loaderFixture(t *testing.T, name string) *fixture {
	t.Helper()
	loaders.Lock()
	defer loaders.Unlock()
	if f := loaders.built[name]; f != nil {
		return f
	}
	program, ok := testfirmware.Loaders()[name]
	if !ok {
		t.Fatalf("there is no loader %q", name)
	}
	f, err := buildProgram(filepath.Join(demo.Dir, "loaders", strings.ReplaceAll(name, " ", "-")), program)
	if err != nil {
		t.Fatal(err)
	}
	if loaders.built == nil {
		loaders.built = make(map[string]*fixture)
	}
	loaders.built[name] = f
	return f
}
