package objdiff

import (
	"slices"

	"github.com/fpbls/fpbls/internal/linker"
)

// findInlined collects what was inlined into each function of the object.
func (c *comparer) findInlined() {
	c.inlined = make(map[string][]string)
	if c.ObjectDebug == nil {
		return
	}
	for _, name := range c.ObjectDebug.Inlined() {
		for _, site := range c.ObjectDebug.InlinedAt(name) {
			if all := c.inlined[site.Caller]; site.Caller != name && !slices.Contains(all, name) {
				c.inlined[site.Caller] = append(all, name)
			}
		}
	}
}

// relate notes which functions the code of f has to do with.
func (c *comparer) relate(f *Function, m linker.Match) {
	f.Contains = slices.Clone(c.inlined[f.Name])
	if body, err := c.matcher.Body(m.Symbol); err == nil {
		c.gather(f, body, make(map[*linker.Body]bool))
	}
	f.Uses = append(f.Uses, f.Contains...)
	slices.Sort(f.Uses)
	f.Uses = slices.Compact(f.Uses)
	slices.Sort(f.Contains)
	f.Contains = slices.Compact(f.Contains)
}

// called notes whether the function is called in another way than the firmware's.
func (c *comparer) called(f *Function, m linker.Match) {
	if c.ObjectDebug == nil || c.ImageDebug == nil {
		return
	}
	addr, ok := c.ObjectDebug.AddressOf(m.Symbol.Section, m.Symbol.Value)
	if !ok {
		return
	}
	is, known := c.ObjectDebug.Prototype(f.Name, addr)
	was, ok := c.ImageDebug.Prototype(f.Name, m.Target.Addr)
	if ok && known && is.Shape != was.Shape {
		f.Call = &Signature{Was: was.Text, Is: is.Text}
	}
}

// gather collects the functions that the body refers to. Parts and copies belong to
// the function that has them made.
func (c *comparer) gather(f *Function, body *linker.Body, seen map[*linker.Body]bool) {
	seen[body] = true
	for _, r := range body.References {
		switch {
		case r.Kind == linker.RefPart:
			f.Contains = append(f.Contains, c.inlined[r.Linker]...)
			if r.Linker != "" && r.Linker != f.Name {
				f.Contains = append(f.Contains, r.Linker)
			}
			if !seen[r.To] {
				c.gather(f, r.To, seen)
			}
		case r.Kind == linker.RefContent && !seen[r.To]:
			c.gather(f, r.To, seen)
		case r.Linker != "" && r.Linker != f.Name:
			f.Uses = append(f.Uses, r.Linker)
		}
	}
}
