package object

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

const (
	symbolSize = 16 // Elf32_Sym
	relSize    = 8  // Elf32_Rel
	relaSize   = 12 // Elf32_Rela
)

// Parse reads a relocatable file. The result refers to data, which must not
// change. What is not a little-endian ARM object with code, or is damaged, is a
// bad-object problem.
func Parse(data []byte) (*Object, error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, bad("the compiler's output is not an ELF object: %w", err)
	}
	defer f.Close()
	switch {
	case f.Machine != elf.EM_ARM || f.Class != elf.ELFCLASS32:
		return nil, bad("the object is for %s, not for ARM", strings.TrimPrefix(f.Machine.String(), "EM_"))
	case f.Data != elf.ELFDATA2LSB:
		return nil, bad("the object is big-endian")
	case f.Type != elf.ET_REL:
		return nil, bad("the object is of type %s, not relocatable", strings.TrimPrefix(f.Type.String(), "ET_"))
	}
	o := &Object{Flags: headerFlags(data)}
	if err := o.readSections(f, data); err != nil {
		return nil, err
	}
	if err := o.readSymbols(f); err != nil {
		return nil, err
	}
	if err := o.readRelocs(); err != nil {
		return nil, err
	}
	o.readGroups()
	return o, o.checkLTO()
}

// headerFlags returns e_flags, which debug/elf does not keep.
func headerFlags(data []byte) uint32 { return binary.LittleEndian.Uint32(data[36:]) }

func (o *Object) readSections(f *elf.File, data []byte) error {
	for i, s := range f.Sections {
		sec := &Section{
			Index: i, Name: s.Name, Type: s.Type, Flags: s.Flags,
			Align: uint32(s.Addralign), Size: uint32(s.Size), EntSize: uint32(s.Entsize),
			Link: s.Link, Info: s.Info,
		}
		if sec.Align == 0 {
			sec.Align = 1
		}
		if sec.Align&(sec.Align-1) != 0 {
			return bad("section %s has alignment %d, not a power of two", s.Name, sec.Align)
		}
		if s.Flags&elf.SHF_COMPRESSED != 0 && sec.IsAlloc() {
			return bad("section %s is compressed", s.Name)
		}
		if s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL {
			end := s.Offset + s.FileSize
			if end < s.Offset || end > uint64(len(data)) {
				return bad("section %s reaches beyond the end of the object", s.Name)
			}
			sec.Data = data[s.Offset:end]
			sec.Size = uint32(len(sec.Data))
		}
		o.Sections = append(o.Sections, sec)
	}
	return nil
}

func (o *Object) section(typ elf.SectionType) *Section {
	i := slices.IndexFunc(o.Sections, func(s *Section) bool { return s.Type == typ })
	if i < 0 {
		return nil
	}
	return o.Sections[i]
}

func (o *Object) readSymbols(f *elf.File) error {
	table := o.section(elf.SHT_SYMTAB)
	if table == nil {
		return bad("the object has no symbol table")
	}
	var names, indices []byte
	if int(table.Link) < len(o.Sections) {
		names = o.Sections[table.Link].Data
	}
	if x := o.section(elf.SHT_SYMTAB_SHNDX); x != nil {
		indices = x.Data
	}
	file := ""
	for i := range len(table.Data) / symbolSize {
		e := table.Data[i*symbolSize:]
		le := binary.LittleEndian
		s := &Symbol{
			Index: i, Name: cString(names, le.Uint32(e)),
			Value: le.Uint32(e[4:]), Size: le.Uint32(e[8:]),
			Type: elf.ST_TYPE(e[12]), Bind: elf.ST_BIND(e[12]),
		}
		index := uint32(le.Uint16(e[14:]))
		if index == uint32(elf.SHN_XINDEX) {
			if len(indices) < 4*i+4 {
				return bad("symbol %d has no section index", i)
			}
			index = le.Uint32(indices[4*i:])
		} else if index >= uint32(elf.SHN_LORESERVE) {
			s.Absolute = index == uint32(elf.SHN_ABS)
			s.Common = index == uint32(elf.SHN_COMMON)
			index = 0
		} else {
			s.Undefined = index == 0
		}
		if int64(index) >= int64(len(o.Sections)) {
			return bad("symbol %s lies in section %d of %d", s.Name, index, len(o.Sections))
		}
		if index != 0 {
			s.Section = o.Sections[index]
		}
		switch {
		case s.Type == elf.STT_FILE:
			file = s.Name
		case s.Type == elf.STT_SECTION && s.Section != nil:
			s.Name = s.Section.Name
		case s.IsFunction() && s.Value&1 != 0:
			s.Thumb = true
			s.Value &^= 1
		}
		if s.Bind == elf.STB_LOCAL {
			s.File = file
		}
		if s.Section != nil && s.Value > s.Section.Size {
			return bad("symbol %s lies beyond the end of section %s", s.Name, s.Section.Name)
		}
		if s.Section != nil && s.Size > s.Section.Size-s.Value {
			return bad("symbol %s reaches beyond the end of section %s", s.Name, s.Section.Name)
		}
		o.Symbols = append(o.Symbols, s)
	}
	return nil
}

