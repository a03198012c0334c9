package dwarf

import (
	"debug/dwarf"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
)

const (
	maxDepth = 64 // nesting of entries; compilers stay below 20

	opAddr  = 0x03 // DW_OP_addr
	opAddrx = 0xa1 // DW_OP_addrx, DWARF 5 §2.5.1.1
)

// walk reads all entries once. Whatever the input, it ends with an Info, which
// is not sorted, or an error.
// size is the length of .debug_info: an entry takes at least one byte of it, so
// a reader that finds more of them goes round in circles.
func walk(data *dwarf.Data, addrs []byte, size uint64) (info *Info, err error) {
	defer func() {
		// debug/dwarf is not proof against every damaged input.
		if v := recover(); v != nil {
			info, err = nil, fmt.Errorf("debug information is damaged: %v", v)
		}
	}()
	w := &walker{data: data, addrs: addrs, info: &Info{inlined: make(map[string][]InlineSite), declared: make(map[string]map[string]int)}, names: make(map[dwarf.Offset]named)}
	r := data.Reader()
	for n := uint64(0); ; n++ {
		e, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("debug information is damaged: %w", err)
		}
		if e == nil {
			break
		}
		if n > size {
			return nil, fmt.Errorf("debug information is damaged: more entries than bytes")
		}
		if w.passOver(e) {
			r.SkipChildren()
			continue
		}
		if err := w.entry(e); err != nil {
			return nil, err
		}
	}
	w.resolve()
	return w.info, nil
}

// named is what other entries refer to.
type named struct {
	name, linkage string
	line          int
	origin        dwarf.Offset // DW_AT_specification or DW_AT_abstract_origin, 0 if none
}

// frame is an open entry.
type frame struct {
	tag      dwarf.Tag
	function dwarf.Offset // the subprogram it is in, or the one inlined here; 0 outside
	scope    string
	blocks   int // nested blocks so far
	caller   dwarf.Offset
}

// walker collects facts in one pass; names that refer to later entries are
// resolved at the end.
type walker struct {
	data  *dwarf.Data
	addrs []byte
	info  *Info
	names map[dwarf.Offset]named
	stack []frame

	unit     Unit
	path     string // of the unit
	cpp      bool   // it may be C++
	addrBase int64

	functions []pending[Function]
	defined   []pending[string] // the unit's path, for each subprogram that is not just declared
	statics   []pendingStatic
	inlines   []pendingInline
	parts     []pendingPart
}

type pending[T any] struct {
	value  T
	origin dwarf.Offset
}

type pendingStatic struct {
	StaticLocal
	function dwarf.Offset
	origin   dwarf.Offset
	typ      dwarf.Offset
}

type pendingInline struct {
	InlineSite
	callee, caller dwarf.Offset
}

// passOver reports whether nothing in or of the entry is of interest. They are
// most of all entries, and compilers say where they end. Classes of C++ declare
// functions that other entries refer to.
func (w *walker) passOver(e *dwarf.Entry) bool {
	switch e.Tag {
	case dwarf.TagStructType, dwarf.TagUnionType:
		return e.Children && !w.cpp
	case dwarf.TagEnumerationType, dwarf.TagArrayType, dwarf.TagSubroutineType:
		return e.Children
	}
	return false
}

