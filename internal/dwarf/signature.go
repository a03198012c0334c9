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
func (i *Info) ArgumentRegisters(linkage string, addr uint32) int {
	p := i.passing(linkage, addr)
	if !p.known || p.open {
		return argumentRegisters
	}
	return p.named
}

// NamedRegisters is [Info.ArgumentRegisters] without what a variadic function gets
// beyond its named parameters. False: it is not known.
func (i *Info) NamedRegisters(linkage string, addr uint32) (int, bool) {
	p := i.passing(linkage, addr)
	return p.named, p.known
}

// ResultRegisters is how many registers, counted from r0, may carry the function's
// result: 2 where that cannot be told.
func (i *Info) ResultRegisters(linkage string, addr uint32) int {
	return i.passing(linkage, addr).result
}

// passing is what a call of a function passes in registers. It is kept: each question
// may need another chunk.
type passing struct {
	known, open   bool
	stack         bool // arguments may be on the stack as well
	named, result int  // how many registers
}

func (i *Info) passing(linkage string, addr uint32) passing {
	i.mu.Lock()
	p, ok := i.passed[addr]
	i.mu.Unlock()
	if ok {
		return p
	}
	p.result, p.stack = 2, true
	p.known = i.withSignature(linkage, addr, func(data *dwarf.Data, s signature) {
		words, plain := argumentWords(data, s)
		p.open, p.named = s.open, min(words, argumentRegisters)
		p.stack = s.open || !plain || words > argumentRegisters || len(s.params) >= maxParams
		if s.result == 0 {
			p.result = 0
		} else if size, _ := scalar(data, s.result); size > 0 && size <= 4 {
			p.result = 1
		}
	})
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.passed == nil {
		i.passed = make(map[uint32]passing)
	}
	i.passed[addr] = p
	return p
}

// withSignature calls f with the signature of the function at the address, and
// reports whether it is known.
func (i *Info) withSignature(linkage string, addr uint32, f func(*dwarf.Data, signature)) (ok bool) {
	function, ok := i.FunctionAt(addr)
	if !ok || function.Low != addr || function.Linkage != linkage {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	defer func() {
		if recover() != nil { // see LineOf
			ok = false
		}
	}()
	data, err := i.chunks.data(function.chunk)
	if err != nil {
		return false
	}
	s, ok := signatureAt(data, function.entry)
	if ok {
		f(data, s)
	}
	return ok
}

// StackArguments reports whether some of the function's arguments may be on the stack.
func (i *Info) StackArguments(linkage string, addr uint32) bool {
	return i.passing(linkage, addr).stack
}

// argumentWords is how many words the named parameters take, in registers first; not
// plain where that cannot be told.
func argumentWords(data *dwarf.Data, s signature) (used int, plain bool) {
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
			return argumentRegisters, false
		case size <= 4:
			used++
		default:
			used = (used+1)&^1 + 2 // 64-bit values start at an even register
		}
	}
	return used, true
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
		case *dwarf.UnsupportedType:
			if u.Tag == dwarf.TagReferenceType || u.Tag == dwarf.TagRvalueReferenceType {
				return 4, true // an address
			}
			return t.Size(), false
		default:
			return t.Size(), false
		}
	}
	return 0, false
}
