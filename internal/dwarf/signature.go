package dwarf

import "debug/dwarf"

// argumentRegisters is how many core registers AAPCS passes arguments in (AAPCS32 §6.4).
const argumentRegisters = 4

// signature is what decides on the registers of a call.
type signature struct {
	entry  dwarf.Offset
	result dwarf.Offset   // type, 0 for void
	params []dwarf.Offset // types, in order; 0 if unknown
	open   bool           // variadic, or declared without a prototype
}

// maxParams bounds what is kept of a parameter list; more do not go into
// registers.
const maxParams = 2 * argumentRegisters

func newSignature(e *dwarf.Entry) *signature {
	s := &signature{entry: e.Offset}
	s.result, _ = e.Val(dwarf.AttrType).(dwarf.Offset)
	return s
}

// parameter notes a parameter of the subprogram that is open.
func (w *walker) parameter(e *dwarf.Entry, top frame) {
	if top.tag != dwarf.TagSubprogram {
		return // of an inlined copy, or a type
	}
	typ, _ := e.Val(dwarf.AttrType).(dwarf.Offset)
	w.names[e.Offset] = named{typ: typ, origin: reference(e)}
	s := w.names[top.function].signature
	if s == nil {
		return
	}
	if e.Tag == dwarf.TagUnspecifiedParameters {
		s.open = true
	} else if len(s.params) < maxParams {
		s.params = append(s.params, e.Offset)
	}
}

// signature gathers what the entry and its origins say.
func (w *walker) signature(at dwarf.Offset) signature {
	var s signature
	for range maxDepth {
		n, ok := w.names[at]
		if !ok {
			break
		}
		if n.signature != nil {
			s.entry = n.signature.entry
			s.open = s.open || n.signature.open
			if s.result == 0 {
				s.result = n.signature.result
			}
			if s.params == nil {
				for _, p := range n.signature.params {
					s.params = append(s.params, w.parameterType(p))
				}
			}
		}
		if at = n.origin; at == 0 {
			break
		}
	}
	return s
}

func (w *walker) parameterType(at dwarf.Offset) dwarf.Offset {
	for range maxDepth {
		n, ok := w.names[at]
		if !ok || n.typ != 0 {
			return n.typ
		}
		at = n.origin
	}
	return 0
}

// ArgumentRegisters is how many of r0 to r3 may carry arguments into the
// function, counted from r0. It is 4 where that cannot be told: for variadic
// functions, structures by value, and functions without debug information.
func (i *Info) ArgumentRegisters(linkage string, addr uint32) int {
	f, ok := i.FunctionAt(addr)
	if !ok || f.Low != addr || f.Linkage != linkage || f.signature.open || f.signature.entry == 0 {
		return argumentRegisters
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	used := 0
	if f.signature.result != 0 {
		switch size, plain := i.scalar(f.signature.result); {
		case !plain && size != 0 && size <= 4: // a small structure comes back in r0
		case !plain:
			used++ // the address of the result comes first
		}
	}
	for _, p := range f.signature.params {
		switch size, plain := i.scalar(p); {
		case !plain || p == 0:
			return argumentRegisters
		case size <= 4:
			used++
		default:
			used = (used+1)&^1 + 2 // 64-bit values start at an even register
		}
	}
	return min(used, argumentRegisters)
}

// scalar returns the size of a type, and whether it is passed like a number.
func (i *Info) scalar(at dwarf.Offset) (size int64, plain bool) {
	defer func() {
		if recover() != nil { // see LineOf
			size, plain = 0, false
		}
	}()
	t, err := i.data.Type(at)
	if err != nil {
		return 0, false
	}
	for range maxDepth {
		switch u := t.(type) {
		case *dwarf.TypedefType:
			t = u.Type
		case *dwarf.QualType:
			t = u.Type
		case *dwarf.PtrType, *dwarf.EnumType, *dwarf.IntType, *dwarf.UintType, *dwarf.CharType, *dwarf.UcharType,
			*dwarf.BoolType, *dwarf.FloatType, *dwarf.VoidType:
			return t.Size(), t.Size() <= 8
		default:
			return t.Size(), false
		}
	}
	return 0, false
}
