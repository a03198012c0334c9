package csource

import "bytes"

// kind is the kind of a token; of punctuation it is the character.
type kind uint8

const (
	eof       kind = 0
	word      kind = 0x80 + iota // identifier or keyword
	literal                      // number, character, string
	directive                    // a preprocessor line
	comment
	scopeOp // ::
	arrow   // ->
	block   // a {…} that was skipped
)

// token is a piece of the text.
type token struct {
	kind       kind
	key        keyword // of a word; set where it matters
	start, end int
}

// lexer splits a text into tokens.
type lexer struct {
	text []byte
	pos  int

	// What was searched for in vain must not be searched for again and again.
	openComment bool // no */ follows
	openRaw     int  // raw strings without an end
}

// column0 reports whether the offset is the first of a line.
func (l *lexer) column0(at int) bool {
	return at == 0 || l.text[at-1] == '\n' || at == len(bom) && string(l.text[:at]) == bom
}

const bom = "\xef\xbb\xbf"

// next returns the next token. Comments and directives are tokens; white space
// and stray backslashes are not.
func (l *lexer) next() token {
	for l.pos < len(l.text) {
		start := l.pos
		k := word
		switch c := l.text[start]; {
		case c == ' ', c == '\t', c == '\n', c == '\r', c == '\v', c == '\f', c == 0:
			l.pos++
			continue
		case c == bom[0] && bytes.HasPrefix(l.text[start:], []byte(bom)):
			l.pos += len(bom)
			continue
		case isLetter(c) || l.isUniversal():
			l.identifier()
			if q := l.at(0); (q == '"' || q == '\'') && isStringPrefix(l.text[start:l.pos]) {
				k = literal
				if q == '"' && l.text[l.pos-1] == 'R' {
					l.rawString()
				} else {
					l.quoted(q)
				}
			}
		case c == '\\':
			l.pos++
			continue
		case c == '/' && l.at(1) == '/':
			k = comment
			l.pos = l.endOfLine(start)
		case c == '/' && l.at(1) == '*':
			k = comment
			l.blockComment()
		case c == '#' && l.startsLine(start):
			k = directive
			l.directive()
		case isDigit(c) || c == '.' && isDigit(l.at(1)):
			k = literal
			l.number()
		case c == '"', c == '\'':
			k = literal
			l.quoted(c)
		case c == ':' && l.at(1) == ':':
			k = scopeOp
			l.pos += 2
		case c == '-' && l.at(1) == '>':
			k = arrow
			l.pos += 2
		default: // ASCII, as the rest are letters
			k = kind(c)
			l.pos++
		}
		return token{kind: k, start: start, end: l.pos}
	}
	return token{kind: eof, start: len(l.text), end: len(l.text)}
}

// at returns the byte n behind the position, 0 behind the end.
func (l *lexer) at(n int) byte {
	if l.pos+n >= len(l.text) {
		return 0
	}
	return l.text[l.pos+n]
}

func (l *lexer) startsLine(at int) bool {
	for at > 0 && (l.text[at-1] == ' ' || l.text[at-1] == '\t') {
		at--
	}
	return l.column0(at)
}

func (l *lexer) identifier() {
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case isLetter(c) || isDigit(c):
			l.pos++
		case c == '\\' && l.isUniversal():
			l.pos += 2
		default:
			return
		}
	}
}

// isUniversal reports whether a universal character name stands at the position.
func (l *lexer) isUniversal() bool {
	return l.at(0) == '\\' && (l.at(1) == 'u' || l.at(1) == 'U')
}

// number moves behind a preprocessing number, digit separators included.
func (l *lexer) number() {
	for l.pos++; l.pos < len(l.text); l.pos++ {
		c, next := l.text[l.pos], l.at(1)
		switch {
		case isLetter(c), isDigit(c), c == '.':
		case c == '\'' && (isLetter(next) || isDigit(next)):
		default:
			return
		}
	}
}

// endOfLine is behind the last character of the logical line that contains the
// offset: a backslash continues it.
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

// blockComment moves behind the comment at the position; an open one goes to
// the end of the text.
func (l *lexer) blockComment() {
	if !l.openComment {
		if n := bytes.Index(l.text[l.pos+2:], []byte("*/")); n >= 0 {
			l.pos += 2 + n + 2
			return
		}
		l.openComment = true
	}
	l.pos = len(l.text)
}

// directive moves behind the logical line. Comments that begin in it take their
// lines along.
func (l *lexer) directive() {
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; {
		case c == '\n':
			return
		case c == '\\':
			switch {
			case l.at(1) == '\r' && l.at(2) == '\n':
				l.pos += 2
			case l.at(1) != 0:
				l.pos++
			}
		case c == '"', c == '\'':
			l.quoted(c)
			l.pos--
		case c == '/' && l.at(1) == '/':
			l.pos = l.endOfLine(l.pos)
			return
		case c == '/' && l.at(1) == '*':
			l.blockComment()
			l.pos--
		}
	}
	l.pos = min(l.pos, len(l.text))
}

// quoted moves behind a literal whose quote stands at the position. An open one
// ends with its line.
func (l *lexer) quoted(q byte) {
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch l.text[l.pos] {
		case '\\':
			switch {
			case l.at(1) == '\r' && l.at(2) == '\n':
				l.pos += 2
			case l.pos+1 < len(l.text):
				l.pos++
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
	const (
		longest = 16 // [lex.string]
		maxOpen = 16
	)
	rest := l.text[l.pos+1:]
	n := bytes.IndexByte(rest[:min(len(rest), longest+1)], '(')
	if n < 0 || l.openRaw >= maxOpen {
		l.quoted('"')
		return
	}
	end := ")" + string(rest[:n]) + `"`
	if m := bytes.Index(rest[n:], []byte(end)); m >= 0 {
		l.pos += 1 + n + m + len(end)
		return
	}
	l.openRaw++
	l.quoted('"')
}

func isStringPrefix(s []byte) bool {
	switch string(s) {
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
