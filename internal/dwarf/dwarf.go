// Package dwarf reads what fpbls needs of debug information, for the image and
// for objects alike: producers, functions with their lines, static variables of
// functions with their scopes, and where functions were inlined.
package dwarf

import (
	"cmp"
	"debug/dwarf"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/fpbls/fpbls/internal/object"
)

// ErrNone reports that there is no debug information.
var ErrNone = errors.New("no debug information: compile with -g")

// Info is the debug information of an image or an object. It may be used by
// several goroutines at once.
type Info struct {
	units     []Unit
	functions []Function
	statics   []StaticLocal
	inlined   map[string][]InlineSite
	places    []location // by address
	parts     []Part
	declared  map[string]map[string]int // by path of the unit; see Declared
	code      []unitCode
	layout    []placed // objects only

	mu     sync.Mutex // debug/dwarf caches while it reads
	chunks chunks
	passed map[uint32]passing // by the function's address; see passing
	byBase map[string][]int   // units by the last component of their paths; see unitsNamed
}

// A Unit is a compilation unit.
type Unit struct {
	Name     string // source file, as the compiler was given it
	Dir      string // where the compiler ran
	Producer string // compiler, version and, with GCC, the flags that change code
}

// Compiler is name and version in the producer, without the language and the
// flags that GCC adds: "GNU 12.2.1 20221205" of "GNU C17 12.2.1 20221205 -mthumb …".
func (u Unit) Compiler() string {
	name, _, _ := strings.Cut(u.Producer, " -")
	words := strings.Fields(name)
	if len(words) > 2 && words[0] == "GNU" {
		words = slices.Delete(words, 1, 2)
	}
	return strings.Join(words, " ")
}

