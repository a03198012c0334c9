package linker

import (
	"debug/elf"
	"fmt"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
)

// A reference is a place in a piece that the linker fills in.
type reference struct {
	offset uint32 // in the piece
	typ    elf.R_ARM
	addend int32
	to     target
}

// A target is what a reference resolves to.
type target struct {
	piece *piece // in the block; nil for a fixed address
	addr  uint32 // the address, or the offset from the start of the piece
	thumb bool   // a function: its address has bit 0 set
	null  bool   // an undefined weak symbol
	name  string // for messages
}

// A place is where a piece is: in the block, itself or as another unit's copy of
// it, or at an address outside.
type place struct {
	piece *piece // nil: outside
	addr  uint32
}

// binder decides for one patch what is carried and what is bound.
type binder struct {
	in    Input
	units []*unit
	image *imageIndex
	roots []*root

	places    map[*piece]place
	undefined map[string]target
	globals   map[string]*piece           // new variables that all units see
	originals map[*firmware.Symbol]*piece // see bindOriginal
	equal     map[equality]bool
	library   *library

	order []*piece // what is carried, in the order it was reached
	needs map[string]bool
	notes []string
}

// carryAll takes the pieces that the roots need, transitively.
func (b *binder) carryAll() error {
	for _, r := range b.roots {
		b.carry(r.piece)
	}
	for i := 0; i < len(b.order); i++ { // grows while it is walked
		p := b.order[i]
		if err := b.checkCarried(p); err != nil {
			return err
		}
		relocs := p.relocs()
		if p.class == code {
			hidden, err := b.hiddenBranches(p)
			if err != nil {
				return err
			}
			relocs = append(hidden, relocs...)
		}
		for _, r := range relocs {
			if r.Type == elf.R_ARM_NONE || r.Type == elf.R_ARM_V4BX {
				continue
			}
			if err := checkRelocation(p, r); err != nil {
				return err
			}
			to, err := b.resolve(p, r)
			if err != nil {
				return err
			}
			p.refs = append(p.refs, reference{r.Offset - p.start, r.Type, r.Addend, to})
			if to.piece != nil {
				b.carry(to.piece)
			}
		}
	}
	return nil
}

func (b *binder) carry(p *piece) {
	if !p.carried {
		p.carried = true
		b.order = append(b.order, p)
	}
}

// resolve finds what the relocation of the piece refers to.
func (b *binder) resolve(from *piece, r object.Reloc) (target, error) {
	s := r.Symbol
	switch {
	case s.Index == 0: // no symbol, AAELF32 §5.6: S is 0
		return target{name: "address 0"}, nil
	case s.Undefined:
		return b.bindUndefined(from, s)
	case s.Absolute:
		return target{addr: s.Value, thumb: s.Thumb, name: s.Name}, nil
	case s.Common:
		return b.locate(from.unit.common(s), s)
	case s.Section == nil:
		return target{}, problem.New(problem.CannotLink, "", "%s refers to %s, which has no place in the object", from, s)
	}
	off := s.Value
	if s.Type == elf.STT_SECTION {
		var err error
		if off, err = sectionOffset(from, r); err != nil {
			return target{}, err
		}
	}
	p := find(from.unit.split(s.Section), off)
	if p == nil {
		return target{}, unmovable(from, s)
	}
	if p.root != nil && p.root.piece == p {
		if to, ok := b.resolveRoot(from, p.root, r); ok {
			return to, nil
		}
	}
	return b.locate(p, s)
}

// locate places the piece p and returns where the symbol in it is.
func (b *binder) locate(p *piece, s *object.Symbol) (target, error) {
	at, err := b.place(p, s)
	if err != nil {
		return target{}, err
	}
	to := target{addr: p.offsetOf(s), thumb: s.Thumb, name: nameOf(p, s)}
	if at.piece != nil {
		to.piece = at.piece
	} else {
		to.addr += at.addr
	}
	return to, nil
}

func nameOf(p *piece, s *object.Symbol) string {
	if s.Type == elf.STT_SECTION {
		return p.String()
	}
	return display(s.Name)
}

// resolveRoot resolves a reference to a replaced function. Branches within it
// and its parts stay in the block. Everything else that means the function as
// such gets the image's address, where the patch is entered while it is on:
// pointers to the function stay comparable. False: the reference goes to its
// interior, as a jump table's does, or the function is an inner one, and the place
// is the block's.
func (b *binder) resolveRoot(from *piece, to *root, r object.Reloc) (target, bool) {
	s := r.Symbol
	if to.inner || s.Type == elf.STT_SECTION || s.Value != to.symbol.Value {
		return target{}, false
	}
	branch, addend := isBranch(r.Type), r.Addend
	if branch {
		addend += 4
	}
	if addend != 0 || branch && from.root == to {
		return target{}, false
	}
	return target{addr: to.target.Addr, thumb: true, name: display(s.Name)}, true
}

