package board

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
	"github.com/fpbls/fpbls/internal/toolchain"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// fixture is a project that was built, and what is read of it.
type fixture struct {
	testfirmware.Project
	image    *firmware.Image
	database *toolchain.Database
}

// demo is the demo project, built once for all tests.
var demo *fixture

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "fpbls-board-")
		if err == nil {
			defer os.RemoveAll(dir)
			if dir, err = filepath.EvalSymlinks(dir); err == nil {
				demo, err = buildFixture(dir, nil)
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// buildFixture builds the demo firmware in dir, after change has edited it.
func buildFixture(dir string, change func(*testfirmware.Project) error) (*fixture, error) {
	project, err := testfirmware.WriteProject(dir)
	if err != nil {
		return nil, err
	}
	if change != nil {
		if err := change(&project); err != nil {
			return nil, err
		}
	}
	return buildProject(project)
}

// buildProgram builds the program in dir.
func buildProgram(dir string, program testfirmware.Program) (*fixture, error) {
	project, err := program.Write(dir)
	if err != nil {
		return nil, err
	}
	return buildProject(project)
}

func buildProject(project testfirmware.Project) (f *fixture, err error) {
	f = &fixture{Project: project}
	if err := f.Build(context.Background()); err != nil {
		return nil, err
	}
	if f.image, err = firmware.Open(f.ELF); err != nil {
		return nil, err
	}
	f.database, err = toolchain.LoadDatabase(f.CompileCommands)
	return f, err
}

// benchPort is what the board's port is called.
const benchPort = "tcp://bench:1"

// bench is a simulated board with the demo firmware, and its owner.
type bench struct {
	*fixture
	t      *testing.T
	sim    *sim.Board
	board  *Board
	reader *OutputReader
	text   string // output that was read
	heard  *heard // what has come over the line, if somebody listens
}

// heard is what a connection has received.
type heard struct {
	mu   sync.Mutex
	text []byte
}

type listener struct {
	*sim.Conn
	to *heard
}

func (l listener) Read(ctx context.Context, p []byte) (int, error) {
	n, err := l.Conn.Read(ctx, p)
	l.to.mu.Lock()
	defer l.to.mu.Unlock()
	l.to.text = append(l.to.text, p[:n]...)
	return n, err
}

// take returns what was heard since the last time.
func (h *heard) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := string(h.text)
	h.text = nil
	return text
}

// run gives f a bench with the demo firmware in a bubble of driven time.
func run(t *testing.T, cfg sim.Config, f func(*testing.T, *bench)) {
	t.Helper()
	runOn(t, demo, cfg, f)
}

func runOn(t *testing.T, project *fixture, cfg sim.Config, f func(*testing.T, *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		elf, err := os.ReadFile(project.ELF)
		if err != nil {
			t.Fatal(err)
		}
		simulated, err := sim.New(cfg, elf)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { simulated.Run(ctx) })
		b := &bench{fixture: project, t: t, sim: simulated}
		b.open("")
		defer running.Wait()
		defer cancel()
		defer func() {
			if err := b.board.Close(); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(time.Second) // let it boot
		if err := b.board.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		f(t, b)
	})
}

// open makes a new owner of the board, as another process would.
func (b *bench) open(journal string) {
	if b.board != nil {
		b.board.Close()
	}
	b.board = New(Config{
		Port: benchPort,
		Open: func(context.Context) (fpb.Conn, error) {
			if b.heard != nil {
				return listener{b.sim.Conn(), b.heard}, nil
			}
			return b.sim.Conn(), nil
		},
		Images:     func(context.Context) (firmware.Images, error) { return firmware.Images{b.image}, nil },
		JournalDir: journal,
	})
	b.reader = b.board.Output().Reader()
}

// request asks for functions of a demo source, edited by replacing texts.
func (b *bench) request(file string, functions []string, replace ...string) Request {
	b.t.Helper()
	path := filepath.Join(b.Dir, filepath.FromSlash(file))
	text, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !bytes.Contains(text, []byte(replace[i])) {
			b.t.Fatalf("%s has no %q", file, replace[i])
		}
		text = bytes.ReplaceAll(text, []byte(replace[i]), []byte(replace[i+1]))
	}
	return Request{
		Builder: &patch.Builder{
			Image: b.image, Database: b.database,
			Toolchain: toolchain.New(toolchain.Config{Workspace: []string{b.Dir}, Env: os.Environ()}),
		},
		Unit: patch.Unit{Path: path, Text: text}, Functions: functions,
	}
}

func (b *bench) inject(file string, functions []string, replace ...string) patch.Result {
	b.t.Helper()
	r, err := b.board.Inject(b.t.Context(), b.request(file, functions, replace...), nil)
	if err != nil {
		b.t.Fatalf("injecting %v: %v", functions, err)
	}
	return r
}

