package csource

import "bytes"

// parser groups tokens into statements at the level of declarations and looks
// at what each opening brace belongs to.
type parser struct {
	lex       lexer
	functions []Function
	markers   []Marker

	statement
	scopes       []scope
	conditionals []conditional // open #if at the level of declarations
	deep         int           // how many more are open than are kept
	dead         int           // how many of them have a branch that is never compiled
	back         []token       // read, but given back
	match        []int         // see pair
	unpaired     []int         // its brackets without a partner
}

// statement is the declaration under way.
type statement struct {
	tokens []token // blocks in it are one token each
	depth  int     // of parentheses and brackets
	params int     // tokens of what can be the head of a K&R definition, with declarations behind it
	value  bool    // it is an initialisation
	effort int     // tokens looked at, at braces
}

// scope is an open namespace, class or linkage block.
type scope struct {
	name    string // empty for those without one
	column0 bool   // begins in the first column
}

const (
	// maxStatement bounds a declaration's tokens, so that text without any
	// structure costs no more than other text.
	maxStatement = 4096
	// maxEffort bounds how often they are looked at.
	maxEffort = 16 * maxStatement
)

func (p *parser) run() {
	for {
		t := p.next()
		switch t.kind {
		case eof:
			return
		case directive:
			p.directive(t)
		case '{':
			p.open(t)
		case '}':
			p.close(t)
		case ';':
			if p.depth > 0 || !p.oldStyle() {
				p.clear()
			} else {
				p.push(t)
			}
		case ':':
			if n := len(p.tokens); n > 0 && p.tokens[n-1].key == accessKey || n > 1 && p.tokens[n-2].key == accessKey {
				p.clear() // public:, public slots:
			} else {
				p.push(t)
			}
		case '(', '[':
			p.push(t)
			p.depth++
		case ')', ']':
			p.push(t)
			p.depth = max(p.depth-1, 0)
		default:
			p.push(t)
		}
	}
}

// push adds the token to the statement.
func (p *parser) push(t token) {
	if len(p.tokens) >= maxStatement {
		p.clear()
	}
	p.tokens = append(p.tokens, p.classify(t))
}

// clear begins a new statement.
func (p *parser) clear() {
	p.statement = statement{tokens: p.tokens[:0]}
}

// classify sets the token's key.
func (p *parser) classify(t token) token {
	if t.kind == word {
		t.key = keywords[string(p.lex.text[t.start:t.end])]
	}
	return t
}

// next returns the next token that is code or a directive. It keeps markers.
func (p *parser) next() token {
	if n := len(p.back); n > 0 {
		t := p.back[n-1]
		p.back = p.back[:n-1]
		return t
	}
	for {
		t := p.lex.next()
		if t.kind != comment {
			return t
		}
		p.comment(t)
	}
}

func (p *parser) comment(t token) {
	const longest = 4096 // of a comment that can be a marker
	if t.end-t.start > longest {
		return
	}
	body := p.lex.text[t.start+2 : t.end]
	if n := len(body); p.lex.text[t.start+1] == '*' && n >= 2 && string(body[n-2:]) == "*/" {
		body = body[:n-2]
	}
	if text, ok := markerText(string(body)); ok {
		p.markers = append(p.markers, Marker{Start: t.start, End: t.end, Text: text})
	}
}

// open decides what the brace at the level of declarations begins.
func (p *parser) open(brace token) {
	if p.value {
		p.initialise(brace)
		return
	}
	if p.effort += len(p.tokens); p.effort > maxEffort {
		p.clear()
	}
	if p.params > 0 {
		if p.tokens[len(p.tokens)-1].kind == ';' && p.function(brace, p.tokens[:p.params]) {
			return
		}
		// No K&R definition after all: what was taken for parameters were declarations.
		for n := len(p.tokens) - 1; n >= 0; n-- {
			if p.tokens[n].kind == ';' {
				p.tokens, p.params = p.tokens[n+1:], 0
				break
			}
		}
	}
	if p.depth > 0 && !p.restart() || p.inExpression() {
		p.skip()
		return
	}
	if name, ok := p.scope(); ok {
		p.scopes = append(p.scopes, scope{name, p.column0()})
		p.clear()
		return
	}
	if p.function(brace, p.tokens) {
		return
	}
	if p.assigns() {
		p.initialise(brace)
		return
	}
	p.body(p.column0())
	p.clear()
}

