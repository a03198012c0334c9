package board

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/sim"
	"github.com/fpbls/fpbls/internal/sim/cortexm"
)

var (
	campaignRuns = flag.Int("board.campaign", 4, "how many runs over a bad line to do, split between the rates")
	campaignSeed = flag.Uint64("board.campaignseed", 1, "the seed of the first run")
	campaignStep = flag.Int("board.campaignstep", 1200, "every how manyth byte of an injection a scripted fault hits")
)

// A judge stands beside the board and looks at what it executes: each
// instruction in RAM must belong to a block whose code is, at that moment, what
// the linker made. It learns the blocks from the journal, which is written before
// the first comparator changes, and not from the line.
type judge struct {
	dir string

	mu       sync.Mutex
	blocks   []patch.Block
	executed int
	wrong    []uint32
}

func (j *judge) execute(addr uint32, read func(uint32, []byte) bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.executed++
	files, _ := filepath.Glob(filepath.Join(j.dir, "board-*.json"))
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil {
			now, before := parseJournal(data, benchPort, demo.image.BuildID())
			j.blocks = append(j.blocks, now.Blocks...)
			if before != nil {
				j.blocks = append(j.blocks, before.Blocks...)
			}
		}
	}
	slices.SortFunc(j.blocks, cmpBlocks)
	j.blocks = slices.CompactFunc(j.blocks, func(a, b patch.Block) bool { return cmpBlocks(a, b) == 0 })
	for _, b := range j.blocks {
		if addr < uint32(b.Base) || addr >= uint32(b.Base)+b.Code {
			continue
		}
		code := make([]byte, b.Code)
		sum := [32]byte{}
		if read(uint32(b.Base), code) {
			sum = sha256.Sum256(code)
		}
		if hex.EncodeToString(sum[:]) == b.Sum {
			return
		}
	}
	j.wrong = append(j.wrong, addr)
}

func cmpBlocks(a, b patch.Block) int {
	return cmp.Or(cmp.Compare(a.Base, b.Base), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Sum, b.Sum))
}

// commandLimit is how long a command may take on a line that damages too much,
// before it gives up.
const commandLimit = 60 * time.Second

// campaign is one bench that goes through many runs.
type campaign struct {
	*bench
	judge *judge
	pool  int // largest block of the empty pool

	// mayCrash: the line damages so much that a request can lose its checksum and have its
	// address changed, so that the loader reads where nothing is, or an option its value.
	mayCrash bool

	runs, succeeded, late, crashed int
	slowest                        time.Duration
}

// once does inject, update, disable, revert while faults are at work, then takes
// the faults away and looks at what is left.
func (c *campaign) once(t *testing.T, name string, faults sim.Faults) {
	c.runs++
	c.settle()
	c.sim.SetFaults(faults)
	var failed error
	command := func(f func(context.Context) error) {
		if failed != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), commandLimit)
		defer cancel()
		start := time.Now()
		failed = f(ctx)
		d := time.Since(start)
		c.slowest = max(c.slowest, d)
		if d > commandLimit+20*time.Second { // the part that cannot be cancelled has a limit of its own
			c.late++
			t.Errorf("%s: a command took %v", name, d)
		}
	}
	inject := func(text string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := c.board.Inject(ctx, c.request("app/status.c", []string{"status_text"}, "all systems nominal", text), nil)
			return err
		}
	}
	selector := patch.Selector{Function: "status_text"}
	command(inject("patched once"))
	command(func(context.Context) error { time.Sleep(250 * time.Millisecond); return nil })
	command(inject("patched again, and longer"))
	command(func(ctx context.Context) error { _, err := c.board.Enable(ctx, selector, false); return err })
	command(func(ctx context.Context) error { _, err := c.board.Revert(ctx, selector); return err })
	happened := c.sim.Faults()
	c.sim.SetFaults(sim.Faults{})
	if failed == nil {
		c.succeeded++
	}
	heard, output := c.settle()
	if clean := !slices.ContainsFunc(happened, func(f sim.Fault) bool {
		return f.Direction == sim.ToHost || slices.Contains([]sim.FaultKind{sim.ResetWarm, sim.ResetLoop, sim.PowerOff, sim.Gone}, f.Kind)
	}); clean && printed(output) != printed(heard) {
		t.Errorf("%s: the output has %q, the firmware printed %q", name, output, printed(heard))
	}
	if h := c.sim.Health(); h.Fault != nil && !strings.Contains(fmt.Sprint(failed), "power-cycle") {
		t.Errorf("%s: the board is %s, and the command said %v", name, h, failed)
	}
	if err := c.recover(t); err != nil {
		t.Errorf("%s: %v; the command said %v; faults %+v", name, err, failed, happened)
	}
}

