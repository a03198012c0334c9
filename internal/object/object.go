// Package object reads what the compiler wrote: relocatable ARM ELF files, as
// typed sections, symbols and relocations.
//
// The package is pure: it reads the bytes it is given and keeps nothing.
package object

import (
	"cmp"
	"debug/elf"
	"slices"

	"github.com/fpbls/fpbls/internal/problem"
)

// An Object is a relocatable ELF file. Sections and Symbols are indexed as in
// the file; entry 0 of both is the null entry. An Object is not modified after
// [Parse].
type Object struct {
	Sections []*Section
	Symbols  []*Symbol
	Flags    uint32 // e_flags
}

// A Section is a section of the file.
type Section struct {
	Index   int
	Name    string
	Type    elf.SectionType
	Flags   elf.SectionFlag
	Align   uint32 // at least 1, a power of two
	Size    uint32
	EntSize uint32
	Data    []byte // Size bytes; nil for SHT_NOBITS
	Link    uint32
	Info    uint32
	Relocs  []Reloc  // by offset
	Group   *Section // the SHT_GROUP section it is a member of, or nil
}

// IsAlloc reports whether the section takes part in the program.
func (s *Section) IsAlloc() bool { return s.Flags&elf.SHF_ALLOC != 0 }

// IsCode reports whether the section holds instructions.
func (s *Section) IsCode() bool { return s.IsAlloc() && s.Flags&elf.SHF_EXECINSTR != 0 }

// IsWrite reports whether the section is writable at run time.
func (s *Section) IsWrite() bool { return s.Flags&elf.SHF_WRITE != 0 }

// IsNoBits reports whether the section is zero and has no bytes in the file.
func (s *Section) IsNoBits() bool { return s.Type == elf.SHT_NOBITS }

// IsMergeString reports whether the section holds zero-terminated strings that
// a linker may merge.
func (s *Section) IsMergeString() bool {
	const both = elf.SHF_MERGE | elf.SHF_STRINGS
	return s.Flags&both == both
}

// A Symbol is a symbol of the file.
type Symbol struct {
	Index   int
	Name    string   // the section's name for section symbols
	Section *Section // nil if undefined, absolute or common
	Value   uint32   // offset in Section, or the absolute value; the Thumb bit is removed
	Size    uint32
	Type    elf.SymType
	Bind    elf.SymBind
	File    string // of the preceding STT_FILE symbol

	Thumb     bool // a function in Thumb code: bit 0 of its address is set
	Absolute  bool
	Common    bool // Value is the alignment
	Undefined bool
}

// IsFunction reports whether the symbol is a function.
func (s *Symbol) IsFunction() bool { return s.Type == elf.STT_FUNC || s.Type == elf.STT_GNU_IFUNC }

// IsMapping reports whether the symbol only tells code from data (AAELF32 §5.5.5).
func (s *Symbol) IsMapping() bool { return isMapping(s.Name) && s.Bind == elf.STB_LOCAL }

// Mapping lists each section's mapping symbols by offset.
func (o *Object) Mapping() map[*Section][]*Symbol {
	marks := make(map[*Section][]*Symbol)
	for _, m := range o.Symbols {
		if m.Section != nil && m.IsMapping() {
			marks[m.Section] = append(marks[m.Section], m)
		}
	}
	for _, list := range marks {
		slices.SortStableFunc(list, func(a, b *Symbol) int { return cmp.Compare(a.Value, b.Value) })
	}
	return marks
}

// IsWeak reports whether the symbol gives way to a strong one.
func (s *Symbol) IsWeak() bool { return s.Bind == elf.STB_WEAK }

// A Reloc is a place that the linker fills in.
type Reloc struct {
	Offset uint32 // in the section
	Type   elf.R_ARM
	Symbol *Symbol
	Addend int32 // explicit, or extracted from the place (AAELF32 §5.6.1)
}

// isMapping tells the names of mapping symbols: $a, $d, $t, and $d.x.
func isMapping(name string) bool {
	return len(name) >= 2 && name[0] == '$' && (name[1] == 'a' || name[1] == 'd' || name[1] == 't') &&
		(len(name) == 2 || name[2] == '.')
}

func bad(format string, args ...any) error {
	return problem.New(problem.BadObject, "look at the unit's entry in compile_commands.json", format, args...)
}
