package dwarf

import (
	"debug/dwarf"
	"fmt"
	"strings"
)

// Types are the types of a unit, and who uses them.
type Types struct {
	Layouts   map[string]Layout   // structures, unions and enumerations, by their names: "struct s", or that of a typedef
	Functions map[string][]string // the types that a function's parameters and variables lead to, by linkage name
	Variables map[string]Variable // those outside of functions, by linkage name
}

// A Layout is how values of a type lie in memory.
type Layout struct {
	Name    string
	Enum    bool
	Size    int64
	File    string // of the declaration
	Line    int
	Members []Member // of a class, its bases come first

	Virtuals []Virtual // of a class: its own ones, not those it only inherits
}

// A Member is one of a structure or union, or a name of an enumeration.
type Member struct {
	Name   string
	Type   string // in C
	Form   string // of the type: equal if values are read and written alike
	Offset int64  // bytes; of an enumeration, the value
	Line   int
}

// A Variable has a fixed address.
type Variable struct {
	Type  string   // in C
	Form  string   // see [Member]
	Types []string // that it leads to, by name
	File  string
	Line  int
}

// TypesAt reads the types of the unit that has the function or variable at the address.
func (i *Info) TypesAt(addr uint32) (t *Types, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	defer func() {
		if recover() != nil { // see LineOf
			t, ok = nil, false
		}
	}()
	for _, c := range i.code {
		if uint64(addr) < c.low || uint64(addr) >= c.high {
			continue
		}
		data, err := i.chunks.data(c.chunk)
		if err != nil {
			return nil, false
		}
		r := typeReader{data: data, types: &Types{
			Layouts: make(map[string]Layout), Functions: make(map[string][]string), Variables: make(map[string]Variable),
		}, used: make(map[dwarf.Offset][]dwarf.Offset), origins: make(map[dwarf.Offset][]dwarf.Offset), names: make(map[dwarf.Offset]string), bases: make(map[string][]string)}
		return r.types, r.read(c.unit) == nil
	}
	return nil, false
}

// typeReader walks one unit.
type typeReader struct {
	data  *dwarf.Data
	types *Types
	files []*dwarf.LineFile

	functions []dwarf.Offset                  // in order
	names     map[dwarf.Offset]string         // of functions
	used      map[dwarf.Offset][]dwarf.Offset // types in a function
	origins   map[dwarf.Offset][]dwarf.Offset // functions that one was made of or contains
	bases     map[string][]string             // the classes that one inherits from
}

// maxTypes bounds the types that one leads to.
const maxTypes = 1 << 14

func (t *typeReader) read(unit dwarf.Offset) error {
	r := t.data.Reader()
	r.Seek(unit)
	cu, err := r.Next()
	if err != nil || cu == nil {
		return fmt.Errorf("no unit: %w", err)
	}
	if lines, err := t.data.LineReader(cu); err == nil && lines != nil {
		t.files = lines.Files()
	}
	type scope struct{ function, class dwarf.Offset }
	stack := []scope{{}} // the function that each open entry is in, or the class
	for len(stack) > 0 && len(stack) < maxDepth {
		e, err := r.Next()
		if err != nil {
			return err
		}
		if e == nil {
			break
		}
		if e.Tag == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		outer := stack[len(stack)-1]
		function := outer.function
		switch e.Tag {
		case dwarf.TagCompileUnit:
			return t.finish() // the next one
		case dwarf.TagSubprogram:
			function = e.Offset
			t.functions = append(t.functions, function)
			t.names[function] = str(e, dwarf.AttrLinkageName)
			if t.names[function] == "" {
				t.names[function] = str(e, dwarf.AttrName)
			}
			if outer.class != 0 {
				t.used[function] = append(t.used[function], outer.class) // also a static method's
			}
		case dwarf.TagStructType, dwarf.TagUnionType, dwarf.TagClassType, dwarf.TagEnumerationType, dwarf.TagTypedef:
			t.layout(e)
		case dwarf.TagVariable:
			if function == 0 {
				t.variable(e)
			}
		}
		if function != 0 {
			if typ, ok := e.Val(dwarf.AttrType).(dwarf.Offset); ok {
				t.used[function] = append(t.used[function], typ)
			}
			if origin := reference(e); origin != 0 && (e.Tag == dwarf.TagSubprogram || e.Tag == dwarf.TagInlinedSubroutine) {
				t.origins[function] = append(t.origins[function], origin)
			}
		}
		if e.Children {
			inner := scope{function: function}
			if e.Tag == dwarf.TagStructType || e.Tag == dwarf.TagClassType {
				inner = scope{class: e.Offset}
			}
			stack = append(stack, inner)
		}
	}
	return t.finish()
}

