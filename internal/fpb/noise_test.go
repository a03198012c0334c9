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
	if testing.Short() {
		t.Skip("long: many injections over slow lines")
	}
	type fault func(rng *rand.Rand, b byte) []byte
	flip := func(rng *rand.Rand, b byte) []byte { return []byte{b ^ 1<<rng.IntN(8)} }
	drop := func(*rand.Rand, byte) []byte { return nil }
	double := func(_ *rand.Rand, b byte) []byte { return []byte{b, b} }
	for _, test := range []struct {
		name  string
		rate  float64
		fault fault
	}{
		{"clean", 0, flip},
		{"flipped bits", 1e-3, flip},
		{"lost bytes", 1e-3, drop},
		{"doubled bytes", 1e-3, double},
		{"many flipped bits", 3e-3, flip},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(*faultSeed, 0))
				faults := 0
				cfg := sim.Config{Baud: 115200, Fault: func(_ sim.Direction, _ int64, b byte) []byte {
					if rng.Float64() >= test.rate {
						return []byte{b}
					}
					faults++
					return test.fault(rng, b)
				}}
				c, board, _ := startBoard(t, cfg)
				if _, err := c.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				code := make([]byte, 300)
				start := time.Now()
				for i := range *injections {
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
				t.Logf("%d injections, %d faults, %v each, %d bytes sent, %d received", *injections, faults,
					(time.Since(start) / time.Duration(*injections)).Round(time.Millisecond), sent, received)
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
