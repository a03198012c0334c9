package linker

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/thumb"
)

// A Matcher tells what the functions of an object are in the image, and what
// their references bind to there. It binds as [Prepare] does, but carries
// nothing. It is not safe for concurrent use.
type Matcher struct {
	b       *binder
	unit    *unit
	bodies  map[*piece]*Body
	wholes  map[*object.Section]*piece
	layouts map[*object.Section]layout
}

// NewMatcher returns a Matcher for the unit. It makes no use of its roots.
func NewMatcher(u Unit, image *firmware.Image, imageDebug *dwarf.Info) *Matcher {
	b := newBinder(Input{Units: []Unit{u}, Image: image, ImageDebug: imageDebug})
	return &Matcher{b, b.units[0], make(map[*piece]*Body), make(map[*object.Section]*piece), make(map[*object.Section]layout)}
}

// A Match is a function of the object and the one of the image that it would
// replace.
type Match struct {
	Symbol *object.Symbol
	Target *firmware.Symbol
	Err    error // why there is no Target: a problem, nil if the image knows no such name
}

// Functions lists the functions of the object by name. Parts and specialised
// copies that the compiler made belong to their callers and are not among them.
func (m *Matcher) Functions() []Match {
	var all []Match
	for _, s := range m.unit.object.Symbols {
		if s.Section == nil || !s.IsFunction() || isPart(s.Name) || isLocalLabel(s.Name) || !s.Section.IsCode() {
			continue
		}
		f := Match{Symbol: s}
		if there := m.b.image.named(s.Name, firmware.Function); len(there) > 0 {
			f.Target, f.Err = m.b.rootTarget(m.unit, s, there)
		}
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b Match) int { return cmp.Compare(a.Symbol.Name, b.Symbol.Name) })
	return all
}

// Notes are what the binder noticed, such as initial values that changed.
func (m *Matcher) Notes() []string { return m.b.notes }

// A Body is the content of a function, of a part of one, or of a constant.
type Body struct {
	Name       string
	Code       bool
	Text       bool // a string
	Section    *object.Section
	Start      uint32 // in Section
	Data       []byte
	References []Reference // by offset
	Err        error       // why there are none: a branch or relocation is not understood
}

// RefKind says what a reference means.
type RefKind uint8

// Kinds of references.
const (
	RefAddress RefKind = iota // a function or variable that the image has
	RefContent                // a constant: what counts is what it holds
	RefPart                   // a part or copy of a function that the compiler made
	RefNew                    // something that the image does not have
	RefNull                   // an undefined weak symbol: address 0, no branch
	RefHalf                   // the upper half of an address; the lower half tells it all
)

// A Reference is a place in a body that a linker fills in.
type Reference struct {
	Offset uint32 // in the body
	Kind   RefKind
	Name   string // of what it refers to, for people
	Linker string // the linker name of a function, variable, or of the function that a part was made of
	Branch bool
	Call   bool
	Addr   uint32 // RefAddress: what it must go to, with the Thumb bit if it is not a branch
	To     *Body  // RefContent, RefPart
	Into   uint32 // how far into To it points, modulo 2^32
	Err    error  // RefNew: why, if that is known

	typ   elf.R_ARM
	upper uint32 // of a MOVW: the offset of its MOVT, 0 if there is none
}

// Body returns the content of a function of the object.
func (m *Matcher) Body(s *object.Symbol) (*Body, error) {
	p := find(m.unit.split(s.Section), s.Value)
	if p == nil || p.class != code {
		return nil, problem.New(problem.CannotLink, "flash this change",
			"%s lies in section %s, which cannot be compared", display(s.Name), s.Section.Name)
	}
	b := m.body(p)
	if b.Err != nil {
		return nil, b.Err
	}
	if s.Value == p.start {
		return b, nil
	}
	// One of several functions that could not be cut apart.
	return nil, problem.New(problem.CannotLink, "compile it with -ffunction-sections",
		"%s cannot be told from what stands before it in section %s", display(s.Name), s.Section.Name)
}

