package board

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/sim"
	"github.com/fpbls/fpbls/internal/toolchain"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// Info right after an injection asks what it asks at rest, and nothing else is sent.
func TestInfoAfterInjectionIsOneRoundTrip(t *testing.T) {
	baud := 9600
	if testing.Short() {
		baud = 115200 // the race detector makes the simulated core slow
	}
	run(t, sim.Config{Baud: baud}, func(t *testing.T, b *bench) {
		b.inject("app/status.c", []string{"clamp"}, "return value > high", "return 1; return value > high")
		ask := func() (sent int64, took time.Duration) {
			before, _ := b.board.session.client.Traffic()
			start := time.Now()
			b.wantStates("0 clamp live")
			after, _ := b.board.session.client.Traffic()
			return after - before, time.Since(start)
		}
		soon, soonTook := ask()
		time.Sleep(2 * time.Second)
		later, laterTook := ask()
		t.Logf("%d bytes and %v right after the injection, %d bytes and %v at rest", soon, soonTook, later, laterTook)
		if soon != later {
			t.Errorf("%d bytes were sent right after the injection, %d at rest", soon, later)
		}
	})
}

// BenchmarkWarmInjection injects a small function into the unpaced board, in
// real time: of a unit that compiles in no time, and of one that takes ten times as
// long; with section flags in its command, where one compilation serves both the
// comparison and the patch, and without. ratio is the whole over the compiler alone.
func BenchmarkWarmInjection(b *testing.B) {
	plain, err := buildProgram(b.TempDir(), testfirmware.Demo().With("-fno-function-sections", "-fno-data-sections"))
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range []struct {
		name string
		*fixture
	}{{"sections", demo}, {"no sections", plain}} {
		for _, functions := range []int{0, 40} {
			b.Run(fmt.Sprintf("%s, %d functions more", f.name, functions), func(b *testing.B) {
				benchmarkWarmInjection(b, f.fixture, functions)
			})
		}
	}
}

func benchmarkWarmInjection(b *testing.B, f *fixture, functions int) {
	elf, err := os.ReadFile(f.ELF)
	if err != nil {
		b.Fatal(err)
	}
	simulated, err := sim.New(sim.Config{}, elf)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { simulated.Run(ctx) })
	defer running.Wait()
	defer cancel()
	owner := New(Config{
		Port:   "sim:",
		Open:   func(context.Context) (fpb.Conn, error) { return simulated.Conn(), nil },
		Images: func(context.Context) (firmware.Images, error) { return firmware.Images{f.image}, nil },
	})
	defer owner.Close()
	tools := toolchain.New(toolchain.Config{Env: os.Environ()})
	text, err := os.ReadFile(f.Source)
	if err != nil {
		b.Fatal(err)
	}
	for n := range functions {
		text = fmt.Appendf(text, `
int filler_%d(int *values, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += values[i] > %[1]d ? values[i] * next_count() : clamp(values[i], sum, n / (i + 1));
    for (int i = n; i > 0 && values[i] != sum; i--)
        values[i] ^= sum << (i %% 7);
    return sum;
}
`, n)
	}
	request := Request{
		Builder:   &patch.Builder{Image: f.image, Database: f.database, Toolchain: tools},
		Unit:      patch.Unit{Path: f.Source, Text: append(text, '\n')},
		Functions: []string{"status_text"},
	}
	command, err := f.database.Command(f.Source)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := owner.Inject(b.Context(), request, nil); err != nil {
		b.Fatal(err)
	}
	var compiler, whole time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := owner.Inject(b.Context(), request, nil); err != nil {
			b.Fatal(err)
		}
		whole += time.Since(start)
		start = time.Now()
		if _, err := tools.Compile(b.Context(), toolchain.Unit{Command: command, Text: request.Unit.Text}); err != nil {
			b.Fatal(err)
		}
		compiler += time.Since(start)
	}
	n := time.Duration(b.N)
	b.ReportMetric(float64(compiler/n)/1e6, "ms-compiler")
	b.ReportMetric(float64((whole-compiler)/n)/1e6, "ms-beside-compiler")
	b.ReportMetric(float64(whole)/float64(compiler), "ratio")
}