// initialise moves behind a block of an initialisation, which goes on to its
// semicolon, unless that was forgotten in front of a function.
func (p *parser) initialise(brace token) {
	if last := p.tokens[len(p.tokens)-1]; !p.value && last.kind == ')' && p.restart() && p.function(brace, p.tokens) {
		return
	}
	p.skip()
	p.value = len(p.tokens) > 0
}

// column0 reports whether the statement begins in the first column.
func (p *parser) column0() bool {
	return len(p.tokens) == 0 || p.lex.column0(p.tokens[0].start)
}

// close handles a brace that closes a scope.
func (p *parser) close(brace token) {
	p.clear()
	n := len(p.scopes) - 1
	if p.lex.column0(brace.start) {
		// One in the first column closes what began there.
		for at := n; at >= 0; at-- {
			if p.scopes[at].column0 {
				n = at
				break
			}
		}
	}
	if n >= 0 {
		p.scopes = p.scopes[:n]
	}
}

// skip moves over a block and makes it one token of the statement, unless that
// ends with the block.
func (p *parser) skip() {
	start := p.lex.pos - 1
	end := p.body(p.column0())
	if n := len(p.back); n > 0 && p.back[n-1].kind != directive {
		p.clear()
		return
	}
	p.push(token{kind: block, start: start, end: end})
}

// function moves behind the definition whose body begins with the brace, and
// records it, if the tokens are the head of one. Behind them there may be, in the
// statement, the declarations of K&R parameters.
func (p *parser) function(brace token, head []token) bool {
	h, ok := p.head(head, false)
	if !ok {
		return false
	}
	if last := head[len(head)-1]; h.initialisers && (last.kind == word && last.key != tryKey || last.kind == '>') {
		p.skip() // C::C() : member{1}
		return true
	}
	if n := p.paragraph(head, h); n > 0 {
		head, p.tokens, h.signature = head[n:], p.tokens[n:], h.signature-n
	}
	signature := p.tokens
	if h.initialisers {
		signature = head[:h.signature]
	}
	f := Function{
		Name: p.qualify(h.name), Signature: p.signature(signature),
		Start: head[0].start, NameStart: h.start, NameEnd: h.end, BodyStart: brace.start, Static: h.static, Inline: h.inline,
	}
	compiled := p.dead == 0
	column0 := p.column0()
	f.End = p.body(column0)
	for h.tries && p.handler() {
		f.End = p.body(column0)
	}
	p.clear()
	if !compiled {
		return true
	}
	if n := len(p.functions); n > 0 && p.functions[n-1].End > f.Start {
		p.functions = p.functions[:n-1] // the other branch of a conditional had the rest of this head
	}
	p.functions = append(p.functions, f)
	return true
}

// paragraph returns how many tokens in front of the head are something else:
// macros without a semicolon, or what is being typed, and then an empty line.
func (p *parser) paragraph(head []token, h header) int {
	if head[0].key == template {
		return 0
	}
	last := 0
	for i := 1; i < len(head) && head[i].start <= h.start; i++ {
		between := p.lex.text[head[i-1].end:head[i].start]
		if n := bytes.IndexByte(between, '\n'); n >= 0 && len(bytes.TrimSpace(between)) == 0 && bytes.IndexByte(between[n+1:], '\n') >= 0 {
			last = i
		}
	}
	if again, ok := p.head(head[last:], true); last == 0 || !ok || again.start != h.start {
		return 0
	}
	return last
}

