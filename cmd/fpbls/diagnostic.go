package main

import (
	"fmt"
	"io"

	"github.com/fpbls/fpbls/internal/toolchain"
)

// A diagnostic is a message of the compiler as scripts get it. Lines and columns
// count from 1, columns in bytes.
type diagnostic struct {
	File     string             `json:"file"`
	Line     int                `json:"line"`
	Column   int                `json:"column"`
	Severity toolchain.Severity `json:"severity"`
	Message  string             `json:"message"`
	Option   string             `json:"option,omitempty"`
	Related  []diagnostic       `json:"related,omitempty"`
}

func diagnostics(from []toolchain.Diagnostic) (list []diagnostic) {
	for _, d := range from {
		list = append(list, diagnostic{d.File, d.Line, d.Col, d.Severity, d.Message, d.Option, diagnostics(d.Related)})
	}
	return list
}

// text prints it as compilers do, so that editors and terminals find the place.
func (d diagnostic) text(w io.Writer) {
	option := ""
	if d.Option != "" {
		option = " [" + d.Option + "]"
	}
	fmt.Fprintf(w, "%s:%d:%d: %s: %s%s\n", d.File, d.Line, d.Column, d.Severity, d.Message, option)
	for _, r := range d.Related {
		r.text(w)
	}
}
