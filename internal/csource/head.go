package csource

import "strings"

// header is what the head of a function definition tells.
type header struct {
	name         string
	start, end   int // of the name
	signature    int // tokens in front of a constructor's initialisers
	initialisers bool
	tries        bool // the body is that of a try block
	static       bool
	inline       bool
}

// A candidate is a name with parentheses behind it. Macros give several of them.
type candidate struct {
	first, last int // tokens of the name
	score       int
	typed       bool // a type stands in front of it
}

func (t token) isName() bool { return t.kind == word && t.key == noKeyword }

// head reads the head of a function definition. A strict one is not mistaken for
// a statement: it has a type.
func (p *parser) head(s []token, strict bool) (header, bool) {
	var h header
	if len(s) == 0 || s[0].key == flowKey || s[0].key == aliasKey || s[0].key == namespace {
		return h, false
	}
	match := p.pair(s)
	best := candidate{first: -1}
	candidates := 0
	type_, static, inline := -1, -1, -1 // the first token of each, of a type since the last candidate
	constraint, trailer := false, false // behind "requires", behind the parameters
	h.signature = len(s)
scan:
	for i := 0; i < len(s); i++ {
		t := s[i]
		switch t.kind {
		case '(':
			if match[i] < 0 {
				return h, false
			}
			if c, ok := p.candidate(s, match, i); ok && !trailer {
				c.typed = type_ >= 0 && type_ < c.first
				c.score += p.plausibility(s[c.first:c.last+1], s[i+1:match[i]])
				switch {
				case !c.typed:
				case candidates == 0:
					c.score++
				default:
					c.score += 3 // SECTION(".ram") int f(void)
				}
				c.typed = c.typed || candidates > 0 && !strict
				if candidates == 0 || c.score > best.score {
					best = c
				}
				candidates++
				type_ = -1
			}
			i = match[i]
		case '[', '<':
			if match[i] > 0 {
				i = match[i]
			}
		case ':':
			if candidates == 0 {
				return h, false
			}
			h.initialisers, h.signature = true, i
			break scan
		case arrow:
			if candidates == 0 {
				return h, false
			}
			trailer = true
		case '|', '!':
			if !constraint {
				return h, false
			}
		case '*', '&', '>', '~', scopeOp, literal, block, ')', ']':
		case word:
			switch t.key {
			case operator:
				if trailer {
					return h, false
				}
				c, params := p.operator(s, match, i)
				if params < 0 {
					return h, false
				}
				best, candidates, trailer = c, candidates+1, true
				i = match[params]
			case requires:
				constraint, trailer = true, candidates > 0
			case tryKey:
				h.tries = true
			case callKey:
				if i+1 < len(s) && s[i+1].kind == '(' && match[i+1] > 0 {
					i = match[i+1]
				}
			case flowKey:
				return h, false
			case qualifier:
				if candidates == 0 && type_ < 0 {
					type_ = i
				}
			case template:
			default:
				if t.key == staticKey || t.key == bothKeys {
					static = i
				}
				if t.key == inlineKey || t.key == bothKeys {
					inline = i
				}
				if type_ < 0 {
					type_ = i
				}
			}
		default:
			return h, false // an expression
		}
	}
	if candidates == 0 {
		return h, false
	}
	if h.initialisers {
		for _, t := range s[h.signature:] {
			h.tries = h.tries || t.key == tryKey
		}
	}
	special := best.last > best.first // C::f, ~C, operator+
	if !best.typed && !special && (strict || len(p.scopes) == 0 && !p.lex.column0(s[0].start)) {
		return h, false
	}
	h.static, h.inline = static >= 0 && static < best.first, inline >= 0 && inline < best.first
	h.name = p.join(s[best.first : best.last+1])
	h.start, h.end = s[best.first].start, s[best.last].end
	return h, true
}

// candidate looks at the parenthesis at the index.
func (p *parser) candidate(s []token, match []int, i int) (candidate, bool) {
	end := match[i]
	if end+1 < len(s) && s[end+1].kind == '(' && match[end+1] > 0 {
		// int (f)(void), int (*f(int a))(void)
		inner := s[i+1 : end]
		if n := len(inner); n > 0 && inner[n-1].isName() && p.qualified(s, match, end-1) == i+1 {
			return candidate{first: i + 1, last: end - 1, score: 1}, true
		}
		if len(inner) > 1 && inner[0].kind == '*' {
			for j := i + 1; j+1 < end; j++ {
				if s[j].isName() && s[j+1].kind == '(' {
					return candidate{first: p.qualified(s, match, j), last: j, score: 1}, true
				}
			}
			return candidate{}, false
		}
	}
	at := i - 1
	for at > 0 && s[at].kind == ']' && match[at] > 0 {
		at = match[at] - 1 // f [[nodiscard]] (…)
	}
	switch {
	case at >= 0 && s[at].isName():
		return candidate{first: p.qualified(s, match, at), last: at}, true
	case at > 0 && s[at].kind == '>' && match[at] > 0 && s[match[at]-1].isName(): // f<int>(…)
		return candidate{first: p.qualified(s, match, match[at]-1), last: at}, true
	}
	return candidate{}, false
}

// operator reads the name of an operator function, whose keyword is at the
// index, and returns the index of its parameters' parenthesis, -1 if there are none.
func (p *parser) operator(s []token, match []int, i int) (candidate, int) {
	end := i + 1
	if end+1 < len(s) && s[end].kind == '(' && s[end+1].kind == ')' {
		end += 2
	} else {
		for end < len(s) && s[end].kind != '(' {
			end++
		}
	}
	last := end - 1
	for end < len(s) && s[end].kind == '[' && match[end] > 0 {
		end = match[end] + 1 // operator()[[nodiscard]](…)
	}
	if end >= len(s) || last == i || s[end].kind != '(' || match[end] < 0 {
		return candidate{}, -1
	}
	return candidate{first: p.qualified(s, match, i), last: last, score: 9, typed: true}, end
}

