package objdiff

import (
	"fmt"
	"strings"

	"github.com/fpbls/fpbls/internal/dwarf"
)

// A LayoutChange is a type, or a variable, whose values lie otherwise in memory than
// in the running firmware.
type LayoutChange struct {
	Name string // of the type or variable
	Text string // what changed, and both layouts
	File string
	Line int // of the member

	Virtual bool // it is the class's table of virtual functions, which new objects share with old ones
}

// CompareLayout says how a type differs from that of the firmware; false if values of
// either can be used as the other. A new name at the end of an enumeration is no
// difference.
func CompareLayout(is, was dwarf.Layout) (LayoutChange, bool) {
	c := LayoutChange{Name: is.Name, File: is.File, Line: is.Line}
	if what := firstVirtual(is, was, &c.Line); what != "" {
		c.Virtual = true
		c.Text = fmt.Sprintf("%s: %s. The running firmware's objects keep their table of virtual functions", is.Name, what)
		return c, true
	}
	what := firstDifference(is, was, &c.Line)
	if what == "" {
		return c, false
	}
	c.Text = fmt.Sprintf("%s: %s. In the running firmware it is %s, here it is %s", is.Name, what, words(was), words(is))
	return c, true
}

// firstDifference names the first member that differs, and finds its line.
func firstDifference(is, was dwarf.Layout, line *int) string {
	now := make(map[string]dwarf.Member)
	before := make(map[string]dwarf.Member)
	for _, m := range is.Members {
		now[m.Name] = m
	}
	for _, m := range was.Members {
		before[m.Name] = m
		if _, still := now[m.Name]; !still {
			return fmt.Sprintf("%s is gone", memberName(m))
		}
	}
	end := int64(-1)
	for _, m := range was.Members {
		end = max(end, m.Offset)
	}
	for _, m := range is.Members {
		b, known := before[m.Name]
		*line = m.Line
		switch {
		case !known && is.Enum && m.Offset > end:
			continue
		case !known:
			return fmt.Sprintf("%s is new", memberName(m))
		case m.Form != b.Form:
			return fmt.Sprintf("%s was %s", memberName(m), b.Type)
		case is.Enum && m.Offset != b.Offset:
			return fmt.Sprintf("%s was %d", memberName(m), b.Offset)
		case m.Offset != b.Offset:
			return fmt.Sprintf("%s has moved from offset %d to %d", memberName(m), b.Offset, m.Offset)
		}
	}
	*line = is.Line
	if is.Size != was.Size {
		return fmt.Sprintf("its size was %d bytes", was.Size)
	}
	return ""
}

// firstVirtual names the first virtual function that has no place in the table that the
// firmware has, or another one. An override is one as well: the table names the base's.
func firstVirtual(is, was dwarf.Layout, line *int) string {
	now := make(map[string]bool)
	before := make(map[string]dwarf.Virtual)
	for _, v := range was.Virtuals {
		before[v.Linkage] = v
	}
	for _, v := range is.Virtuals {
		now[v.Linkage] = true
		b, known := before[v.Linkage]
		*line = v.Line
		switch {
		case !known:
			return fmt.Sprintf("the virtual function %s is new", v.Name)
		case v.Slot != b.Slot:
			return fmt.Sprintf("the virtual function %s has moved from place %d of the table to %d", v.Name, b.Slot, v.Slot)
		}
	}
	*line = is.Line
	for _, v := range was.Virtuals {
		if !now[v.Linkage] {
			return fmt.Sprintf("the virtual function %s is gone", v.Name)
		}
	}
	return ""
}

func memberName(m dwarf.Member) string {
	switch {
	case m.Name == "":
		return "a member without a name"
	case m.Type == "":
		return fmt.Sprintf("%s = %d", m.Name, m.Offset)
	}
	return m.Type + " " + m.Name
}

// shownMembers bounds what is told of one type.
const shownMembers = 12

func words(l dwarf.Layout) string {
	var parts []string
	for i, m := range l.Members {
		if i == shownMembers {
			parts = append(parts, "…")
			break
		}
		if l.Enum {
			parts = append(parts, fmt.Sprintf("%s = %d", m.Name, m.Offset))
		} else {
			parts = append(parts, fmt.Sprintf("%d: %s %s", m.Offset, m.Type, m.Name))
		}
	}
	return fmt.Sprintf("{%s}, %d bytes", strings.Join(parts, "; "), l.Size)
}
