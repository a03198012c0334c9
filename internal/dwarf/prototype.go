package dwarf

import (
	"debug/dwarf"
	"fmt"
	"strings"
)

// A Prototype is how a function is called.
type Prototype struct {
	Text string // in C

	// Shape is what decides on registers and stack: that of two types with other
	// names may be the same.
	Shape string
}

// Prototype returns how the function at the address is called; false if debug
// information does not tell.
func (i *Info) Prototype(linkage string, addr uint32) (p Prototype, ok bool) {
	ok = i.withSignature(linkage, addr, func(data *dwarf.Data, s signature) {
		var text, shape []string
		for _, param := range s.params {
			name, form := passed(data, param)
			text, shape = append(text, name), append(shape, form)
		}
		if s.open {
			text, shape = append(text, "..."), append(shape, "...")
		}
		if len(text) == 0 {
			text = []string{"void"}
		}
		name, form := "void", "void"
		if s.result != 0 {
			name, form = passed(data, s.result)
		}
		p = Prototype{
			Text:  fmt.Sprintf("%s (%s)", name, strings.Join(text, ", ")),
			Shape: fmt.Sprintf("%s(%s)", form, strings.Join(shape, ",")),
		}
	})
	return p, ok
}

// passed names a type, and what counts when a value of it is passed.
func passed(data *dwarf.Data, at dwarf.Offset) (name, shape string) {
	t, err := data.Type(at)
	if err != nil || at == 0 {
		return "?", "?"
	}
	name = typeName(t)
	for range maxDepth {
		switch u := t.(type) {
		case *dwarf.TypedefType:
			t = u.Type
			continue
		case *dwarf.QualType:
			t = u.Type
			continue
		case *dwarf.StructType:
			return name, fmt.Sprintf("struct%d", u.Size())
		case *dwarf.FloatType:
			return name, fmt.Sprintf("float%d", u.Size())
		}
		break
	}
	if t.Size() < 4 {
		return name, fmt.Sprintf("%s%d", t.String(), t.Size()) // the caller extends it
	}
	return name, fmt.Sprint(t.Size())
}

// typeName writes the type as in C, well enough to be recognised.
func typeName(t dwarf.Type) string {
	switch u := t.(type) {
	case *dwarf.PtrType:
		name := typeName(u.Type)
		if !strings.HasSuffix(name, "*") {
			name += " "
		}
		return name + "*"
	case *dwarf.QualType:
		return u.Qual + " " + typeName(u.Type)
	case *dwarf.StructType:
		if u.StructName != "" {
			return u.Kind + " " + u.StructName
		}
		return u.Kind
	case *dwarf.EnumType:
		return strings.TrimSpace("enum " + u.EnumName)
	case *dwarf.ArrayType:
		return fmt.Sprintf("%s[%d]", typeName(u.Type), u.Count)
	case *dwarf.FuncType:
		return "function"
	}
	return t.String()
}
