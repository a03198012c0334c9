package linker

import (
	"bytes"
	"cmp"
	"debug/elf"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/ianlancetaylor/demangle"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/object"
)

// A unit is an object that takes part: the compiled one, or a member of the
// helper library.
type unit struct {
	object  *object.Object
	name    string // source path, or member of the library
	library bool
	debug   *dwarf.Info // nil without any

	locals *statics // see binder.statics

	names   map[*object.Section][]*object.Symbol // functions and variables, by value
	pieces  map[*object.Section][]*piece
	commons map[*object.Symbol]*piece
	marks   map[*object.Section][]*object.Symbol // mapping symbols, by offset
}

func newUnit(o *object.Object, name string, library bool) *unit {
	u := &unit{
		object: o, name: name, library: library,
		names:   make(map[*object.Section][]*object.Symbol),
		pieces:  make(map[*object.Section][]*piece),
		commons: make(map[*object.Symbol]*piece),
	}
	for _, s := range o.Symbols {
		if s.Section != nil && namesContent(s) {
			u.names[s.Section] = append(u.names[s.Section], s)
		}
	}
	for _, names := range u.names {
		slices.SortStableFunc(names, func(a, b *object.Symbol) int { return cmp.Compare(a.Value, b.Value) })
	}
	return u
}

// A class says where a piece belongs in the block; the order is the block's.
type class uint8

const (
	code class = iota
	constant
	variable
	zeroed
)

// A piece is what is carried or left as a whole: a function, a variable, a
// constant, a string, or a section that cannot be cut.
type piece struct {
	unit       *unit
	section    *object.Section // nil for a common symbol
	start, end uint32          // in the section
	class      class
	align      uint32           // of the section's start
	symbols    []*object.Symbol // functions and variables in it, by value
	root       *root            // the replaced function that it is, or is a part of

	carried bool
	refs    []reference // what it refers to, once it is carried
	offset  uint32      // in the block, once it is laid out
}

func (p *piece) size() uint32 { return p.end - p.start }

// phase is where the piece must start relative to a multiple of its alignment.
// Code that was cut out of a section keeps its place: loads from literal pools
// count from the aligned PC.
func (p *piece) phase() uint32 { return p.start % p.align }

// offsetOf returns where the symbol points to, relative to the piece. A section's
// symbol can point to before it.
func (p *piece) offsetOf(s *object.Symbol) uint32 {
	if s.Common {
		return 0
	}
	return s.Value - p.start
}

func (p *piece) data() []byte {
	if p.section == nil || p.section.Data == nil {
		return nil
	}
	return p.section.Data[p.start:p.end]
}

// relocs are the section's relocations that lie in the piece.
func (p *piece) relocs() []object.Reloc {
	if p.section == nil {
		return nil
	}
	all := p.section.Relocs
	byOffset := func(r object.Reloc, off uint32) int { return cmp.Compare(r.Offset, off) }
	from, _ := slices.BinarySearchFunc(all, p.start, byOffset)
	to, _ := slices.BinarySearchFunc(all, p.end, byOffset)
	return all[from:max(from, to)]
}

// String names the piece for messages.
func (p *piece) String() string {
	switch {
	case len(p.symbols) > 0:
		return display(p.symbols[0].Name)
	case p.section.IsMergeString():
		return fmt.Sprintf("%.20q", strings.TrimRight(string(p.data()), "\x00"))
	}
	return fmt.Sprintf("%s+0x%x", p.section.Name, p.start)
}

// display is the name as its author wrote it.
func display(name string) string {
	if strings.HasPrefix(name, "_Z") {
		return demangle.Filter(name)
	}
	return name
}

// classOf tells what the section holds; false for what is not part of a
// program or cannot be moved.
func classOf(s *object.Section) (class, bool) {
	switch {
	case !s.IsAlloc() || s.Flags&elf.SHF_TLS != 0:
		return 0, false
	case s.Type == elf.SHT_INIT_ARRAY, s.Type == elf.SHT_FINI_ARRAY, s.Type == elf.SHT_PREINIT_ARRAY, s.Type == shtExidx:
		return 0, false
	case s.IsNoBits():
		return zeroed, true
	case s.Type != elf.SHT_PROGBITS:
		return 0, false
	case s.IsCode():
		return code, true
	case s.IsWrite():
		return variable, true
	}
	return constant, true
}

