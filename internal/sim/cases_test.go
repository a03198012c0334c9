package sim

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"

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
				project, err := testfirmware.Cases().With(level).Write(t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				if err := project.Build(t.Context()); err != nil {
					t.Fatal(err)
				}
				image, err := os.ReadFile(project.ELF)
				if err != nil {
					t.Fatal(err)
				}
				rounds[i] = twoRounds(t, image)
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

func twoRounds(t *testing.T, image []byte) (text string) {
	synctest.Test(t, func(t *testing.T) {
		b, err := New(Config{}, image)
		if err != nil {
			t.Fatal(err)
		}
		c := b.Conn()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			b.Run(ctx)
		}()
		text = expect(t, c, "round 3")
		cancel()
		<-ended
	})
	text, _, _ = strings.Cut(text, "round 3")
	return text
}