// finish collects what the functions lead to, once all entries are known.
func (t *typeReader) finish() error {
	for _, f := range t.functions {
		var all []dwarf.Offset
		name := ""
		seen := make(map[dwarf.Offset]bool)
		for work := []dwarf.Offset{f}; len(work) > 0; work = work[1:] {
			if seen[work[0]] {
				continue
			}
			seen[work[0]] = true
			if name == "" {
				name = t.names[work[0]]
			}
			all = append(all, t.used[work[0]]...)
			work = append(work, t.origins[work[0]]...)
		}
		names := t.types.Functions[name]
		for _, typ := range all {
			names = append(names, t.leadsTo(typ)...)
		}
		t.types.Functions[name] = t.withBases(names)
	}
	for name, v := range t.types.Variables {
		v.Types = t.withBases(v.Types)
		t.types.Variables[name] = v
	}
	return nil
}

func (t *typeReader) variable(e *dwarf.Entry) {
	at, ok := e.Val(dwarf.AttrType).(dwarf.Offset)
	name := str(e, dwarf.AttrLinkageName)
	if name == "" {
		name = str(e, dwarf.AttrName)
	}
	if !ok || name == "" {
		return
	}
	typ, err := t.data.Type(at)
	if err != nil {
		return
	}
	v := Variable{Type: typeName(typ), Form: form(typ, 0), Types: t.leadsTo(at)}
	v.File, v.Line = t.place(e)
	t.types.Variables[name] = v
}

// place is where the entry is declared.
func (t *typeReader) place(e *dwarf.Entry) (file string, line int) {
	if n, ok := e.Val(dwarf.AttrDeclFile).(int64); ok && n >= 0 && n < int64(len(t.files)) && t.files[n] != nil {
		file = t.files[n].Name
	}
	n, _ := e.Val(dwarf.AttrDeclLine).(int64)
	return file, int(n)
}

// layout notes a type that has a name, or the one that a typedef gives.
func (t *typeReader) layout(e *dwarf.Entry) {
	at := e.Offset
	name := ""
	if e.Tag == dwarf.TagTypedef {
		var ok bool
		if at, ok = e.Val(dwarf.AttrType).(dwarf.Offset); !ok {
			return
		}
		name = str(e, dwarf.AttrName)
	}
	r := t.data.Reader()
	r.Seek(at)
	def, err := r.Next()
	if err != nil || def == nil || def.Val(dwarf.AttrDeclaration) != nil {
		return
	}
	own := str(def, dwarf.AttrName)
	if (name == "") == (own == "") {
		return // no name at all, or a typedef of something with one
	}
	typ, err := t.data.Type(at)
	if err != nil {
		return
	}
	l := Layout{Size: typ.Size()}
	l.File, l.Line = t.place(def)
	var lines []int
	var bases []string
	for def.Children {
		child, err := r.Next()
		if err != nil || child == nil || child.Tag == 0 {
			break
		}
		_, line := t.place(child)
		switch child.Tag {
		case dwarf.TagMember, dwarf.TagEnumerator:
			lines = append(lines, line)
		case dwarf.TagInheritance:
			if base, ok := t.base(child); ok {
				l.Members = append(l.Members, base)
				bases = append(bases, base.Type)
			}
		case dwarf.TagSubprogram:
			if v, ok := virtual(child); ok {
				v.Line = line
				l.Virtuals = append(l.Virtuals, v)
			}
		}
		if child.Children {
			r.SkipChildren()
		}
	}
	line := func(n int) int {
		if n < len(lines) && lines[n] > 0 {
			return lines[n]
		}
		return l.Line
	}
	switch u := typ.(type) {
	case *dwarf.StructType:
		l.Name = structName(u, name)
		t.bases[l.Name] = bases
		for n, f := range u.Field {
			m := Member{Name: f.Name, Type: typeName(f.Type), Form: form(f.Type, 0), Offset: f.ByteOffset, Line: line(n)}
			if f.BitSize > 0 {
				m.Type = fmt.Sprintf("%s:%d", m.Type, f.BitSize)
				m.Form = fmt.Sprintf("%s:%d at %d, %d", m.Form, f.BitSize, f.BitOffset, f.DataBitOffset)
			}
			l.Members = append(l.Members, m)
		}
	case *dwarf.EnumType:
		l.Name, l.Enum = name, true
		if name == "" {
			l.Name = "enum " + u.EnumName
		}
		for n, v := range u.Val {
			l.Members = append(l.Members, Member{Name: v.Name, Offset: v.Val, Line: line(n)})
		}
	default:
		return
	}
	t.types.Layouts[l.Name] = l
}

