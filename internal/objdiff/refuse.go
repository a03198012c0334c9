package objdiff

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/problem"
)

// comparable refuses what makes every comparison void.
func comparable(in Input) error {
	unit := path.Base(in.Unit)
	for _, s := range in.Object.Sections {
		if strings.HasPrefix(s.Name, ".gnu.lto_") {
			return problem.New(problem.CannotCompare, "build the firmware without -flto, and flash it",
				"%s is compiled for link-time optimisation: its object holds no code that could be compared", unit)
		}
	}
	if in.ImageDebug == nil || in.ObjectDebug == nil {
		return nil
	}
	there, ok := in.ImageDebug.UnitOf(in.Unit)
	if !ok {
		return problem.New(problem.CannotCompare, "is it part of this firmware, and compiled with -g?",
			"the debug information of %s does not mention %s", path.Base(in.Image.Path()), unit)
	}
	here, ok := in.ObjectDebug.UnitOf(in.Unit)
	if !ok {
		return nil
	}
	if a, b := here.Compiler(), there.Compiler(); a != b {
		return problem.New(problem.CannotCompare, "compile with the compiler that built the firmware, or build and flash it with this one",
			"%s was compiled by %s for the firmware, and now by %s: all code differs", unit, cmp.Or(b, unknown), cmp.Or(a, unknown))
	}
	return nil
}

const unknown = "an unknown compiler"

// plausible doubts a result that no edit explains: without debug information
// nothing else tells that the compiler is another one.
func (c *comparer) plausible(r *Report) error {
	if c.ImageDebug != nil {
		return nil
	}
	same, compared := 0, 0
	for _, f := range r.Functions {
		switch f.Verdict {
		case Same:
			same++
			compared++
		case Changed:
			compared++
		}
	}
	if same == 0 && compared > 1 {
		return problem.New(problem.CannotCompare, "build the firmware with -g, so that it tells its compiler, and flash it",
			"all %d functions of %s differ from %s, which has no debug information: it may be built by another compiler or with other flags",
			compared, path.Base(r.Unit), path.Base(c.Image.Path()))
	}
	note := fmt.Sprintf("%s has no debug information: static variables are told apart by their names alone", path.Base(c.Image.Path()))
	if _, err := c.Image.Debug(); err != nil {
		if _, where, ok := strings.Cut(err.Error(), dwarf.ErrNone.Error()+": "); ok {
			note += "; " + where // its debug file is not there
		}
	}
	r.Notes = append(r.Notes, note)
	return nil
}
