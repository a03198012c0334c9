package board

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/sim"
	"github.com/fpbls/fpbls/internal/sim/cortexm"
)

var day = flag.Duration("board.day", 20*time.Minute, "how long a day of work is, in driven time; 24h is a whole one")

// A board prints, is saved to every minute and reset every ten for a day. What a reset
// has lost is injected again, and neither memory nor goroutines become more.
func TestDay(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector makes the simulated core slow")
	}
	run(t, sim.Config{Baud: 115200}, func(t *testing.T, b *bench) {
		b.open(t.TempDir())
		text := ""
		save := func(n int) {
			text = fmt.Sprintf("saved %d times", n)
			b.inject("app/status.c", []string{"status_text", "clamp"}, "all systems nominal", text, "return value > high", "return value == 1000 ? 7 : value > high")
		}
		settled := func() (goroutines int, heap uint64) {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return runtime.NumGoroutine(), m.HeapAlloc
		}
		save(0)
		var goroutines int
		var heap uint64
		resets, saves := 0, 0
		minutes := int(*day / time.Minute)
		for minute := range minutes {
			if minute == minutes/2 {
				goroutines, heap = settled()
			}
			time.Sleep(time.Minute)
			if report := b.fresh(); !strings.Contains(report, text) {
				t.Fatalf("minute %d: the board says %q, not %q", minute, report, text)
			}
			if minute%10 == 9 {
				b.sim.Reset([]cortexm.ResetKind{cortexm.Warm, cortexm.PowerOn}[resets%2])
				resets++
				time.Sleep(2 * time.Second)
				var lost []string
				for _, r := range b.board.Status().Lost {
					lost = append(lost, r.Name())
				}
				if slices.Sort(lost); !slices.Equal(lost, []string{"clamp", "status_text"}) {
					t.Fatalf("minute %d: lost by the reset: %v", minute, lost)
				}
			}
			saves++
			save(saves)
			if st := b.board.Status(); len(st.Patches) != 2 || len(st.Lost) != 0 || st.Patches[0].State != patch.Live {
				t.Fatalf("minute %d: %+v", minute, st)
			}
		}
		now, heapNow := settled()
		t.Logf("%v: %d saves, %d resets; from the middle to the end %d to %d goroutines, %.1f to %.1f MB", *day, saves, resets, goroutines, now, float64(heap)/1e6, float64(heapNow)/1e6)
		if now > goroutines || heapNow > heap+4<<20 {
			t.Error("something grows")
		}
	})
}