// settle waits until no line is in the middle, and returns what has come over the line
// and what has been put out since the last time.
func (c *campaign) settle() (heard, output string) {
	wait := 300 * time.Millisecond
	for range 10 {
		ctx, cancel := context.WithTimeout(c.t.Context(), wait)
		for ctx.Err() == nil {
			p, _, _ := c.reader.Next(ctx)
			output += string(p)
		}
		cancel()
		heard += c.heard.take()
		if strings.HasSuffix(heard, "\n") && (output == "" || strings.HasSuffix(output, "\n")) {
			break
		}
		wait = 10 * time.Millisecond
	}
	return heard, output
}

// printed is what of the text the application has printed: its lines are like no answer
// of the loader. What the loader says to nobody's request is output as well.
func printed(text string) string {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "[app] ") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

// recover is what a user does whose line is good again, and what must be true
// then.
func (c *campaign) recover(t *testing.T) error {
	if h := c.sim.Health(); h.Locked || h.Fault != nil {
		if !c.mayCrash {
			return fmt.Errorf("the board is %s", h)
		}
		c.crashed++
		c.sim.Reset(cortexm.PowerOn) // which is what the user was told to do
	}
	time.Sleep(500 * time.Millisecond) // it may have been reset
	known, err := c.board.Info(t.Context())
	if err != nil {
		if known, err = c.board.Info(t.Context()); err != nil { // the first finds out that the line was gone
			return fmt.Errorf("info: %w", err)
		}
	}
	// Somebody who knows nothing looks at the same board.
	other := New(Config{Port: benchPort, Open: c.board.cfg.Open, Images: c.board.cfg.Images})
	defer other.Close()
	seen, err := other.Info(t.Context())
	if err != nil {
		return fmt.Errorf("info of another: %w", err)
	}
	brief := func(records []patch.Record) (s []string) {
		for _, r := range records {
			state := r.State
			if state == patch.Held {
				state = patch.Disabled // what is held is off
			}
			s = append(s, fmt.Sprint(r.Slot, r.Original, r.Address, state))
		}
		return s
	}
	if a, b := brief(known.Patches), brief(seen.Patches); !slices.Equal(a, b) {
		return fmt.Errorf("the ledger says %v, the board %v", a, b)
	}
	if _, err := c.board.Revert(t.Context(), patch.Selector{All: true}); err != nil {
		return fmt.Errorf("revert: %w", err)
	}
	if now, err := c.board.Info(t.Context()); err != nil || len(now.Patches) > 0 {
		return fmt.Errorf("left after the revert: %v, %v", now.Patches, err)
	}
	if n := c.largest(); n != c.pool {
		return fmt.Errorf("the largest free block has %d bytes, it had %d", n, c.pool)
	}
	c.judge.mu.Lock()
	defer c.judge.mu.Unlock()
	if len(c.judge.wrong) > 0 {
		wrong := c.judge.wrong
		c.judge.wrong = nil
		return fmt.Errorf("executed outside of verified code: %#x", wrong)
	}
	return nil
}

// withCampaign gives f a campaign on a board of its own.
func withCampaign(t *testing.T, f func(*testing.T, *campaign)) {
	j := &judge{dir: t.TempDir()}
	run(t, sim.Config{Baud: 115200, Executed: j.execute}, func(t *testing.T, b *bench) {
		b.heard = new(heard)
		b.open(j.dir)
		c := &campaign{bench: b, judge: j}
		c.pool = c.largest()
		f(t, c)
		if j.executed == 0 && c.succeeded > 0 {
			t.Error("no patch has run: the judge has seen nothing")
		}
		t.Logf("seed %d: %d runs, %d succeeded, %d had to be power-cycled, the slowest command took %v, %d instructions of patches judged",
			*campaignSeed, c.runs, c.succeeded, c.crashed, c.slowest.Round(time.Millisecond), j.executed)
	})
}

// A line that damages bytes at random never makes the board run what was not
// verified, and when it is good again nothing is lost and nothing half done. Up to one
// byte in a thousand most of what is asked for is done all the same.
func TestCampaign(t *testing.T) {
	rates := []struct{ damaged, succeed float64 }{{1e-3, 0.95}, {1e-4, 0.99}, {1e-5, 0.999}, {1e-2, 0}}
	switch {
	case testing.Short():
		rates = rates[:1] // the race detector makes the simulated core slow
	case *campaignRuns <= len(rates):
		rates = rates[:3] // giving up takes it long
	}
	for i, rate := range rates {
		t.Run(fmt.Sprintf("%.0e", rate.damaged), func(t *testing.T) {
			withCampaign(t, func(t *testing.T, c *campaign) {
				c.mayCrash = rate.damaged >= 1e-2
				for n := range max(1, *campaignRuns/4) {
					seed, each := *campaignSeed+uint64(i)<<32+uint64(n), rate.damaged/4
					c.once(t, fmt.Sprintf("seed %d", seed), sim.Faults{Seed: seed, Flip: each, Drop: each, Double: each, Noise: each})
				}
				if may := int(float64(c.runs) * (1 - rate.succeed)); c.runs-c.succeeded > may {
					t.Errorf("%d of %d runs failed, at most %d may", c.runs-c.succeeded, c.runs, may)
				}
			})
		})
	}
}

