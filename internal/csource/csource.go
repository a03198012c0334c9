// Package csource finds the functions of a C or C++ buffer, lexically: it
// survives half-typed code, macros and conditional compilation, and costs time
// linear in the text. It does not know types, and does not need to.
package csource

import (
	"regexp"
	"sort"
	"strings"
)

// A File is what [Parse] found. Offsets are in bytes.
type File struct {
	Functions []Function // by Start; they do not overlap
	Markers   []Marker   // by Start
}

// A Function is a function definition.
type Function struct {
	Name      string // as the source spells it; in C++ with the names of what it stands in: ns::C::f
	Signature string // from Start to the body, white space folded
	Start     int    // of the declaration, attributes included
	NameStart int
	NameEnd   int
	BodyStart int // of the opening brace
	End       int // behind the closing brace, or the end of the text
	Static    bool
	Inline    bool
}

// A Marker is a comment that asks for the function behind it to be injected on
// save.
type Marker struct {
	Start, End int
	Text       string // what follows a colon
	Function   int    // index in Functions, -1 if none follows
}

// Parse scans the text. Any text gives a File.
func Parse(text []byte) *File {
	p := &parser{lex: lexer{text: text}}
	p.run()
	f := &File{Functions: p.functions, Markers: p.markers}
	for i, m := range f.Markers {
		n := sort.Search(len(f.Functions), func(n int) bool { return f.Functions[n].NameStart > m.Start })
		if f.Markers[i].Function = n; n == len(f.Functions) {
			f.Markers[i].Function = -1
		}
	}
	return f
}

// FunctionAt returns the function whose extent contains the offset. Its end
// counts too: there the cursor stands behind the closing brace.
func (f *File) FunctionAt(offset int) (Function, bool) {
	n := sort.Search(len(f.Functions), func(n int) bool { return f.Functions[n].Start > offset }) - 1
	if n < 0 || offset > f.Functions[n].End {
		return Function{}, false
	}
	return f.Functions[n], true
}

// Marked returns the functions that markers ask for, each once.
func (f *File) Marked() []Function {
	var marked []Function
	last := -1
	for _, m := range f.Markers {
		if m.Function > last {
			last = m.Function
			marked = append(marked, f.Functions[last])
		}
	}
	return marked
}

// marker is FPB_INJECT in its known spellings.
var marker = regexp.MustCompile(`(?i)^[\s*]*fpb[_\- ]?inject[\s*]*(?::([^\n]*))?$`)

// markerText tells whether a comment, without its delimiters, is a marker.
func markerText(comment []byte) (string, bool) {
	if len(comment) > 4096 {
		return "", false
	}
	m := marker.FindSubmatch([]byte(strings.TrimSpace(string(comment))))
	if m == nil {
		return "", false
	}
	return strings.TrimSpace(string(m[1])), true
}