// split cuts the section into pieces, by address. It is nil for sections that
// hold nothing a patch could use.
func (u *unit) split(s *object.Section) []*piece {
	if pieces, ok := u.pieces[s]; ok {
		return pieces
	}
	var pieces []*piece
	if c, ok := classOf(s); ok {
		for _, e := range u.cut(s, c) {
			align := s.Align
			if c != code {
				// Everything in the section is aligned as its offset shows.
				align = min(align, 1<<bits.TrailingZeros32(e.start|1<<31))
			}
			pieces = append(pieces, &piece{unit: u, section: s, start: e.start, end: e.end, class: c, align: align})
		}
		for _, sym := range u.names[s] {
			if p := find(pieces, sym.Value); p != nil {
				p.symbols = append(p.symbols, sym)
			}
		}
	}
	u.pieces[s] = pieces
	return pieces
}

type extent struct{ start, end uint32 }

// cut decides where the section may be cut.
func (u *unit) cut(s *object.Section, c class) []extent {
	whole := []extent{{0, s.Size}}
	switch {
	case s.Data == nil:
	case s.IsMergeString() && len(s.Relocs) == 0:
		return cutStrings(s)
	case s.Flags&elf.SHF_MERGE != 0 && s.EntSize > 0 && s.Size%s.EntSize == 0 && len(s.Relocs) == 0:
		var cuts []extent
		for off := uint32(0); off < s.Size; off += s.EntSize {
			cuts = append(cuts, extent{off, off + s.EntSize})
		}
		return cuts
	case u.library:
		return whole // assembler code runs from one function into the next
	}

	var named []extent
	for _, sym := range u.names[s] {
		if sym.IsFunction() != (c == code) {
			continue
		}
		if sym.Size == 0 {
			return whole // its end is not known
		}
		named = append(named, extent{sym.Value, sym.Value + sym.Size})
	}
	named = mergeOverlapping(named)
	if len(named) < 2 {
		return whole
	}
	var cuts []extent
	end := uint32(0)
	for i, e := range named {
		if e.start > end {
			cuts = append(cuts, extent{end, e.start}) // what has no name
		}
		if c == code { // padding and literals behind a function belong to it
			e.end = s.Size
			if i+1 < len(named) {
				e.end = named[i+1].start
			}
		}
		cuts = append(cuts, e)
		end = e.end
	}
	if end < s.Size {
		cuts = append(cuts, extent{end, s.Size})
	}
	return cuts
}

func mergeOverlapping(sorted []extent) []extent {
	var merged []extent
	for _, e := range sorted {
		if n := len(merged); n > 0 && e.start < merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, e.end)
			continue
		}
		merged = append(merged, e)
	}
	return merged
}

// cutStrings cuts behind every terminator.
func cutStrings(s *object.Section) []extent {
	step := max(s.EntSize, 1)
	var cuts []extent
	start := uint32(0)
	for start < s.Size {
		end := start
		if step == 1 {
			n := bytes.IndexByte(s.Data[start:], 0)
			if n < 0 {
				n = len(s.Data) - 1 - int(start)
			}
			end = start + uint32(n) + 1
		} else {
			for terminated := false; end < s.Size && !terminated; {
				next := min(end+step, s.Size)
				terminated = !slices.ContainsFunc(s.Data[end:next], func(b byte) bool { return b != 0 })
				end = next
			}
		}
		cuts = append(cuts, extent{start, end})
		start = end
	}
	return cuts
}

// namesContent reports whether the symbol names a function or variable. The
// assembler gives no type to what GCC writes as .local and .comm: statics at
// -O0 or without section anchors.
func namesContent(s *object.Symbol) bool {
	return s.IsFunction() || s.Type == elf.STT_OBJECT || s.Type == elf.STT_TLS ||
		s.Type == elf.STT_NOTYPE && s.Size > 0 && !s.Section.IsCode()
}

// find returns the piece that contains the offset; a single piece contains
// every offset, since compilers fold constants into addresses.
func find(pieces []*piece, off uint32) *piece {
	if len(pieces) == 1 {
		return pieces[0]
	}
	i, found := slices.BinarySearchFunc(pieces, off, func(p *piece, off uint32) int { return cmp.Compare(p.start, off) })
	if !found {
		i--
	}
	if i < 0 || off > pieces[i].end {
		return nil
	}
	return pieces[i]
}

// common returns the piece of a tentative definition.
func (u *unit) common(s *object.Symbol) *piece {
	p := u.commons[s]
	if p == nil {
		align := uint32(1)
		if s.Value > 0 {
			align = 1 << (bits.Len32(s.Value) - 1)
		}
		p = &piece{unit: u, end: s.Size, class: zeroed, align: align, symbols: []*object.Symbol{s}}
		u.commons[s] = p
	}
	return p
}
