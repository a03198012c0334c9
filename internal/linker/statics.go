package linker

import (
	"cmp"
	"debug/elf"
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

	// Without debug information: by name without number.
	objectNames map[string]int
	imageNames  map[string][]*firmware.Symbol
}

func newStatics(u *unit, im *imageIndex, objectDebug *dwarf.Info) *statics {
	st := &statics{
		byPiece:     make(map[*piece]*local),
		here:        make(map[localKey][]*local),
		there:       make(map[localKey][]counterpart),
		objectNames: make(map[string]int),
		imageNames:  make(map[string][]*firmware.Symbol),
	}
	described := st.readImage(u, im)
	if objectDebug != nil && described {
		st.readObject(u, objectDebug)
	}
	for _, s := range u.object.Symbols {
		if isLocalName(s) {
			st.objectNames[withoutNumber(s.Name)]++
		}
	}
	return st
}

// isLocalName reports whether the symbol is named like a static variable of a
// function: GCC's n.1, Clang's f.n. C cannot name anything else that way.
func isLocalName(s *object.Symbol) bool {
	return s.Bind == elf.STB_LOCAL && s.Section != nil && s.Section.IsWrite() && !s.IsFunction() && namesContent(s) &&
		strings.IndexByte(s.Name, '.') > 0
}

// readImage collects the image's side and reports whether debug information
// describes the unit.
func (st *statics) readImage(u *unit, im *imageIndex) bool {
	names := make(map[uint32]string)
	for _, s := range im.Symbols() {
		if s.Kind != firmware.Variable {
			continue
		}
		names[s.Addr] = s.Name
		if !s.Global && strings.IndexByte(s.Name, '.') > 0 && im.writable(s.Addr) && (s.File == "" || sameFile(u.name, s.File) > 0) {
			key := withoutNumber(s.Name)
			st.imageNames[key] = append(st.imageNames[key], s)
		}
	}
	if im.debug == nil {
		return false
	}
	best := 0
	for _, cu := range im.debug.Units() {
		best = max(best, sameFile(u.name, cu.Name))
	}
	for _, s := range im.debug.StaticLocals() {
		if best == 0 || sameFile(u.name, s.Unit) != best || s.Addr == 0 {
			continue // the linker leaves address 0 where it removed a variable
		}
		key := localKey{s.Function, s.Name}
		c := counterpart{scope: s.Scope, typ: s.Type, symbol: names[s.Addr], addr: s.Addr, size: s.Size}
		if !slices.ContainsFunc(st.there[key], func(o counterpart) bool { return o.addr == c.addr }) {
			st.there[key] = append(st.there[key], c)
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
	if l := b.locals.byPiece[p]; l != nil && l.symbol.Value == s.Value {
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

// bindByName is for objects or images without debug information: the name
// without its number must stand for one variable on both sides.
func (b *binder) bindByName(l *local) (addr, size uint32, found bool, err error) {
	there := slices.Clone(b.locals.imageNames[l.name])
	slices.SortFunc(there, func(x, y *firmware.Symbol) int { return cmp.Compare(x.Addr, y.Addr) })
	switch here := b.locals.objectNames[l.name]; {
	case len(there) == 0:
		return 0, 0, false, nil
	case here == 1 && len(there) == 1:
		return there[0].Addr, there[0].Size, true, nil
	default:
		return 0, 0, false, problem.New(problem.CannotLink, "compile and flash with -g, or give each a name of its own",
			"static variable %s occurs %s here and %s in the firmware, and there is no debug information that tells which is which",
			l.name, times(here), times(len(there)))
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