// handler moves behind "catch (…) {" if that is what follows.
func (p *parser) handler() bool {
	for first := true; ; first = false {
		t := p.next()
		switch {
		case first && (t.kind != word || string(p.lex.text[t.start:t.end]) != "catch"),
			t.kind == ';', t.kind == '}', t.kind == eof, t.kind == directive:
			p.back = append(p.back, t)
			return false
		case t.kind == '{':
			return true
		}
	}
}

// qualify puts the open scopes' names before the name.
func (p *parser) qualify(name string) string {
	const deepest = 64 // of names that anybody reads
	prefix := ""
	for _, s := range p.scopes[max(len(p.scopes)-deepest, 0):] {
		if s.name != "" {
			prefix += s.name + "::"
		}
	}
	return prefix + name
}

// signature writes tokens on one line, with blanks where there was anything
// between them.
func (p *parser) signature(tokens []token) string {
	var b []byte
	for i, t := range tokens {
		if i > 0 && t.start > tokens[i-1].end {
			b = append(b, ' ')
		}
		b = append(b, p.lex.text[t.start:t.end]...)
	}
	return string(b)
}

// inExpression reports whether the brace that follows the statement belongs to a
// requires-expression.
func (p *parser) inExpression() bool {
	n := len(p.tokens) - 1
	if n >= 0 && p.tokens[n].key == requires {
		return true
	}
	if n < 0 || p.tokens[n].kind != ')' {
		return false
	}
	for depth := 0; n >= 0; n-- {
		switch p.tokens[n].kind {
		case ')':
			depth++
		case '(':
			depth--
		}
		if depth == 0 {
			break
		}
	}
	// "requires (T t) {" is a clause and a body, unless another expression or
	// clause needs it.
	if n < 2 || p.tokens[n-1].key != requires {
		return false
	}
	switch before := p.tokens[n-2]; before.kind {
	case '=', '&', '|', '!', '(':
		return true
	default:
		return before.key == requires
	}
}

// assigns reports whether the statement is an initialisation.
func (p *parser) assigns() bool {
	depth := 0
	for _, t := range p.tokens {
		switch t.kind {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case '=':
			if depth == 0 {
				return true
			}
		}
	}
	return false
}

// restart drops the beginning of a statement that was never finished, up to the
// head of a function in the first column, and reports whether there is one.
func (p *parser) restart() bool {
	unfinished, attempts := false, 4
	for i, t := range p.tokens {
		switch {
		case t.kind == '(' || t.kind == '[' || t.kind == '=':
			unfinished = true
		case unfinished && attempts > 0 && t.kind == word && p.lex.column0(t.start):
			attempts--
			if _, ok := p.head(p.tokens[i:], true); ok {
				p.tokens, p.depth = p.tokens[i:], 0
				return true
			}
		}
	}
	return false
}

// oldStyle reports whether the statement up to a semicolon can be the head of a
// K&R definition with a declaration of its parameters: int f(a, b) int a; char *b;
func (p *parser) oldStyle() bool {
	const longest = 256 // tokens; looked at again with every semicolon
	s := p.tokens
	if len(s) > longest || len(s) < 2 || s[0].key == aliasKey {
		return false
	}
	if p.params > 0 {
		for n := len(s) - 1; ; n-- {
			if s[n].kind == ';' {
				return declares(s[n+1:])
			}
		}
	}
	for i := 1; i < len(s); i++ {
		if s[i].kind != '(' {
			continue
		}
		end := i + 1
		for ; end+1 < len(s) && s[end].isName() && s[end+1].kind == ','; end += 2 {
		}
		if !s[i-1].isName() || end+1 >= len(s) || !s[end].isName() || s[end+1].kind != ')' || !declares(s[end+2:]) {
			return false
		}
		p.params = end + 2
		return true
	}
	return false
}

// declares reports whether the tokens can be the declaration of a parameter.
func declares(s []token) bool {
	words := 0
	for _, t := range s {
		switch {
		case t.kind == '=', t.kind == block, t.key == flowKey, t.key == callKey, words == 0 && t.kind != word:
			return false
		case t.kind == word:
			words++
		}
	}
	return words >= 2
}
