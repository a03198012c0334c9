package board

import (
	"testing"

	"github.com/fpbls/fpbls/internal/sim"
)

// A process that has no journal learns by linking again what it found, and can then
// go on with it as if it had injected it.
func TestVerifyByLinkingAgain(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		before := b.largest()
		edit := []string{
			"/* What the demo shows.", "static int shared = 500;\n/*",
			`return "all systems nominal";`, `shared += 10; return "sharing";`, "return ++count;", "count++; return shared;",
		}
		b.inject("app/status.c", []string{"status_text"}, edit...)
		b.inject("app/sensor.c", []string{"sensor_read"}, "raw(channel) +", "raw(channel) -")
		b.inject("app/status.c", []string{"clamp", "per_mille"}, "return value > high", "return 1; return value > high", "part * 1000", "part * 3000")
		b.open("")
		verify := func(want bool, file string, functions []string, edit ...string) {
			t.Helper()
			if got, err := b.board.Verify(t.Context(), b.request(file, functions, edit...)); err != nil || got != want {
				t.Errorf("%v with %q: %t, %v", functions, edit, got, err)
			}
		}
		verify(true, "app/sensor.c", []string{"sensor_read"}, "raw(channel) +", "raw(channel) -")
		verify(false, "app/sensor.c", []string{"sensor_read"}, "raw(channel) +", "raw(channel) *")
		verify(false, "app/sensor.c", []string{"sensor_read"})
		verify(true, "app/status.c", []string{"clamp", "per_mille"}, "return value > high", "return 1; return value > high", "part * 1000", "part * 3000")
		verify(false, "app/status.c", []string{"status_text"})
		verify(true, "app/status.c", []string{"status_text"}, edit...)
		if _, err := b.board.Verify(t.Context(), b.request("app/status.c", []string{"next_count"})); err == nil {
			t.Error("next_count is not on the board")
		}
		b.wantStates("0 status_text live", "1 sensor_read live", "2 clamp live", "3 per_mille live")

		// Its variable is found, and kept for who needs it.
		b.inject("app/status.c", []string{"next_count"}, edit...)
		if n := count(t, b.fresh()); n <= 500 {
			t.Errorf("a variable of its own: count %d", n)
		}
		b.revert("status_text")
		b.wantStates("0 status_text held", "1 sensor_read live", "2 clamp live", "3 per_mille live", "4 next_count live")
		for _, f := range []string{"next_count", "clamp", "per_mille", "sensor_read"} {
			b.revert(f)
		}
		b.wantStates()
		if after := b.largest(); after != before {
			t.Errorf("largest block %d bytes before, %d after", before, after)
		}
	})
}
