package board

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
)

// When comparators are short, functions that only others of their group call do
// without; what does not fit even so is told group by group.
func TestFewSlots(t *testing.T) {
	runArchive(t, "chain.txtar", []string{"-Os"}, func(t *testing.T, b *bench) {
		info, err := b.board.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		total := len(info.Slots)
		// A chain that is two functions longer than there are comparators.
		var edits []string
		for i := range 8 {
			edits = append(edits, fmt.Sprintf("+ %d; /* %d */", i, i), fmt.Sprintf("+ %d + 10;", i))
		}
		b.edit("app/status.c", edits...)
		r := b.injectChanged("app/status.c")
		with, without := 0, 0
		for _, p := range r.Patches {
			if p.Slot == patch.NoSlot {
				without++
			} else {
				with++
			}
		}
		if with != total || with+without != 8 {
			t.Fatalf("%d comparators, %d with and %d without: %v", total, with, without, names(r.Patches))
		}
		if report := b.fresh(); !strings.Contains(report, "count=108 ") { // 0+1+…+7 + 8*10
			t.Errorf("report %q", report)
		}
		if r := b.injectChanged("app/status.c"); len(r.Patches)+len(r.Reverted) > 0 {
			t.Errorf("the same again: %v, %v", names(r.Patches), names(r.Reverted))
		}
		if states := b.states(); len(states) != 8 || !strings.HasSuffix(states[7], " live") {
			t.Errorf("on the board: %q", states)
		}

		// There is no room for another group: the error lists those that could go.
		_, err = b.board.Inject(t.Context(), b.request("app/sensor.c", []string{"sensor_average"}, "sum + sample", "sum - sample"), nil)
		var crowded *patch.CrowdedError
		if !problem.Has(err, problem.NoFreeSlot) || !errors.As(err, &crowded) || len(crowded.Live) != 1 || len(crowded.Live[0]) != total {
			t.Errorf("no room: %v", err)
		}
		// Of the last function, which has no comparator, the whole group can be named.
		if _, err := b.board.Revert(t.Context(), patch.Selector{Function: "link7"}); err != nil {
			t.Error(err)
		}
		b.wantStates()
		if report := b.fresh(); !strings.Contains(report, "count=28 ") {
			t.Errorf("report %q", report)
		}
		b.edit("app/status.c", "return link1(x) + 0 + 10;", "return link1(x) + 0; /* 0 */")
		if r := b.injectChanged("app/status.c"); !slices.Contains(names(r.Patches), "link7") || slices.Contains(names(r.Patches), "next_count") {
			t.Errorf("one function less: %v", names(r.Patches))
		}
		if report := b.fresh(); !strings.Contains(report, "count=98 ") {
			t.Errorf("report %q", report)
		}
	})
}

// A comparator that somebody else uses, as a debugger does, is left alone.
func TestDebuggersComparators(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, b *bench) {
		const comparator0, breakpoint = 0xe000_2008, 0xc800_0101
		use := func(n int) {
			err := b.board.run(t.Context(), "set a breakpoint", func(ctx context.Context, s *session) error {
				return s.client.WriteMemory(ctx, uint32(comparator0+4*n), binary.LittleEndian.AppendUint32(nil, breakpoint))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		use(0)
		b.inject("app/status.c", []string{"clamp"}, "return value > high", "return 1; return value > high")
		b.wantStates("1 clamp live")
		b.revert("clamp")
		for n := range 6 {
			use(n)
		}
		_, err := b.board.Inject(t.Context(), b.request("app/status.c", []string{"clamp"}, "return value > high", "return 1; return value > high"), nil)
		if _, hint := problem.Describe(err); !problem.Has(err, problem.NoFreeSlot) || !strings.Contains(hint, "debugger") {
			t.Errorf("with all comparators in use: %v", err)
		}
		b.wantStates()
	})
}
