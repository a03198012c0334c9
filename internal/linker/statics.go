package linker

import (
	"bytes"
	"debug/elf"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
)

// A local is a static variable of a function, in the object, or a part of any
// static variable that the compiler has taken apart. Its symbol's name says
// little: the numbers shift when another one is added, so debug information
// tells which is which.
type local struct {
	localKey
	piece   *piece
	symbol  *object.Symbol
	scope   string
	typ     string
	ordinal int // among those of the same key
}

// localKey is what a person calls a static variable of a function. The function
// is empty if it is not known, or for parts of variables outside of functions.
type localKey struct {
	function, name string
	part           string // offset and size, empty for a whole variable
}

func partKey(p dwarf.Part) localKey {
	return localKey{p.Function, p.Name, fmt.Sprintf("%d+%d", p.Offset, p.Size)}
}

// whole is the key of the variable that it is a part of.
func (k localKey) whole() localKey { return localKey{function: k.function, name: k.name} }

// String is a name that stays the same when other static variables come and go.
func (l *local) String() string {
	name := l.name
	if l.function != "" {
		name = l.function + "." + name
	}
	if l.part != "" {
		name += "@" + l.part
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

// statics knows the static variables of functions on both sides.
type statics struct {
	byPiece map[*piece]*local
	here    map[localKey][]*local
	there   map[localKey][]counterpart
	forms   map[localKey]bool // what the image has, whole or in parts

	// What debug information does not tell, by name without number.
	objectNames map[string][]string
	imageNames  map[string][]*firmware.Symbol
}

func newStatics(u *unit, im *imageIndex, objectDebug *dwarf.Info) *statics {
	st := &statics{
		byPiece:     make(map[*piece]*local),
		here:        make(map[localKey][]*local),
		there:       make(map[localKey][]counterpart),
		forms:       make(map[localKey]bool),
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
			best = max(best, dwarf.SameFile(u.name, cu.Path()))
		}
		add := func(path string, key localKey, c counterpart) {
			if best == 0 || dwarf.SameFile(u.name, path) != best || c.addr == 0 || known[c.addr] {
				return // the linker leaves address 0 where it removed a variable
			}
			known[c.addr] = true
			c.symbol = names[c.addr]
			st.there[key] = append(st.there[key], c)
			st.forms[key.whole()] = true
		}
		for _, s := range im.debug.StaticLocals() {
			path, _ := im.debug.PathAt(s.Addr)
			add(path, localKey{s.Function, s.Name, ""}, counterpart{scope: s.Scope, typ: s.Type, addr: s.Addr, size: s.Size})
		}
		for _, p := range im.debug.Parts() {
			add(p.Path, partKey(p), counterpart{addr: p.Addr, size: p.Size})
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
	add := func(addr uint32, l *local) {
		section, off, ok := debug.SectionAt(addr)
		if !ok {
			return
		}
		l.piece = find(u.split(section), off)
		if l.piece == nil || st.byPiece[l.piece] != nil {
			return
		}
		i := slices.IndexFunc(l.piece.symbols, func(sym *object.Symbol) bool { return sym.Value == off })
		if i < 0 {
			return
		}
		l.symbol, l.ordinal = l.piece.symbols[i], len(st.here[l.localKey])
		st.here[l.localKey] = append(st.here[l.localKey], l)
		st.byPiece[l.piece] = l
	}
	for _, s := range debug.StaticLocals() {
		add(s.Addr, &local{localKey: localKey{s.Function, s.Name, ""}, scope: s.Scope, typ: s.Type})
	}
	for _, p := range debug.Parts() {
		add(p.Addr, &local{localKey: partKey(p)})
	}
}

// statics is what is known of the unit's static variables, read when it is first
// asked for.
func (b *binder) statics(u *unit) *statics {
	if u.locals == nil {
		u.locals = newStatics(u, b.image, u.debug)
	}
	return u.locals
}

// staticLocal returns what is known of the symbol if it is a static variable of
// a function.
func (b *binder) staticLocal(p *piece, s *object.Symbol) (*local, bool) {
	if s.Bind != elf.STB_LOCAL {
		return nil, false // of an inline function: one name in the whole program
	}
	if l := b.statics(p.unit).described(p, s); l != nil {
		return l, true
	}
	if isLocalName(s) {
		return &local{localKey: localKey{name: withoutNumber(s.Name)}, piece: p, symbol: s}, true
	}
	return nil, false
}

// bindStaticLocal finds the image's variable for a static variable of a
// function: by scope and type where that tells them apart, else by its symbol's
// name while none was added or removed.
func (b *binder) bindStaticLocal(l *local) (addr, size uint32, found bool, err error) {
	st := b.statics(l.piece.unit)
	if st.byPiece[l.piece] != l {
		return b.bindByName(l)
	}
	here, there := st.here[l.localKey], st.there[l.localKey]
	switch {
	case len(there) == 0 && st.forms[l.whole()]:
		return 0, 0, false, takenApart(l.name)
	case len(there) == 0 && l.part != "":
		return 0, 0, false, b.checkWhole(l.piece.unit, l.symbol)
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

// bindByName binds what debug information does not describe: a name without its
// number must stand for one variable on both sides. Clang also numbers the parts
// of a variable, and those that are in use: such a number says nothing.
func (b *binder) bindByName(l *local) (addr, size uint32, found bool, err error) {
	st := b.statics(l.piece.unit)
	here, there := st.objectNames[l.name], st.imageNames[l.name]
	switch {
	case len(there) == 0:
		return 0, 0, false, b.checkWhole(l.piece.unit, l.symbol)
	case len(here) == 1 && len(there) == 1 && (!l.piece.unit.byClang() || here[0] == l.name && there[0].Name == l.name):
		return there[0].Addr, there[0].Size, true, nil
	}
	return 0, 0, false, problem.New(problem.CannotLink, "compile and flash with -g, or give each a name of its own",
		"static variable %s occurs %s here and %s in the firmware, and no debug information tells which is which",
		l.name, times(len(here)), times(len(there)))
}

// byClang reports whether Clang made the object.
func (u *unit) byClang() bool {
	return slices.ContainsFunc(u.object.Sections, func(s *object.Section) bool {
		return s.Name == ".comment" && bytes.Contains(s.Data, []byte("clang"))
	})
}

// checkWhole refuses a variable that the firmware does not have as it is here,
// when either side has it in parts: compilers take structures apart and shrink
// flags where they know every use. A fresh copy would lose its state.
func (b *binder) checkWhole(u *unit, s *object.Symbol) error {
	st := b.statics(u)
	if st.forms[localKey{name: s.Name}] {
		return takenApart(s.Name)
	}
	for name := range st.imageNames {
		if strings.HasPrefix(name+".", s.Name+".") {
			return takenApart(s.Name)
		}
	}
	for whole := s.Name; ; {
		i := strings.LastIndexByte(whole, '.')
		if i <= 0 {
			return nil
		}
		whole = whole[:i]
		for _, v := range b.image.named(whole, firmware.Variable) {
			if b.image.writable(v.Addr) && b.image.mayBeIn(u.name, v) {
				return takenApart(whole)
			}
		}
	}
}

func takenApart(name string) error {
	return problem.New(problem.CannotLink, "flash this change, or make the variable volatile",
		"the compiler has taken variable %s apart in another way than in the firmware: its running value cannot be used", display(name))
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