func (w *walker) entry(e *dwarf.Entry) error {
	if e.Tag == 0 { // end of children
		if len(w.stack) > 0 {
			w.stack = w.stack[:len(w.stack)-1]
		}
		return nil
	}
	var top frame
	if len(w.stack) > 0 {
		top = w.stack[len(w.stack)-1]
	}
	next := frame{tag: e.Tag, function: top.function, scope: top.scope, caller: top.caller}
	switch e.Tag {
	case dwarf.TagCompileUnit, dwarf.TagPartialUnit:
		w.compileUnit(e)
		next = frame{tag: e.Tag}
	case dwarf.TagSubprogram:
		w.subprogram(e)
		next = frame{tag: e.Tag, function: e.Offset, caller: e.Offset}
	case dwarf.TagInlinedSubroutine:
		origin, _ := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
		line, _ := e.Val(dwarf.AttrCallLine).(int64)
		low, _ := e.Val(dwarf.AttrLowpc).(uint64)
		if low == 0 {
			if ranges, err := w.data.Ranges(e); err == nil && len(ranges) > 0 {
				low = ranges[0][0]
			}
		}
		w.inlines = append(w.inlines, pendingInline{InlineSite{Unit: w.unit.Name, Line: int(line), Addr: uint32(low)}, origin, top.caller})
		next = frame{tag: e.Tag, function: origin, caller: top.caller}
	case dwarf.TagLexDwarfBlock:
		if len(w.stack) > 0 {
			n := &w.stack[len(w.stack)-1].blocks
			next.scope = joinScope(top.scope, *n)
			*n++
		}
	case dwarf.TagVariable:
		w.variable(e, top)
	}
	if e.Tag != dwarf.TagVariable {
		w.remember(e)
	}
	if e.Children {
		if len(w.stack) >= maxDepth {
			return fmt.Errorf("debug information is damaged: entries nest deeper than %d", maxDepth)
		}
		w.stack = append(w.stack, next)
	}
	return nil
}

func joinScope(scope string, n int) string {
	if scope == "" {
		return strconv.Itoa(n)
	}
	return scope + "/" + strconv.Itoa(n)
}

func (w *walker) compileUnit(e *dwarf.Entry) {
	w.stack = w.stack[:0]
	w.unit = Unit{Name: str(e, dwarf.AttrName), Dir: str(e, dwarf.AttrCompDir), Producer: str(e, dwarf.AttrProducer)}
	w.info.units = append(w.info.units, w.unit)
	w.path = w.unit.Path()
	w.cpp = !isC(e)
	w.addrBase, _ = e.Val(dwarf.AttrAddrBase).(int64)
	if ranges, err := w.data.Ranges(e); err == nil {
		for _, r := range ranges {
			w.info.code = append(w.info.code, unitCode{low: r[0], high: r[1], unit: e.Offset})
		}
	}
}

// isC reports whether the unit is C (DWARF 5 §7.12).
func isC(unit *dwarf.Entry) bool {
	const c89, c, c99, c11, c17 = 0x01, 0x02, 0x0c, 0x1d, 0x2c
	language, _ := unit.Val(dwarf.AttrLanguage).(int64)
	return slices.Contains([]int64{c89, c, c99, c11, c17}, language)
}

// remember keeps what other entries may refer to by offset.
func (w *walker) remember(e *dwarf.Entry) {
	switch e.Tag {
	case dwarf.TagSubprogram, dwarf.TagBaseType, dwarf.TagTypedef, dwarf.TagStructType, dwarf.TagUnionType, dwarf.TagEnumerationType, dwarf.TagClassType:
	default:
		return
	}
	n := named{name: str(e, dwarf.AttrName), linkage: str(e, dwarf.AttrLinkageName)}
	if line, ok := e.Val(dwarf.AttrDeclLine).(int64); ok {
		n.line = int(line)
	}
	n.origin = reference(e)
	w.names[e.Offset] = n
}

func reference(e *dwarf.Entry) dwarf.Offset {
	if o, ok := e.Val(dwarf.AttrSpecification).(dwarf.Offset); ok {
		return o
	}
	o, _ := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
	return o
}

func (w *walker) subprogram(e *dwarf.Entry) {
	if declaration, _ := e.Val(dwarf.AttrDeclaration).(bool); !declaration {
		w.defined = append(w.defined, pending[string]{w.path, e.Offset})
	}
	low, ok := e.Val(dwarf.AttrLowpc).(uint64)
	if !ok {
		ranges, err := w.data.Ranges(e)
		if err != nil || len(ranges) == 0 {
			return // a declaration, or inlined everywhere
		}
		low = ranges[0][0]
		w.info.places = append(w.info.places, location{uint32(low), w.path})
		w.functions = append(w.functions, pending[Function]{Function{Unit: w.unit.Name, Low: uint32(low), High: uint32(ranges[0][1])}, e.Offset})
		return
	}
	high := low
	switch v := e.Val(dwarf.AttrHighpc).(type) {
	case uint64:
		high = v
	case int64:
		high = low + uint64(v)
	}
	w.info.places = append(w.info.places, location{uint32(low), w.path})
	w.functions = append(w.functions, pending[Function]{Function{Unit: w.unit.Name, Low: uint32(low), High: uint32(high)}, e.Offset})
}

