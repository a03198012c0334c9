package linker

import (
	"debug/elf"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
)

// A local is a static variable of a function, in the object. Its symbol's name
// says little: the numbers shift when another one is added, so debug
// information tells which is which.
type local struct {
	piece    *piece
	symbol   *object.Symbol
	function string // empty if not known
	scope    string
	name     string // as in the source
	typ      string
	ordinal  int // among those of the same function and name
}

// String is a name that stays the same when other static variables come and go.
func (l *local) String() string {
	name := l.name
	if l.function != "" {
		name = l.function + "." + name
	}
	if l.ordinal > 0 {
		name += "#" + strconv.Itoa(l.ordinal)
	}
	return name
}

// counterpart is a static variable of a function, in the image.
type counterpart struct {
	scope, typ string
	symbol     string // linker name, empty if the symbol is not known
	addr, size uint32
}

// localKey is what a person calls a static variable of a function.
type localKey struct{ function, name string }

// statics knows the static variables of functions on both sides.
type statics struct {
	byPiece map[*piece]*local
	here    map[localKey][]*local
	there   map[localKey][]counterpart

	// What debug information does not tell, by name without number.
	objectNames map[string][]string
	imageNames  map[string][]*firmware.Symbol
}

func newStatics(u *unit, im *imageIndex, objectDebug *dwarf.Info) *statics {
	st := &statics{
		byPiece:     make(map[*piece]*local),
		here:        make(map[localKey][]*local),
		there:       make(map[localKey][]counterpart),
		objectNames: make(map[string][]string),
		imageNames:  make(map[string][]*firmware.Symbol),
	}
	if st.readImage(u, im) && objectDebug != nil {
		st.readObject(u, objectDebug)
	}
	for _, s := range u.object.Symbols {
		if !isLocalName(s) {
			continue
		}
		if p := find(u.split(s.Section), s.Value); p != nil && st.described(p, s) == nil {
			name := withoutNumber(s.Name)
			st.objectNames[name] = append(st.objectNames[name], s.Name)
		}
	}
	return st
}

// described returns what debug information says of the symbol, nil if nothing.
func (st *statics) described(p *piece, s *object.Symbol) *local {
	if l := st.byPiece[p]; l != nil && l.symbol.Value == s.Value {
		return l
	}
	return nil
}

// isLocalName reports whether the symbol is named as compilers name static
// variables of functions, GCC n.1 and Clang f.n, or the parts that Clang takes
// a variable to, x.0 and x.b. C itself has no such names.
func isLocalName(s *object.Symbol) bool {
	return s.Bind == elf.STB_LOCAL && s.Section != nil && s.Section.IsWrite() && !s.IsFunction() && namesContent(s) &&
		strings.IndexByte(s.Name, '.') > 0
}

// readImage collects the image's side and reports whether debug information
// describes the unit.
func (st *statics) readImage(u *unit, im *imageIndex) bool {
	var candidates []*firmware.Symbol
	names := make(map[uint32]string)
	for _, s := range im.Symbols() {
		if s.Kind != firmware.Variable {
			continue
		}
		names[s.Addr] = s.Name
		if !s.Global && strings.IndexByte(s.Name, '.') > 0 && im.writable(s.Addr) && im.mayBeIn(u.name, s) {
			candidates = append(candidates, s)
		}
	}
	known := make(map[uint32]bool)
	best := 0
	if im.debug != nil {
		for _, cu := range im.debug.Units() {
			best = max(best, sameFile(u.name, cu.Path()))
		}
		for _, s := range im.debug.StaticLocals() {
			path, _ := im.debug.PathAt(s.Addr)
			if best == 0 || sameFile(u.name, path) != best || s.Addr == 0 || known[s.Addr] {
				continue // the linker leaves address 0 where it removed a variable
			}
			known[s.Addr] = true
			key := localKey{s.Function, s.Name}
			st.there[key] = append(st.there[key], counterpart{scope: s.Scope, typ: s.Type, symbol: names[s.Addr], addr: s.Addr, size: s.Size})
		}
	}
	for _, s := range candidates {
		if !known[s.Addr] {
			key := withoutNumber(s.Name)
			st.imageNames[key] = append(st.imageNames[key], s)
		}
	}
	return best > 0
}

func (st *statics) readObject(u *unit, debug *dwarf.Info) {
	for _, s := range debug.StaticLocals() {
		section, off, ok := debug.SectionAt(s.Addr)
		if !ok {
			continue
		}
		p := find(u.split(section), off)
		if p == nil || st.byPiece[p] != nil {
			continue
		}
		i := slices.IndexFunc(p.symbols, func(sym *object.Symbol) bool { return sym.Value == off })
		if i < 0 {
			continue
		}
		key := localKey{s.Function, s.Name}
		l := &local{
			piece: p, symbol: p.symbols[i], function: s.Function, scope: s.Scope, name: s.Name, typ: s.Type,
			ordinal: len(st.here[key]),
		}
		st.here[key] = append(st.here[key], l)
		st.byPiece[p] = l
	}
}

