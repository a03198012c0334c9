package toolchain

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// A Diagnostic is a message of the compiler. Lines and columns count from 1,
// columns in bytes; 0 is unknown. The end is behind the last character.
type Diagnostic struct {
	File            string // absolute
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
)

// diagnosticFlags asks for messages that can be read back.
func diagnosticFlags(compiler string) []string {
	if isClang(compiler) {
		return []string{"-fno-color-diagnostics", "-fno-caret-diagnostics"}
	}
	return []string{"-fdiagnostics-format=json"}
}

func isClang(compiler string) bool { return strings.Contains(programName(compiler), "clang") }

// parseDiagnostics reads GCC's JSON, one array on a line, and for all else the
// classic text form.
func parseDiagnostics(output []byte, dir string) []Diagnostic {
	var found []Diagnostic
	for line := range bytes.Lines(output) {
		line = bytes.TrimSpace(line)
		if len(found) >= maxDiagnostics {
			break
		}
		if bytes.HasPrefix(line, []byte("[")) {
			var messages []gccMessage
			if json.Unmarshal(line, &messages) == nil {
				for _, m := range messages {
					found = append(found, m.diagnostic(dir, true))
				}
				continue
			}
		}
		d, ok := textDiagnostic(string(line), dir)
		switch {
		case !ok:
		case d.Severity == SeverityNote && len(found) > 0:
			if last := &found[len(found)-1]; len(last.Related) < maxNotes {
				last.Related = append(last.Related, d)
			}
		default:
			found = append(found, d)
		}
	}
	return found[:min(len(found), maxDiagnostics)]
}

// gccMessage is a message of -fdiagnostics-format=json (GCC manual, Diagnostic
// Message Formatting Options).
type gccMessage struct {
	Kind      string `json:"kind"`
	Message   string `json:"message"`
	Option    string `json:"option"`
	Locations []struct {
		Caret  gccPosition  `json:"caret"`
		Finish *gccPosition `json:"finish"`
	} `json:"locations"`
	Children []gccMessage `json:"children"`
}

type gccPosition struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Byte   int    `json:"byte-column"` // GCC 11 and later; Column counts bytes before
}

func (p gccPosition) column() int {
	if p.Byte > 0 {
		return p.Byte
	}
	return p.Column
}

func (m gccMessage) diagnostic(dir string, children bool) Diagnostic {
	d := Diagnostic{Severity: severity(m.Kind), Message: m.Message, Option: m.Option}
	if len(m.Locations) > 0 {
		l := m.Locations[0]
		d.File, d.Line, d.Col = absolute(dir, l.Caret.File), l.Caret.Line, l.Caret.column()
		d.EndLine, d.EndCol = d.Line, d.Col+1
		if f := l.Finish; f != nil && (f.Line > d.Line || f.Line == d.Line && f.column() >= d.Col) {
			d.EndLine, d.EndCol = f.Line, f.column()+1
		}
	}
	if children {
		for _, c := range m.Children[:min(len(m.Children), maxNotes)] {
			d.Related = append(d.Related, c.diagnostic(dir, false))
		}
	}
	return d
}

func severity(kind string) Severity {
	switch kind {
	case "warning":
		return SeverityWarning
	case "note":
		return SeverityNote
	}
	return SeverityError // error, fatal error, sorry, internal compiler error
}

var textForm = regexp.MustCompile(`^(.+?):(\d+):(?:(\d+):)? (fatal error|error|warning|note): (.*?)(?: \[(-W[^\]]+)\])?$`)

// textDiagnostic reads "file:line:column: error: message [-Woption]".
func textDiagnostic(line, dir string) (Diagnostic, bool) {
	m := textForm.FindStringSubmatch(line)
	if m == nil {
		return Diagnostic{}, false
	}
	number, err := strconv.Atoi(m[2])
	if err != nil {
		return Diagnostic{}, false
	}
	col, _ := strconv.Atoi(m[3])
	d := Diagnostic{File: absolute(dir, m[1]), Line: number, Col: col, EndLine: number, Severity: severity(m[4]), Message: m[5], Option: m[6]}
	if col > 0 {
		d.EndCol = col + 1
	}
	return d, true
}
