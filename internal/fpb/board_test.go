package fpb_test

import (
	"bytes"
	"context"
	"debug/elf"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output collects what the firmware printed.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) write(p []byte) { o.mu.Lock(); defer o.mu.Unlock(); o.b.Write(p) }

func (o *output) String() string { o.mu.Lock(); defer o.mu.Unlock(); return o.b.String() }

// startBoard runs a board and connects a client to it.
func startBoard(t *testing.T, cfg sim.Config) (*fpb.Client, *sim.Board, *output) {
	t.Helper()
	board, err := sim.New(cfg, testfirmware.DemoELF)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { board.Run(ctx) })
	out := new(output)
	c := fpb.NewClient(board.Conn(), fpb.Options{Output: out.write})
	t.Cleanup(func() { c.Close(); cancel(); running.Wait() })
	return c, board, out
}

func TestConnectToBoard(t *testing.T) {
	c, _, out := startBoard(t, sim.Config{})
	_, err := c.Connect(t.Context())
	if err != nil {
		t.Fatalf("%v\noutput %q", err, out)
	}
	if strings.Contains(out.String(), "[FL") || strings.Contains(out.String(), "Slot") {
		t.Errorf("answers in the output: %q", out)
	}
}

// nop is a function that returns at once: bx lr, nop.
var nop = []byte{0x70, 0x47, 0x00, 0xbf}

// functionAt is the address of a function of the demo firmware.
func functionAt(t *testing.T, name string) uint32 {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(testfirmware.DemoELF))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name == name {
			return uint32(s.Value) &^ 1
		}
	}
	t.Fatalf("the demo firmware has no function %s", name)
	return 0
}

func TestPatchOnBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, out := startBoard(t, sim.Config{Baud: 115200})
		ctx := t.Context()
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%v\noutput %q", err, out)
			}
		}
		info, err := c.Connect(ctx)
		check(err)
		// Harmless when it is called: clamp then gives its first argument back.
		want := bytes.Repeat([]byte{0x70, 0x47}, 75) // bx lr
		base, err := c.Alloc(ctx, len(want)+8)
		check(err)
		check(c.Upload(ctx, base, 3, want, nil))
		got, err := c.ReadMemory(ctx, base+3, len(want), nil)
		check(err)
		if !bytes.Equal(got, want) {
			t.Fatalf("read back %x, want %x", got, want)
		}
		orig := functionAt(t, "clamp")
		check(c.Patch(ctx, fpb.Trampoline, 2, orig, base+3|1))
		info, err = c.Info(ctx)
		check(err)
		if s := info.Slots[2]; s.Orig != orig || s.Target != base+3|1 || !s.On || s.Comp != orig|1 {
			t.Errorf("slot is %+v", s)
		}
		check(c.Enable(ctx, 2, false))
		check(c.Enable(ctx, 2, true))
		check(c.Unpatch(ctx, 2))
		if err := c.Enable(ctx, 2, true); !problem.Has(err, problem.NotInjected) {
			t.Errorf("enabling an empty slot: %v", err)
		}
		if _, err := c.Alloc(ctx, 1<<20); !problem.Has(err, problem.PatchTooLarge) {
			t.Errorf("allocating a megabyte: %v", err)
		}
		check(c.UnpatchAll(ctx))
		if strings.Contains(out.String(), "[FL") || strings.Contains(out.String(), "Slot") {
			t.Errorf("answers in the output: %q", out)
		}
	})
}
