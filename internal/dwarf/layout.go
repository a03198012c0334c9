package dwarf

import (
	"debug/elf"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/object"
)

// placed is a section at a made-up address.
type placed struct {
	addr    uint32
	section *object.Section
}

// place gives every allocated section an address of its own, with a gap behind
// it, so that the address of a section's end is not that of the next one.
func place(o *object.Object) []placed {
	var layout []placed
	next := uint64(0x1000)
	for _, s := range o.Sections {
		if !s.IsAlloc() {
			continue
		}
		align := uint64(max(s.Align, 16))
		next = (next + align - 1) &^ (align - 1)
		if next+uint64(s.Size) > 1<<32 {
			break // no real object is that large
		}
		layout = append(layout, placed{uint32(next), s})
		next += uint64(s.Size) + 16
	}
	return layout
}

// relocated returns the debug sections with the addresses filled in. Only
// R_ARM_ABS32 and R_ARM_REL32 occur in them.
func relocated(o *object.Object, layout []placed) map[string][]byte {
	addr := make(map[*object.Section]uint32, len(layout))
	for _, p := range layout {
		addr[p.section] = p.addr
	}
	sections := make(map[string][]byte)
	for _, s := range o.Sections {
		if !strings.HasPrefix(s.Name, ".debug_") || s.Flags&elf.SHF_COMPRESSED != 0 || s.Data == nil {
			continue
		}
		if _, ok := sections[s.Name]; ok {
			continue // type units come in several groups; the first is the unit's own
		}
		data := slices.Clone(s.Data)
		for _, r := range s.Relocs {
			if r.Type != elf.R_ARM_ABS32 && r.Type != elf.R_ARM_REL32 {
				continue
			}
			v := r.Symbol.Value + uint32(r.Addend)
			if r.Symbol.Section != nil {
				v += addr[r.Symbol.Section] // zero for other debug sections
			}
			if r.Type == elf.R_ARM_REL32 {
				v -= r.Offset
			}
			binary.LittleEndian.PutUint32(data[r.Offset:], v)
		}
		sections[s.Name] = data
	}
	return sections
}
