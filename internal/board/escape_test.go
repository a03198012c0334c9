package board

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
)

// A callback that a patch has registered stays where it is when the patch is taken
// back, and whatever is injected afterwards lies elsewhere, until a reset.
func TestRegisteredCallbackOutlivesItsPatch(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		journal := t.TempDir()
		b.open(journal)
		register := func(text string) []string {
			return []string{
				"const char *status_text(void)", "__attribute__((noinline)) static int callback(int x) { return x * sensor_offset + 7; }\nconst char *status_text(void)",
				`return "all systems nominal";`, `sensor_offset = (int)callback; return "` + text + `";`,
			}
		}
		b.inject("app/status.c", []string{"status_text"}, register("registered")...)
		b.fresh()
		var held []byte
		block := b.board.session.ledger.Blocks[0]
		read := func() (p []byte) {
			t.Helper()
			err := b.board.run(t.Context(), "read", func(ctx context.Context, s *session) (err error) {
				p, err = s.client.ReadMemory(ctx, uint32(block.Base), int(block.Code), nil)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		held = read()
		b.revert("status_text")
		b.wantStates("0 status_text held")
		b.inject("app/status.c", []string{"next_count"}, "++count", "count += 2")
		b.revert("next_count")
		b.open(journal) // another process knows as well
		b.inject("app/status.c", []string{"status_text"}, "nominal", "fine")
		if !bytes.Equal(read(), held) {
			t.Error("the callback was overwritten")
		}
		b.revert("status_text")
		b.wantStates("0 status_text held")

		// Updates cost a slot each, and then say what to do.
		for i := range 5 {
			b.inject("app/status.c", []string{"status_text"}, register(string(rune('a'+i)))...)
		}
		_, err := b.board.Inject(t.Context(), b.request("app/status.c", []string{"status_text"}, register("g")...), nil)
		if message, hint := problem.Describe(err); !problem.Has(err, problem.NoFreeSlot) || !strings.Contains(message, "(held)") || !strings.Contains(hint, "reset the board") {
			t.Errorf("a seventh callback: %v", err)
		}
		if _, err := b.board.Revert(t.Context(), patch.Selector{All: true}); err != nil {
			t.Error(err)
		}
		b.sim.Reset(0)
		b.wantStates()
		b.inject("app/status.c", []string{"status_text"}, register("again")...)
		b.wantStates("0 status_text live")
	})
}
