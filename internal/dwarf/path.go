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
	for _, n := range i.unitsNamed(base(file)) {
		if same := SameFile(i.units[n].Path(), file); same > best {
			found, best = i.units[n], same
		}
	}
	return found, best > 0
}

// unitsNamed lists the units whose paths end with the component, by index.
func (i *Info) unitsNamed(name string) []int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.byBase == nil {
		i.byBase = make(map[string][]int)
		for n, u := range i.units {
			i.byBase[base(u.Path())] = append(i.byBase[base(u.Path())], n)
		}
	}
	return i.byBase[name]
}

func base(path string) string {
	if parts := Components(path); len(parts) > 0 {
		return parts[len(parts)-1]
	}
	return ""
}

// Declared returns the lines of the functions that the unit defines, whether or
// not they have code of their own, by linkage name.
func (i *Info) Declared(u Unit) map[string]int { return i.declared[u.Path()] }
