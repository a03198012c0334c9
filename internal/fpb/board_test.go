package fpb_test

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

// What an injection costs on the line, at 115200 baud.
func TestCost(t *testing.T) {
	if testing.Short() {
		t.Skip("figures; the race detector learns nothing from them")
	}
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := startBoard(t, sim.Config{Baud: 115200})
		ctx := t.Context()
		if _, err := c.Connect(ctx); err != nil {
			t.Fatal(err)
		}
		for slot, size := range []int{60, 300, 900} {
			code := bytes.Repeat(nop, size/4)
			var at uint32
			var log []string
			step := func(name string, f func() error) (sent, received int64) {
				start := time.Now()
				s, r := c.Traffic()
				if err := f(); err != nil {
					t.Fatal(err)
				}
				sent, received = c.Traffic()
				sent, received = sent-s, received-r
				log = append(log, fmt.Sprintf("%s %d ms, %d+%d bytes", name, time.Since(start).Milliseconds(), sent, received))
				return sent, received
			}
			step("allocate", func() (err error) { at, err = c.Alloc(ctx, size+8); return err })
			sent, received := step("upload", func() error { return c.Upload(ctx, at, 7, code, nil) })
			if lines := int64(1 + size/330); sent > int64(size)*4/3+lines*70 || received > lines*100 {
				t.Errorf("%d bytes of code took %d to send and %d of answers", size, sent, received)
			}
			step("read back", func() error { _, err := c.ReadMemory(ctx, at+7, size, nil); return err })
			step("patch", func() error { return c.Patch(ctx, fpb.Trampoline, slot, 0x0800_7000+uint32(slot)*16, (at+7)|1) })
			t.Logf("%d bytes of code: %s", size, strings.Join(log, "; "))
		}
	})
}