// plausibility tells how well a name and what stands in its parentheses fit a
// function's, as opposed to a macro's.
func (p *parser) plausibility(name, params []token) int {
	score := 0
	if text := p.lex.text[name[len(name)-1].start:name[len(name)-1].end]; len(text) > 1 && strings.ToUpper(string(text)) == string(text) {
		score -= 2
	}
	words, literals := 0, 0
	for i, t := range params {
		var before token
		if i > 0 {
			before = params[i-1]
		}
		switch {
		case t.kind == literal:
			literals++
		case t.kind != word:
		case t.key == typeKey, t.key == classKey, t.key == enumKey, t.key == qualifier, // a declaration
			t.key == noKeyword && (before.kind == word || before.kind == '*' || before.kind == '&' || before.kind == '>') && i > 1 || t.key == noKeyword && before.kind == word:
			return score + 2
		default:
			words++
		}
	}
	switch {
	case len(params) == 0:
		score += 2
	case literals > 0 && words == 0:
		score -= 3
	}
	return score
}

// scope tells whether the statement begins a namespace, a linkage block or a
// class, and its name.
func (p *parser) scope() (string, bool) {
	s := p.tokens
	match := p.pair(s)
	for i := 0; i < len(s); i++ {
		switch t := s[i]; t.kind {
		case '(', '[', '<':
			if match[i] < 0 {
				return "", false
			}
			i = match[i]
		case '=', ':', arrow:
			return "", false
		case word:
			switch t.key {
			case namespace:
				return p.namespaceName(s[i+1:]), true
			case external:
				if i+2 == len(s) && s[i+1].kind == literal {
					return "", true
				}
			case classKey:
				return p.className(s, match, i+1)
			case enumKey, operator:
				return "", false
			}
		}
	}
	return "", false
}

// namespaceName reads what stands between "namespace" and the brace.
func (p *parser) namespaceName(s []token) string {
	name := ""
	for i, t := range s {
		switch {
		case t.kind == '[', t.kind == '(':
			return name // an attribute
		case t.isName() && (name == "" || s[i-1].kind == scopeOp || s[i-1].key == inlineKey):
			if name != "" {
				name += "::"
			}
			name += string(p.lex.text[t.start:t.end])
		}
	}
	return name
}

// className reads what stands between the class key, in front of the index, and
// the brace. It is no class if a function's name and parameters are there.
func (p *parser) className(s []token, match []int, i int) (string, bool) {
	name, names := "", 0
	for ; i < len(s); i++ {
		switch t := s[i]; t.kind {
		case ':':
			return name, true // its bases follow
		case '[', '<':
			if match[i] > 0 {
				i = match[i]
			}
		case '(':
			if names > 1 || match[i] < 0 || s[i-1].kind != word {
				return "", false
			}
			name, names = "", 0 // an attribute's, or a macro's
			i = match[i]
		case word:
			if t.key == operator {
				return "", false
			}
			if t.key != noKeyword {
				continue
			}
			text := string(p.lex.text[t.start:t.end])
			if s[i-1].kind == scopeOp && name != "" {
				name += "::" + text
			} else {
				name, names = text, names+1
			}
		case scopeOp, '>', literal:
		default:
			return "", false
		}
	}
	return name, true
}

// qualified moves back over C::, ns::C<T>:: and ~ in front of a name.
func (p *parser) qualified(s []token, match []int, at int) int {
	if at > 0 && s[at-1].kind == '~' {
		at--
	}
	for at >= 2 && s[at-1].kind == scopeOp {
		before := at - 2
		if s[before].kind == '>' {
			if match[before] < 1 {
				break
			}
			before = match[before] - 1
		}
		if !s[before].isName() {
			break
		}
		at = before
	}
	return at
}

// pair finds for each bracket of the tokens its partner's index, -1 where there
// is none. A "<" counts if it stands behind a name and something closes it.
func (p *parser) pair(s []token) []int {
	p.match = p.match[:0]
	open := p.unpaired[:0]
	defer func() { p.unpaired = open }()
	for i, t := range s {
		p.match = append(p.match, -1)
		switch t.kind {
		case '(', '[':
			open = append(open, i)
		case '<':
			if i > 0 && (s[i-1].isName() || s[i-1].key == template) {
				open = append(open, i)
			}
		case '>':
			if n := len(open) - 1; n >= 0 && s[open[n]].kind == '<' {
				p.match[i], p.match[open[n]] = open[n], i
				open = open[:n]
			}
		case ')', ']':
			opening := kind('(')
			if t.kind == ']' {
				opening = '['
			}
			n := len(open) - 1
			for n >= 0 && s[open[n]].kind == '<' {
				n-- // less than
			}
			if n >= 0 && s[open[n]].kind == opening {
				p.match[i], p.match[open[n]] = open[n], i
				open = open[:n]
			}
		}
	}
	for _, i := range open {
		if s[i].kind == '<' && s[i-1].key == template {
			p.closeTemplate(s, i)
			break
		}
	}
	return p.match
}

// closeTemplate pairs the "<" of template parameters that compare values: the
// next ">" in front of a word closes them.
func (p *parser) closeTemplate(s []token, i int) {
	for n := i + 1; n+1 < len(s); n++ {
		switch {
		case s[n].kind == '(' && p.match[n] > 0:
			n = p.match[n]
		case s[n].kind == '>' && s[n+1].kind == word:
			p.match[i], p.match[n] = n, i
			return
		}
	}
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