// variable notes a static variable of a function: one with a fixed address.
func (w *walker) variable(e *dwarf.Entry, top frame) {
	n := named{name: str(e, dwarf.AttrName), origin: reference(e)}
	w.names[e.Offset] = n
	expr, _ := e.Val(dwarf.AttrLocation).([]byte)
	addr, ok := w.address(expr)
	if !ok {
		w.variableParts(e, expr, top.function)
		return
	}
	w.info.places = append(w.info.places, location{addr, w.path})
	if top.function == 0 {
		return
	}
	typ, _ := e.Val(dwarf.AttrType).(dwarf.Offset)
	w.statics = append(w.statics, pendingStatic{
		StaticLocal: StaticLocal{Scope: top.scope, Unit: w.unit.Name, Addr: addr},
		function:    top.function, origin: e.Offset, typ: typ,
	})
}

// address evaluates a location that is one fixed address.
func (w *walker) address(expr []byte) (uint32, bool) {
	switch {
	case len(expr) == 5 && expr[0] == opAddr:
		return binary.LittleEndian.Uint32(expr[1:]), true
	case len(expr) >= 2 && expr[0] == opAddrx:
		index, n := binary.Uvarint(expr[1:]) // LEB128, as Go's varint
		if n != len(expr)-1 || index > uint64(len(w.addrs)) {
			return 0, false
		}
		at := w.addrBase + 4*int64(index)
		if at < 0 || at+4 > int64(len(w.addrs)) {
			return 0, false
		}
		return binary.LittleEndian.Uint32(w.addrs[at:]), true
	}
	return 0, false
}

// resolve follows references now that every entry is known.
func (w *walker) resolve() {
	for _, p := range w.functions {
		f := p.value
		f.Name, f.Linkage, f.Line = w.name(p.origin)
		f.entry = p.origin
		w.info.functions = append(w.info.functions, f)
	}
	for _, p := range w.defined {
		if _, linkage, line := w.name(p.origin); linkage != "" {
			if w.info.declared[p.value] == nil {
				w.info.declared[p.value] = make(map[string]int)
			}
			w.info.declared[p.value][linkage] = line
		}
	}
	for _, p := range w.statics {
		s := p.StaticLocal
		_, s.Function, _ = w.name(p.function)
		s.Name, _, _ = w.name(p.origin)
		if p.typ != 0 {
			if t, err := w.data.Type(p.typ); err == nil {
				s.Type = t.String()
				if size := t.Size(); size > 0 && size <= 1<<31 {
					s.Size = uint32(size)
				}
			}
		}
		w.info.statics = append(w.info.statics, s)
	}
	for _, p := range w.parts {
		_, p.Function, _ = w.name(p.function)
		p.Name, _, _ = w.name(p.origin)
		w.info.parts = append(w.info.parts, p.Part)
	}
	for _, p := range w.inlines {
		_, callee, _ := w.name(p.callee)
		_, p.InlineSite.Caller, _ = w.name(p.caller)
		if callee != "" {
			w.info.inlined[callee] = append(w.info.inlined[callee], p.InlineSite)
		}
	}
}

// name follows origins until name, linkage name and line are known.
func (w *walker) name(at dwarf.Offset) (name, linkage string, line int) {
	for range maxDepth {
		n, ok := w.names[at]
		if !ok {
			break
		}
		if name == "" {
			name = n.name
		}
		if linkage == "" {
			linkage = n.linkage
		}
		if line == 0 {
			line = n.line
		}
		if at = n.origin; at == 0 {
			break
		}
	}
	if linkage == "" {
		linkage = name
	}
	return name, linkage, line
}

func str(e *dwarf.Entry, a dwarf.Attr) string {
	s, _ := e.Val(a).(string)
	return s
}
