package objdiff

import (
	"cmp"
	"slices"
)

// A Member is a changed function and the unit it is from.
type Member struct {
	Unit string
	Function
}

// Groups puts together the changed functions that depend on each other's code, in
// one unit or several. They do if one calls the other: the compiler looks into
// what it compiles a call of, at registers that stay as they are, memory that is
// left alone, arguments that are constant. And they do if the same function,
// which has no code of its own that could be compared, was inlined into both, or
// split or copied for them, unless one that did not change contains it as well.
//
// The order within a group is that of arming: callers before what they call.
// Groups come in the order of their first members.
func Groups(reports []*Report) [][]Member {
	g := grouping{index: make(map[string]int), same: make(map[string]bool)}
	for _, r := range reports {
		for _, f := range r.Functions {
			if f.Verdict == Same {
				for _, name := range f.Contains {
					g.same[name] = true
				}
			}
		}
	}
	for _, r := range reports {
		for _, f := range r.Functions {
			if f.Verdict == Changed {
				g.add(Member{r.Unit, f})
			}
		}
	}
	g.connect(reports)
	return g.groups()
}

// grouping is a union of sets of members.
type grouping struct {
	members []Member
	index   map[string]int // by key, the first member of the name
	parent  []int
	same    map[string]bool // contained in something that did not change
}

func (g *grouping) add(m Member) {
	for _, key := range []string{localKey(m.Unit, m.Name), m.Name} {
		if _, known := g.index[key]; !known && (key != m.Name || m.Target.Global) {
			g.index[key] = len(g.members)
		}
	}
	g.members = append(g.members, m)
	g.parent = append(g.parent, len(g.parent))
}

func localKey(unit, name string) string { return unit + "\x00" + name }

// find returns the member that the name stands for in the unit.
func (g *grouping) find(unit, name string) (int, bool) {
	if i, ok := g.index[localKey(unit, name)]; ok {
		return i, true
	}
	i, ok := g.index[name]
	return i, ok
}

func (g *grouping) connect(reports []*Report) {
	compared := make(map[string]bool) // has code of its own, with a verdict of its own
	for _, r := range reports {
		for _, f := range r.Functions {
			if f.Verdict == Same || f.Verdict == Changed {
				compared[localKey(r.Unit, f.Name)] = true
			}
		}
	}
	through := make(map[string]int) // what has none leads to its first user
	for i, m := range g.members {
		for _, name := range m.Uses {
			if j, ok := g.find(m.Unit, name); ok {
				g.union(i, j)
				continue
			}
			if !slices.Contains(m.Contains, name) || g.same[name] || compared[localKey(m.Unit, name)] {
				continue
			}
			if j, ok := through[name]; ok {
				g.union(i, j)
			} else {
				through[name] = i
			}
		}
	}
}

func (g *grouping) root(i int) int {
	for g.parent[i] != i {
		i = g.parent[i]
	}
	return i
}

func (g *grouping) union(a, b int) {
	if a, b = g.root(a), g.root(b); a != b {
		g.parent[max(a, b)] = min(a, b)
	}
}

func (g *grouping) groups() [][]Member {
	var all [][]Member
	at := make(map[int]int)
	for i, m := range g.members {
		root := g.root(i)
		n, ok := at[root]
		if !ok {
			n = len(all)
			at[root] = n
			all = append(all, nil)
		}
		all[n] = append(all[n], m)
	}
	for _, group := range all {
		CallersFirst(group, func(m Member) (string, []string) { return m.Name, m.Uses })
	}
	return all
}

// CallersFirst sorts functions so that callers come before what they call, as far as
// there are no circles. describe tells the name of one and what it uses.
func CallersFirst[T any](functions []T, describe func(T) (name string, uses []string)) {
	depth := make(map[string]int) // the longest way to it
	names := make(map[string]bool)
	for _, f := range functions {
		name, _ := describe(f)
		names[name] = true
	}
	for range functions { // as often as a way without circles has steps
		for _, f := range functions {
			name, uses := describe(f)
			for _, callee := range uses {
				if names[callee] && callee != name && depth[name] < len(functions) {
					depth[callee] = max(depth[callee], depth[name]+1)
				}
			}
		}
	}
	slices.SortStableFunc(functions, func(a, b T) int {
		x, _ := describe(a)
		y, _ := describe(b)
		return cmp.Compare(depth[x], depth[y])
	})
}