// staticLocal returns what is known of the symbol if it is a static variable of
// a function.
func (b *binder) staticLocal(p *piece, s *object.Symbol) (*local, bool) {
	if s.Bind != elf.STB_LOCAL {
		return nil, false // of an inline function: one name in the whole program
	}
	if b.locals == nil {
		b.locals = newStatics(b.unit, b.image, b.in.ObjectDebug)
	}
	if l := b.locals.described(p, s); l != nil {
		return l, true
	}
	if isLocalName(s) {
		return &local{piece: p, symbol: s, name: withoutNumber(s.Name)}, true
	}
	return nil, false
}

// bindStaticLocal finds the image's variable for a static variable of a
// function: by scope and type where that tells them apart, else by its symbol's
// name while none was added or removed.
func (b *binder) bindStaticLocal(l *local) (addr, size uint32, found bool, err error) {
	st := b.locals
	if st.byPiece[l.piece] != l {
		return b.bindByName(l)
	}
	key := localKey{l.function, l.name}
	here, there := st.here[key], st.there[key]
	switch {
	case len(there) == 0:
		return 0, 0, false, nil
	case len(here) == 1 && len(there) == 1:
		return there[0].addr, there[0].size, true, nil
	case sameKeys(here, there, (*local).scopeAndType, counterpart.scopeAndType):
		c := there[slices.IndexFunc(there, func(c counterpart) bool { return c.scopeAndType() == l.scopeAndType() })]
		return c.addr, c.size, true, nil
	case sameKeys(here, there, (*local).symbolName, counterpart.symbolName):
		c := there[slices.IndexFunc(there, func(c counterpart) bool { return c.symbol == l.symbol.Name })]
		return c.addr, c.size, true, nil
	}
	return 0, 0, false, problem.New(problem.CannotLink, "give the new one another name",
		"static variable %s occurs %s in %s here and %s in the firmware: it cannot be told which is which",
		l.name, times(len(here)), display(l.function), times(len(there)))
}

func (l *local) scopeAndType() string      { return l.scope + " " + l.typ }
func (c counterpart) scopeAndType() string { return c.scope + " " + c.typ }
func (l *local) symbolName() string        { return l.symbol.Name }
func (c counterpart) symbolName() string   { return c.symbol }

// sameKeys reports whether each key stands once on each side, for the same keys.
func sameKeys(here []*local, there []counterpart, k func(*local) string, c func(counterpart) string) bool {
	var a, b []string
	for _, l := range here {
		a = append(a, k(l))
	}
	for _, o := range there {
		b = append(b, c(o))
	}
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b) && len(slices.Compact(a)) == len(b)
}

// bindByName binds what debug information does not describe. A name without its
// number must stand for one variable on both sides. Clang numbers the parts of a
// variable by their position: those must be the same.
func (b *binder) bindByName(l *local) (addr, size uint32, found bool, err error) {
	here, there := b.locals.objectNames[l.name], b.locals.imageNames[l.name]
	if len(there) == 0 {
		return 0, 0, false, b.checkWhole(l.symbol)
	}
	clang := strings.Contains(b.producer(), "clang")
	if !clang && len(here) == 1 && len(there) == 1 {
		return there[0].Addr, there[0].Size, true, nil
	}
	if clang && sameNames(here, there) {
		v := there[slices.IndexFunc(there, func(v *firmware.Symbol) bool { return v.Name == l.symbol.Name })]
		return v.Addr, v.Size, true, nil
	}
	return 0, 0, false, problem.New(problem.CannotLink, "compile and flash with -g, or give each a name of its own",
		"static variable %s occurs %s here and %s in the firmware, and no debug information tells which is which",
		l.name, times(len(here)), times(len(there)))
}

func sameNames(here []string, there []*firmware.Symbol) bool {
	var names []string
	for _, v := range there {
		names = append(names, v.Name)
	}
	here = slices.Clone(here)
	slices.Sort(here)
	slices.Sort(names)
	return slices.Equal(here, names) && len(slices.Compact(names)) == len(here)
}

// producer names the compiler, if that is known.
func (b *binder) producer() string {
	if b.in.ObjectDebug == nil || len(b.in.ObjectDebug.Units()) == 0 {
		return ""
	}
	return b.in.ObjectDebug.Units()[0].Producer
}

// checkWhole refuses a variable that the firmware does not have as it is here,
// when either side has it in parts: compilers split structures and shrink flags
// where every use is known. A fresh copy would lose its state.
func (b *binder) checkWhole(s *object.Symbol) error {
	split := func(whole, part string) error {
		return problem.New(problem.CannotLink, "flash this change, or make the variable volatile",
			"the compiler has made %s of variable %s on one side only: the running one cannot be used as it is", part, display(whole))
	}
	if b.locals == nil {
		b.locals = newStatics(b.unit, b.image, b.in.ObjectDebug)
	}
	for _, name := range slices.Sorted(maps.Keys(b.locals.imageNames)) {
		if strings.HasPrefix(name+".", s.Name+".") {
			return split(s.Name, b.locals.imageNames[name][0].Name)
		}
	}
	for whole := s.Name; ; {
		i := strings.LastIndexByte(whole, '.')
		if i <= 0 {
			return nil
		}
		whole = whole[:i]
		for _, v := range b.image.named(whole, firmware.Variable) {
			if b.image.writable(v.Addr) && b.image.mayBeIn(b.unit.name, v) {
				return split(whole, s.Name)
			}
		}
	}
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return strconv.Itoa(n) + " times"
}