func structName(s *dwarf.StructType, typedef string) string {
	if s.StructName == "" {
		return typedef
	}
	return s.Kind + " " + s.StructName
}

// leadsTo lists the named types that a value of the type holds or points to, and so on.
func (t *typeReader) leadsTo(at dwarf.Offset) []string {
	typ, err := t.data.Type(at)
	if err != nil {
		return nil
	}
	var names []string
	seen := make(map[dwarf.Type]bool)
	typedef := ""
	for work := []dwarf.Type{typ}; len(work) > 0 && len(seen) < maxTypes; work = work[1:] {
		next := work[0]
		if next == nil || seen[next] {
			continue
		}
		seen[next] = true
		switch u := next.(type) {
		case *dwarf.TypedefType:
			if s, ok := u.Type.(*dwarf.StructType); ok && s.StructName == "" {
				names = append(names, u.Name)
			} else if e, ok := u.Type.(*dwarf.EnumType); ok && e.EnumName == "" {
				names = append(names, u.Name)
			}
			work = append(work, u.Type)
		case *dwarf.QualType:
			work = append(work, u.Type)
		case *dwarf.PtrType:
			work = append(work, u.Type)
		case *dwarf.ArrayType:
			work = append(work, u.Type)
		case *dwarf.EnumType:
			if u.EnumName != "" {
				names = append(names, "enum "+u.EnumName)
			}
		case *dwarf.StructType:
			if name := structName(u, typedef); name != "" {
				names = append(names, name)
			}
			for _, f := range u.Field {
				work = append(work, f.Type)
			}
		}
	}
	return names
}

// form describes how a value of the type is read and written: two types of the same
// form differ in their names only.
func form(t dwarf.Type, depth int) string {
	if depth > maxDepth {
		return "?"
	}
	switch u := t.(type) {
	case *dwarf.TypedefType:
		if s, ok := u.Type.(*dwarf.StructType); ok && s.StructName == "" {
			return u.Name
		}
		return form(u.Type, depth+1)
	case *dwarf.QualType:
		return form(u.Type, depth+1)
	case *dwarf.PtrType:
		for e := u.Type; ; {
			switch v := e.(type) {
			case *dwarf.QualType:
				e = v.Type
				continue
			case *dwarf.StructType:
				return "pointer to " + structName(v, "")
			}
			return "pointer"
		}
	case *dwarf.ArrayType:
		return fmt.Sprintf("%s[%d]", form(u.Type, depth+1), u.Count)
	case *dwarf.StructType:
		if name := structName(u, ""); name != "" {
			return name
		}
		var parts []string
		for _, f := range u.Field {
			parts = append(parts, fmt.Sprintf("%s %s at %d", form(f.Type, depth+1), f.Name, f.ByteOffset))
		}
		return u.Kind + " {" + strings.Join(parts, "; ") + "}"
	case *dwarf.EnumType:
		return fmt.Sprintf("enum %s%d", u.EnumName, u.Size())
	case *dwarf.IntType, *dwarf.CharType:
		return fmt.Sprintf("signed %d", t.Size())
	case *dwarf.UintType, *dwarf.UcharType, *dwarf.BoolType:
		return fmt.Sprintf("unsigned %d", t.Size())
	case *dwarf.FloatType:
		return fmt.Sprintf("float %d", t.Size())
	}
	return fmt.Sprintf("%s %d", t.String(), t.Size())
}
