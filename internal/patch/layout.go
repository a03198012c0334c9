package patch

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ianlancetaylor/demangle"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/objdiff"
	"github.com/fpbls/fpbls/internal/problem"
)

// A LayoutError refuses new code for old data: a type or variable is not what it is in
// the running firmware. In its tree is a layout-changed problem.
type LayoutError struct {
	File    string
	Line    int // of the member, or the variable
	problem *problem.Problem
}

func (e *LayoutError) Error() string { return e.problem.Error() }
func (e *LayoutError) Unwrap() error { return e.problem }

func layoutError(c objdiff.LayoutChange) error {
	at := ""
	if c.Line > 0 {
		at = fmt.Sprintf("%s:%d: ", filepath.Base(c.File), c.Line)
	}
	way := "take that change back, give what is new a name of its own, or flash this change"
	if c.Virtual {
		way = "make it an ordinary method, or flash this change"
	}
	return &LayoutError{c.File, c.Line, problem.New(problem.LayoutChanged, way, "%s%s", at, c.Text)}
}

// checkLayouts compares the types that the targets use with the image's: their code
// works on data that the firmware has laid out.
func (g *gatherer) checkLayouts() error {
	debug, err := g.Image.Debug()
	if err != nil {
		return nil // the linker compares sizes
	}
	for _, u := range g.in.units {
		var targets []*target
		for _, t := range g.in.targets {
			if t.unit == u {
				targets = append(targets, t)
			}
		}
		if len(targets) == 0 || u.debug == nil {
			continue
		}
		was, ok := debug.TypesAt(targets[0].Addr)
		is, also := u.types(targets[0].Name)
		if !ok || !also {
			continue
		}
		if err := (layoutCheck{u, targets, is, was, g.Image, debug}).run(); err != nil {
			return err
		}
	}
	return nil
}

// types are those of the unit; it has the function.
func (u *compiled) types(function string) (*dwarf.Types, bool) {
	addr, ok := u.addressOf(function)
	if !ok {
		return nil, false
	}
	return u.debug.TypesAt(addr)
}

// addressOf is where the unit's debug information has the function.
func (u *compiled) addressOf(function string) (uint32, bool) {
	for _, s := range u.object.Symbols {
		if s.Name == function && s.Section != nil && s.IsFunction() {
			return u.debug.AddressOf(s.Section, s.Value)
		}
	}
	return 0, false
}

// layoutCheck compares the types of one unit.
type layoutCheck struct {
	unit    *compiled
	targets []*target
	is, was *dwarf.Types
	image   *firmware.Image
	debug   *dwarf.Info // of the image
}

func (c layoutCheck) run() error {
	var types []string
	for _, t := range c.targets {
		types = append(types, c.is.Functions[t.Name]...)
		if t.function == nil {
			continue
		}
		for _, name := range t.function.Uses {
			types = append(types, c.is.Functions[name]...)
			v, ok := c.is.Variables[name]
			if !ok {
				name = unnamed(name)
				if v, ok = c.is.Variables[name]; !ok {
					continue
				}
			}
			types = append(types, v.Types...)
			if old, ok := c.was.Variables[name]; ok && old.Form != v.Form {
				return layoutError(objdiff.LayoutChange{Name: name, File: c.source(v.File), Line: v.Line, Text: fmt.Sprintf(
					"variable %s is a %s in the running firmware, which keeps it as it is, and a %s here", name, old.Type, v.Type)})
			}
		}
	}
	for name, l := range c.is.Layouts {
		if len(l.Virtuals) > 0 || len(c.was.Layouts[name].Virtuals) > 0 {
			types = append(types, name) // a call through the wrong table goes anywhere
		}
	}
	slices.Sort(types)
	for _, name := range slices.Compact(types) {
		is, ok := c.is.Layouts[name]
		was, known := c.was.Layouts[name]
		if !ok || !known {
			continue
		}
		if change, differs := objdiff.CompareLayout(is, was); differs && (change.Virtual || !c.private(is)) {
			change.File = c.source(change.File)
			return layoutError(change)
		}
	}
	return nil
}

// unnamed is what debug information has in place of the linker name of a variable in an
// unnamed namespace; empty for others.
func unnamed(linker string) string {
	_, name, _ := strings.Cut(demangle.Filter(linker, demangle.NoParams), "(anonymous namespace)::")
	return name
}

// source is the file as the unit's path names it.
func (c layoutCheck) source(file string) string {
	if dwarf.SameFile(file, c.unit.path) > 0 {
		return c.unit.path
	}
	return file
}

// private reports whether no value of the type outlives the functions that are
// replaced: it is declared in this file, no variable leads to it, and all functions
// that use it are targets, or compile to the code that the firmware has.
func (c layoutCheck) private(l dwarf.Layout) bool {
	if dwarf.SameFile(l.File, c.unit.path) == 0 {
		return false
	}
	for _, v := range c.was.Variables {
		if slices.Contains(v.Types, l.Name) {
			return false
		}
	}
	target := func(name string) bool {
		return slices.ContainsFunc(c.targets, func(t *target) bool { return t.Name == name })
	}
	for name, types := range c.was.Functions {
		// What has no symbol is part of others, which then are changed as well.
		if slices.Contains(types, l.Name) && !target(name) && !c.same(name) && len(c.image.Lookup(name)) > 0 {
			return false
		}
	}
	return !slices.ContainsFunc(c.debug.StaticLocals(), func(s dwarf.StaticLocal) bool {
		return target(s.Function) && slices.Contains(c.was.Functions[s.Function], l.Name)
	})
}

func (c layoutCheck) same(function string) bool {
	return c.unit.report != nil && slices.ContainsFunc(c.unit.report.Functions, func(f objdiff.Function) bool {
		return f.Name == function && f.Verdict == objdiff.Same
	})
}
