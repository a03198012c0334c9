package linker

import (
	"slices"
	"strings"
)

// partSuffixes are what compilers append, with a number or not, to the names of
// the parts and specialised copies that they make of a function.
var partSuffixes = []string{"constprop", "isra", "part", "cold", "specialized"}

// isPart reports whether the name is that of a compiler-made part or copy of a
// function, such as f.part.0 or f.constprop.0.isra.0.
func isPart(name string) bool {
	_, suffixes, _ := strings.Cut(name, ".")
	return slices.ContainsFunc(strings.Split(suffixes, "."), func(s string) bool {
		return slices.Contains(partSuffixes, s)
	})
}

// isLocalLabel knows the names that do not outlive the object, as GCC's .LTHUNK0, which
// stands where the thunk's own name does.
func isLocalLabel(name string) bool { return strings.HasPrefix(name, ".L") }

// wholeName is the name of the function that a part was made of.
func wholeName(name string) string {
	whole, _, _ := strings.Cut(name, ".")
	return whole
}

// withoutNumber cuts the number off that the compiler appends to the names of
// static variables of functions: GCC's n.1, Clang's f.n.1.
func withoutNumber(name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 && isNumber(name[i+1:]) {
		return name[:i]
	}
	return name
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
