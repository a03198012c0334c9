package fpb_test

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/sim"
)

var injections = flag.Int("fpb.injections", 3, "how many injections to do over each bad line")

// inject does what an injection does: it moves a block to the board, reads it
// back, and patches a function with it. It begins anew as the loader demands.
func inject(t *testing.T, c *fpb.Client, slot int, orig uint32, code []byte) {
	t.Helper()
	ctx := t.Context()
	for range 40 {
		base, err := c.Alloc(ctx, len(code)+8)
		if err != nil {
			t.Fatal(err)
		}
		at := (base + 7) &^ 7
		err = c.Upload(ctx, base, at-base, code, nil)
		if errors.Is(err, fpb.ErrAllocationLost) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.ReadMemory(ctx, at, len(code), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, code) {
			continue
		}
		err = c.Patch(ctx, fpb.Trampoline, slot, orig, at|1)
		if errors.Is(err, fpb.ErrAllocationLost) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := c.Info(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if s := info.Slots[slot]; s.Orig != orig || s.Target != at|1 || !s.On || int(s.Size) != len(code)+8 {
			t.Fatalf("slot is %+v", s)
		}
		return
	}
	t.Fatal("no allocation lived")
}

// Random damage on the line: every injection succeeds, and what it reports is
// what is on the board.
func TestNoisyLine(t *testing.T) {
	lines := []struct {
		name   string
		faults sim.Faults
	}{
		{"flipped bits", sim.Faults{Flip: 1e-3}},
		{"clean", sim.Faults{}},
		{"lost bytes", sim.Faults{Drop: 1e-3}},
		{"doubled bytes", sim.Faults{Double: 1e-3}},
		{"many flipped bits", sim.Faults{Flip: 3e-3}},
	}
	count := *injections
	if testing.Short() {
		lines, count = lines[:1], 1 // the race detector makes the simulated core slow
	}
	for _, test := range lines {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(*faultSeed, 0))
				c, board, _ := startBoard(t, sim.Config{Baud: 115200})
				test.faults.Seed = *faultSeed
				board.SetFaults(test.faults)
				if _, err := c.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				code := make([]byte, 300)
				start := time.Now()
				for i := range count {
					for j := range code {
						code[j] = byte(rng.Uint32())
					}
					copy(code, nop)
					inject(t, c, i%6, 0x0800_7000+uint32(i%6)*16, code)
					if err := c.Unpatch(t.Context(), i%6); err != nil {
						t.Fatal(err)
					}
				}
				sent, received := c.Traffic()
				t.Logf("%d injections, %d faults, %v each, %d bytes sent, %d received", count, len(board.Faults()),
					(time.Since(start) / time.Duration(count)).Round(time.Millisecond), sent, received)
				if h := board.Health(); h.Locked || h.Fault != nil {
					t.Errorf("the board is %s", h)
				}
				if got, err := c.Alloc(t.Context(), 1024); err != nil || got == 0 {
					t.Errorf("the pool has leaked: %v", err)
				}
			})
		})
	}
}

var faultSeed = flag.Uint64("fpb.faultseed", 1, "the seed of the damage")
