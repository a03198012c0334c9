package csource

import (
	"bytes"
	"slices"
	"strings"
)

// parser groups tokens into statements at the level of declarations and looks
// at what each opening brace belongs to.
type parser struct {
	lex       lexer
	functions []Function
	markers   []Marker

	stmt   []token  // of the declaration under way
	scopes []string // open namespaces and classes; "" for those without a name
	saved  []int    // open #if: how many scopes were open
	ahead  []token  // read, but given back
}

// maxStatement bounds a declaration's tokens, so that text without any
// structure costs no more than other text.
const maxStatement = 4096

func (p *parser) run() {
	for {
		t := p.next()
		switch {
		case t.kind == eof:
			return
		case t.kind == punct && p.lex.text[t.start] == '{':
			p.open(t)
		case t.kind == punct && p.lex.text[t.start] == '}':
			if len(p.scopes) > 0 {
				p.scopes = p.scopes[:len(p.scopes)-1]
			}
			p.stmt = p.stmt[:0]
		case t.kind == punct && p.lex.text[t.start] == ';':
			if p.oldStyle() {
				p.stmt = append(p.stmt, t)
			} else {
				p.stmt = p.stmt[:0]
			}
		default:
			if p.isAccess(t) || len(p.stmt) >= maxStatement {
				p.stmt = p.stmt[:0]
				continue
			}
			p.stmt = append(p.stmt, t)
		}
	}
}

// next returns the next token that is code. It keeps markers and follows
// conditionals.
func (p *parser) next() token {
	if n := len(p.ahead); n > 0 {
		t := p.ahead[n-1]
		p.ahead = p.ahead[:n-1]
		return t
	}
	for {
		switch t := p.lex.next(); t.kind {
		case comment:
			p.comment(t)
		case directive:
			p.conditional(t)
		default:
			return t
		}
	}
}

func (p *parser) comment(t token) {
	body := p.lex.text[t.start+2 : t.end]
	if p.lex.text[t.start+1] == '*' {
		body = bytes.TrimSuffix(body, []byte("*/"))
	}
	if text, ok := markerText(body); ok {
		p.markers = append(p.markers, Marker{Start: t.start, End: t.end, Text: text})
	}
}

// conditional handles #if and its like at the level of declarations: each
// branch begins in the scope that the first began in, and the declaration that
// the last one began goes on behind #endif.
func (p *parser) conditional(t token) {
	switch directiveName(p.lex.text[t.start:t.end]) {
	case "if", "ifdef", "ifndef":
		p.saved = append(p.saved, len(p.scopes))
	case "else", "elif", "elifdef", "elifndef":
		if n := len(p.saved); n > 0 {
			if p.saved[n-1] < len(p.scopes) {
				p.scopes = p.scopes[:p.saved[n-1]]
			}
			p.stmt = p.stmt[:0]
		}
	case "endif":
		if n := len(p.saved); n > 0 {
			p.saved = p.saved[:n-1]
		}
	}
}

func directiveName(line []byte) string {
	line = bytes.TrimLeft(line[1:], " \t")
	n := 0
	for n < len(line) && isLetter(line[n]) {
		n++
	}
	return string(line[:n])
}

// isAccess reports whether the token ends "public:" and the like.
func (p *parser) isAccess(t token) bool {
	if p.lex.string(t) != ":" || len(p.stmt) != 1 {
		return false
	}
	switch p.lex.string(p.stmt[0]) {
	case "public", "private", "protected":
		return true
	}
	return false
}

// open decides what the brace begins.
func (p *parser) open(brace token) {
	stmt := p.stmt
	p.stmt = p.stmt[:0]
	if f, ok := p.header(stmt); ok {
		f.BodyStart = brace.start
		f.End = p.body(f.Start)
		if len(p.scopes) > 0 {
			f.Name = qualify(p.scopes, f.Name)
		}
		f.Signature = string(bytes.Join(bytes.Fields(p.lex.text[f.Start:f.BodyStart]), []byte(" ")))
		p.functions = append(p.functions, f)
		return
	}
	if name, ok := p.scope(stmt); ok {
		p.scopes = append(p.scopes, name)
		return
	}
	// An initialiser, an enumeration, or something half-typed.
	p.body(brace.start)
	if p.has(stmt, "=") || p.has(stmt, "enum") {
		p.stmt = append(p.stmt[:0], stmt...) // goes on to its semicolon
	}
}