func (b *bench) revert(function string) {
	b.t.Helper()
	if _, err := b.board.Revert(b.t.Context(), patch.Selector{Function: function}); err != nil {
		b.t.Fatalf("reverting %s: %v", function, err)
	}
}

// report waits for the next whole report of the application.
func (b *bench) report() string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 5*time.Second)
	defer cancel()
	b.text = ""
	for {
		p, _, err := b.reader.Next(ctx)
		if err != nil {
			b.t.Fatalf("no report: %v; health: %v; read %q", err, b.sim.Health(), b.text)
		}
		b.text += string(p)
		for line := range strings.Lines(b.text) {
			if strings.HasPrefix(line, "[app]") && strings.Contains(line, "count=") && strings.HasSuffix(line, "\n") {
				return strings.TrimSpace(line)
			}
		}
	}
}

// fresh skips what was printed before and returns the next report.
func (b *bench) fresh() string {
	b.t.Helper()
	b.reader = b.board.Output().Reader()
	b.report() // the first may have been under way
	return b.report()
}

var countField = regexp.MustCompile(`count=(-?\d+)`)

func count(t *testing.T, report string) int {
	t.Helper()
	m := countField.FindStringSubmatch(report)
	if m == nil {
		t.Fatalf("no count in %q", report)
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

func (b *bench) states() []string {
	b.t.Helper()
	info, err := b.board.Info(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	var states []string
	for _, p := range info.Patches {
		states = append(states, fmt.Sprintf("%d %s %s", p.Slot, p.Name(), p.State))
	}
	return states
}

func (b *bench) wantStates(want ...string) {
	b.t.Helper()
	if got := b.states(); !slices.Equal(got, want) {
		b.t.Errorf("patches %q, want %q", got, want)
	}
}

// largest is the size of the largest block that the loader's pool gives.
func (b *bench) largest() int {
	b.t.Helper()
	low, high := 0, 1<<16
	err := b.board.run(b.t.Context(), "probe", func(ctx context.Context, s *session) error {
		for low+1 < high {
			mid := (low + high) / 2
			if _, err := s.client.Alloc(ctx, mid); problem.Has(err, problem.PatchTooLarge) {
				high = mid
			} else if err != nil {
				return err
			} else {
				low = mid
			}
		}
		_, err := s.client.Alloc(ctx, 1) // let go of the large one
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return low
}

func TestInjectAndRevert(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		before := b.fresh()
		var stages []patch.Stage
		r, err := b.board.Inject(t.Context(), b.request("app/status.c", []string{"status_text"}, "all systems nominal", "patched while running"),
			func(e patch.Event) {
				if len(stages) == 0 || stages[len(stages)-1] != e.Stage {
					stages = append(stages, e.Stage)
				}
			})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(stages, patch.Stages) {
			t.Errorf("stages %v, want %v", stages, patch.Stages)
		}
		if len(r.Patches) != 1 || r.Patches[0].Name() != "status_text" || r.Patches[0].State != patch.Live || r.Bytes.Sent == 0 {
			t.Errorf("result %+v", r)
		}
		after := b.fresh()
		if !strings.Contains(after, "patched while running") || count(t, after) <= count(t, before) {
			t.Errorf("before %q\nafter  %q", before, after)
		}
		b.wantStates("0 status_text live")
		if m := b.board.Status().Match; m != Matches {
			t.Errorf("the firmware is %s", m)
		}
		b.revert("status_text")
		restored := b.fresh()
		if !strings.Contains(restored, "all systems nominal") || count(t, restored) <= count(t, after) {
			t.Errorf("restored %q", restored)
		}
		b.wantStates()
	})
}

func TestDisableAndEnable(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		b.inject("app/status.c", []string{"status_text"}, "all systems nominal", "patched")
		for _, test := range []struct {
			on   bool
			want string
		}{{false, "nominal"}, {true, "patched"}} {
			if _, err := b.board.Enable(t.Context(), patch.Selector{Function: "status_text"}, test.on); err != nil {
				t.Fatal(err)
			}
			if got := b.fresh(); !strings.Contains(got, test.want) {
				t.Errorf("enabled %t: %q", test.on, got)
			}
		}
	})
}

// Statics of functions and files go on from their live values, through the
// patch, an update and the revert.
func TestStaticsKeepTheirValues(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		last := count(t, b.fresh())
		step := func(what string, least, most int) {
			t.Helper()
			n := count(t, b.fresh())
			if n-last < least || n-last > most {
				t.Errorf("%s: count went from %d to %d", what, last, n)
			}
			last = n
		}
		b.inject("app/status.c", []string{"next_count"}, "++count", "count += 1000")
		step("patched", 2000, 9000)
		b.inject("app/status.c", []string{"next_count"}, "++count", "count -= 2")
		step("updated", -20, 8000)
		b.revert("next_count")
		step("reverted", -20, 20)

		b.inject("app/sensor.c", []string{"sensor_average"}, "samples == 8", "samples == 6")
		if r := b.fresh(); !strings.Contains(r, "sensor=") {
			t.Errorf("report %q", r)
		}
	})
}

