package board

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/patch"
)

// Counters, a queue, a list of handles and static variables of functions go on from
// their live values through patch, update, disabling and revert: each report shows one
// use more of the handles, and one call more.
func TestStateSurvives(t *testing.T) {
	runArchive(t, "state.txtar", []string{"-O2"}, func(t *testing.T, b *bench) {
		uses, calls := 0, 0
		// expect waits until extra, what the patch adds, shows, and compares the rest.
		expect := func(what string, extra int) {
			t.Helper()
			report := b.fresh()
			_, rest, _ := strings.Cut(report, "sensor=")
			text, _, _ := strings.Cut(rest, " ")
			v, err := strconv.Atoi(text)
			if err != nil {
				t.Fatalf("%s: %q", what, report)
			}
			v -= extra
			// One in a second may fall between the two, while it is switched over.
			if u, c := v/1000, v%1000; u <= uses || c <= calls || u-c > 1 || c-u > 1 {
				t.Errorf("%s: %d uses and %d calls, after %d and %d: %q", what, u, c, uses, calls, report)
			} else {
				uses, calls = u, c
			}
		}
		expect("before", 0)
		sum := func(extra int) (string, string) {
			return "return sum * 1000 + ++calls + 0 * sample;", fmt.Sprintf("return sum * 1000 + ++calls + %d;", extra)
		}
		from, to := sum(5_000_000)
		b.edit("app/sensor.c", from, to, "n->uses++;", "n->uses += 1 + 0 * calls; sensor_offset++;")
		if r := b.injectChanged("app/sensor.c"); len(r.Patches) < 2 {
			t.Errorf("injected %q", names(r.Patches))
		}
		expect("patched", 5_000_000)
		_, again := sum(7_000_000)
		b.edit("app/sensor.c", to, again)
		b.injectChanged("app/sensor.c")
		expect("updated", 7_000_000)
		for _, on := range []bool{false, true} {
			if _, err := b.board.Enable(t.Context(), patch.Selector{All: true}, on); err != nil {
				t.Fatal(err)
			}
			expect(fmt.Sprintf("enabled %t", on), map[bool]int{true: 7_000_000}[on])
		}
		if _, err := b.board.Revert(t.Context(), patch.Selector{All: true}); err != nil {
			t.Fatal(err)
		}
		expect("reverted", 0)
		b.wantStates()
	})
}
