package board

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
)

// wraps are functions that call the original, and how that shows in the
// application's reports.
var wraps = []struct {
	file, function, from, to string
	want                     *regexp.Regexp
}{
	{"app/status.c", "status_text", `return "`, `return FPB_ORIGINAL(status_text)() + 4; return "`, regexp.MustCompile(`\[app\] systems nominal`)},
	{"app/status.c", "next_count", "static int count;", "return FPB_ORIGINAL(next_count)() + 1000000; static int count;", regexp.MustCompile(`count=1000\d{3} `)},
	{"app/status.c", "clamp", "if (value < low)", "return FPB_ORIGINAL(clamp)(value, low, high) + 900; if (value < low)", regexp.MustCompile(`sensor=(8[5-9]|9[0-4])\d `)},
	{"app/status.c", "phase_name", "switch (phase % 5)", "return FPB_ORIGINAL(phase_name)(phase) + 1; switch (phase % 5)", regexp.MustCompile("phase=(dle|amp-up|un|ool-down|nknown) ")},
	{"app/status.c", "per_mille", "return whole ?", "return 1 + FPB_ORIGINAL(per_mille)(part, whole); return whole ?", regexp.MustCompile("load=334")},
	{"app/sensor.c", "sensor_average", "sum += sample;", "return FPB_ORIGINAL(sensor_average)(sample) + 4000; sum += sample;", regexp.MustCompile(`sensor=(39|40)\d\d `)},
	{"app/sensor.c", "sensor_read", "int value =", "return FPB_ORIGINAL(sensor_read)(channel) * 0 + 42; int value =", regexp.MustCompile("sensor=42 ")},
}

// original asks for a function edited to call its original.
func (b *bench) original(file string, functions []string, replace ...string) Request {
	b.t.Helper()
	r := b.request(file, functions, replace...)
	r.Unit.Text = append([]byte("#include \"fpbls.h\"\n#line 1\n"), r.Unit.Text...)
	return r
}

// settles reports whether a coming report shows what is wanted.
func (b *bench) settles(want *regexp.Regexp) bool {
	b.t.Helper()
	for range 40 {
		if want.MatchString(b.fresh()) {
			return true
		}
	}
	return false
}

// The patch calls the firmware's own function, in every mode and wherever the
// function starts.
func TestOriginal(t *testing.T) {
	for _, test := range []struct {
		name    string
		project *fixture
		cfg     sim.Config
		mode    fpb.Mode
	}{
		{"trampoline", demo, sim.Config{}, fpb.Trampoline},
		{"breakpoints", demo, sim.Config{}, fpb.DebugMonitor},
		{"functions at 4k+2", unaligned(t, "-Os", true), sim.Config{}, fpb.Trampoline},
		{"functions at 4k+2, -O2", unaligned(t, "-O2", false), sim.Config{}, fpb.Trampoline},
	} {
		t.Run(test.name, func(t *testing.T) {
			runOn(t, test.project, test.cfg, func(t *testing.T, b *bench) {
				shown := 0
				for _, w := range wraps {
					request := b.original(w.file, []string{w.function}, w.from, w.to)
					request.Mode = string(test.mode)
					_, err := b.board.Inject(t.Context(), request, nil)
					if problem.Has(err, problem.UnalignedEntry) || problem.Has(err, problem.BranchIntoEntry) {
						continue
					}
					if err != nil {
						t.Errorf("%s: %v", w.function, err)
						continue
					}
					if !b.settles(w.want) {
						t.Errorf("%s shows no effect: %s", w.function, b.fresh())
					}
					shown++
					b.revert(w.function)
				}
				if b.wantStates(); shown < 4 {
					t.Errorf("only %d functions were patched", shown)
				}
				if h := b.sim.Health(); h.Fault != nil {
					t.Errorf("health: %v", h)
				}
			})
		})
	}
}

// Each calls the original of the other: sensor_read that of raw and its own, raw
// that of sensor_read, which calls raw.
func TestOriginalsOfEachOther(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		request := b.original("app/sensor.c", []string{"sensor_read", "raw"},
			"raw(channel) + sensor_offset;", "0 * (raw(channel) + FPB_ORIGINAL(raw)(channel) + FPB_ORIGINAL(sensor_read)(channel)) + outer;",
			"static const signed char wave[]", `static int inside;
			if (inside)
				return FPB_ORIGINAL(raw)(channel);
			inside = 1;
			outer = 50 + 0 * FPB_ORIGINAL(sensor_read)(channel);
			inside = 0;
			return 1;
			static const signed char wave[]`,
			"((noinline))", "((noinline, noclone))", "static int samples;", "static int samples; static int outer;")
		if _, err := b.board.Inject(t.Context(), request, nil); err != nil {
			t.Fatal(err)
		}
		if !b.settles(regexp.MustCompile("sensor=(49|50) ")) {
			t.Errorf("no effect: %s", b.fresh())
		}
	})
}

// An interrupt handler is wrapped and goes on counting time.
func TestOriginalOfInterruptHandler(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		request := b.original("board/startup.c", []string{"SysTick_Handler"}, "    millis++;\n", "    FPB_ORIGINAL(SysTick_Handler)(); millis += 9;\n")
		if _, err := b.board.Inject(t.Context(), request, nil); err != nil {
			t.Fatal(err)
		}
		before := count(t, b.fresh())
		time.Sleep(time.Second)
		if after := count(t, b.fresh()); after-before < 30 {
			t.Errorf("%d reports in a second with time ten times as fast", after-before)
		}
		if h := b.sim.Health(); h.Fault != nil {
			t.Errorf("health: %v", h)
		}
	})
}

func TestOriginalRefusals(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		for _, test := range []struct {
			call string
			code problem.Code
			want string
		}{
			{"FPB_ORIGINAL(status_txt)()", problem.NotInImage, "FPB_ORIGINAL(status_txt)"},
			{"FPB_ORIGINAL(clamp)(1)", problem.CompileFailed, "too few arguments"},
		} {
			_, err := b.board.Inject(t.Context(), b.original("app/status.c", []string{"status_text"},
				`return "`, "const char *status_txt(void); "+strings.Replace("return (const char *)(CALL);", "CALL", test.call, 1)+` return "`), nil)
			if !problem.Has(err, test.code) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v", test.call, err)
			}
		}
		b.wantStates()
	})
}
