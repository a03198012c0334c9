package linker

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"slices"

	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/thumb"
)

// hiddenBranches finds what leaves a function that was cut out of a section
// with others in it. The assembler has resolved branches within the section
// itself, so there is no relocation for them.
func (b *binder) hiddenBranches(p *piece) ([]object.Reloc, error) {
	if p.section == nil || p.start == 0 && p.end == p.section.Size {
		return nil, nil
	}
	known := make(map[uint32]bool)
	for _, r := range p.relocs() {
		known[r.Offset] = true
	}
	var found []object.Reloc
	for off, inst := range p.instructions() {
		if known[off] {
			continue
		}
		if to, ok := literal(inst, off); ok && (to < p.start || to >= p.end) {
			return nil, tangled(p, "uses a constant outside of itself")
		}
		to, ok := inst.BranchTarget(off)
		if !ok || to >= p.start && to < p.end {
			continue
		}
		form, ok := relocationFor(inst)
		if !ok {
			return nil, tangled(p, "goes on outside of itself")
		}
		i := slices.IndexFunc(p.unit.names[p.section], func(s *object.Symbol) bool { return s.IsFunction() && s.Value == to })
		if i < 0 {
			return nil, tangled(p, "jumps into the middle of another function")
		}
		found = append(found, object.Reloc{Offset: off, Type: form, Symbol: p.unit.names[p.section][i], Addend: -4})
	}
	return found, nil
}

func tangled(p *piece, what string) error {
	return problem.New(problem.CannotLink, "compile it with -ffunction-sections",
		"%s %s in section %s, so it cannot be taken alone", p, what, p.section.Name)
}

// instructions decodes the code of the piece and yields offsets in the section.
// Mapping symbols tell it from data (AAELF32 §5.5.5).
func (p *piece) instructions() func(yield func(uint32, thumb.Inst) bool) {
	return func(yield func(uint32, thumb.Inst) bool) {
		marks := p.unit.mapping(p.section)
		data := p.section.Data
		for off := p.start; off+2 <= p.end; {
			i, exact := slices.BinarySearchFunc(marks, off, func(s *object.Symbol, off uint32) int { return cmp.Compare(s.Value, off) })
			for exact && i+1 < len(marks) && marks[i+1].Value == off {
				i++ // the last of several at one place counts
			}
			if !exact {
				i--
			}
			if i >= 0 && marks[i].Name[1] != 't' {
				if i+1 == len(marks) {
					return
				}
				off = max(marks[i+1].Value+marks[i+1].Value&1, off+2)
				continue
			}
			hw1, hw2 := binary.LittleEndian.Uint16(data[off:]), uint16(0)
			if off+4 <= p.end {
				hw2 = binary.LittleEndian.Uint16(data[off+2:])
			}
			inst := thumb.Decode(hw1, hw2)
			if !yield(off, inst) {
				return
			}
			off += uint32(max(inst.Size, 2))
		}
	}
}

// mapping lists the mapping symbols of the section, by offset.
func (u *unit) mapping(s *object.Section) []*object.Symbol {
	if u.marks == nil {
		u.marks = u.object.Mapping()
	}
	return u.marks[s]
}

// literal returns the address that a PC-relative load or ADR at off uses
// (DDI 0403E A4.2.2: relative to the aligned PC).
func literal(i thumb.Inst, off uint32) (uint32, bool) {
	switch i.Op {
	case thumb.OpLDRLit, thumb.OpLDRBLit, thumb.OpLDRHLit, thumb.OpLDRSBLit, thumb.OpLDRSHLit, thumb.OpADR:
	case thumb.OpLDRD:
		if i.Rn != thumb.PC {
			return 0, false
		}
	default:
		return 0, false
	}
	return (off+4)&^3 + i.Imm, true // the offset is signed
}

// relocationFor is the relocation that the assembler would have left for a
// branch to elsewhere; none for CBZ and CBNZ.
func relocationFor(i thumb.Inst) (elf.R_ARM, bool) {
	switch {
	case i.Op == thumb.OpBL:
		return elf.R_ARM_THM_PC22, true
	case i.Op != thumb.OpB:
		return 0, false
	case i.Size == 4 && i.Cond == thumb.AL:
		return elf.R_ARM_THM_JUMP24, true
	case i.Size == 4:
		return elf.R_ARM_THM_JUMP19, true
	case i.Cond == thumb.AL:
		return elf.R_ARM_THM_JUMP11, true
	}
	return elf.R_ARM_THM_JUMP8, true
}