func (m *Matcher) body(p *piece) *Body {
	if b := m.bodies[p]; b != nil {
		return b
	}
	b := &Body{
		Name: p.String(), Code: p.class == code, Text: p.section.IsMergeString(),
		Section: p.section, Start: p.start, Data: p.data(),
	}
	m.bodies[p] = b // before its references, which may lead back
	if b.Code && len(p.symbols) > 0 {
		// What is behind its end is padding, which depends on what follows.
		if n := p.symbols[0].Size; p.symbols[0].Value == p.start && n > 0 && n < uint32(len(b.Data)) {
			b.Data = b.Data[:n]
		}
	}
	b.References, b.Err = m.references(p, uint32(len(b.Data)))
	return b
}

func (m *Matcher) references(p *piece, size uint32) ([]Reference, error) {
	relocs := p.relocs()
	if p.class == code {
		hidden, err := m.b.hiddenBranches(p)
		if err != nil {
			return nil, err
		}
		relocs = slices.Concat(relocs, hidden)
	}
	relocs = slices.DeleteFunc(slices.Clone(relocs), func(r object.Reloc) bool {
		return r.Type == elf.R_ARM_NONE || r.Type == elf.R_ARM_V4BX || r.Offset-p.start >= size
	})
	slices.SortStableFunc(relocs, func(a, b object.Reloc) int { return cmp.Compare(a.Offset, b.Offset) })
	var refs []Reference
	halves := make(map[uint32]bool)
	for i, r := range relocs {
		if err := checkRelocation(p, r); err != nil {
			return nil, err
		}
		if r.Offset-p.start+width(r.Type) > size {
			return nil, problem.New(problem.BadObject, "", "the relocation of %s for %s reaches beyond its end", p, display(r.Symbol.Name))
		}
		ref := Reference{Offset: r.Offset - p.start, typ: r.Type, Branch: isBranch(r.Type), Call: r.Type == elf.R_ARM_THM_PC22}
		switch {
		case halves[r.Offset]:
			ref.Kind = RefHalf
		default:
			if r.Type == elf.R_ARM_THM_MOVW_ABS_NC {
				if upper := upperHalf(p, relocs[i+1:], r, halves); upper != 0 {
					halves[upper], ref.upper = true, upper-p.start
				}
			}
			m.mean(&ref, p, r)
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// upperHalf finds the MOVT that completes a MOVW: the next one for the same
// register and the same place.
func upperHalf(p *piece, rest []object.Reloc, low object.Reloc, taken map[uint32]bool) uint32 {
	register := func(off uint32) uint8 {
		d := p.section.Data[off:]
		return thumb.Decode(binary.LittleEndian.Uint16(d), binary.LittleEndian.Uint16(d[2:])).Rd
	}
	for _, r := range rest {
		if r.Type == elf.R_ARM_THM_MOVT_ABS && r.Symbol == low.Symbol && r.Addend == low.Addend && !taken[r.Offset] &&
			uint64(r.Offset)+4 <= uint64(len(p.section.Data)) && register(r.Offset) == register(low.Offset) {
			return r.Offset
		}
	}
	return 0
}

// mean finds out what the relocation means.
func (m *Matcher) mean(ref *Reference, from *piece, r object.Reloc) {
	s := r.Symbol
	ref.Name = display(s.Name)
	if s.Type != elf.STT_SECTION {
		ref.Linker = s.Name
	}
	addend := uint32(r.Addend)
	if ref.Branch {
		addend += 4 // what the PC reads ahead
	}
	if s.Section != nil && !s.Common {
		off := s.Value
		if s.Type == elf.STT_SECTION {
			var err error
			if off, err = sectionOffset(from, r); err != nil {
				ref.Kind, ref.Err = RefNew, err
				return
			}
		}
		p := find(m.unit.split(s.Section), off)
		if p == nil {
			ref.Kind, ref.Err = RefNew, unmovable(from, s)
			return
		}
		ref.Name = nameOf(p, s)
		if s.Type == elf.STT_SECTION && len(p.symbols) > 0 {
			ref.Linker = p.symbols[0].Name
		}
		anchored := s.Type == elf.STT_SECTION || !namesContent(s)
		switch {
		case p.class == constant:
			if anchored && m.mayAnchor(s.Section) {
				p = m.whole(s.Section)
			}
			ref.Kind, ref.To, ref.Into = RefContent, m.body(p), s.Value+addend-p.start
			return
		case p.class == code && (len(p.symbols) == 0 || isPart(p.symbols[0].Name)):
			ref.Kind, ref.To, ref.Into = RefPart, m.body(p), (s.Value+addend-p.start)&^1
			if len(p.symbols) > 0 {
				ref.Linker = wholeName(p.symbols[0].Name)
			}
			return
		case p.writable() && anchored && m.mayAnchor(s.Section):
			if l := m.layout(s.Section); l.err != nil {
				ref.Kind, ref.Err = RefNew, l.err
			} else {
				ref.Addr = l.base + s.Value + addend
			}
			return
		case p.writable() && isMerged(p):
			base, err := m.merged(p)
			if ref.Addr = base + s.Value + addend; err != nil {
				ref.Kind, ref.Err = RefNew, err
			}
			return
		}
	}
	to, err := m.b.resolve(from, r)
	switch {
	case err != nil:
		ref.Kind, ref.Err = RefNew, err
		return
	case to.null:
		ref.Kind = RefNull
		return
	case to.piece != nil:
		ref.Kind = RefNew
		return
	}
	ref.Addr = to.addr + addend
	if to.thumb && !ref.Branch {
		ref.Addr |= 1
	}
}

// A layout is where the image has a section of variables.
type layout struct {
	base uint32
	err  error
}

// mayAnchor reports whether GCC may have addressed several variables of the
// section from one of them (-fsection-anchors, from -O1 on): what a reference
// to the section means is then more than the bytes that it points to.
func (m *Matcher) mayAnchor(s *object.Section) bool {
	if s.Flags&elf.SHF_MERGE != 0 || len(m.unit.split(s)) < 2 || m.unit.byClang() {
		return false
	}
	return m.unit.debug == nil || m.unit.debug.Optimised()
}

// whole returns the section as one piece.
func (m *Matcher) whole(s *object.Section) *piece {
	if m.wholes[s] == nil {
		p := *m.unit.split(s)[0]
		p.start, p.end, p.symbols = 0, s.Size, nil
		m.wholes[s] = &p
	}
	return m.wholes[s]
}

// layout finds the section in the image: every variable must be where it is
// here, but for new ones behind them all.
func (m *Matcher) layout(s *object.Section) layout {
	if l, ok := m.layouts[s]; ok {
		return l
	}
	var l layout
	known := 0
	for _, p := range slices.Backward(m.unit.split(s)) {
		if len(p.symbols) == 0 {
			continue
		}
		at, err := m.b.place(p, p.symbols[0])
		switch {
		case err != nil:
			l.err = err
		case at.piece != nil && known > 0:
			l.err = problem.New(problem.CannotLink, "compile with -fdata-sections",
				"variable %s is new, and stands between those of the firmware", p)
		case at.piece != nil:
		case known > 0 && at.addr-p.start != l.base:
			l.err = problem.New(problem.CannotLink, "compile with -fdata-sections",
				"variable %s stands elsewhere among the file's variables than in the firmware", p)
		default:
			l.base = at.addr - p.start
			known++
		}
		if l.err != nil {
			break
		}
	}
	if l.err == nil && known == 0 {
		l.err = problem.New(problem.CannotLink, "", "the firmware has none of the variables in %s", s.Name)
	}
	m.layouts[s] = l
	return l
}

// isMerged reports whether Clang has made one variable of several of the file
// (-mglobal-merge, at -O3). The symbols of its members remain.
func isMerged(p *piece) bool {
	return slices.ContainsFunc(p.symbols, func(s *object.Symbol) bool { return strings.HasPrefix(s.Name, ".L_MergedGlobals") })
}

// merged returns where the image has a merged variable, less its offset in the
// section: its members must have kept their order.
func (m *Matcher) merged(p *piece) (uint32, error) {
	var base uint32
	known := false
	for _, s := range p.symbols {
		if strings.HasPrefix(s.Name, ".L") {
			continue
		}
		v, err := m.b.image.find(p.unit, s, firmware.Variable)
		switch {
		case err != nil:
			return 0, err
		case v == nil:
			return 0, problem.New(problem.CannotLink, "", "the firmware has no variable %s", display(s.Name))
		case known && v.Addr-s.Value != base:
			return 0, problem.New(problem.CannotLink, "compile with -mno-global-merge",
				"variable %s stands elsewhere among the file's variables than in the firmware", display(s.Name))
		}
		base, known = v.Addr-s.Value, true
	}
	if !known {
		return 0, problem.New(problem.CannotLink, "", "the firmware has none of the variables that were merged")
	}
	return base, nil
}

// ErrOther reports that the image has an instruction of another kind at the
// place of a reference.
var ErrOther = errors.New("another instruction")

// Read returns what the image has for the reference, as the body would have it
// there: for a branch its destination, else the address that is loaded or stored. body
// is the image's content in the body's place, which is at addr.
func (r Reference) Read(b *Body, body []byte, addr uint32) (uint32, error) {
	place, at := body[r.Offset:], addr+r.Offset
	here := b.Data[r.Offset:]
	if r.Kind == RefNull && r.Branch {
		if nop := binary.LittleEndian.AppendUint32(nil, nopWide); bytes.HasPrefix(place, nop[:2]) && bytes.Equal(place[:4], nop) {
			return 0, nil
		}
	}
	if form, ok := branchForm(r.typ); ok {
		offset, err := thumb.GetBranch(place, form)
		if err != nil {
			return 0, ErrOther
		}
		same := slices.Clone(here[:form.Size()])
		if thumb.PutBranch(same, form, offset) != nil || !bytes.Equal(same, place[:form.Size()]) {
			return 0, ErrOther
		}
		return at + 4 + uint32(offset), nil
	}
	switch r.typ {
	case elf.R_ARM_ABS32, elf.R_ARM_TARGET1, elf.R_ARM_ABS32_NOI:
		return binary.LittleEndian.Uint32(place), nil
	case elf.R_ARM_REL32, elf.R_ARM_TARGET2, elf.R_ARM_REL32_NOI:
		return binary.LittleEndian.Uint32(place) + at, nil
	case elf.R_ARM_THM_MOVW_ABS_NC, elf.R_ARM_THM_MOVT_ABS:
		value, err := immediate(here, place)
		if err != nil || r.Kind == RefHalf {
			return 0, err
		}
		if r.upper != 0 {
			high, err := immediate(b.Data[r.upper:], body[r.upper:])
			return high<<16 | value, err
		}
		if r.typ == elf.R_ARM_THM_MOVT_ABS {
			return value<<16 | r.Addr&0xffff, nil
		}
		return r.Addr&0xffff_0000 | value, nil // its other half is not in sight
	}
	return 0, problem.New(problem.BadRelocation, "compile without position-independent code",
		"%s refers to %s by a relocation of type %s, which cannot be compared", b.Name, r.Name, relocationName(r.typ))
}

// immediate reads the constant of the MOVW or MOVT that both places have.
func immediate(here, there []byte) (uint32, error) {
	if len(here) < 4 || len(there) < 4 {
		return 0, ErrOther
	}
	v, err := thumb.GetImm16(there)
	if err != nil {
		return 0, ErrOther
	}
	same := slices.Clone(here[:4])
	if thumb.PutImm16(same, v) != nil || !bytes.Equal(same, there[:4]) {
		return 0, ErrOther
	}
	return uint32(v), nil
}

// Width is how many bytes the linker fills in.
func (r Reference) Width() uint32 { return width(r.typ) }

// Clobbers returns the core registers that the function of the object may change of
// those that a call may: what its code writes, or all of them if it goes on in code
// that is not its own.
func Clobbers(o *object.Object, function string) thumb.Registers {
	u := newUnit(o, "", false)
	for _, s := range o.Symbols {
		if s.Name != function || s.Section == nil || !s.IsFunction() {
			continue
		}
		p := find(u.split(s.Section), s.Value)
		if p == nil || p.class != code || slices.ContainsFunc(p.relocs(), func(r object.Reloc) bool { return isBranch(r.Type) }) {
			break
		}
		var written thumb.Registers
		for off, inst := range p.instructions() {
			_, writes, ok := inst.Uses()
			to, direct := inst.BranchTarget(off)
			if !ok || inst.Op == thumb.OpBL || inst.Op == thumb.OpBLX || inst.Op == thumb.OpBX && inst.Rm != thumb.LR || direct && (to < p.start || to >= p.end) {
				return thumb.CallClobber
			}
			written |= writes
		}
		return written & thumb.CallClobber
	}
	return thumb.CallClobber
}
