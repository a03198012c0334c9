package fpb_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/sim"
)

// What moving a patch to the board costs beside what the wire allows: driven
// time, so the figures are the same on every machine.
func TestWire(t *testing.T) {
	bauds := []int{9600, 115200, 921600}
	if testing.Short() {
		bauds = bauds[2:] // the simulated core works through every second of the slow ones
	}
	for _, baud := range bauds {
		synctest.Test(t, func(t *testing.T) {
			c, _, _ := startBoard(t, sim.Config{Baud: baud})
			ctx := t.Context()
			if _, err := c.Connect(ctx); err != nil {
				t.Fatal(err)
			}
			// took is how long f takes, and what crosses the line meanwhile.
			took := func(f func() error) (d time.Duration, sent, received int64) {
				t.Helper()
				start := time.Now()
				s, r := c.Traffic()
				if err := f(); err != nil {
					t.Fatal(err)
				}
				sent, received = c.Traffic()
				return time.Since(start), sent - s, received - r
			}
			onWire := func(n int64) time.Duration { return time.Duration(n) * 10 * time.Second / time.Duration(baud) }
			for slot, size := range []int{300, 900} {
				code := bytes.Repeat(nop, size/4)
				base, err := c.Alloc(ctx, size+8)
				if err != nil {
					t.Fatal(err)
				}
				at := (base + 7) &^ 7
				upload, sent, _ := took(func() error { return c.Upload(ctx, base, at-base, code, nil) })
				share := float64(onWire(sent)) / float64(upload)
				perByte := float64(sent) / float64(size)
				if share < 0.8 || perByte > 1.6 {
					t.Errorf("%d baud, %d bytes: the upload uses %.2f of the wire and %.2f bytes per byte", baud, size, share, perByte)
				}
				// Lines of 128 characters carry 42 bytes each.
				short, _, _ := took(func() error { return c.WriteMemory(ctx, at, code[:42]) })
				short *= time.Duration((size + 41) / 42)
				verify, vs, vr := took(func() error { _, err := c.ReadMemory(ctx, at, size, nil); return err })
				used := float64(onWire(vs+vr)) / float64(verify)
				if used < 0.8 {
					t.Errorf("%d baud, %d bytes: verifying uses %.2f of the wire", baud, size, used)
				}
				arm, as, ar := took(func() error {
					return c.Patch(ctx, fpb.Trampoline, slot, 0x0800_7000+uint32(slot)*16, at|1)
				})
				armed := float64(onWire(as+ar)) / float64(arm)
				if armed < 0.8 {
					t.Errorf("%d baud: arming uses %.2f of the wire", baud, armed)
				}
				t.Logf("%d baud, %d bytes: upload %v, %.2f of the wire, %.2f bytes per byte (lines of 128: %v); verify %v, %.2f of the wire, %d+%d bytes; arm %v, %.2f",
					baud, size, upload.Round(time.Microsecond), share, perByte, short.Round(time.Microsecond),
					verify.Round(time.Microsecond), used, vs, vr, arm.Round(time.Microsecond), armed)
			}
		})
	}
}