func qualify(scopes []string, name string) string {
	var b strings.Builder
	for _, s := range scopes {
		if s != "" {
			b.WriteString(s)
			b.WriteString("::")
		}
	}
	return b.String() + name
}

func (p *parser) has(stmt []token, s string) bool {
	depth := 0
	for _, t := range stmt {
		switch x := p.lex.string(t); {
		case x == "(":
			depth++
		case x == ")":
			depth--
		case x == s && depth == 0:
			return true
		}
	}
	return false
}

// scope tells whether the statement begins a namespace, a linkage block or a
// class, and its name.
func (p *parser) scope(stmt []token) (string, bool) {
	for i, t := range stmt {
		switch p.lex.string(t) {
		case "enum":
			return "", false
		case "namespace":
			name := ""
			for _, n := range stmt[i+1:] {
				if s := p.lex.string(n); n.kind == word && s != "inline" || s == "::" {
					name += s
				}
			}
			return name, true
		case "extern":
			if len(stmt) == i+2 && stmt[i+1].kind == literal {
				return "", true
			}
		case "class", "struct", "union":
			if p.has(stmt, "=") {
				return "", false
			}
			// The name is the last word before the bases.
			name, angle := "", 0
			for _, n := range stmt[i+1:] {
				s := p.lex.string(n)
				switch {
				case s == "<":
					angle++
				case s == ">":
					angle--
				case s == ":" && angle == 0:
					return name, true
				case n.kind == word && angle == 0 && s != "final" && s != "alignas" && !strings.HasPrefix(s, "__"):
					name = s
				}
			}
			return name, true
		}
	}
	return "", false
}

// notNames are words in front of a parenthesis that do not name a function.
var notNames = map[string]bool{
	"if": true, "for": true, "while": true, "switch": true, "return": true, "do": true, "else": true, "case": true,
	"sizeof": true, "alignof": true, "alignas": true, "decltype": true, "typeof": true, "__typeof__": true, "noexcept": true,
	"throw": true, "requires": true, "explicit": true, "catch": true, "try": true, "static_assert": true, "_Static_assert": true, "asm": true, "__asm": true, "__asm__": true,
	"__attribute__": true, "__attribute": true, "__declspec": true, "_Alignas": true, "_Atomic": true, "__extension__": true,
	"int": true, "void": true, "char": true, "bool": true, "short": true, "long": true, "float": true, "double": true,
	"unsigned": true, "signed": true, "auto": true, "const": true, "volatile": true, "defined": true, "new": true, "delete": true,
}

// group is a parenthesised part of a statement at its top level.
type group struct{ open, close int } // indices of the parentheses

// header tells whether the statement is the head of a function definition.
func (p *parser) header(stmt []token) (Function, bool) {
	stmt = p.beforeInitialisers(stmt)
	if len(stmt) < 3 || p.assigns(stmt) {
		return Function{}, false
	}
	switch p.lex.string(stmt[0]) {
	case "typedef", "using", "namespace":
		return Function{}, false
	}
	groups := p.groups(stmt)
	first, last := p.pickName(stmt, groups)
	if first < 0 {
		return Function{}, false
	}
	f := Function{
		Start: stmt[0].start, NameStart: stmt[first].start, NameEnd: stmt[last].end,
		Name: p.join(stmt[first : last+1]),
	}
	for _, t := range stmt[:first] {
		switch p.lex.string(t) {
		case "static":
			f.Static = true
		case "inline", "__inline", "__inline__", "constexpr":
			f.Inline = true
		}
	}
	return f, true
}

