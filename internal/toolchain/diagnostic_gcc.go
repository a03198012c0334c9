package toolchain

import (
	"bytes"
	"encoding/json"
	"strings"
)

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

// gccDiagnostics reads one array of messages, on one line or, since GCC 14, on
// several, and returns what follows it.
func gccDiagnostics(output []byte, p place) (found []Diagnostic, rest []byte, ok bool) {
	d := json.NewDecoder(bytes.NewReader(output))
	var messages []gccMessage
	if d.Decode(&messages) != nil {
		return nil, output, false
	}
	for _, m := range messages[:min(len(messages), maxDiagnostics)] {
		if !isNoise(m.Message) {
			found = append(found, m.diagnostic(p))
		}
	}
	return found, output[d.InputOffset():], true
}

func (m gccMessage) diagnostic(p place) Diagnostic {
	d := Diagnostic{File: p.unit, Severity: severity(m.Kind), Message: p.message(m.Message), Option: option(m.Option)}
	if len(m.Locations) > 0 {
		at := m.Locations[0]
		var known bool
		if d.File, known = p.locate(at.Caret.File); known {
			d.setRange(at.Caret.Line, at.Caret.column())
			// finish is the last character.
			if f := at.Finish; f != nil && f.File == at.Caret.File {
				d.setEnd(f.Line, f.column()+1)
			}
		}
	}
	for _, child := range m.Children[:min(len(m.Children), maxNotes)] {
		child.Children = nil
		d.addNote(child.diagnostic(p))
	}
	return d
}

// setRange sets the place to one character.
func (d *Diagnostic) setRange(line, col int) {
	if line < 1 || line > maxColumn || col < 0 || col > maxColumn {
		return
	}
	d.Line, d.Col = line, col
	if d.EndLine = line; col > 0 {
		d.EndCol = col + 1
	}
}

// setEnd moves the end, if that makes the range longer.
func (d *Diagnostic) setEnd(line, col int) {
	if line <= maxColumn && col <= maxColumn && (line > d.EndLine || line == d.EndLine && col > d.EndCol) && d.Col > 0 {
		d.EndLine, d.EndCol = line, col
	}
}

// severity reads GCC's kinds and Clang's and the assembler's levels.
func severity(kind string) Severity {
	switch strings.ToLower(kind) {
	case "warning":
		return SeverityWarning
	case "note", "remark":
		return SeverityNote
	}
	return SeverityError // error, fatal error, sorry, internal compiler error
}
