package dwarf

import (
	"debug/dwarf"
	"encoding/binary"
	"maps"
	"slices"
)

// A Virtual is a virtual function of a class.
type Virtual struct {
	Name    string // for people
	Linkage string
	Slot    int64 // in the class's table, -1 if that is not said
	Line    int
}

// withBases adds the classes that those of the list inherit from.
func (t *typeReader) withBases(names []string) []string {
	known := make(map[string]bool)
	for work := names; len(work) > 0; work = work[1:] {
		if !known[work[0]] {
			known[work[0]] = true
			work = append(slices.Clip(work), t.bases[work[0]]...)
		}
	}
	return slices.Sorted(maps.Keys(known))
}

// base is what a class inherits as if it were a member.
func (t *typeReader) base(e *dwarf.Entry) (Member, bool) {
	at, ok := e.Val(dwarf.AttrType).(dwarf.Offset)
	if !ok {
		return Member{}, false
	}
	typ, err := t.data.Type(at)
	if err != nil {
		return Member{}, false
	}
	for {
		alias, ok := typ.(*dwarf.TypedefType)
		if !ok {
			break
		}
		typ = alias.Type
	}
	m := Member{Name: "base " + typeName(typ), Type: typeName(typ), Form: form(typ, 0)}
	if s, ok := typ.(*dwarf.StructType); ok {
		m.Type = structName(s, "")
	}
	m.Offset, _ = e.Val(dwarf.AttrDataMemberLoc).(int64)
	_, m.Line = t.place(e)
	return m, true
}

// virtual reads a method's declaration; false if it is not virtual.
func virtual(e *dwarf.Entry) (Virtual, bool) {
	const none = 0 // DW_VIRTUALITY_none, DWARF 5 §7.11
	if v, ok := e.Val(dwarf.AttrVirtuality).(int64); !ok || v == none {
		return Virtual{}, false
	}
	v := Virtual{Name: str(e, dwarf.AttrName), Linkage: str(e, dwarf.AttrLinkageName), Slot: -1}
	if v.Linkage == "" {
		v.Linkage = v.Name // a destructor has several
	}
	const opConstU = 0x10 // DWARF 5 §7.7.1
	if op, ok := e.Val(dwarf.AttrVtableElemLoc).([]byte); ok && len(op) > 1 && op[0] == opConstU {
		if n, size := binary.Uvarint(op[1:]); size > 0 && n < 1<<31 { // ULEB128
			v.Slot = int64(n)
		}
	}
	return v, true
}
