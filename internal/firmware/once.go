package firmware

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/fpbls/fpbls/internal/thumb"
)

// EnteredOnce says why a board that has started does not enter the function
// again, as the rest of a sentence that begins with its name; empty if it may. A
// patch of such a function is armed and never runs.
func (im *Image) EnteredOnce(f *Symbol) string { return im.once()[f.Addr] }

// findOnce collects, by address,
//   - where the firmware starts, and main,
//   - functions that do not return and are entered at one place, as bodies of tasks,
//   - what those of the first kind, or others of this one, call outside of loops and
//     nobody else can.
//
// What it cannot see, such as a jump to a computed address, makes it silent.
func (im *Image) findOnce() map[uint32]string {
	once := make(map[uint32]string)
	pointers, vectors := im.pointers().count, im.pointers().vectors
	var work []*Symbol // whose callees may be entered once as well
	for _, f := range im.functions {
		switch {
		case f.Addr == im.entry:
			once[f.Addr] = "is where the firmware starts"
		case f.Name == "main":
			once[f.Addr] = "is entered once, at the start"
		default:
			continue
		}
		work = append(work, f)
	}
	for _, f := range im.functions {
		// Hardware enters a handler whenever it likes.
		if once[f.Addr] == "" && len(vectors[f.Addr]) == 0 && len(im.entering(f))+pointers[f.Addr] == 1 && !im.returns(f) {
			once[f.Addr] = "does not return, and is entered at one place"
		}
	}
	for len(work) > 0 {
		caller := work[len(work)-1]
		work = work[:len(work)-1]
		for _, to := range im.Calls(caller) {
			f := im.At(to)
			if f == nil || f.Addr != to || once[to] != "" || pointers[to] > 0 {
				continue
			}
			if !slices.ContainsFunc(im.entering(f), func(b Branch) bool {
				from := im.At(b.Addr)
				return from == nil || from.Addr != caller.Addr || im.loops(from, b.Addr)
			}) {
				once[to] = fmt.Sprintf("is called only by %s, outside of any loop", caller.Display)
				work = append(work, f)
			}
		}
	}
	return once
}

// entering lists the branches that enter the function.
func (im *Image) entering(f *Symbol) []Branch {
	var found []Branch
	for _, b := range im.BranchesInto(f.Addr, f.Addr+2) {
		if inside := b.Addr >= f.Addr && b.Addr-f.Addr < f.Size; b.Call || !inside {
			found = append(found, b)
		}
	}
	return found
}

// returns reports whether the function can end: it returns, or goes on in another.
func (im *Image) returns(f *Symbol) bool {
	if _, ok := im.Bytes(f.Addr, f.Size); !ok || f.Size == 0 {
		return true
	}
	for addr, inst := range im.instructions(f, nil) {
		switch to, direct := inst.BranchTarget(addr); {
		case inst.Op == thumb.OpBL, inst.Op == thumb.OpUDF, inst.Op == thumb.OpTBB, inst.Op == thumb.OpTBH:
		case direct && to-f.Addr >= f.Size, !direct && inst.EndsFlow():
			return true
		}
	}
	return false
}

// loops reports whether control can come back to the place: some jump behind it
// goes to it or before it, which every loop around it has.
func (im *Image) loops(f *Symbol, place uint32) bool {
	for addr, inst := range im.instructions(f, nil) {
		to, direct := inst.BranchTarget(addr)
		switch {
		case inst.Op == thumb.OpBL, inst.Op == thumb.OpTBB, inst.Op == thumb.OpTBH: // tables lead forwards
		case inst.Op == thumb.OpBX && inst.Rm == thumb.LR, inst.Op == thumb.OpPOP,
			inst.Op == thumb.OpLDRImm && inst.Rn == thumb.SP: // returns
		case direct && addr >= place && to <= place && to >= f.Addr, !direct && inst.EndsFlow():
			return true
		}
	}
	return false
}

// AddressTaken reports whether something in the image holds or makes the address of
// the function, and so may call it without a branch to it.
func (im *Image) AddressTaken(f *Symbol) bool { return im.pointers().count[f.Addr] > 0 }

// pointers are, by the function's address, how many words hold it, and pairs of
// instructions make it, and the numbers of the exceptions that it handles.
type pointers struct {
	count   map[uint32]int
	vectors map[uint32][]int
}

func (im *Image) findPointers() pointers {
	starts := make(map[uint32]bool)
	for _, f := range im.functions {
		starts[f.Addr] = true
	}
	count, vectors := make(map[uint32]int), make(map[uint32][]int)
	if len(im.functions) == 0 {
		return pointers{count, vectors}
	}
	first, last := im.functions[0].Addr, im.functions[len(im.functions)-1].Addr
	isStart := func(v uint32) bool { return v&1 != 0 && v >= first && v <= last|1 && starts[v&^1] }
	for _, s := range im.segments {
		// The vector table: initial stack, reset, and handlers (DDI 0403E B1.5.3).
		table := len(s.data) >= 8 && im.entry != 0 && binary.LittleEndian.Uint32(s.data[4:]) == im.entry|1
		for at := -s.addr & 3; uint64(at)+4 <= uint64(len(s.data)); at += 4 {
			v := binary.LittleEndian.Uint32(s.data[at:])
			switch {
			case isStart(v):
				count[v&^1]++
				if table && at >= 4 {
					vectors[v&^1] = append(vectors[v&^1], int(at/4))
				}
			case at >= 8 && v != 0:
				table = false
			}
		}
	}
	for i, f := range im.functions {
		if i > 0 && im.functions[i-1].Addr == f.Addr {
			continue
		}
		for l := range im.loads(f, isMove) { // literals are among the words
			if !l.literal && isStart(l.value) {
				count[l.value&^1]++
			}
		}
	}
	return pointers{count, vectors}
}