// sectionOffset tells which byte of the section a reference through the
// section's symbol means. The assembler replaces local symbols that way.
func sectionOffset(from *piece, r object.Reloc) (uint32, error) {
	off := r.Symbol.Value + uint32(r.Addend)
	switch {
	case isBranch(r.Type):
		return off + 4, nil
	case isAbsolute(r.Type):
		if r.Symbol.Section.IsCode() {
			off &^= 1
		}
		return off, nil
	}
	// Relative to the place, the addend also holds the distance to a label
	// that is not known any more.
	if len(from.unit.split(r.Symbol.Section)) > 1 {
		return 0, problem.New(problem.BadRelocation, "compile with -fdata-sections -ffunction-sections, without -fpic",
			"%s refers to part of %s by %s, which does not tell which one", from, r.Symbol.Section.Name, relocationName(r.Type))
	}
	return 0, nil
}

func unmovable(from *piece, s *object.Symbol) error {
	return problem.New(problem.CannotLink, "flash this change",
		"%s refers to %s in section %s, which cannot be moved into a running firmware", from, display(s.Name), s.Section.Name)
}

// place decides where the piece is, once. s is the symbol that it was reached
// by, for pieces with several names.
func (b *binder) place(p *piece, s *object.Symbol) (place, error) {
	if at, ok := b.places[p]; ok {
		return at, nil
	}
	at, err := b.decide(p, s)
	if err == nil {
		b.places[p] = at
	}
	return at, err
}

func (b *binder) decide(p *piece, s *object.Symbol) (place, error) {
	names := p.symbols
	if s.Type != elf.STT_SECTION && !s.Common {
		names = append([]*object.Symbol{s}, names...)
	}
	switch {
	case p.class == code:
		return b.placeFunction(p, names)
	case p.class == constant:
		return b.placeConstant(p, names)
	}
	return b.placeVariable(p, names)
}

// placeFunction binds a function that the image has. Parts that the compiler
// made of a function fit only the code they were compiled with.
func (b *binder) placeFunction(p *piece, names []*object.Symbol) (place, error) {
	for _, s := range names {
		if !s.IsFunction() || isPart(s.Name) {
			continue
		}
		f, err := b.image.find(p.unit, s, firmware.Function)
		if err != nil {
			return place{}, err
		}
		if f != nil {
			return place{addr: f.Addr - p.offsetOf(s)}, nil
		}
	}
	return place{piece: p}, nil
}

// placeVariable binds a variable that the image or an earlier patch has.
func (b *binder) placeVariable(p *piece, names []*object.Symbol) (place, error) {
	if len(names) == 0 && !p.unit.library && len(p.unit.split(p.section)) > 1 {
		return place{}, problem.New(problem.CannotLink, "compile with -fdata-sections",
			"%s has no name, so it cannot be told which variable of the firmware it is", p)
	}
	for _, s := range names {
		at, size, found, err := b.findVariable(p, s)
		if err != nil {
			return place{}, err
		}
		if !found {
			continue
		}
		if size != 0 && s.Size != 0 && size != s.Size {
			return place{}, problem.New(problem.CannotLink, "give the new variable another name, or flash this change",
				"variable %s has size %d in the running firmware and size %d here", display(s.Name), size, s.Size)
		}
		if err := b.checkBound(p, s, at); err != nil {
			return place{}, err
		}
		return place{addr: at - p.offsetOf(s)}, nil
	}
	for _, s := range names {
		if live := b.findLive(b.identity(p, s)); live != nil {
			if live.Size != s.Size {
				return place{}, problem.New(problem.CannotLink, "revert the patches that use it first",
					"variable %s has size %d in a patch on the board and size %d here", display(s.Name), live.Size, s.Size)
			}
			b.needs[live.Block] = true
			return place{addr: live.Addr - p.offsetOf(s)}, nil
		}
	}
	for _, s := range names {
		if s.Bind == elf.STB_LOCAL {
			continue
		}
		// One variable for all units, as a linker would make it.
		if first := b.globals[s.Name]; first != nil && first.size() >= p.size() {
			return place{piece: first}, nil
		}
		b.globals[s.Name] = p
	}
	return place{piece: p}, nil
}