// Functions of different kinds, one after another, all at once on the board.
func TestManyKinds(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		for _, test := range []struct {
			file, function, from, to, want string
		}{
			{"app/status.c", "clamp", "return value > high ? high : value;", "return 7;", "sensor="},
			{"app/status.c", "phase_name", `"unknown"`, `"phase five"`, "phase="},
			{"app/status.c", "per_mille", "part * 1000 / whole", "part * 2000 / whole", "load=666"},
			{"app/sensor.c", "sensor_read", "raw(channel) + sensor_offset", "raw(channel) - sensor_offset", "sensor="},
			{"app/status.c", "status_text", "all systems", "no systems", "no systems nominal"},
		} {
			b.inject(test.file, []string{test.function}, test.from, test.to)
			if got := b.fresh(); !strings.Contains(got, test.want) {
				t.Errorf("%s: %q, want %q", test.function, got, test.want)
			}
		}
		b.wantStates("0 clamp live", "1 phase_name live", "2 per_mille live", "3 sensor_read live", "4 status_text live")
		if records, err := b.board.Revert(t.Context(), patch.Selector{All: true}); err != nil || len(records) != 5 {
			t.Errorf("reverted %v, %v", records, err)
		}
		b.wantStates()
		if h := b.sim.Health(); h.Fault != nil {
			t.Errorf("health: %v", h)
		}
	})
}

func TestReinjectingLeaksNothing(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		before := b.largest()
		for i := range 20 {
			b.inject("app/status.c", []string{"status_text"}, "all systems nominal", fmt.Sprintf("version %d", i))
			if got, want := b.fresh(), fmt.Sprintf("version %d ", i); !strings.Contains(got, want) {
				t.Errorf("report %q, want %q", got, want)
			}
		}
		b.revert("status_text")
		if after := b.largest(); after != before {
			t.Errorf("largest block %d bytes before, %d after", before, after)
		}
	})
}

// Two functions that share a new variable see the same one, whichever is
// reverted first, and nothing leaks.
func TestSharedNewStatic(t *testing.T) {
	const declared = "/* What the demo shows. Change a function and inject it. */"
	edit := []string{
		declared, "static int shared = 500;\nint clamp(int, int, int);",
		`return "all systems nominal";`, `shared += 10; return "sharing";`,
		"return ++count;", "count++; return shared;",
	}
	for _, test := range []struct {
		first, second string
		together      bool
	}{
		{"status_text", "next_count", false},
		{"next_count", "status_text", false},
		{"status_text", "next_count", true},
	} {
		run(t, sim.Config{}, func(t *testing.T, b *bench) {
			before := b.largest()
			if test.together {
				b.inject("app/status.c", []string{test.first, test.second}, edit...)
			} else {
				b.inject("app/status.c", []string{test.first}, edit...)
				b.inject("app/status.c", []string{test.second}, edit...)
			}
			a := count(t, b.fresh())
			if z := count(t, b.fresh()); z <= a || (z-a)%10 != 0 || a <= 500 {
				t.Errorf("%+v: count went from %d to %d, want steps of ten from 500", test, a, z)
			}
			b.revert(test.first)
			report := b.fresh()
			if test.first == "status_text" {
				if n, m := count(t, report), count(t, b.fresh()); n != m || n <= 500 {
					t.Errorf("%+v: without status_text the count is %d, then %d", test, n, m)
				}
			} else if !strings.Contains(report, "sharing") {
				t.Errorf("%+v: report %q", test, report)
			}
			b.wantStates("0 "+test.first+" held", "1 "+test.second+" live")
			b.revert(test.second)
			b.wantStates()
			if after := b.largest(); after != before {
				t.Errorf("%+v: largest block %d bytes before, %d after", test, before, after)
			}
		})
	}
}

// The next process learns from the journal what this one left.
func TestNextProcessAdopts(t *testing.T) {
	journal := t.TempDir()
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		b.open(journal)
		edit := []string{"/* What the demo shows.", "static int shared = 500;\n/*", `return "all systems nominal";`, `shared += 10; return "sharing";`, "return ++count;", "count++; return shared;"}
		b.inject("app/status.c", []string{"status_text"}, edit...)
		b.open(journal)
		b.wantStates("0 status_text live")
		b.inject("app/status.c", []string{"next_count"}, edit...)
		if n := count(t, b.fresh()); n <= 500 {
			t.Errorf("the second process made a variable of its own: count %d", n)
		}
		b.revert("status_text")
		b.wantStates("0 status_text held", "1 next_count live")
		b.open("") // one that knows nothing can still take back
		b.wantStates("0 status_text disabled", "1 next_count live")
	})
}