// Every kind of fault, at places all over an injection, its update and the end of both.
// Where the way to the host is clean, its output is what the firmware printed, to the byte.
func TestScriptedFaults(t *testing.T) {
	const injection = 1200 // bytes to the board
	const toBoard, toHost = 1, 2
	faults := []struct {
		name       string
		fault      sim.Fault
		directions int
	}{
		{"a log line", sim.Fault{Kind: sim.Insert, Text: "[app] somebody's log line\n"}, toHost},
		{"an old answer", sim.Fault{Kind: sim.Insert, Text: "[FLOK] Allocated 400 at 0x20000F00\n[FLEND]\n"}, toHost},
		{"a second writer", sim.Fault{Kind: sim.Insert, Text: "\nfl -c unpatch --all\n"}, toBoard},
		{"a second writer's allocation", sim.Fault{Kind: sim.Insert, Text: "\nfl -c alloc -s 1024\n"}, toBoard},
		{"a flip", sim.Fault{Kind: sim.Flip}, toBoard | toHost},
		{"a loss", sim.Fault{Kind: sim.Drop}, toBoard | toHost},
		{"a double", sim.Fault{Kind: sim.Double}, toBoard | toHost},
		{"an end of line", sim.Fault{Kind: sim.Insert, Text: "\r"}, toBoard},
		{"a pause", sim.Fault{Kind: sim.Stall, For: 3 * time.Second}, toBoard | toHost},
		{"a reset", sim.Fault{Kind: sim.ResetWarm}, toBoard | toHost},
		{"resets", sim.Fault{Kind: sim.ResetLoop, For: time.Second}, toBoard | toHost},
		{"a power cycle", sim.Fault{Kind: sim.PowerOff}, toBoard | toHost},
		{"an unplugged cable", sim.Fault{Kind: sim.Gone}, toBoard | toHost},
	}
	if testing.Short() {
		faults = faults[:1] // the race detector makes the simulated core slow
	}
	rng := rand.New(rand.NewPCG(*campaignSeed, 1))
	for _, tt := range faults {
		first := rng.IntN(min(*campaignStep, 700))
		t.Run(tt.name, func(t *testing.T) {
			if *campaignStep < injection {
				t.Parallel()
			}
			withCampaign(t, func(t *testing.T, c *campaign) {
				// A line end between an option and its value: see request in internal/fpb.
				c.mayCrash = tt.directions&toBoard != 0 && strings.ContainsAny(tt.fault.Text, "\r\n")
				for at := first; at < injection; at += *campaignStep {
					f := tt.fault
					f.Offset = int64(at)
					f.Bit = uint8(at % 7)
					if tt.directions&toBoard != 0 {
						c.once(t, fmt.Sprintf("%+v", f), sim.Faults{At: []sim.Fault{f}})
					}
					if f.Direction = sim.ToHost; tt.directions&toHost != 0 {
						c.once(t, fmt.Sprintf("%+v", f), sim.Faults{At: []sim.Fault{f}})
					}
				}
			})
		})
	}
}

// A patch of 600 bytes takes at most two and a half times as long when one byte in a
// thousand has a wrong bit.
func TestDamagedLineIsNotMuchSlower(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector makes the simulated core slow")
	}
	const runs = 40
	withCampaign(t, func(t *testing.T, c *campaign) {
		injection := func(n int) time.Duration {
			start := time.Now()
			r, err := c.board.Inject(t.Context(), c.request("app/status.c", []string{"status_text"},
				"all systems nominal", fmt.Sprint(n, strings.Repeat(" and on", 84))), nil)
			took := time.Since(start)
			if err != nil {
				t.Fatal(err)
			}
			if r.Bytes.Sent < 600*4/3 {
				t.Fatalf("%d bytes were sent: that is no patch of 600", r.Bytes.Sent)
			}
			return took
		}
		var clean, damaged time.Duration
		for n := range runs {
			clean += injection(2 * n)
			c.sim.SetFaults(sim.Faults{Seed: *campaignSeed + 2000 + uint64(n), Flip: 1e-3})
			damaged += injection(2*n + 1)
			c.sim.SetFaults(sim.Faults{})
		}
		ratio := float64(damaged) / float64(clean)
		t.Logf("%d injections: %v on a clean line, %v on a damaged one: %.2f times", runs, clean/time.Duration(runs), damaged/time.Duration(runs), ratio)
		if ratio > 2.5 {
			t.Errorf("it takes %.2f times as long", ratio)
		}
	})
}
