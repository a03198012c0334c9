package dwarf

import "debug/dwarf"

// argumentRegisters is how many core registers AAPCS passes arguments in (AAPCS32 §6.4).
const argumentRegisters = 4

// signature is what decides on the registers of a call.
type signature struct {
	result dwarf.Offset   // type, 0 for void
	params []dwarf.Offset // types, in order; 0 if unknown
	open   bool           // variadic, or declared without a prototype
}

// maxParams bounds what is kept of a parameter list; more do not go into
// registers.
const maxParams = 2 * argumentRegisters

// ArgumentRegisters is how many of r0 to r3 may carry arguments into the
// function, counted from r0. It is 4 where that cannot be told: for variadic
// functions, structures by value, and functions without debug information.
func (i *Info) ArgumentRegisters(linkage string, addr uint32) (used int) {
	f, ok := i.FunctionAt(addr)
	if !ok || f.Low != addr || f.Linkage != linkage {
		return argumentRegisters
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	defer func() {
		if recover() != nil { // see LineOf
			used = argumentRegisters
		}
	}()
	data, err := i.chunks.data(f.chunk)
	if err != nil {
		return argumentRegisters
	}
	s, ok := signatureAt(data, f.entry)
	if !ok || s.open {
		return argumentRegisters
	}
	if s.result != 0 {
		switch size, plain := scalar(data, s.result); {
		case !plain && size != 0 && size <= 4: // a small structure comes back in r0
		case !plain:
			used++ // the address of the result comes first
		}
	}
	for _, p := range s.params {
		switch size, plain := scalar(data, p); {
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

// signatureAt gathers what the subprogram's entry and its origins say.
func signatureAt(data *dwarf.Data, at dwarf.Offset) (s signature, ok bool) {
	for range maxDepth {
		r := data.Reader()
		r.Seek(at)
		e, err := r.Next()
		if err != nil || e == nil || e.Tag != dwarf.TagSubprogram {
			break
		}
		ok = true
		if s.result == 0 {
			s.result, _ = e.Val(dwarf.AttrType).(dwarf.Offset)
		}
		params, open := parameters(data, r, e)
		s.open = s.open || open
		if s.params == nil {
			s.params = params
		}
		if at = reference(e); at == 0 {
			break
		}
	}
	return s, ok
}

// parameters lists the types of the parameters of the entry that the reader has
// just passed.
func parameters(data *dwarf.Data, r *dwarf.Reader, e *dwarf.Entry) (types []dwarf.Offset, open bool) {
	for e.Children {
		child, err := r.Next()
		if err != nil || child == nil || child.Tag == 0 {
			break
		}
		switch child.Tag {
		case dwarf.TagFormalParameter:
			if len(types) < maxParams {
				types = append(types, parameterType(data, child))
			}
		case dwarf.TagUnspecifiedParameters:
			open = true
		}
		if child.Children {
			r.SkipChildren()
		}
	}
	return types, open
}

// parameterType returns the type of the parameter, which its origin may have.
func parameterType(data *dwarf.Data, e *dwarf.Entry) dwarf.Offset {
	for range maxDepth {
		if typ, ok := e.Val(dwarf.AttrType).(dwarf.Offset); ok {
			return typ
		}
		origin := reference(e)
		if origin == 0 {
			break
		}
		r := data.Reader()
		r.Seek(origin)
		next, err := r.Next()
		if err != nil || next == nil {
			break
		}
		e = next
	}
	return 0
}

// scalar returns the size of a type, and whether it is passed like a number.
func scalar(data *dwarf.Data, at dwarf.Offset) (size int64, plain bool) {
	t, err := data.Type(at)
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