func (o *Object) readRelocs() error {
	for _, table := range o.Sections {
		size := relSize
		switch table.Type {
		case elf.SHT_REL:
		case elf.SHT_RELA:
			size = relaSize
		default:
			continue
		}
		if table.Info == 0 || int64(table.Info) >= int64(len(o.Sections)) {
			return bad("relocations %s are for no section", table.Name)
		}
		sec := o.Sections[table.Info]
		for i := range len(table.Data) / size {
			e := table.Data[i*size:]
			info := binary.LittleEndian.Uint32(e[4:])
			r := Reloc{Offset: binary.LittleEndian.Uint32(e), Type: elf.R_ARM(info & 0xff)}
			if n := info >> 8; int64(n) < int64(len(o.Symbols)) {
				r.Symbol = o.Symbols[n]
			} else {
				return bad("relocation %d of %s is for symbol %d of %d", i, sec.Name, n, len(o.Symbols))
			}
			if width := uint32(r.width()); r.Offset > sec.Size || sec.Size-r.Offset < width || sec.Data == nil && width > 0 {
				return bad("relocation %d of %s lies at 0x%x, outside the section", i, sec.Name, r.Offset)
			}
			if table.Type == elf.SHT_RELA {
				r.Addend = int32(binary.LittleEndian.Uint32(e[8:]))
			} else {
				r.Addend = r.addendAt(sec.Data)
			}
			sec.Relocs = append(sec.Relocs, r)
		}
	}
	for _, s := range o.Sections {
		slices.SortStableFunc(s.Relocs, func(a, b Reloc) int { return cmp.Compare(a.Offset, b.Offset) })
	}
	return nil
}

// readGroups notes which sections belong together (gABI, section groups).
func (o *Object) readGroups() {
	for _, g := range o.Sections {
		if g.Type != elf.SHT_GROUP {
			continue
		}
		for i := 4; i+4 <= len(g.Data); i += 4 { // the first word holds flags
			if n := binary.LittleEndian.Uint32(g.Data[i:]); int64(n) < int64(len(o.Sections)) {
				o.Sections[n].Group = g
			}
		}
	}
}

// checkLTO refuses an object that holds only the compiler's intermediate code.
func (o *Object) checkLTO() error {
	lto := false
	for _, s := range o.Sections {
		if s.IsCode() && s.Size > 0 {
			return nil
		}
		lto = lto || strings.HasPrefix(s.Name, ".gnu.lto_")
	}
	if lto {
		return bad("the object holds no machine code: it was compiled with -flto; build without it and flash once")
	}
	return nil
}

// cString returns the zero-terminated string at the offset, empty if there is none.
func cString(table []byte, offset uint32) string {
	if int64(offset) >= int64(len(table)) {
		return ""
	}
	s := table[offset:]
	if n := bytes.IndexByte(s, 0); n >= 0 {
		return string(s[:n])
	}
	return ""
}

func (s *Symbol) String() string {
	if s.Name == "" {
		return fmt.Sprintf("symbol %d", s.Index)
	}
	return s.Name
}
