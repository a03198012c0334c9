package firmware

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// shortNames indexes C++ symbols by their demangled names, with and without
// parameters.
func (im *Image) shortNames() map[string][]*Symbol {
	index := make(map[string][]*Symbol)
	for _, s := range im.symbols {
		if s.Display == s.Name {
			continue
		}
		index[s.Display] = append(index[s.Display], s)
		if short := withoutParameters(s.Display); short != s.Display {
			index[short] = append(index[short], s)
		}
	}
	return index
}

// LookupEnclosed finds C++ functions by a name that leaves out parameters and the
// namespaces and classes around it: C::f for ns::C::f(int).
func (im *Image) LookupEnclosed(name string) []*Symbol {
	var found []*Symbol
	for _, f := range im.functions {
		if strings.HasSuffix(withoutParameters(f.Display), "::"+name) {
			found = append(found, f)
		}
	}
	return found
}

// withoutParameters cuts the parameter list, and what follows it, off a
// demangled name. Parentheses within the name, as of operator() and (anonymous
// namespace), are kept.
func withoutParameters(name string) string {
	depth := 0
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '<':
			if !strings.HasSuffix(name[:i], "operator") && !strings.HasSuffix(name[:i], "operator<") {
				depth++
			}
		case '>':
			if depth > 0 {
				depth--
			}
		case '(':
			rest := name[i:]
			switch {
			case depth > 0:
			case strings.HasPrefix(rest, "(anonymous namespace)"):
				i += len("(anonymous namespace)") - 1
			case strings.HasPrefix(rest, "()") && strings.HasSuffix(name[:i], "operator"):
				i++
			default:
				return name[:i]
			}
		}
	}
	return name
}

// FunctionIn finds the function that the name stands for in the source file: the file's
// own, or one that the whole firmware sees; nil if there is none.
func (im *Image) FunctionIn(path, name string) *Symbol {
	var best *Symbol
	for _, s := range im.Lookup(name) {
		switch {
		case s.Kind != Function:
		case filepath.Base(s.File) == filepath.Base(path):
			return s
		case best == nil:
			best = s
		}
	}
	return best
}

const (
	nearCount    = 3
	nearDistance = 3
)

// Near returns up to three names that resemble name, the best first, to ask
// "did you mean".
func (im *Image) Near(name string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var best []candidate
	lower := strings.ToLower(name)
	for _, f := range im.functions {
		shown := withoutParameters(f.Display)
		// More than half of the letters wrong is another name.
		limit := min(nearDistance, len(name)/2)
		d := distance(lower, strings.ToLower(shown), limit)
		if d > limit && len(name) >= 4 && strings.Contains(strings.ToLower(shown), lower) {
			d = limit // part of a longer name
		}
		if d > limit || slices.ContainsFunc(best, func(c candidate) bool { return c.name == shown }) {
			continue
		}
		best = append(best, candidate{shown, d})
		slices.SortFunc(best, func(a, b candidate) int {
			return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
		})
		best = best[:min(len(best), nearCount)]
	}
	var names []string
	for _, c := range best {
		names = append(names, c.name)
	}
	return names
}

// distance is the edit distance of a and b, or limit+1 if it is larger. Only a
// band around the diagonal is looked at, so it costs len × limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		smallest := row[0]
		for j := 1; j <= len(b); j++ {
			if j < i-limit || j > i+limit {
				diagonal, row[j] = row[j], limit+1
				continue
			}
			d := diagonal
			if a[i-1] != b[j-1] {
				d = min(diagonal, row[j], row[j-1]) + 1
			}
			diagonal, row[j] = row[j], d
			smallest = min(smallest, d)
		}
		if smallest > limit {
			return limit + 1
		}
	}
	return min(row[len(b)], limit+1)
}
