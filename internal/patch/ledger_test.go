package patch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/fpb"
)

// occupied is a loader's slot that holds a remap patch.
func occupied(id int, orig, target uint32, on bool) fpb.Slot {
	return fpb.Slot{ID: id, Orig: orig, Target: target, Size: 100, Comp: orig | 1, On: on}
}

func board(slots ...fpb.Slot) fpb.Info {
	info := fpb.Info{FPB: fpb.Unit{Present: true, Enabled: true, Version: 1, Code: 6}}
	for id := range 6 {
		info.Slots = append(info.Slots, fpb.Slot{ID: id, Free: true})
	}
	for _, s := range slots {
		info.Slots[s.ID] = s
	}
	return info
}

// ours is a slot of the ledger whose patch stands in the block.
func ours(id int, name string, orig, addr uint32, state State, block string) Slot {
	return Slot{ID: id, Function: name, Unit: "/src/a.c", Mode: fpb.Trampoline, State: state,
		Original: Address(orig), At: Address(orig), Address: Address(addr), Size: 40, Block: block}
}

func TestReconcile(t *testing.T) {
	const f, g = 0x0800_1000, 0x0800_2000
	a := Block{ID: "A", Owner: 0, Base: 0x2000_0100}
	for _, test := range []struct {
		name     string
		known    Ledger
		seen     []fpb.Slot
		want     Ledger
		wantLost int
	}{
		{
			name:  "what the board confirms is adopted with its block",
			known: Ledger{Slots: []Slot{ours(0, "f", f, 0x2000_0100, Live, "A")}, Blocks: []Block{a}},
			seen:  []fpb.Slot{occupied(0, f, 0x2000_0101, true)},
			want:  Ledger{Slots: []Slot{ours(0, "f", f, 0x2000_0100, Live, "A")}, Blocks: []Block{a}},
		},
		{
			name:     "a reset loses everything",
			known:    Ledger{Slots: []Slot{ours(0, "f", f, 0x2000_0100, Live, "A")}, Blocks: []Block{a}},
			wantLost: 1,
		},
		{
			name: "a patch of somebody else is nobody's",
			seen: []fpb.Slot{occupied(3, g, 0x2000_0201, false)},
			want: Ledger{Slots: []Slot{{ID: 3, Mode: fpb.Trampoline, State: Disabled, Original: g, At: g, Address: 0x2000_0200, Size: 100}}},
		},
		{
			name:     "somebody else's patch in our slot is not ours",
			known:    Ledger{Slots: []Slot{ours(0, "f", f, 0x2000_0100, Live, "A")}, Blocks: []Block{a}},
			seen:     []fpb.Slot{occupied(0, g, 0x2000_0201, true)},
			want:     Ledger{Slots: []Slot{{ID: 0, Mode: fpb.Trampoline, State: Live, Original: g, At: g, Address: 0x2000_0200, Size: 100}}},
			wantLost: 1,
		},
		{
			name:  "one that was switched off behind our back is disabled",
			known: Ledger{Slots: []Slot{ours(0, "f", f, 0x2000_0100, Live, "A")}, Blocks: []Block{a}},
			seen:  []fpb.Slot{occupied(0, f, 0x2000_0101, false)},
			want:  Ledger{Slots: []Slot{ours(0, "f", f, 0x2000_0100, Disabled, "A")}, Blocks: []Block{a}},
		},
		{
			name:  "a held slot stays held and is not counted as lost",
			known: Ledger{Slots: []Slot{ours(0, "f", f, 0x2000_0100, Held, "A"), ours(1, "g", g, 0x2000_0140, Live, "A")}, Blocks: []Block{a}},
			seen:  []fpb.Slot{occupied(0, f, 0x2000_0101, false), occupied(1, g, 0x2000_0141, true)},
			want:  Ledger{Slots: []Slot{ours(0, "f", f, 0x2000_0100, Held, "A"), ours(1, "g", g, 0x2000_0140, Live, "A")}, Blocks: []Block{a}},
		},
		{
			name:     "a block goes with the slot that owned it",
			known:    Ledger{Slots: []Slot{ours(0, "f", f, 0x2000_0100, Live, "A"), ours(1, "g", g, 0x2000_0140, Live, "A")}, Blocks: []Block{a}},
			seen:     []fpb.Slot{occupied(1, g, 0x2000_0141, true)},
			want:     Ledger{Slots: []Slot{ours(1, "g", g, 0x2000_0140, Live, "")}},
			wantLost: 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, lost := Reconcile(&test.known, board(test.seen...), nil)
			if diff := cmp.Diff(&test.want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Block{})); diff != "" {
				t.Errorf("ledger (-want +got):\n%s", diff)
			}
			if len(lost) != test.wantLost {
				t.Errorf("lost %v, want %d", lost, test.wantLost)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	full := Ledger{}
	var seen []fpb.Slot
	for id := range 6 {
		orig, addr := uint32(0x0800_1000+id*0x100), uint32(0x2000_0100+id*0x100)
		block := string(rune('A' + id))
		full.Slots = append(full.Slots, ours(id, "f"+block, orig, addr, Live, block))
		full.Blocks = append(full.Blocks, Block{ID: block, Owner: id})
		seen = append(seen, occupied(id, orig, addr|1, true))
	}
	needed := full.Clone()
	needed.Blocks[5].Needs = []string{"A"}
	function := func(addr uint32) *target {
		return &target{Symbol: &firmware.Symbol{Name: "f", Display: "f", Addr: addr}}
	}

	for _, test := range []struct {
		name    string
		ledger  *Ledger
		info    fpb.Info
		targets []*target
		want    []int // slots; nil: refused
	}{
		{"new functions take the first free slots", &Ledger{}, board(), []*target{function(0x0800_1000), function(0x0800_1100)}, []int{0, 1}},
		{"an update takes another slot while one is free", &Ledger{Slots: full.Slots[:1], Blocks: full.Blocks[:1]}, board(seen[0]), []*target{function(0x0800_1000)}, []int{1}},
		{"an update reuses its slot when all are taken", &full, board(seen...), []*target{function(0x0800_1000)}, []int{0}},
		{"but not while others need its block", needed, board(seen...), []*target{function(0x0800_1000)}, nil},
		{"no slot for a new function", &full, board(seen...), []*target{function(0x0800_9000)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			steps, err := test.ledger.plan(test.info, test.targets)
			var got []int
			for _, s := range steps {
				got = append(got, s.slot)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("slots (-want +got):\n%s\nerror: %v", diff, err)
			}
		})
	}
}
