package dwarf

import "strings"

// SameFile compares two paths of source files, relative ones too: it returns
// how many trailing components they have in common, 0 if the names differ.
func SameFile(a, b string) int {
	x, y := Components(a), Components(b)
	n := 0
	for n < len(x) && n < len(y) && x[len(x)-1-n] == y[len(y)-1-n] {
		n++
	}
	return n
}

// Components splits a path of either kind of system, without "." and empty ones.
func Components(path string) []string {
	var parts []string
	for _, c := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		switch {
		case c == ".":
		case c == ".." && len(parts) > 0 && parts[len(parts)-1] != "..":
			parts = parts[:len(parts)-1]
		default:
			parts = append(parts, c)
		}
	}
	return parts
}

// UnitOf returns the unit of the source file: of several that could be it, the
// one whose path has most in common.
func (i *Info) UnitOf(file string) (Unit, bool) {
	var found Unit
	best := 0
	for _, u := range i.units {
		if n := SameFile(u.Path(), file); n > best {
			found, best = u, n
		}
	}
	return found, best > 0
}

// Declared returns the lines of the functions that the unit defines, whether or
// not they have code of their own, by linkage name.
func (i *Info) Declared(u Unit) map[string]int { return i.declared[u.Path()] }
