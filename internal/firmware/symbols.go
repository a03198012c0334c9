package firmware

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/ianlancetaylor/demangle"

	"github.com/fpbls/fpbls/internal/problem"
)

// A rawSymbol is an entry of the symbol table. A large firmware has hundreds of
// thousands, and an editor waits for them: names are parts of one string.
type rawSymbol struct {
	name        string
	value, size uint32
	typ         elf.SymType
	bind        elf.SymBind
	section     elf.SectionIndex
}

// symbolTable reads the symbol table: how many entries it has at most, and those.
func symbolTable(f *elf.File) (int, iter.Seq[rawSymbol], error) {
	const entry = 16 // Elf32_Sym
	none := func(func(rawSymbol) bool) {}
	table := f.SectionByType(elf.SHT_SYMTAB)
	if table == nil {
		return 0, none, nil
	}
	if table.Link == 0 || int(table.Link) >= len(f.Sections) {
		return 0, nil, errors.New("it names no strings")
	}
	data, err := table.Data()
	if err != nil {
		return 0, nil, err
	}
	text, err := f.Sections[table.Link].Data()
	if err != nil {
		return 0, nil, err
	}
	names := unsafe.String(unsafe.SliceData(text), len(text)) // nobody writes to text
	return len(data) / entry, func(yield func(rawSymbol) bool) {
		for n := 1; n < len(data)/entry; n++ { // the first is no symbol
			p := data[n*entry:]
			s := rawSymbol{
				value: binary.LittleEndian.Uint32(p[4:]), size: binary.LittleEndian.Uint32(p[8:]),
				typ: elf.ST_TYPE(p[12]), bind: elf.ST_BIND(p[12]), section: elf.SectionIndex(binary.LittleEndian.Uint16(p[14:])),
			}
			if at := binary.LittleEndian.Uint32(p); uint64(at) < uint64(len(names)) {
				s.name, _, _ = strings.Cut(names[at:], "\x00")
			}
			if !yield(s) {
				return
			}
		}
	}, nil
}

// kind tells functions from variables; false for what is neither.
func (s rawSymbol) kind(f *elf.File) (Kind, bool) {
	switch s.typ {
	case elf.STT_FUNC, elf.STT_GNU_IFUNC:
		return Function, true
	case elf.STT_OBJECT, elf.STT_COMMON:
		return Variable, true
	case elf.STT_NOTYPE:
		// GCC for ARM gives local variables in .bss neither type nor size.
		if int(s.section) >= len(f.Sections) || s.bind != elf.STB_LOCAL {
			return "", false
		}
		const data = elf.SHF_ALLOC | elf.SHF_WRITE
		return Variable, f.Sections[s.section].Flags&(data|elf.SHF_EXECINSTR) == data
	}
	return "", false
}

func (im *Image) readSymbols(f *elf.File) error {
	n, raw, err := symbolTable(f)
	if err != nil {
		return badELF(im.path, "its symbol table is damaged: %w", err)
	}
	im.labels = make(map[string]uint32)
	file := ""
	var mapping []uint64
	symbols := make([]Symbol, 0, n/2) // the rest are mapping symbols and files
	for s := range raw {
		if s.typ == elf.STT_FILE {
			file = s.name
			continue
		}
		if s.bind == elf.STB_LOCAL && len(s.name) > 1 && s.name[0] == '$' {
			mapping = append(mapping, uint64(s.value)<<8|uint64(s.name[1]))
			continue
		}
		kind, ok := s.kind(f)
		if !ok && s.bind != elf.STB_LOCAL && s.section != elf.SHN_UNDEF {
			im.labels[s.name] = s.value
		}
		if !ok || s.section == elf.SHN_UNDEF || s.name == "" {
			continue
		}
		symbol := Symbol{
			Name: s.name, Display: s.name, Kind: kind, Addr: s.value, Size: s.size,
			Global: s.bind != elf.STB_LOCAL, Weak: s.bind == elf.STB_WEAK,
		}
		if strings.HasPrefix(s.name, "_Z") {
			symbol.Display = demangle.Filter(s.name)
		}
		if kind == Function {
			symbol.Thumb = symbol.Addr&1 != 0
			symbol.Addr &^= 1
		}
		if !symbol.Global {
			symbol.File = file
		}
		if int(s.section) < len(f.Sections) {
			symbol.Section = f.Sections[s.section].Name
		}
		symbols = append(symbols, symbol)
	}
	if len(symbols) == 0 {
		return problem.New(problem.NoSymbols, "name the ELF before it was stripped, or link without -s",
			"%s has no symbols", filepath.Base(im.path))
	}
	im.order(symbols)
	im.guessSizes()
	im.data = lazily(func() []extent { return im.dataWithinCode(mapping) })
	return nil
}

// order makes the lists and the index of symbols.
func (im *Image) order(symbols []Symbol) {
	var naming sync.WaitGroup
	defer naming.Wait()
	naming.Go(func() {
		im.byName = make(map[string]*Symbol, len(symbols))
		for i := range symbols {
			s := &symbols[i]
			s.next, im.byName[s.Name] = im.byName[s.Name], s
		}
	})
	// Numbers sort several times faster than symbols.
	keys := make([]uint64, len(symbols))
	for i := range symbols {
		keys[i] = uint64(symbols[i].Addr)<<32 | uint64(i)
	}
	slices.Sort(keys)
	im.symbols = make([]*Symbol, len(keys))
	for i, key := range keys {
		im.symbols[i] = &symbols[uint32(key)]
	}
	for rest := im.symbols; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Addr == rest[0].Addr {
			n++
		}
		slices.SortStableFunc(rest[:n], func(a, b *Symbol) int { return cmp.Compare(a.Name, b.Name) })
		rest = rest[n:]
	}
	for _, s := range im.symbols {
		if s.Kind == Function {
			im.functions = append(im.functions, s)
		}
	}
}

// guessSizes gives symbols without a size the extent up to the next symbol or
// the end of their region: functions written in assembler, and GCC's local
// variables in .bss.
func (im *Image) guessSizes() {
	for i, s := range im.symbols {
		if s.Size != 0 {
			continue
		}
		end := uint64(s.Addr)
		if r := im.regionAt(s.Addr); r != nil {
			end = uint64(r.Addr) + uint64(r.Size)
		}
		for _, next := range im.symbols[i+1:] {
			if next.Addr > s.Addr {
				end = min(end, uint64(next.Addr))
				break
			}
		}
		if end > uint64(s.Addr) {
			s.Size = uint32(end - uint64(s.Addr))
		}
	}
}

// regionAt returns the region that holds the address, nil if there is none.
func (im *Image) regionAt(addr uint32) *Region {
	i := slices.IndexFunc(im.regions, func(r Region) bool { return addr >= r.Addr && addr-r.Addr < r.Size })
	if i < 0 {
		return nil
	}
	return &im.regions[i]
}

// dataWithinCode tells where data stands within code: from each $d to the next
// mapping symbol. Each is an address and its letter.
func (im *Image) dataWithinCode(mapping []uint64) []extent {
	var data []extent
	slices.Sort(mapping)
	for i, s := range mapping {
		addr := s >> 8
		if byte(s) != 'd' {
			continue
		}
		end := uint64(0)
		if r := im.regionAt(uint32(addr)); r != nil {
			end = uint64(r.Addr) + uint64(r.Size)
		}
		if i+1 < len(mapping) {
			end = min(end, mapping[i+1]>>8)
		}
		if end > addr {
			data = append(data, extent{uint32(addr), uint32(end)})
		}
	}
	return data
}
