package patch

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/linker"
)

// A Ledger is what fpbls knows to be on the board: a slot for each comparator
// in use and a block for each allocation that a slot owns.
//
// Invariants:
//   - A slot owns at most one block, the one that was pending when the slot was
//     patched; the loader frees it when that slot is unpatched.
//   - A slot is unpatched only when no other slot runs code in its block, no
//     other block refers to it, and the firmware cannot have come to hold a pointer
//     into it. Until then it is [Held]: its comparator is off, its memory stays.
//   - A function has at most one slot that is not held.
//
// A Ledger is not safe for concurrent use; the board's owner keeps it.
type Ledger struct {
	Slots  []Slot  `json:"slots"`
	Blocks []Block `json:"blocks"`
}

// A Slot is a comparator in use.
type Slot struct {
	ID       int      `json:"id"`
	Function string   `json:"function"` // linker name; empty if no ELF tells it
	Unit     string   `json:"unit"`     // source file of the patch; empty if it is not ours
	Mode     fpb.Mode `json:"mode"`
	State    State    `json:"state"`
	Original Address  `json:"original"`
	At       Address  `json:"at"`      // what the comparator matches: Original, or the word behind its first halfword
	Address  Address  `json:"address"` // where calls go: the patch, or the stub in front of it
	Size     uint32   `json:"size"`
	Digest   string   `json:"digest,omitempty"` // of the patch, wherever it lies; see [linker.Function]
	Block    string   `json:"block"`            // the block that holds Address; empty if it is not ours
	Once     bool     `json:"once,omitempty"`   // never entered again
	Group    string   `json:"group,omitempty"`  // what goes in and out with it, by the address of the first; empty if it is not ours
	Rank     int      `json:"rank,omitempty"`   // order of arming in the group
}

// A Block is an allocation in the board's RAM that a patch fills.
type Block struct {
	ID      string              `json:"id"` // its address: unique while it lives
	Owner   int                 `json:"owner"`
	Base    Address             `json:"base"` // aligned start of our data within the allocation
	Size    uint32              `json:"size"`
	Code    uint32              `json:"code"` // length of the prefix that never changes at run time
	Sum     string              `json:"sum"`  // SHA-256 of that prefix
	Defines []linker.Definition `json:"defines"`
	Needs   []string            `json:"needs"` // other blocks it refers to
	Inner   []Inner             `json:"inner,omitempty"`

	checked bool // the prefix has been compared with the board in this connection
	foreign bool // and is not what we left there
}

// Records lists the slots as records, by slot.
func (l *Ledger) Records() []Record {
	records := make([]Record, 0, len(l.Slots))
	for _, s := range l.Slots {
		records = append(records, s.Record())
	}
	return append(records, l.innerRecords()...)
}

// Record returns what a person is told of the slot.
func (s Slot) Record() Record {
	r := Record{
		Slot: s.ID, Mode: string(s.Mode), State: s.State,
		Original: s.Original, Address: s.Address, Size: s.Size, Group: s.Group, Unit: s.Unit,
	}
	if s.Function != "" {
		r.Function = new(s.Function)
	}
	if s.Once && s.State == Live {
		r.State = Never
	}
	return r
}

// Clone returns a copy that shares nothing that changes.
func (l *Ledger) Clone() *Ledger {
	return &Ledger{Slots: slices.Clone(l.Slots), Blocks: slices.Clone(l.Blocks)}
}

// Reconcile returns the ledger of a board that answered info, given what was
// known before. A slot that the board shows as it was known is adopted with its
// block; one that is not known is named by the image and is nobody's. lost is
// what was live or disabled before and is not there any more.
func Reconcile(known *Ledger, info fpb.Info, images firmware.Images) (now *Ledger, lost []Record) {
	now = &Ledger{}
	for _, seen := range info.Slots {
		if seen.Free {
			continue
		}
		slot := foreignSlot(seen, info.FPB.Version, images)
		if i := known.slotIndex(seen.ID); i >= 0 {
			old := known.Slots[i]
			if old.At == slot.At && old.Address == slot.Address {
				state := old.State
				switch {
				case seen.On:
					state = Live
				case state == Live:
					state = Disabled // somebody else switched it off
				}
				slot = old
				slot.State = state
			}
		}
		now.Slots = append(now.Slots, slot)
	}
	for _, b := range known.Blocks {
		// A block lives exactly as long as its owner's slot.
		if i := now.slotIndex(b.Owner); i >= 0 && now.Slots[i].Block == b.ID {
			now.Blocks = append(now.Blocks, b)
		}
	}
	for i, s := range now.Slots {
		if s.Block != "" && now.block(s.Block) == nil {
			now.Slots[i].Block, now.Slots[i].Group = "", ""
		}
	}
	for _, s := range known.Slots {
		if i := now.slotIndex(s.ID); s.State != Held && (i < 0 || now.Slots[i].Address != s.Address) {
			lost = append(lost, s.Record())
		}
	}
	return now, lost
}