// assigns reports an "=" that makes the statement an initialisation; the one of
// an operator's name, or of a default argument, does not.
func (p *parser) assigns(stmt []token) bool {
	depth, angle := 0, 0
	for i, t := range stmt {
		switch p.lex.string(t) {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case "template":
			if i+1 < len(stmt) && p.lex.string(stmt[i+1]) == "<" {
				angle = 1 // template <class T = int>
			}
		case ">":
			if angle > 0 {
				angle--
			}
		case "operator":
			return false
		case "=":
			if depth == 0 && angle == 0 {
				return true
			}
		}
	}
	return false
}

// beforeInitialisers cuts the statement at the colon of a constructor's
// initialisers.
func (p *parser) beforeInitialisers(stmt []token) []token {
	depth := 0
	for i, t := range stmt {
		switch p.lex.string(t) {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case ":":
			if depth == 0 && i > 0 && p.lex.string(stmt[0]) != "class" && p.lex.string(stmt[0]) != "struct" {
				return stmt[:i]
			}
		}
	}
	return stmt
}

func (p *parser) groups(stmt []token) []group {
	var found []group
	depth, open := 0, 0
	for i, t := range stmt {
		switch p.lex.string(t) {
		case "(":
			if depth == 0 {
				open = i
			}
			depth++
		case ")":
			if depth > 0 {
				if depth--; depth == 0 {
					found = append(found, group{open, i})
				}
			}
		}
	}
	return found
}

// pickName returns the indices of the first and last token of the function's
// name, -1 if the statement declares no function.
func (p *parser) pickName(stmt []token, groups []group) (first, last int) {
	if i := slices.IndexFunc(stmt, func(t token) bool { return p.lex.string(t) == "operator" }); i >= 0 {
		end := i + 1
		if end+1 < len(stmt) && p.lex.string(stmt[end]) == "(" && p.lex.string(stmt[end+1]) == ")" {
			end += 2
		} else {
			for end < len(stmt) && p.lex.string(stmt[end]) != "(" {
				end++
			}
		}
		if end < len(stmt) {
			return p.qualified(stmt, i), end - 1
		}
		return -1, -1
	}
	best := -1
	for n, g := range groups {
		at := g.open - 1
		if at < 0 || !p.isName(stmt[at]) {
			// f<int>(…): an explicit specialisation.
			if at > 0 && p.lex.string(stmt[at]) == ">" {
				if open := p.openAngle(stmt, at); open > 0 && p.isName(stmt[open-1]) && p.lex.string(stmt[0]) == "template" {
					return p.qualified(stmt, open-1), at
				}
			}
			continue
		}
		if best >= 0 {
			// A macro in front, as SECTION(".ram") int f(void), is followed by a
			// type; one behind, as f(void) SECTION(".ram"), is not.
			between := stmt[groups[n-1].close+1 : at]
			if !slices.ContainsFunc(between, func(t token) bool { return t.kind == word && !isTrailer(p.lex.string(t)) }) ||
				slices.ContainsFunc(between, func(t token) bool { return p.lex.string(t) == "->" || p.lex.string(t) == ";" }) {
				continue
			}
		}
		best = at
	}
	if best < 0 {
		return -1, -1
	}
	return p.qualified(stmt, best), best
}

func isTrailer(s string) bool {
	switch s {
	case "const", "volatile", "override", "final", "noexcept", "throw", "requires", "mutable", "try":
		return true
	}
	return strings.HasPrefix(s, "__attribute")
}

func (p *parser) isName(t token) bool { return t.kind == word && !notNames[p.lex.string(t)] }

// qualified moves back over C::, ns::C<T>:: and ~ in front of a name.
func (p *parser) qualified(stmt []token, at int) int {
	if at > 0 && p.lex.string(stmt[at-1]) == "~" {
		at--
	}
	for at >= 2 && p.lex.string(stmt[at-1]) == "::" {
		prev := at - 2
		if p.lex.string(stmt[prev]) == ">" {
			if prev = p.openAngle(stmt, prev) - 1; prev < 0 {
				break
			}
		}
		if !p.isName(stmt[prev]) {
			break
		}
		at = prev
	}
	return at
}

