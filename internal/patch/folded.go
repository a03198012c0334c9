package patch

import (
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
)

// folded makes inner functions of targets that share their address in the image with
// others that are not meant, and targets of all who call them.
func (g *gatherer) folded() ([][2]*target, error) {
	var links [][2]*target
	for i := 0; i < len(g.in.targets); i++ { // grows while it is walked
		t := g.in.targets[i]
		names := t.unit.namesOf(t.Name)
		others := slices.DeleteFunc(g.Image.SameAddress(t.Symbol), func(s *firmware.Symbol) bool { return slices.Contains(names, s.Name) })
		if len(others) == 0 {
			continue
		}
		if g.Image.AddressTaken(t.Symbol) {
			return nil, sharedAddress(t, others, "its address is stored, so that it cannot be told who calls which")
		}
		t.inner = true
		called := false
		for _, u := range g.in.units {
			if u.report == nil {
				return nil, sharedAddress(t, others, "it cannot be told who calls which")
			}
			for n := range u.report.Functions {
				f := &u.report.Functions[n]
				uses := slices.ContainsFunc(f.Uses, func(name string) bool {
					return slices.Contains(names, name) && (u == t.unit || t.Global)
				})
				if !uses || f.Target == nil || f.Target.Addr == t.Addr {
					continue
				}
				if EnteredOnce(g.Image, f.Target) != "" {
					return nil, sharedAddress(t, others, f.Target.Display+" calls it, and "+g.Image.EnteredOnce(f.Target))
				}
				called = true
				links = append(links, [2]*target{g.choose(f.Target, u), t})
			}
		}
		if !called {
			return nil, sharedAddress(t, others, "nobody is known who calls it")
		}
	}
	return links, nil
}

// namesOf lists the names of the function in the object: itself and its aliases.
func (u *compiled) namesOf(function string) []string {
	var names []string
	i := slices.IndexFunc(u.object.Symbols, func(s *object.Symbol) bool {
		return s.Name == function && s.Section != nil && s.IsFunction()
	})
	for _, s := range u.object.Symbols {
		if i >= 0 && s.IsFunction() && s.Section == u.object.Symbols[i].Section && s.Value == u.object.Symbols[i].Value {
			names = append(names, s.Name)
		}
	}
	return append(names, function)
}

func sharedAddress(t *target, others []*firmware.Symbol, why string) error {
	var names []string
	for _, s := range others {
		names = append(names, s.Display)
	}
	return problem.New(problem.SharedAddress, "inject its callers instead, or build with -fno-ipa-icf and flash once",
		"%s at %s shares its code with %s: patching it there would change them all, and %s",
		t.Display, Address(t.Addr), strings.Join(names, ", "), why)
}
