package csource

import "bytes"

// kind is the kind of a token.
type kind uint8

const (
	eof       kind = iota
	word           // identifier or keyword
	punct          // one character, or "::" or "->"
	literal        // number, character, string
	directive      // a preprocessor line
	comment
)

// token is a piece of the text.
type token struct {
	kind       kind
	start, end int
}

// lexer splits a text into tokens.
type lexer struct {
	text []byte
	pos  int
}

func (l *lexer) string(t token) string { return string(l.text[t.start:t.end]) }

// column0 reports whether the offset is the first of a line.
func (l *lexer) column0(at int) bool { return at == 0 || l.text[at-1] == '\n' }

// next returns the next token. Comments and directives are tokens; white space
// and stray backslashes are not.
func (l *lexer) next() token {
	for l.pos < len(l.text) {
		start := l.pos
		switch c := l.text[start]; {
		case c == ' ', c == '\t', c == '\n', c == '\r', c == '\v', c == '\f', c == '\\':
			l.pos++
			continue
		case c == 0xef && bytes.HasPrefix(l.text[start:], []byte("\xef\xbb\xbf")):
			l.pos += 3
			continue
		case c == '/' && l.at(1) == '/':
			l.pos = l.endOfLine(start)
			return token{comment, start, l.pos}
		case c == '/' && l.at(1) == '*':
			l.pos = len(l.text)
			if n := bytes.Index(l.text[start+2:], []byte("*/")); n >= 0 {
				l.pos = start + 2 + n + 2
			}
			return token{comment, start, l.pos}
		case c == '#' && l.startsLine(start):
			l.pos = l.endOfDirective(start)
			return token{directive, start, l.pos}
		case isLetter(c):
			for l.pos++; l.pos < len(l.text) && (isLetter(l.text[l.pos]) || isDigit(l.text[l.pos])); l.pos++ {
			}
			if l.pos < len(l.text) && l.pos-start <= 3 && isStringPrefix(string(l.text[start:l.pos])) {
				switch q := l.text[l.pos]; {
				case q == '"' && l.text[l.pos-1] == 'R':
					l.rawString()
					return token{literal, start, l.pos}
				case q == '"', q == '\'':
					l.quoted(q)
					return token{literal, start, l.pos}
				}
			}
			return token{word, start, l.pos}
		case isDigit(c) || c == '.' && isDigit(l.at(1)):
			// A preprocessing number, digit separators included.
			for l.pos++; l.pos < len(l.text); l.pos++ {
				d := l.text[l.pos]
				if !isLetter(d) && !isDigit(d) && d != '.' && !(d == '\'' && l.pos+1 < len(l.text) && isDigit(l.text[l.pos+1])) {
					break
				}
			}
			return token{literal, start, l.pos}
		case c == '"', c == '\'':
			l.quoted(c)
			return token{literal, start, l.pos}
		case c == ':' && l.at(1) == ':', c == '-' && l.at(1) == '>':
			l.pos += 2
			return token{punct, start, l.pos}
		default:
			l.pos++
			return token{punct, start, l.pos}
		}
	}
	return token{eof, len(l.text), len(l.text)}
}

// at returns the byte n behind the position, 0 behind the end.
func (l *lexer) at(n int) byte {
	if l.pos+n >= len(l.text) {
		return 0
	}
	return l.text[l.pos+n]
}

func (l *lexer) startsLine(at int) bool {
	for at--; at >= 0; at-- {
		switch l.text[at] {
		case ' ', '\t':
		case '\n':
			return true
		case 0xbf: // end of a byte order mark
			return at == 2
		default:
			return false
		}
	}
	return true
}

// endOfLine is behind the last character of the logical line: a backslash
// continues it.
func (l *lexer) endOfLine(at int) int {
	for {
		n := bytes.IndexByte(l.text[at:], '\n')
		if n < 0 {
			return len(l.text)
		}
		line := bytes.TrimSuffix(l.text[at:at+n], []byte("\r"))
		if !bytes.HasSuffix(line, []byte("\\")) {
			return at + n
		}
		at += n + 1
	}
}

// endOfDirective is as endOfLine, but a block comment that begins in the line
// takes its lines along.
func (l *lexer) endOfDirective(at int) int {
	for {
		end := l.endOfLine(at)
		open := bytes.LastIndex(l.text[at:end], []byte("/*"))
		if open < 0 || bytes.Contains(l.text[at+open:end], []byte("*/")) || bytes.Contains(l.text[at:at+open], []byte("//")) {
			return end
		}
		n := bytes.Index(l.text[end:], []byte("*/"))
		if n < 0 {
			return end // an open comment must not swallow the rest
		}
		at = end + n + 2
	}
}

// quoted moves behind a literal that begins at or before the position with the
// quote. An open one ends with its line.
func (l *lexer) quoted(q byte) {
	for l.text[l.pos] != q {
		l.pos++
	}
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch l.text[l.pos] {
		case '\\':
			if l.pos+1 < len(l.text) {
				l.pos++
				if l.text[l.pos] == '\r' && l.at(1) == '\n' {
					l.pos++
				}
			}
		case q:
			l.pos++
			return
		case '\n':
			return
		}
	}
}

// rawString moves behind R"delimiter(…)delimiter"; the position is the quote.
func (l *lexer) rawString() {
	const longest = 16 // [lex.string]
	rest := l.text[l.pos+1:]
	n := bytes.IndexByte(rest[:min(len(rest), longest+1)], '(')
	if n < 0 {
		l.quoted('"')
		return
	}
	end := ")" + string(rest[:n]) + `"`
	if m := bytes.Index(rest, []byte(end)); m >= 0 {
		l.pos += 1 + m + len(end)
	} else {
		l.pos = l.endOfLine(l.pos)
	}
}

func isStringPrefix(s string) bool {
	switch s {
	case "L", "u", "U", "u8", "R", "LR", "uR", "UR", "u8R":
		return true
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isLetter counts every byte beyond ASCII as a letter: identifiers may have them.
func isLetter(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$' || c >= 0x80
}