// foreignSlot describes a slot as far as the board and the image tell.
func foreignSlot(seen fpb.Slot, version int, images firmware.Images) Slot {
	s := Slot{
		ID: seen.ID, State: Disabled,
		Original: Address(seen.Orig &^ 1), At: Address(seen.Orig &^ 1), Address: Address(seen.Target &^ 1),
		Size: seen.Size,
	}
	if seen.On {
		s.State = Live
	}
	switch {
	case seen.Mode == "trampoline", seen.Mode == "direct", seen.Mode == "debugmon":
		s.Mode = fpb.Mode(seen.Mode)
	case version >= 2:
		s.Mode = fpb.DebugMonitor // v2 has no remap
	case seen.Comp>>30 != 0:
		s.Mode = fpb.DebugMonitor // REPLACE asks for a breakpoint, DDI 0403E C1.11.4
	case reachable(uint32(s.At), uint32(s.Address)):
		s.Mode = fpb.Direct
	default:
		s.Mode = fpb.Trampoline // a remapped branch could not reach
	}
	if _, f := images.At(uint32(s.At)); f != nil {
		s.Function, s.Original = f.Name, Address(f.Addr)
	}
	return s
}

// reachable reports whether a B.W at from can branch to to (±16 MiB, encoding T4).
func reachable(from, to uint32) bool {
	d := int64(to) - int64(from) - 4
	return d >= -1<<24 && d < 1<<24
}

// live lists what blocks define, for the linker to bind to.
func (l *Ledger) live() []linker.LiveSymbol {
	var symbols []linker.LiveSymbol
	for _, b := range l.Blocks {
		for _, d := range b.Defines {
			// New code of a function that the image has lives with its group only.
			if slices.ContainsFunc(b.Inner, func(f Inner) bool { return f.Address == Address(d.Addr) && l.groupSlot(f.Group) == nil }) {
				continue
			}
			symbols = append(symbols, linker.LiveSymbol{
				Name: d.Name, Unit: d.Unit, Kind: d.Kind, Addr: d.Addr, Size: d.Size, Block: b.ID,
			})
		}
	}
	return symbols
}

// Without reports whether the patch is none of the ledger's.
func (l *Ledger) Without(r Record) bool {
	i := l.slotIndex(r.Slot)
	return i < 0 || l.Slots[i].Address != r.Address
}

// slotIndex returns the index of the slot with the id, or -1.
func (l *Ledger) slotIndex(id int) int {
	return slices.IndexFunc(l.Slots, func(s Slot) bool { return s.ID == id })
}

// slotOf returns the slot that replaces the function at the address and is not
// held, or nil.
func (l *Ledger) slotOf(original Address) *Slot {
	for i, s := range l.Slots {
		if s.Original == original && s.State != Held {
			return &l.Slots[i]
		}
	}
	return nil
}

// holds reports whether the slot runs the same patch as s.
func (l *Ledger) holds(s Slot) bool {
	i := l.slotIndex(s.ID)
	return i >= 0 && l.Slots[i].Address == s.Address
}

func (l *Ledger) block(id string) *Block {
	for i := range l.Blocks {
		if l.Blocks[i].ID == id {
			return &l.Blocks[i]
		}
	}
	return nil
}

// owned returns the block that goes with the slot when it is unpatched, or nil.
func (l *Ledger) owned(slot int) *Block {
	for i := range l.Blocks {
		if l.Blocks[i].Owner == slot {
			return &l.Blocks[i]
		}
	}
	return nil
}

// inUse reports whether something other than the block's owner needs it.
func (l *Ledger) inUse(b *Block) bool {
	return slices.ContainsFunc(l.Slots, func(s Slot) bool {
		return s.Block == b.ID && s.ID != b.Owner && s.State != Held
	}) || slices.ContainsFunc(l.Blocks, func(other Block) bool {
		return other.ID != b.ID && slices.Contains(other.Needs, b.ID)
	})
}

// escaped reports whether the firmware may keep the address of a function or a
// variable of the block: a callback that was registered, a buffer that was handed
// over. Only a reset ends that. Constants do not count, or each string that was
// ever printed would cost a comparator until then; whoever was given one reads it
// when it is called, and not later.
func (b *Block) escaped() bool {
	return slices.ContainsFunc(b.Defines, func(d linker.Definition) bool {
		return d.AddressEscapes && d.Kind != linker.KindConstant
	})
}

// groupSize is how many slots belong to the group.
func (l *Ledger) groupSize(group string) int {
	n := 0
	for _, s := range l.Slots {
		if s.State != Held && s.Group == group && group != "" {
			n++
		}
	}
	for _, b := range l.Blocks {
		for _, f := range b.Inner {
			if n > 0 && f.Group == group {
				n++
			}
		}
	}
	return n
}

// remove drops the slot and the block it owns.
func (l *Ledger) remove(slot int) {
	l.Blocks = slices.DeleteFunc(l.Blocks, func(b Block) bool { return b.Owner == slot })
	l.Slots = slices.DeleteFunc(l.Slots, func(s Slot) bool { return s.ID == slot })
}

// put adds the slot, in order.
func (l *Ledger) put(s Slot) {
	l.Slots = append(l.Slots, s)
	slices.SortFunc(l.Slots, func(a, b Slot) int { return a.ID - b.ID })
}

// free lists the comparators that are not in use, in order. One that is on without a
// patch of the loader's is somebody else's, a debugger's perhaps.
func (l *Ledger) free(info fpb.Info) []int {
	var ids []int
	for _, s := range info.Slots {
		if s.Free && !s.On && l.slotIndex(s.ID) < 0 {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func checksum(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}
