package firmware

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
	"sort"

	"github.com/fpbls/fpbls/internal/thumb"
)

// A Branch is a direct branch in the image's code.
type Branch struct {
	Addr uint32 // of the instruction
	To   uint32 // without the Thumb bit
	Call bool   // sets LR
}

// BranchesInto returns the direct branches of the whole image that go to an
// address in [lo, hi), by target.
func (im *Image) BranchesInto(lo, hi uint32) []Branch {
	all := im.branches()
	from := sort.Search(len(all), func(i int) bool { return all[i].To >= lo })
	to := sort.Search(len(all), func(i int) bool { return all[i].To >= hi })
	return all[from:max(from, to)]
}

// findBranches decodes all functions once and sorts the branches by target.
func (im *Image) findBranches() []Branch {
	var found []Branch
	last := uint32(0)
	for i, f := range im.functions {
		if i > 0 && f.Addr == last {
			continue // another name of the same code
		}
		last = f.Addr
		for b := range im.branchesOf(f) {
			found = append(found, b)
		}
	}
	slices.SortFunc(found, func(a, b Branch) int {
		return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.Addr, b.Addr))
	})
	return found
}

// branchesOf yields the direct branches of one function.
func (im *Image) branchesOf(f *Symbol) iter.Seq[Branch] {
	return func(yield func(Branch) bool) {
		for addr, inst := range im.instructions(f, mayBranch) {
			if to, ok := inst.BranchTarget(addr); ok && !yield(Branch{Addr: addr, To: to, Call: inst.Op == thumb.OpBL}) {
				return
			}
		}
	}
}

// mayBranch reports whether an instruction that begins so can be a direct branch
// (DDI 0403E A5.2, A5.3). Most are not, and a large firmware has millions.
func mayBranch(hw1 uint16) bool {
	return hw1&0xf000 == 0xd000 || // B<c>, T1
		hw1&0xf800 == 0xe000 || // B, T2
		hw1&0xf500 == 0xb100 || // CBZ, CBNZ
		hw1&0xf800 == 0xf000 // BL, B.W, and others
}

// instructions yields those of the function's instructions that want may be
// interested in, by address, without the data between them. A want of nil takes
// all.
func (im *Image) instructions(f *Symbol, want func(hw1 uint16) bool) iter.Seq2[uint32, thumb.Inst] {
	return func(yield func(uint32, thumb.Inst) bool) {
		code, ok := im.Bytes(f.Addr, f.Size)
		if !ok {
			return
		}
		data := im.dataFrom(f.Addr)
		for off := 0; off+2 <= len(code); {
			addr := f.Addr + uint32(off)
			for len(data) > 0 && data[0].end <= addr {
				data = data[1:]
			}
			if len(data) > 0 && data[0].addr <= addr {
				off += 2
				continue
			}
			hw1, hw2 := binary.LittleEndian.Uint16(code[off:]), uint16(0)
			if want != nil && !want(hw1) {
				off += 2
				if thumb.Is32(hw1) {
					off += 2
				}
				continue
			}
			if off+4 <= len(code) {
				hw2 = binary.LittleEndian.Uint16(code[off+2:])
			}
			inst := thumb.Decode(hw1, hw2)
			if !yield(addr, inst) {
				return
			}
			off += max(int(inst.Size), 2)
		}
	}
}

// Calls lists where the function branches to outside of itself, once each, by
// address.
func (im *Image) Calls(f *Symbol) []uint32 {
	var to []uint32
	for b := range im.branchesOf(f) {
		if b.To < f.Addr || b.To-f.Addr >= f.Size {
			to = append(to, b.To)
		}
	}
	slices.Sort(to)
	return slices.Compact(to)
}