// openAngle returns the index of the "<" that the ">" at the index closes, -1
// if there is none.
func (p *parser) openAngle(stmt []token, at int) int {
	depth := 0
	for ; at >= 0; at-- {
		switch p.lex.string(stmt[at]) {
		case ">":
			depth++
		case "<":
			if depth--; depth == 0 {
				return at
			}
		}
	}
	return -1
}

// join writes the tokens of a name, with blanks only where words meet.
func (p *parser) join(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 && t.kind == word && tokens[i-1].kind == word {
			b.WriteByte(' ')
		}
		b.Write(p.lex.text[t.start:t.end])
	}
	return b.String()
}

// oldStyle reports whether the statement up to a semicolon can be the head of a
// K&R definition: int f(a, b) int a; char *b; { … }.
func (p *parser) oldStyle() bool {
	const maxOldStyle = 256 // tokens; looked at again with every semicolon
	if len(p.stmt) > maxOldStyle {
		return false
	}
	groups := p.groups(p.stmt)
	if len(groups) == 0 || groups[0].open < 2 || !p.isName(p.stmt[groups[0].open-1]) {
		return false // a type must stand before the name
	}
	g := groups[0]
	for i, t := range p.stmt[g.open+1 : g.close] {
		if s := p.lex.string(t); i%2 == 0 && t.kind != word || i%2 == 1 && s != "," || notNames[s] {
			return false
		}
	}
	rest := p.stmt[g.close+1:]
	if g.close == g.open+1 || len(rest) < 2 || rest[0].kind != word || isTrailer(p.lex.string(rest[0])) {
		return false
	}
	// Every declaration between is one of a parameter.
	return !p.has(p.stmt, "=") && !slices.ContainsFunc(rest, func(t token) bool { return p.lex.string(t) == "{" })
}

// body moves behind the brace that closes what has just been opened by a
// declaration that began at start, and returns the offset. A closing brace in
// the first column ends a function that began there, and so does the head of
// another one: a brace is missing then.
func (p *parser) body(start int) int {
	depth := 1
	resync := p.lex.column0(start)
	var ifs []int
	for {
		t := p.lex.next()
		switch t.kind {
		case eof:
			return len(p.lex.text)
		case comment:
			p.comment(t)
		case directive:
			switch directiveName(p.lex.text[t.start:t.end]) {
			case "if", "ifdef", "ifndef":
				ifs = append(ifs, depth)
			case "else", "elif", "elifdef", "elifndef":
				if len(ifs) > 0 {
					depth = ifs[len(ifs)-1]
				}
			case "endif":
				if len(ifs) > 0 {
					ifs = ifs[:len(ifs)-1]
				}
			}
		case word:
			if resync && p.lex.column0(t.start) && p.startsFunction(t) {
				return t.start
			}
		case punct:
			switch p.lex.text[t.start] {
			case '{':
				depth++
			case '}':
				if depth--; depth == 0 || resync && p.lex.column0(t.start) {
					return t.end
				}
			}
		}
	}
}

// maxHead bounds how far startsFunction looks.
const maxHead = 64

// startsFunction reports whether the word in the first column begins another
// function's definition. If so it is given back.
func (p *parser) startsFunction(t token) bool {
	if notNames[p.lex.string(t)] && p.lex.string(t) != "int" && p.lex.string(t) != "void" && p.lex.string(t) != "char" &&
		p.lex.string(t) != "unsigned" && p.lex.string(t) != "bool" {
		return false
	}
	back := p.lex.pos
	defer func() { p.lex.pos = back }()
	stmt := []token{t}
	for range maxHead {
		n := p.lex.next()
		switch s := p.lex.string(n); {
		case n.kind == comment:
			continue
		case n.kind == eof, n.kind == directive, s == ";", s == "}", s == "=", s == ":":
			return false
		case s == "{":
			f, ok := p.header(stmt)
			if ok && f.NameStart > t.start { // a type stands before the name
				p.ahead = append(p.ahead, t)
				return true
			}
			return false
		}
		stmt = append(stmt, n)
	}
	return false
}
