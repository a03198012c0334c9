package linker

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
)

// A root is a function to replace.
type root struct {
	symbol *object.Symbol
	piece  *piece
	target *firmware.Symbol
	inner  bool // see [Root]
}

// findRoots resolves the names and claims the parts that the compiler made of
// the functions.
func (b *binder) findRoots() error {
	for i, u := range b.units {
		if err := b.findRootsOf(u, b.in.Units[i].Roots); err != nil {
			return err
		}
	}
	if len(b.roots) == 0 {
		return problem.New(problem.Usage, "name a function", "no function was chosen")
	}
	return nil
}

func (b *binder) findRootsOf(u *unit, roots []Root) error {
	first := len(b.roots)
	for _, chosen := range roots {
		r, err := b.findRoot(u, chosen.Name)
		if err != nil {
			return err
		}
		r.inner = chosen.Inner
		b.roots = append(b.roots, r)
		if r.piece.root == nil {
			r.piece.root = r
		}
		b.places[r.piece] = place{piece: r.piece}
	}
	for _, s := range u.object.Symbols {
		if s.Section == nil || !s.IsFunction() || !isPart(s.Name) {
			continue
		}
		i := slices.IndexFunc(b.roots[first:], func(r *root) bool { return r.symbol.Name == wholeName(s.Name) })
		if i < 0 {
			continue
		}
		if p := find(u.split(s.Section), s.Value); p != nil && p.root == nil {
			p.root = b.roots[first+i]
		}
	}
	return nil
}

// innerRoot returns the root without a comparator that other units mean by the
// name, nil if there is none.
func (b *binder) innerRoot(name string) *root {
	for _, r := range b.roots {
		if r.inner && r.symbol.Name == name && r.symbol.Bind != elf.STB_LOCAL {
			return r
		}
	}
	return nil
}

func (b *binder) findRoot(u *unit, name string) (*root, error) {
	var there []*firmware.Symbol
	for _, f := range b.image.Lookup(name) {
		if f.Kind == firmware.Function {
			there = append(there, f)
		}
	}
	here := functionsNamed(u, name, there)
	switch {
	case len(there) == 0 && len(here) == 0:
		hint := "check the name with \"fpbls symbols\""
		if near := b.image.Near(name); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, ", ") + "?"
		}
		return nil, problem.New(problem.NoSuchFunction, hint, "neither %s nor the firmware has a function %s", base(u.name), name)
	case len(there) == 0:
		return nil, problem.New(problem.NotInImage,
			"inject the functions that call it instead"+b.callers(b.image.debug, here[0].Name)+", or declare it __attribute__((noinline)) and flash once",
			"%s is in %s, but the firmware has no such function: the compiler inlined it everywhere or the linker removed it",
			display(here[0].Name), base(u.name))
	case len(here) == 0:
		return nil, b.notCompiled(u, there[0])
	}

	s := here[0]
	for _, other := range here[1:] {
		if other.Name != s.Name {
			return nil, problem.New(problem.AmbiguousName, "name one of them with its parameters",
				"%s stands for %s and for %s", name, display(s.Name), display(other.Name))
		}
	}
	target, err := b.rootTarget(u, s, there)
	if err != nil {
		return nil, err
	}
	p := find(u.split(s.Section), s.Value)
	if p == nil || p.class != code {
		return nil, problem.New(problem.CannotLink, "flash this change",
			"%s lies in section %s, which cannot be moved into a running firmware", display(s.Name), s.Section.Name)
	}
	return &root{symbol: s, piece: p, target: target}, nil
}

// functionsNamed finds the object's functions that the name stands for: by
// linker name, by the linker names of what it means in the image, or by
// demangled name.
func functionsNamed(u *unit, name string, there []*firmware.Symbol) []*object.Symbol {
	var found []*object.Symbol
	for _, s := range u.object.Symbols {
		if s.Section == nil || !s.IsFunction() {
			continue
		}
		shown := display(s.Name)
		switch {
		case s.Name == name:
			return []*object.Symbol{s}
		case slices.ContainsFunc(there, func(f *firmware.Symbol) bool { return f.Name == s.Name }),
			shown == name, strings.HasPrefix(shown, name+"("):
			found = append(found, s)
		}
	}
	return found
}

// rootTarget picks the image's function that the object's one replaces.
func (b *binder) rootTarget(u *unit, s *object.Symbol, there []*firmware.Symbol) (*firmware.Symbol, error) {
	all := slices.DeleteFunc(slices.Clone(there), func(f *firmware.Symbol) bool { return f.Name != s.Name })
	if len(all) == 0 {
		return nil, problem.New(problem.NotInImage, "inject the functions that call it instead",
			"the firmware has %s, but not %s", there[0].Display, display(s.Name))
	}
	here, unknown := b.image.inFile(u.name, all)
	if len(here) > 1 || len(here) == 0 && len(unknown) > 1 {
		var at []string
		for _, f := range all {
			at = append(at, fmt.Sprintf("0x%08x", f.Addr))
		}
		return nil, problem.New(problem.AmbiguousName, "rename one of them and flash once",
			"the firmware has several functions %s in files named %s, at %s", display(s.Name), base(u.name), strings.Join(at, ", "))
	}
	var target *firmware.Symbol
	switch {
	case len(here) == 1:
		target = here[0]
	case len(unknown) == 1:
		target = unknown[0]
	case s.Section.Group != nil:
		// Inline functions of C++ stand in any file that uses them; of those the
		// linker keeps one.
		target = pickGlobal(all)
	}
	if s.IsWeak() && s.Section.Group == nil && (target == nil || !target.Weak) {
		return nil, problem.New(problem.NotInImage, "edit the definition that overrides it, or flash this change",
			"%s in %s is a weak default, and the firmware uses another definition%s", display(s.Name), base(u.name), b.from(all[0]))
	}
	if target == nil {
		return nil, problem.New(problem.NotInImage, "edit that file instead, or flash this change",
			"the firmware has %s%s, but not the one of %s", all[0].Display, b.from(all[0]), base(u.name))
	}
	return target, nil
}

// from says which file the function is from, if that is known.
func (b *binder) from(f *firmware.Symbol) string {
	if file := b.image.fileOf(f); file != "" {
		return ", from " + base(file)
	}
	return ""
}

// notCompiled says why the object lacks a function that the image has.
func (b *binder) notCompiled(u *unit, f *firmware.Symbol) error {
	for _, s := range u.object.Symbols {
		if s.Section != nil && s.IsFunction() && isPart(s.Name) && wholeName(s.Name) == f.Name {
			return problem.New(problem.NoSuchFunction, "inject the functions that call it instead",
				"the compiler made a specialised copy, %s, and no %s of %s", s.Name, f.Display, base(u.name))
		}
	}
	if callers := b.callers(u.debug, f.Name); callers != "" {
		return problem.New(problem.NoSuchFunction, "inject the functions that call it instead"+callers,
			"the compiler now inlines %s everywhere in %s", f.Display, base(u.name))
	}
	return problem.New(problem.NoSuchFunction, "is it in another file, switched off by the preprocessor, or not called any more?",
		"the firmware has %s, but compiling %s gave no such function", f.Display, base(u.name))
}
