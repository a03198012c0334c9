package csource

import "slices"

// body moves behind the brace that closes the block that has just been opened,
// and returns the offset. With column0 the declaration began in the first
// column: then a closing brace there may end it, and the head of another function
// does. What belongs to somebody else is given back.
func (p *parser) body(column0 bool) int {
	var (
		depth = 1
		local []branch // conditionals within the block
		dead  int      // how many of them have a branch that is never compiled
		ended = -1     // where a branch closed the block
	)
	leave := func(end int, t ...token) int {
		p.back = append(p.back, t...)
		for _, b := range local {
			p.enter(b) // the rest of it is found at the level of declarations
		}
		return end
	}
	for {
		t := p.next()
		if t.kind == directive {
			switch d := p.effect(t); {
			case d == opens || d == opensNever || d == opensAlways:
				local = append(local, branch{depth: depth, never: d == opensNever, rest: d == opensAlways})
				if d == opensNever {
					dead++
				}
			case d == none:
			case len(local) == 0 && len(p.conditionals) == 0:
				// Nobody's.
			case len(local) == 0 && (d == alternates || p.conditionals[len(p.conditionals)-1].never):
				return leave(t.start, t) // the branch that the block began in is over
			case len(local) == 0:
				p.directive(t)
			default:
				top := &local[len(local)-1]
				if top.never {
					dead--
				}
				if d == alternates {
					if top.rest && !top.never {
						top.depth = depth // what counts is this branch
					}
					depth = top.depth
					if top.never = top.rest; top.never {
						dead++
					}
					continue
				}
				if top.never {
					depth = top.depth
				}
				local = local[:len(local)-1]
				if depth == 0 && len(local) == 0 {
					return ended
				}
			}
			continue
		}
		switch {
		case t.kind == eof:
			if depth == 0 {
				return ended
			}
			return len(p.lex.text)
		case dead > 0:
		case depth == 0:
			return leave(ended, t) // code behind the end, in the same branch
		case t.kind == '{':
			depth++
		case t.kind == '}' && p.lex.column0(t.start) && depth > 1 && column0 && p.endsDefinition():
			return leave(t.end)
		case t.kind == '}' && p.lex.column0(t.start) && !column0 && p.closesScope(depth):
			return leave(t.start, t)
		case t.kind == '}':
			if depth--; depth == 0 {
				if len(local) == 0 {
					return t.end
				}
				ended = t.end
			}
		case t.kind == word && column0 && p.lex.column0(t.start) && p.startsFunction(t):
			return leave(t.start, t)
		}
	}
}

// endsDefinition reports whether a closing brace in the first column, within a
// block, is the end of the whole: something new follows, and code that is not
// indented does not.
func (p *parser) endsDefinition() bool {
	at := p.lex
	defer func() { p.lex = at }()
	t := p.ahead()
	if t.kind == ';' {
		t = p.ahead()
	}
	if t.kind == eof {
		return true
	}
	if t.kind != word || !p.lex.column0(t.start) {
		return t.kind == '[' && p.lex.column0(t.start) // [[nodiscard]]
	}
	switch p.classify(t).key {
	case noKeyword:
		return p.ahead().kind == word || p.startsFunctionAt(t)
	case flowKey, tryKey, accessKey, operator:
		return false
	}
	return true
}

// ahead returns the next token of code.
func (p *parser) ahead() token {
	for {
		if t := p.lex.next(); t.kind != comment && t.kind != directive {
			return t
		}
	}
}

// closesScope reports whether a closing brace in the first column, in a method
// that does not begin there, belongs to the class or namespace around it.
func (p *parser) closesScope(depth int) bool {
	if !slices.ContainsFunc(p.scopes, func(s scope) bool { return s.column0 }) {
		return false
	}
	at := p.lex
	defer func() { p.lex = at }()
	return depth > 1 || p.ahead().kind == ';'
}

// startsFunctionAt is startsFunction for a token that the lexer has gone past.
func (p *parser) startsFunctionAt(t token) bool {
	p.lex.pos = t.end
	return p.startsFunction(t)
}

// startsFunction reports whether the word in the first column begins another
// function's definition.
func (p *parser) startsFunction(t token) bool {
	const longest = 64 // tokens of a head that is looked for
	if t = p.classify(t); t.key == flowKey {
		return false
	}
	at := p.lex
	defer func() { p.lex = at }()
	head := append(make([]token, 0, longest), t)
	for depth := 0; len(head) < longest; {
		n := p.lex.next()
		switch n.kind {
		case comment:
			continue
		case eof, directive, ';', '}', ':':
			return false
		case '=':
			if depth == 0 && head[len(head)-1].key != operator && head[len(head)-1].kind != '=' {
				return false
			}
		case '(':
			depth++
		case ')':
			depth--
		case '{':
			_, ok := p.head(head, true)
			return ok && depth == 0
		}
		head = append(head, p.classify(n))
	}
	return false
}
