package workspace

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTextPositions(t *testing.T) {
	// 😀 is 4 bytes and 2 UTF-16 units, é 2 bytes and 1 unit.
	text := NewText([]byte("\ufeffaé😀z\r\nb\rc\n\nd"))
	for _, tt := range []struct {
		encoding  Encoding
		line, ch  int
		offset    int
		line2, c2 int // where the offset is, if that differs
	}{
		{UTF16, 0, 0, 0, 0, 0},
		{UTF16, 0, 1, 3, 0, 1},
		{UTF16, 0, 2, 4, 0, 2},
		{UTF16, 0, 3, 6, 0, 3},
		{UTF16, 0, 4, 6, 0, 3}, // between the surrogates
		{UTF16, 0, 5, 10, 0, 5},
		{UTF16, 0, 6, 11, 0, 6},
		{UTF16, 0, 99, 11, 0, 6}, // beyond the line
		{UTF16, 1, 0, 13, 1, 0},
		{UTF16, 1, 1, 14, 1, 1},
		{UTF16, 2, 1, 16, 2, 1},
		{UTF16, 3, 0, 17, 3, 0},
		{UTF16, 3, 7, 17, 3, 0},
		{UTF16, 4, 1, 19, 4, 1},
		{UTF16, 5, 0, 19, 4, 1}, // beyond the text
		{UTF16, -1, 3, 0, 0, 0},
		{UTF16, 1, -3, 13, 1, 0},
		{UTF8, 0, 7, 6, 0, 6}, // inside of 😀
		{UTF8, 0, 9, 6, 0, 6},
		{UTF8, 0, 10, 10, 0, 10},
		{UTF8, 0, 99, 11, 0, 11},
		{UTF32, 0, 4, 10, 0, 4},
	} {
		p := Position{tt.line, tt.ch}
		if got := text.Offset(p, tt.encoding); got != tt.offset {
			t.Errorf("%s %v is offset %d, want %d", tt.encoding, p, got, tt.offset)
		}
		if got, want := text.Position(tt.offset, tt.encoding), (Position{tt.line2, tt.c2}); got != want {
			t.Errorf("%s offset %d is %v, want %v", tt.encoding, tt.offset, got, want)
		}
	}
	if n := text.Lines(); n != 5 {
		t.Errorf("%d lines", n)
	}
	if got := text.Position(12, UTF16); got != (Position{0, 6}) {
		t.Errorf("between \\r and \\n: %v", got)
	}
}

func TestTextReplace(t *testing.T) {
	for _, tt := range []struct {
		text string
		r    Range
		by   string
		want string
	}{
		{"", Range{}, "x", "x"},
		{"ab\ncd", Range{Position{0, 1}, Position{1, 1}}, "-", "a-d"},
		{"ab\r\ncd", Range{Position{0, 9}, Position{1, 0}}, "", "abcd"},
		{"ab", Range{Position{0, 2}, Position{0, 1}}, "x", "abx"}, // ends before it starts
		{"😀", Range{Position{0, 1}, Position{0, 2}}, "x", "x"},
		{"a", Range{Position{9, 9}, Position{9, 9}}, "b", "ab"},
	} {
		if got := string(NewText([]byte(tt.text)).Replace(tt.r, UTF16, tt.by).Bytes()); got != tt.want {
			t.Errorf("%q %v %q: %q, want %q", tt.text, tt.r, tt.by, got, tt.want)
		}
	}
}

// A stop is a place between two characters, as the naive model knows them.
type stop struct {
	offset int
	p      Position
}

// stops lists every place of the text, character by character.
func stops(data string, e Encoding) (all []stop, lines int) {
	p := Position{}
	for at := 0; ; {
		all = append(all, stop{at, p})
		if at == len(data) {
			return all, p.Line + 1
		}
		switch {
		case strings.HasPrefix(data[at:], "\r\n"):
			at, p = at+2, Position{p.Line + 1, 0}
			continue
		case data[at] == '\n', data[at] == '\r':
			at, p = at+1, Position{p.Line + 1, 0}
			continue
		}
		r, size := utf8.DecodeRuneInString(data[at:])
		at += size
		switch {
		case e == UTF8:
			p.Character += size
		case e == UTF16 && r > 0xffff:
			p.Character += 2
		default:
			p.Character++
		}
	}
}

func naiveOffset(all []stop, p Position, lines int) int {
	if p.Line < 0 {
		return 0
	}
	if p.Line >= lines {
		return all[len(all)-1].offset
	}
	best := -1
	for _, s := range all {
		if s.p.Line == p.Line && (best < 0 || s.p.Character <= p.Character) {
			best = s.offset
		}
	}
	return best
}

func naivePosition(all []stop, offset int) Position {
	best := all[0].p
	for _, s := range all {
		if s.offset <= offset {
			best = s.p
		}
	}
	return best
}

func FuzzText(f *testing.F) {
	f.Add("\ufeffa\r\nb\rc\n\n😀é\xff\xf0\x9f", "x\r", uint8(0), 0, 1, 2, 0)
	f.Add("int f(void)\r\n{\r\n}\r\n", "\n", uint8(1), 1, 0, 1, 9)
	f.Add("\xe2\x82", "\xac", uint8(1), 0, 1, 0, 1)
	f.Fuzz(func(t *testing.T, data, by string, encoding uint8, line1, char1, line2, char2 int) {
		if len(data) > 200 {
			return // the model is quadratic
		}
		e := []Encoding{UTF16, UTF8, UTF32}[encoding%3]
		all, lines := stops(data, e)
		text := NewText([]byte(data))
		if got := text.Lines(); got != lines {
			t.Fatalf("%q has %d lines, want %d", data, got, lines)
		}
		for offset := -1; offset <= len(data)+1; offset++ {
			if got, want := text.Position(offset, e), naivePosition(all, offset); got != want {
				t.Fatalf("%q %s offset %d is %v, want %v", data, e, offset, got, want)
			}
		}
		start, end := Position{line1, char1}, Position{line2, char2}
		from, to := naiveOffset(all, start, lines), naiveOffset(all, end, lines)
		if got := text.Offset(start, e); got != from {
			t.Fatalf("%q %s %v is offset %d, want %d", data, e, start, got, from)
		}
		want := data[:from] + by + data[max(from, to):]
		if got := string(text.Replace(Range{start, end}, e, by).Bytes()); got != want {
			t.Fatalf("%q %s %v-%v %q: %q, want %q", data, e, start, end, by, got, want)
		}
	})
}

func BenchmarkKeystroke(b *testing.B) {
	text := NewText([]byte(strings.Repeat("static int f(void) { return 1; }\n", 20_000)))
	for b.Loop() {
		text = text.Replace(Range{Position{10_000, 3}, Position{10_000, 4}}, UTF16, "x")
		text.Offset(Position{19_000, 5}, UTF16)
	}
}