// findVariable finds the variable in the image.
func (b *binder) findVariable(p *piece, s *object.Symbol) (addr, size uint32, found bool, err error) {
	if p.unit.library && s.Bind == elf.STB_LOCAL {
		return 0, 0, false, nil // a member that the image has is not carried at all
	}
	if !p.unit.library {
		if local, ok := b.staticLocal(p, s); ok {
			return b.bindStaticLocal(local)
		}
	}
	v, err := b.image.find(p.unit, s, firmware.Variable)
	switch {
	case err != nil:
		return 0, 0, false, err
	case v != nil:
		return v.Addr, v.Size, true, nil
	case s.Bind == elf.STB_LOCAL && !p.unit.library:
		return 0, 0, false, b.checkWhole(p.unit, s)
	}
	return 0, 0, false, nil
}

// identity is the name that a definition is known by, and its unit.
func (b *binder) identity(p *piece, s *object.Symbol) (name, unit string) {
	if s.Bind != elf.STB_LOCAL {
		return s.Name, ""
	}
	if !p.unit.library {
		if local, ok := b.staticLocal(p, s); ok {
			return local.String(), p.unit.name
		}
	}
	return s.Name, p.unit.name
}

// findLive finds a variable that an earlier patch has placed.
func (b *binder) findLive(name, unit string) *LiveSymbol {
	for i := len(b.in.Live) - 1; i >= 0; i-- {
		if l := &b.in.Live[i]; l.Kind == KindVariable && l.Name == name && l.Unit == unit {
			return l
		}
	}
	return nil
}

// findReplaced finds a function of another unit that the image has as well, in an
// earlier patch: one that got no comparator, so that only patches run its new code.
func (b *binder) findReplaced(name string) *LiveSymbol {
	for i := len(b.in.Live) - 1; i >= 0; i-- {
		if l := &b.in.Live[i]; l.Kind == KindFunction && l.Name == name && l.Unit == "" && b.image.global(name) != nil {
			return l
		}
	}
	return nil
}

// bindUndefined finds what the object refers to and does not define.
func (b *binder) bindUndefined(from *piece, s *object.Symbol) (target, error) {
	if to, ok := b.undefined[s.Name]; ok && (!to.null || s.IsWeak()) {
		return to, nil
	}
	to, err := b.findUndefined(from, s)
	if err == nil {
		b.undefined[s.Name] = to
	}
	return to, err
}

func (b *binder) findUndefined(from *piece, s *object.Symbol) (target, error) {
	if name, ok := originalName(s.Name); ok {
		return b.bindOriginal(from, name)
	}
	if r := b.innerRoot(s.Name); r != nil {
		return b.locate(r.piece, r.symbol)
	}
	if live := b.findReplaced(s.Name); live != nil {
		b.needs[live.Block] = true
		return target{addr: live.Addr, thumb: true, name: display(s.Name)}, nil
	}
	if f := b.image.global(s.Name); f != nil {
		return target{addr: f.Addr, thumb: f.Kind == firmware.Function, name: f.Display}, nil
	}
	if addr, ok := b.image.Label(s.Name); ok {
		return target{addr: addr, name: s.Name}, nil
	}
	for _, u := range b.units {
		if sym := u.global(s.Name); sym != nil && u != from.unit {
			if p := find(u.split(sym.Section), sym.Value); p != nil {
				return b.locate(p, sym)
			}
		}
	}
	for i := len(b.in.Live) - 1; i >= 0; i-- {
		if l := b.in.Live[i]; l.Name == s.Name && l.Unit == "" && l.Kind != KindConstant {
			b.needs[l.Block] = true
			return target{addr: l.Addr, thumb: l.Kind == KindFunction, name: display(s.Name)}, nil
		}
	}
	if s.IsWeak() {
		return target{null: true, name: display(s.Name)}, nil
	}
	member, sym, err := b.helper(s.Name)
	if err != nil {
		return target{}, fmt.Errorf("looking for %s, which %s needs: %w", display(s.Name), from, err)
	}
	if sym == nil {
		return target{}, b.undefinedProblem(from, s)
	}
	p := find(member.split(sym.Section), sym.Value)
	if p == nil {
		return target{}, unmovable(from, sym)
	}
	return b.locate(p, sym)
}

func (b *binder) undefinedProblem(from *piece, s *object.Symbol) error {
	hint := "define it in this file, or flash once with something that uses it"
	if others := b.image.statics(s.Name); len(others) > 0 {
		hint = fmt.Sprintf("the firmware's %s is static in %s", display(s.Name), others[0].File)
	}
	return problem.New(problem.UndefinedSymbol, hint,
		"%s needs %s, which neither this file nor the firmware defines", from, display(s.Name))
}
