package sim

import (
	"strings"
	"testing"

	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// Whatever optimisation makes of the functions of the cases, they compute the
// same.
func TestCasesPrintTheSameAtEveryLevel(t *testing.T) {
	levels := []string{"-O0", "-O1", "-O2", "-O3", "-Os"}
	rounds := make([]string, len(levels))
	t.Run("levels", func(t *testing.T) {
		for i, level := range levels {
			t.Run(level, func(t *testing.T) {
				t.Parallel()
				_, elf := build(t, testfirmware.Cases().With(level))
				drivenWith(t, Config{}, elf, func(t *testing.T, _ *Board, c *Conn) {
					rounds[i], _, _ = strings.Cut(expect(t, c, "round 3"), "round 3")
				})
			})
		}
	})
	for _, r := range rounds[1:] {
		compareLines(t, r, rounds[0])
	}
	if n := strings.Count(rounds[0], "="); n < 80 {
		t.Errorf("only %d results:\n%s", n, rounds[0])
	}
}
