package fpb_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fpbls/fpbls/internal/sim"
)

// What an upload makes of the line, in driven time: at least 80 % of the time
// that it takes, bytes are under way to the board, and a byte of code takes no more
// than 1.6 of them. Beside it the time with lines of 128 bytes of code.
func TestUploadUsesTheLine(t *testing.T) {
	upload := func(t *testing.T, baud, size, line int) (sent int64, took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			c, _, _ := startBoard(t, sim.Config{Baud: baud})
			time.Sleep(time.Second)
			if _, err := c.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			code := slices.Repeat([]byte{0x70, 0x47}, size/2)
			base, err := c.Alloc(t.Context(), size+8)
			if err != nil {
				t.Fatal(err)
			}
			before, _ := c.Traffic()
			start := time.Now()
			if line == 0 {
				err = c.Upload(t.Context(), base, 0, code, nil)
			}
			for at := 0; line > 0 && at < size && err == nil; at += line {
				err = c.Upload(t.Context(), base, uint32(at), code[at:min(at+line, size)], nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			took = time.Since(start)
			after, _ := c.Traffic()
			sent = after - before
		})
		return sent, took
	}
	bauds := []int{115200, 921600, 9600}
	if testing.Short() {
		bauds = bauds[:1]
	}
	for _, baud := range bauds {
		for _, size := range []int{60, 300, 900} {
			t.Run(fmt.Sprintf("%d baud, %d bytes", baud, size), func(t *testing.T) {
				sent, took := upload(t, baud, size, 0)
				_, short := upload(t, baud, size, 128)
				use := float64(sent*10) / float64(baud) / took.Seconds()
				perByte := float64(sent) / float64(size)
				t.Logf("%d bytes sent in %v: %.2f of the line, %.2f for a byte; in lines of 128 bytes it takes %.2f times as long",
					sent, took.Round(10*time.Microsecond), use, perByte, short.Seconds()/took.Seconds())
				if size >= 300 && (use < 0.8 || perByte > 1.6) {
					t.Errorf("%.2f of the line used, %.2f bytes sent for a byte of code", use, perByte)
				}
			})
		}
	}
}
