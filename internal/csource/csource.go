// Package csource finds the functions of a C or C++ buffer, lexically: it
// survives half-typed code, macros and conditional compilation, and costs time
// linear in the text. It does not know types, and does not need to.
//
// Where braces do not match, indentation decides, as it does for a reader: a
// function that begins in the first column ends at a closing brace there, or
// where the head of the next one stands. Both branches of a conditional count,
// those of "#if 0" do not.
package csource

import (
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
	Signature string // what stands before the body, on one line, without comments and constructors' initialisers
	Start     int    // of the declaration, attributes and template parameters included
	NameStart int
	NameEnd   int
	BodyStart int // of the opening brace
	End       int // behind the closing brace, or where it is missing
	Static    bool
	Inline    bool
}

// A Marker is a comment that asks for a function to be injected on save.
type Marker struct {
	Start, End int
	Text       string // what follows a colon
	Function   int    // index in Functions of the one it stands in, or in front of; -1 if none follows
}

// Parse scans the text. Any text gives a File.
func Parse(text []byte) *File {
	p := &parser{lex: lexer{text: text}}
	p.run()
	f := &File{Functions: p.functions, Markers: p.markers}
	for i := range f.Markers {
		m := &f.Markers[i]
		m.Function = sort.Search(len(f.Functions), func(n int) bool { return f.Functions[n].End > m.Start })
		if m.Function == len(f.Functions) {
			m.Function = -1
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

// markerText tells whether a comment, without its delimiters, is a marker:
// FPB_INJECT in any case, with an underscore, a hyphen, a blank or nothing
// between, alone or followed by a colon and a text.
func markerText(comment string) (text string, ok bool) {
	const decoration = " \t\r\n*/!<"
	rest := strings.TrimLeft(comment, decoration)
	if rest, ok = cutPrefixFold(rest, "fpb"); !ok {
		return "", false
	}
	if rest != "" && strings.ContainsRune("_- ", rune(rest[0])) {
		rest = rest[1:]
	}
	if rest, ok = cutPrefixFold(rest, "inject"); !ok {
		return "", false
	}
	rest = strings.TrimLeft(rest, decoration)
	if text, ok = strings.CutPrefix(rest, ":"); !ok {
		return "", rest == ""
	}
	return strings.Join(strings.Fields(text), " "), true
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
