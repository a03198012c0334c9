package workspace

import (
	"bytes"
	"slices"
	"sync"
	"unicode/utf8"
)

// A Position is a place in a text as editors count: from zero, the character in
// units of an [Encoding].
type Position struct{ Line, Character int }

// A Range is from Start up to, not including, End.
type Range struct{ Start, End Position }

// Encoding is the unit of [Position.Character].
type Encoding string

// The encodings that LSP knows, under its names (LSP § Position).
const (
	UTF8  Encoding = "utf-8"  // bytes
	UTF16 Encoding = "utf-16" // code units; a character beyond U+FFFF has two
	UTF32 Encoding = "utf-32" // code points
)

// A Text is the immutable content of a document. A line ends with \n, \r\n or
// \r. A byte that is not UTF-8 counts as one character. A byte order mark is a
// character like any other.
type Text struct {
	data  []byte
	lines func() []int // offsets of the line starts
}

// NewText returns a Text of data, which must not be changed any more.
func NewText(data []byte) *Text {
	return &Text{data: data, lines: sync.OnceValue(func() []int { return lineStarts(data) })}
}

// Bytes returns the content. It must not be changed.
func (t *Text) Bytes() []byte { return t.data }

// Lines is the number of lines; a text that ends with a line end has an empty
// one behind it.
func (t *Text) Lines() int { return len(t.lines()) }

// Offset returns the byte offset of p. What lies outside the text is moved to
// the nearest place inside: beyond the last line to the end, beyond the end of a
// line to before its line end, inside of a character to its start.
func (t *Text) Offset(p Position, e Encoding) int {
	if p.Line < 0 {
		return 0
	}
	if p.Line >= len(t.lines()) {
		return len(t.data)
	}
	start, end := t.Line(p.Line)
	if p.Character <= 0 {
		return start
	}
	line := t.data[start:end]
	if e == UTF8 {
		if p.Character >= len(line) {
			return end
		}
		return start + runeStart(line, p.Character)
	}
	at := 0
	for units := p.Character; at < len(line); {
		r, size := utf8.DecodeRune(line[at:])
		if units -= width(r, e); units < 0 {
			break
		}
		at += size
	}
	return start + at
}

// Position returns where the byte offset is. It is [Text.Offset] turned round; an
// offset inside of a line end or a character belongs to the place before it.
func (t *Text) Position(offset int, e Encoding) Position {
	offset = min(max(offset, 0), len(t.data))
	n, found := slices.BinarySearch(t.lines(), offset)
	if !found {
		n--
	}
	start, end := t.Line(n)
	line := t.data[start:min(offset, end)]
	if e == UTF8 {
		return Position{n, runeStart(t.data[start:end], len(line))}
	}
	units := 0
	for at := 0; at < len(line); {
		// Decode from the whole line: line may end inside of a character.
		r, size := utf8.DecodeRune(t.data[start+at : end])
		if at += size; at > len(line) {
			break
		}
		units += width(r, e)
	}
	return Position{n, units}
}

// Range returns the range between two byte offsets.
func (t *Text) Range(start, end int, e Encoding) Range {
	return Range{t.Position(start, e), t.Position(end, e)}
}

// Line returns where line n, counted from zero, starts and where it ends, without
// its line end. Lines outside the text are empty ones at its borders.
func (t *Text) Line(n int) (start, end int) {
	lines := t.lines()
	switch {
	case n < 0:
		return 0, 0
	case n >= len(lines):
		return len(t.data), len(t.data)
	case n+1 < len(lines):
		end = lines[n+1]
	default:
		return lines[n], len(t.data)
	}
	start = lines[n]
	if end > start && t.data[end-1] == '\n' {
		end--
	}
	if end > start && t.data[end-1] == '\r' {
		end--
	}
	return start, end
}

// Replace returns the text with r replaced. A range that ends before it starts is
// empty.
func (t *Text) Replace(r Range, e Encoding, by string) *Text {
	start := t.Offset(r.Start, e)
	end := max(t.Offset(r.End, e), start)
	data := make([]byte, 0, len(t.data)-(end-start)+len(by))
	data = append(data, t.data[:start]...)
	data = append(data, by...)
	data = append(data, t.data[end:]...)
	return NewText(data)
}

func lineStarts(data []byte) []int {
	starts := make([]int, 1, 2+bytes.Count(data, []byte("\n")))
	for at := 0; at < len(data); {
		// Whole lines at once; a lone \r ends lines inside of one.
		next := len(data)
		if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
			next = at + n + 1
		}
		for {
			n := bytes.IndexByte(data[at:next], '\r')
			if n < 0 || data[min(at+n+1, len(data)-1)] == '\n' {
				break
			}
			at += n + 1
			starts = append(starts, at)
		}
		if data[next-1] == '\n' {
			starts = append(starts, next)
		}
		at = next
	}
	return starts
}

// runeStart returns the start of the character that the offset is in.
func runeStart(line []byte, offset int) int {
	if offset >= len(line) {
		return len(line)
	}
	for at := max(offset-utf8.UTFMax+1, 0); at < offset; at++ {
		if !utf8.RuneStart(line[at]) {
			continue
		}
		if _, size := utf8.DecodeRune(line[at:]); at+size > offset {
			return at
		}
	}
	return offset
}

// width is how many units of e the character has.
func width(r rune, e Encoding) int {
	if e == UTF16 && r > 0xffff {
		return 2
	}
	return 1
}