// Path is the source file with the directory, for any system: the compiler may
// have run on another one.
func (u Unit) Path() string {
	absolute := strings.HasPrefix(u.Name, "/") || strings.HasPrefix(u.Name, `\`) || len(u.Name) > 1 && u.Name[1] == ':'
	if absolute || u.Dir == "" {
		return u.Name
	}
	return u.Dir + "/" + u.Name
}

// A Function is a function that has code of its own.
type Function struct {
	Name      string // as in the source
	Linkage   string // as the linker knows it; Name for C
	Unit      string
	Line      int    // of the declaration, 0 if unknown
	Low, High uint32 // addresses; High is the first one behind it

	chunk int          // of the entry
	entry dwarf.Offset // that has the code
}

// A StaticLocal is a static variable of a function.
type StaticLocal struct {
	Function string // linkage name
	Scope    string // nested blocks, as ordinals: "" is the function's own, "0/2" the third block of the first
	Name     string // as in the source
	Unit     string
	Addr     uint32
	Size     uint32 // 0 if unknown
	Type     string
}

// An InlineSite is a place that a function was inlined at.
type InlineSite struct {
	Caller string // linkage name
	Unit   string // of the caller
	Line   int
	Addr   uint32
}

// ForObject reads the debug information of an object. Its sections get
// addresses that do not overlap; [Info.SectionAt] maps them back.
func ForObject(o *object.Object) (*Info, error) {
	layout := place(o)
	sections := relocated(o, layout)
	if sections[".debug_info"] == nil {
		return nil, ErrNone
	}
	data, err := dwarf.New(sections[".debug_abbrev"], nil, nil, sections[".debug_info"], sections[".debug_line"], nil,
		sections[".debug_ranges"], sections[".debug_str"])
	if err == nil {
		for _, name := range []string{".debug_addr", ".debug_line_str", ".debug_str_offsets", ".debug_rnglists"} {
			if s := sections[name]; s != nil && err == nil {
				err = data.AddSection(name, s)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading debug information: %w", err)
	}
	info, err := walk(data, sections[".debug_addr"], uint64(len(sections[".debug_info"])))
	if err != nil {
		return nil, err
	}
	info.sort()
	info.layout = layout
	info.chunks = chunks{whole: data}
	return info, nil
}

// Units lists the compilation units.
func (i *Info) Units() []Unit { return i.units }

// Functions lists the functions with code, by address.
func (i *Info) Functions() []Function { return i.functions }

// StaticLocals lists the static variables of functions, by function, scope and name.
func (i *Info) StaticLocals() []StaticLocal { return i.statics }

// InlinedAt lists where the function, by its linkage name, was inlined, by address.
func (i *Info) InlinedAt(function string) []InlineSite { return i.inlined[function] }

// A location is where a function or variable starts, and the source file of its unit.
type location struct {
	addr uint32
	path string
}

// Inlined lists the functions that were inlined somewhere, by linkage name.
func (i *Info) Inlined() []string { return slices.Sorted(maps.Keys(i.inlined)) }

// PathAt returns the source file, with its directory, of the unit that defines
// the function or variable that starts at the address.
func (i *Info) PathAt(addr uint32) (string, bool) {
	n, ok := slices.BinarySearchFunc(i.places, addr, func(p location, addr uint32) int { return cmp.Compare(p.addr, addr) })
	if !ok {
		return "", false
	}
	return i.places[n].path, true
}

// FunctionAt returns the function whose code contains the address.
func (i *Info) FunctionAt(addr uint32) (Function, bool) {
	n := sort.Search(len(i.functions), func(n int) bool { return i.functions[n].Low > addr }) - 1
	if n < 0 || addr >= i.functions[n].High {
		return Function{}, false
	}
	return i.functions[n], true
}

// SectionAt maps an address of an object's debug information back to the
// section and the offset in it.
func (i *Info) SectionAt(addr uint32) (*object.Section, uint32, bool) {
	n := sort.Search(len(i.layout), func(n int) bool { return i.layout[n].addr > addr }) - 1
	if n < 0 || addr-i.layout[n].addr > i.layout[n].section.Size {
		return nil, 0, false
	}
	return i.layout[n].section, addr - i.layout[n].addr, true
}

// AddressOf is the inverse of [Info.SectionAt].
func (i *Info) AddressOf(s *object.Section, offset uint32) (uint32, bool) {
	n := slices.IndexFunc(i.layout, func(p placed) bool { return p.section == s })
	if n < 0 {
		return 0, false
	}
	return i.layout[n].addr + offset, true
}

// unitCode is a range of code that a unit describes.
type unitCode struct {
	low, high uint64
	chunk     int
	unit      dwarf.Offset // of the unit's entry
}

// LineOf returns the source position of the instruction at the address.
func (i *Info) LineOf(addr uint32) (file string, line int, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	defer func() {
		// debug/dwarf is not proof against every damaged line program.
		if recover() != nil {
			file, line, ok = "", 0, false
		}
	}()
	for _, c := range i.code {
		if uint64(addr) < c.low || uint64(addr) >= c.high {
			continue
		}
		data, err := i.chunks.data(c.chunk)
		if err != nil {
			continue
		}
		r := data.Reader()
		r.Seek(c.unit)
		unit, err := r.Next()
		if err != nil || unit == nil {
			continue
		}
		lines, err := data.LineReader(unit)
		if err != nil || lines == nil {
			continue
		}
		var e dwarf.LineEntry
		if lines.SeekPC(uint64(addr), &e) == nil && e.File != nil {
			return e.File.Name, e.Line, true
		}
	}
	return "", 0, false
}

func (i *Info) sort() {
	slices.SortFunc(i.functions, func(a, b Function) int { return cmp.Or(cmp.Compare(a.Low, b.Low), cmp.Compare(a.Linkage, b.Linkage)) })
	key := func(a, b StaticLocal) int {
		return cmp.Or(cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Function, b.Function), cmp.Compare(a.Scope, b.Scope),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Addr, b.Addr))
	}
	slices.SortFunc(i.statics, key)
	// A function that is inlined and has code of its own is described twice.
	i.statics = slices.CompactFunc(i.statics, func(a, b StaticLocal) bool { return key(a, b) == 0 })
	slices.SortStableFunc(i.places, func(a, b location) int { return cmp.Compare(a.addr, b.addr) })
	i.places = slices.Clip(slices.CompactFunc(i.places, func(a, b location) bool { return a.addr == b.addr }))
	for _, sites := range i.inlined {
		slices.SortFunc(sites, func(a, b InlineSite) int { return cmp.Compare(a.Addr, b.Addr) })
	}
}

// Optimised reports whether a unit may have been compiled with optimisation:
// GCC lists the option, Clang does not say.
func (i *Info) Optimised() bool {
	return len(i.units) == 0 || slices.ContainsFunc(i.units, func(u Unit) bool { return u.optimised() })
}

func (u Unit) optimised() bool {
	if !strings.HasPrefix(u.Producer, "GNU C") {
		return true
	}
	level := "-O0"
	for _, option := range strings.Fields(u.Producer) {
		if strings.HasPrefix(option, "-O") {
			level = option
		}
	}
	return level != "-O0"
}
