package patch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/linker"
)

// A Note is worth knowing about a patch, and no reason to refuse it. Outside of the
// program it is its text.
type Note struct {
	Code     NoteCode
	Function string // linker name; empty if it is about the unit
	Unit     string // source file that it is about; empty: the one that was asked for
	Text     string

	Inlined []dwarf.InlineSite // of NoteInlined
}

func (n Note) MarshalText() ([]byte, error) { return []byte(n.Text), nil }

func (n *Note) UnmarshalText(text []byte) error {
	n.Text = string(text)
	return nil
}

// NoteCode tells notes apart.
type NoteCode string

const (
	NoteBuild    NoteCode = "note"         // how the patch was built
	NoteInlined  NoteCode = "inlined"      // other functions have copies of the old code
	NoteOnce     NoteCode = "entered-once" // the new code will not run
	NoteCompiler NoteCode = "compiler"     // another compiler has built the firmware
	NoteGroup    NoteCode = "group"        // a function was injected that nobody has named
	NoteLeftOut  NoteCode = "left-out"     // a function differs and would not run
	NoteEarly    NoteCode = "early"        // it runs before the loader does, after a reset
)

// NoteCodes lists them.
var NoteCodes = []NoteCode{NoteBuild, NoteInlined, NoteOnce, NoteCompiler, NoteGroup, NoteLeftOut, NoteEarly}

func (in *Injection) note(text string) {
	in.notes = append(in.notes, Note{Code: NoteBuild, Text: text})
}

// addNotes adds what the linker has to say.
func (r *Result) addNotes(p *linker.Patch) {
	for _, text := range p.Notes {
		r.Notes = append(r.Notes, Note{Code: NoteBuild, Text: text})
	}
}

// look notes what keeps the injection from doing what its user expects.
func (in *Injection) look() {
	for _, u := range in.units {
		if n, ok := u.otherCompiler(in.image); ok {
			in.notes = append(in.notes, n)
		}
	}
	for _, t := range in.targets {
		if n, ok := in.inlined(t); ok {
			in.notes = append(in.notes, n)
		}
		if why := EnteredOnce(in.image, t.Symbol); why != "" {
			t.once = true
			in.notes = append(in.notes, Note{Code: NoteOnce, Function: t.Name, Unit: t.unit.path, Text: why})
		} else if in.image.RunsEarly(t.Symbol) {
			// DDI 0403E C1.11: only a power-on reset clears the comparators, while RAM is set up anew.
			in.notes = append(in.notes, Note{Code: NoteEarly, Function: t.Name, Unit: t.unit.path, Text: fmt.Sprintf(
				"%s may run before the loader does: after a reset its comparator is still armed then. If the board does not come up, power-cycle it", t.Display)})
		}
	}
}

// EnteredOnce says that a patch of the function would not run, and why; empty if it
// would, as far as the image tells.
func EnteredOnce(image *firmware.Image, f *firmware.Symbol) string {
	why := image.EnteredOnce(f)
	if why == "" {
		return ""
	}
	return fmt.Sprintf("%s %s: where it runs already it is never entered again, and a patch of it does not run. Inject what it calls, or flash the change", f.Display, why)
}

// inlined tells who has a copy of the function and is not injected with it.
func (in *Injection) inlined(t *target) (Note, bool) {
	debug, err := in.image.Debug()
	if err != nil {
		return Note{}, false // without debug information nobody knows
	}
	n := Note{Code: NoteInlined, Function: t.Name, Unit: t.unit.path}
	var callers []string
	for _, site := range debug.InlinedAt(t.Name) {
		if slices.ContainsFunc(in.targets, func(t *target) bool { return t.Name == site.Caller }) {
			continue
		}
		n.Inlined = append(n.Inlined, site)
		callers = append(callers, site.Caller)
	}
	slices.Sort(callers)
	n.Text = fmt.Sprintf("%s was inlined into %s, which go on with the old code: inject them as well", t.Display, strings.Join(slices.Compact(callers), ", "))
	return n, len(callers) > 0
}

// otherCompiler tells that the unit of the image was compiled by another compiler,
// or another version, than the patch.
func (u *compiled) otherCompiler(image *firmware.Image) (Note, bool) {
	debug, err := image.Debug()
	if err != nil || u.debug == nil || len(u.debug.Units()) == 0 {
		return Note{}, false
	}
	unit, ok := debug.UnitOf(u.path)
	now, was := u.debug.Units()[0].Compiler(), unit.Compiler()
	return Note{Code: NoteCompiler, Text: fmt.Sprintf(
		"the firmware was compiled by %s, the patch by %s: layouts and calling details may differ. Use the same one, or flash what this one builds",
		was, now)}, ok && was != "" && now != "" && was != now
}