func TestResetIsNoticed(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		b.inject("app/status.c", []string{"status_text"}, "all systems nominal", "patched")
		b.sim.Reset(0)
		time.Sleep(time.Second)
		b.wantStates()
		if st := b.board.Status(); len(st.Lost) != 1 || st.Lost[0].Name() != "status_text" || !strings.Contains(st.Health, "lost by a reset") {
			t.Errorf("status %+v", st)
		}
		b.inject("app/status.c", []string{"status_text"}, "all systems nominal", "patched again")
		if st := b.board.Status(); len(st.Lost) != 0 {
			t.Errorf("still lost: %v", st.Lost)
		}
	})
}

// What the firmware prints when it starts is enough to look what is left.
func TestResetIsNoticedByItself(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		b.inject("app/status.c", []string{"status_text"}, "all systems nominal", "patched")
		b.sim.Reset(0)
		time.Sleep(2 * time.Second)
		if st := b.board.Status(); len(st.Lost) != 1 || len(st.Patches) != 0 {
			t.Errorf("status %+v", st)
		}
	})
}

// Whatever is refused leaves the board as it was.
func TestRefusals(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		b.fresh()
		for _, test := range []struct {
			file      string
			functions []string
			edit      []string
			want      problem.Code
			words     string
		}{
			{"app/status.c", []string{"status_txt"}, nil, problem.NoSuchFunction, "status_text"},
			{"app/status.c", []string{"status_text"}, []string{"nominal\";", "nominal\""}, problem.CompileFailed, "status.c:6:33"},
			{"app/status.c", []string{"status_text"}, []string{"return \"all", "extern int missing(void); missing(); return \"all"}, problem.UndefinedSymbol, "missing"},
			{"app/status.c", []string{"status_text"}, []string{"const char *status_text(void)", "static const char large[7000] = {1};\nconst char *status_text(void)", "\"all systems nominal\"", "large"}, problem.PatchTooLarge, "pool"},
			{"board/uart.c", []string{"uart_write"}, nil, problem.LoaderPath, "loader"},
			{"loader/fl.c", []string{"fl_input"}, nil, problem.LoaderPath, "loader"},
			{"app/main.c", []string{"report"}, nil, problem.NotInImage, "inlined"},
		} {
			_, err := b.board.Inject(t.Context(), b.request(test.file, test.functions, test.edit...), nil)
			if !problem.Has(err, test.want) || !strings.Contains(err.Error(), test.words) {
				t.Errorf("%v: %v\nwant %s with %q", test.functions, err, test.want, test.words)
			}
			b.wantStates()
		}
		if got := b.fresh(); !strings.Contains(got, "all systems nominal") {
			t.Errorf("report %q", got)
		}
		for _, f := range []string{"status_text", "clamp", "per_mille", "phase_name", "next_count"} {
			b.inject("app/status.c", []string{f})
		}
		b.inject("app/sensor.c", []string{"sensor_read"})
		_, err := b.board.Inject(t.Context(), b.request("app/sensor.c", []string{"sensor_average"}), nil)
		if !problem.Has(err, problem.NoFreeSlot) || !strings.Contains(err.Error(), "slot 5 sensor_read") {
			t.Errorf("a seventh function: %v", err)
		}
	})
}

// A cancel at any stage before the commit point leaves the board as it was.
func TestCancelAtEveryStage(t *testing.T) {
	stages := patch.Stages[:len(patch.Stages)-1]
	if testing.Short() {
		stages = []patch.Stage{patch.StageLink, patch.StageVerify}
	}
	for _, stage := range stages {
		var line sim.Config
		if stage == patch.StageUpload {
			line.Baud = 115200 // bytes are under way
		}
		run(t, line, func(t *testing.T, b *bench) {
			before := b.largest()
			ctx, cancel := context.WithCancel(t.Context())
			_, err := b.board.Inject(ctx, b.request("app/status.c", []string{"status_text"}, "all systems nominal", "patched"), func(e patch.Event) {
				if e.Stage == stage {
					cancel()
				}
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled at %s: %v", stage, err)
			}
			b.wantStates()
			if got := b.fresh(); !strings.Contains(got, "nominal") {
				t.Errorf("cancelled at %s: %q", stage, got)
			}
			if after := b.largest(); after != before {
				t.Errorf("cancelled at %s: largest block %d bytes before, %d after", stage, before, after)
			}
		})
	}
}

func TestUnplugged(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		b.inject("app/status.c", []string{"status_text"}, "all systems nominal", "patched")
		b.sim.Unplug()
		time.Sleep(time.Second)
		if st := b.board.Status(); st.Connected {
			t.Errorf("status %+v", st)
		}
		b.wantStates("0 status_text live") // connects again
	})
}
