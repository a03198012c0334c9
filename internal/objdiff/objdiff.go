// Package objdiff finds out which functions of a freshly compiled unit differ
// from the running image: what differs is what was edited.
//
// Code is compared through its relocations: a call is the same if it goes to
// the same function, a reference to a variable if it is bound to the same
// address, a reference to a constant if the image holds equal content behind its
// pointer, pointers in it included. What a reference binds to is decided as for a
// patch, by [linker.Matcher]. Parts and specialised copies that the compiler
// made of a function count as code of those who call them.
//
// The unit must have been compiled with exactly the command of the image's: any
// other flag changes code. What makes every comparison void, such as another
// compiler, is an error and never a list of changes.
//
// The package is pure: it does no I/O and keeps no state.
package objdiff

import (
	"cmp"
	"slices"
	"time"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/linker"
	"github.com/fpbls/fpbls/internal/object"
)

// Input is what is compared.
type Input struct {
	Object *object.Object
	Image  *firmware.Image
	Unit   string // source path of the object

	// Debug information tells statics apart and gives lines. Either may be nil.
	ObjectDebug, ImageDebug *dwarf.Info

	// Date is what __DATE__ and __TIME__ stand for in the object, in UTC: a time
	// that nobody would write. In its place the image may have any other. Zero: they
	// are compared like any string.
	Date time.Time
}

// Verdict says how a function stands to the image.
type Verdict string

// Verdicts.
const (
	Same    Verdict = "same"
	Changed Verdict = "changed"
	New     Verdict = "new"    // the firmware does not know it
	Absent  Verdict = "absent" // the firmware was built with it, but has no code of its own for it: inlined, removed or overridden
	Gone    Verdict = "gone"   // the firmware has it, the unit has no code for it any more
)

// A Function is a function of the unit.
type Function struct {
	Name    string           `json:"name"` // linker name
	Verdict Verdict          `json:"verdict"`
	Reasons []Reason         `json:"reasons,omitempty"` // of Changed: the first differences
	Line    int              `json:"line,omitempty"`    // of the declaration
	Target  *firmware.Symbol `json:"-"`                 // nil for New and Absent

	Uses     []string   `json:"-"` // functions that it calls or that its code contains, and variables, by linker name
	Contains []string   `json:"-"` // those of them that were inlined into it, or split or copied for it
	Call     *Signature `json:"-"` // how it is called, if that has changed
}

// A Signature is how a function was called and how it is now.
type Signature struct {
	Was, Is string // in C
}

// A Reason is a difference, in words.
type Reason struct {
	Text   string `json:"text"`
	Offset uint32 `json:"offset"` // in the function's new code
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"` // of the instruction, 0 if unknown; File may be a header
}

// A Report is what the comparison found.
type Report struct {
	Unit      string
	Functions []Function // by name
	Notes     []string   // what the user should know
}

// Changed lists the functions that differ from the image.
func (r *Report) Changed() []Function {
	return slices.DeleteFunc(slices.Clone(r.Functions), func(f Function) bool { return f.Verdict != Changed })
}

// Compare compares every function of the object with the image.
func Compare(in Input) (*Report, error) {
	if err := comparable(in); err != nil {
		return nil, err
	}
	c := &comparer{
		Input:   in,
		matcher: linker.NewMatcher(linker.Unit{Object: in.Object, Debug: in.ObjectDebug, Path: in.Unit}, in.Image, in.ImageDebug),
		known:   make(map[pair]*difference),
	}
	if in.ImageDebug != nil {
		unit, _ := in.ImageDebug.UnitOf(in.Unit)
		c.declared = in.ImageDebug.Declared(unit)
	}
	c.findInlined()
	r := &Report{Unit: in.Unit}
	here := make(map[string]bool)
	for _, m := range c.matcher.Functions() {
		if here[m.Symbol.Name] {
			continue
		}
		here[m.Symbol.Name] = true
		f := Function{Name: m.Symbol.Name, Target: m.Target, Line: c.lineOf(m.Symbol)}
		c.relate(&f, m)
		switch {
		case m.Target != nil:
			f.Verdict, f.Reasons = Same, c.function(m)
			if len(f.Reasons) > 0 {
				f.Verdict = Changed
				c.called(&f, m)
			}
		case m.Err != nil, c.declares(m.Symbol):
			f.Verdict = Absent
		default:
			f.Verdict = New
		}
		r.Functions = append(r.Functions, f)
	}
	r.Functions = append(r.Functions, c.gone(here)...)
	slices.SortFunc(r.Functions, func(a, b Function) int { return cmp.Compare(a.Name, b.Name) })
	r.Notes = slices.Clone(c.matcher.Notes())
	return r, c.plausible(r)
}

// declares reports whether the image's unit has defined the function, which then was
// inlined or left out. Of the variants of a constructor, which are one place in the
// object, debug information names one.
func (c *comparer) declares(s *object.Symbol) bool {
	return slices.ContainsFunc(c.Object.Symbols, func(o *object.Symbol) bool {
		return o.Section == s.Section && o.Value == s.Value && c.declared[o.Name] > 0
	})
}

// gone lists the functions of the unit that the image has and the object has not.
func (c *comparer) gone(here map[string]bool) []Function {
	if c.ImageDebug == nil {
		return nil
	}
	unit, _ := c.ImageDebug.UnitOf(c.Unit)
	var all []Function
	for _, s := range c.Image.Functions() {
		line, ok := c.declared[s.Name]
		if path, known := c.ImageDebug.PathAt(s.Addr); ok && !here[s.Name] && known && path == unit.Path() {
			here[s.Name] = true
			all = append(all, Function{Name: s.Name, Verdict: Gone, Line: line, Target: s})
		}
	}
	return all
}

// lineOf returns the line that declares the function.
func (c *comparer) lineOf(s *object.Symbol) int {
	if c.ObjectDebug == nil {
		return 0
	}
	if addr, ok := c.ObjectDebug.AddressOf(s.Section, s.Value); ok {
		if f, ok := c.ObjectDebug.FunctionAt(addr); ok && f.Low == addr {
			return f.Line
		}
	}
	return 0
}
