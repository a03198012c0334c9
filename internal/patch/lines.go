package patch

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/ianlancetaylor/demangle"

	"github.com/fpbls/fpbls/internal/csource"
	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/toolchain"
)

// A renumbered text is a source whose functions say that they stand on the
// lines where they stood when the firmware was built. What __LINE__ makes of a
// function, in an assertion or a log message, is then what it was: lines that
// were inserted above change nothing.
type renumbered struct {
	text      []byte
	runs      []lineRun
	functions map[functionLine]int // where they really stand
}

// A functionLine is a function and the number of the line that declares it.
type functionLine struct {
	name string
	line int
}

// A lineRun is a range of lines with their numbers.
type lineRun struct{ actual, presumed int }

// renumber puts #line directives in front of the functions that moved. It
// returns nil if none did.
func renumber(text []byte, debug *dwarf.Info, unit string) *renumbered {
	if debug == nil {
		return nil
	}
	u, ok := debug.UnitOf(unit)
	if !ok {
		return nil
	}
	there := make(map[string][]int)
	for linkage, line := range debug.Declared(u) {
		name := SourceName(linkage)
		there[name] = append(there[name], line)
	}
	functions := csource.Parse(text).Functions
	count := make(map[string]int)
	for _, f := range functions {
		count[f.Name]++
	}
	r := &renumbered{runs: []lineRun{{1, 1}}, functions: make(map[functionLine]int)}
	var out bytes.Buffer
	done, moved, seen := 0, false, make(map[string]int)
	for _, f := range functions {
		lines := there[f.Name]
		slices.Sort(lines)
		n := seen[f.Name]
		seen[f.Name]++
		if len(lines) == 0 || len(lines) != 1 && len(lines) != count[f.Name] {
			continue // it cannot be told which is which
		}
		was := lines[min(n, len(lines)-1)]
		start := bytes.LastIndexByte(text[:f.Start], '\n') + 1
		if start < done || len(bytes.TrimSpace(text[start:f.Start])) > 0 || bytes.HasSuffix(text[:start], []byte("\\\n")) {
			continue
		}
		first := 1 + bytes.Count(text[:start], []byte("\n"))
		presumed := was - bytes.Count(text[start:f.NameStart], []byte("\n"))
		r.functions[functionLine{f.Name, was}] = first + was - presumed
		if last := r.runs[len(r.runs)-1]; was <= 0 || presumed <= 0 || presumed-first == last.presumed-last.actual {
			continue
		}
		out.Write(text[done:start])
		fmt.Fprintf(&out, "#line %d\n", presumed)
		done, moved = start, true
		r.runs = append(r.runs, lineRun{first, presumed})
	}
	if !moved {
		return nil
	}
	out.Write(text[done:])
	r.text = out.Bytes()
	return r
}

// declared returns the line that really declares the function.
func (r *renumbered) declared(linkage string, presumed int) int {
	if r == nil {
		return presumed
	}
	if line, ok := r.functions[functionLine{SourceName(linkage), presumed}]; ok {
		return line
	}
	return r.actual(presumed, presumed)
}

// actual returns the line that was given the number. near is the number's
// function: several lines can have one number.
func (r *renumbered) actual(presumed, near int) int {
	if r == nil || presumed == 0 {
		return presumed
	}
	best := 0
	for i, run := range r.runs {
		line := presumed - run.presumed + run.actual
		if line < run.actual || i+1 < len(r.runs) && line >= r.runs[i+1].actual {
			continue
		}
		if best == 0 || abs(line-near) < abs(best-near) {
			best = line
		}
	}
	return best
}

// correct gives a message of the compiler its line.
func (r *renumbered) correct(d *toolchain.Diagnostic, unit string) {
	if r != nil && d.File == unit {
		d.Line, d.EndLine = r.actual(d.Line, d.Line), r.actual(d.EndLine, d.EndLine)
	}
}

func abs(n int) int { return max(n, -n) }

// SourceName is the name as csource gives it: without parameters and template
// arguments.
func SourceName(linkage string) string {
	if !strings.HasPrefix(linkage, "_Z") {
		return linkage
	}
	return demangle.Filter(linkage, demangle.NoParams, demangle.NoTemplateParams)
}
