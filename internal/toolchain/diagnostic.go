package toolchain

import (
	"bytes"
	"path/filepath"
	"strings"
)

// A Diagnostic is a message of the compiler. Lines and columns count from 1,
// columns in bytes; 0 is unknown. The end is behind the last character.
type Diagnostic struct {
	File            string // absolute; the unit's, if the message is about none
	Line, Col       int
	EndLine, EndCol int
	Severity        Severity
	Message         string
	Option          string       // the flag that controls it, as -Wunused
	Related         []Diagnostic // notes
}

// Severity is how bad it is.
type Severity string

const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityNote    Severity = "note"
)

const (
	maxDiagnostics = 1000
	maxNotes       = 100
	maxColumn      = 1 << 30 // of lines and columns: damaged numbers must not overflow anybody's sums
)

// diagnosticFlags asks for messages that can be read back. The command's own
// wishes are dropped with its outputs.
func diagnosticFlags(clang bool) []string {
	if clang {
		return []string{
			"-fno-color-diagnostics", "-fno-caret-diagnostics", "-fdiagnostics-print-source-range-info", "-fdiagnostics-format=clang", "-fmessage-length=0",
			"-Wno-unused-command-line-argument", // those for a linker, which does not run; with -Werror they would be errors
		}
	}
	return []string{"-fdiagnostics-format=json"}
}

// unknownFlag reports whether the compiler complains of a flag of ours that came
// with GCC 8 or 9.
func unknownFlag(output []byte) bool {
	return bytes.Contains(output, []byte("-fdiagnostics-format")) || bytes.Contains(output, []byte("-prefix-map"))
}

func isClang(compiler string) bool { return strings.Contains(programName(compiler), "clang") }

// place is what the paths in messages are relative to.
type place struct {
	dir     string // where the compiler ran
	unit    string // absolute path of the source
	sibling string // absolute path of what was compiled in its place, or empty
}

// locate turns the file of a message into an absolute path, and tells whether
// it is one that the user has.
func (p place) locate(file string) (string, bool) {
	if file == "" || file[0] == '<' || file[0] == '{' { // <command-line>, <inline asm>, {standard input}
		return p.unit, false
	}
	path := absolute(p.dir, file)
	switch {
	case p.sibling != "" && path == p.sibling:
		return p.unit, true
	case filepath.Ext(path) == ".s" && filepath.Ext(p.unit) != ".s":
		return p.unit, false // the compiler's own, from inline assembly
	}
	return path, true
}

// message takes the sibling's name out of a message.
func (p place) message(text string) string {
	if p.sibling == "" {
		return text
	}
	return strings.ReplaceAll(text, filepath.Base(p.sibling), filepath.Base(p.unit))
}

// parseDiagnostics reads GCC's JSON and, for all else, the text forms.
func parseDiagnostics(output []byte, p place) []Diagnostic {
	var found []Diagnostic
	attempts := 16 // of reading JSON: lines that only look like it cost time
	for len(output) > 0 && len(found) < maxDiagnostics {
		if output[0] == '[' && attempts > 0 {
			attempts--
			if messages, rest, ok := gccDiagnostics(output, p); ok {
				found, output = append(found, messages...), rest
				continue
			}
		}
		line, rest, _ := bytes.Cut(output, []byte("\n"))
		output = rest
		d, ok := textDiagnostic(strings.TrimRight(string(line), "\r"), p)
		switch {
		case !ok:
		case d.Severity == SeverityNote && len(found) > 0:
			found[len(found)-1].addNote(d)
		default:
			found = append(found, d)
		}
	}
	return found[:min(len(found), maxDiagnostics)]
}

// addNote adds a note, at the message's own place if it has none.
func (d *Diagnostic) addNote(note Diagnostic) {
	if len(d.Related) >= maxNotes {
		return
	}
	if note.Line == 0 {
		note.File, note.Line, note.Col, note.EndLine, note.EndCol = d.File, d.Line, d.Col, d.EndLine, d.EndCol
	}
	d.Related = append(d.Related, note)
}

// isNoise tells messages that only say that there are others.
func isNoise(message string) bool {
	return strings.HasSuffix(message, "warnings being treated as errors") || strings.HasPrefix(message, "some warnings being treated as errors")
}

// option is the flag without the form that made it an error.
func option(flag string) string {
	flag = strings.TrimPrefix(flag, "-Werror,") // Clang
	if name, ok := strings.CutPrefix(flag, "-Werror="); ok {
		return "-W" + name
	}
	return flag
}
