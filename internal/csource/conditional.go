package csource

import (
	"bytes"
	"slices"
)

// conditional is an open #if at the level of declarations. Each of its branches
// begins where the first one began, and what the last one began goes on behind
// #endif.
type conditional struct {
	branch
	open      int     // how many scopes there were
	scopes    []scope // they, unless they were too many
	statement statement
}

// branch is one of a conditional's.
type branch struct {
	depth int  // of braces in front of the conditional
	never bool // it is never compiled
	rest  bool // what comes behind it is not
}

// effect is what a directive does to conditionals.
type effect uint8

const (
	none effect = iota
	opens
	opensNever  // #if 0
	opensAlways // #if 1
	alternates
	ends
)

// effect tells what a directive does.
func (p *parser) effect(t token) effect {
	line := bytes.TrimLeft(p.lex.text[t.start+1:t.end], " \t")
	n := 0
	for n < len(line) && isLetter(line[n]) {
		n++
	}
	switch string(line[:n]) {
	case "if":
		if rest := bytes.Fields(line[n:min(len(line), n+64)]); len(rest) > 0 && (len(rest) == 1 || bytes.HasPrefix(rest[1], []byte("/"))) {
			switch string(rest[0]) {
			case "0":
				return opensNever
			case "1":
				return opensAlways
			}
		}
		return opens
	case "ifdef", "ifndef":
		return opens
	case "else", "elif", "elifdef", "elifndef":
		return alternates
	case "endif":
		return ends
	}
	return none
}

// directive handles a directive at the level of declarations.
func (p *parser) directive(t token) {
	d := p.effect(t)
	n := len(p.conditionals) - 1
	switch {
	case d == none:
	case p.deep > 0 && d == alternates: // nobody nests them like this
	case p.deep > 0 && d == ends:
		p.deep--
	case d == opens || d == opensNever || d == opensAlways:
		p.enter(branch{never: d == opensNever, rest: d == opensAlways})
	case n < 0: // nobody's
	case d == alternates:
		c := &p.conditionals[n]
		if c.rest && !c.never {
			p.keep(c) // what counts is this branch
		}
		p.restore(c)
		p.kill(c, c.rest)
	default:
		c := &p.conditionals[n]
		if c.never {
			p.restore(c)
		}
		p.kill(c, false)
		p.conditionals = p.conditionals[:n]
	}
}

// kill says whether the conditional's branch is one that is never compiled.
func (p *parser) kill(c *conditional, never bool) {
	if c.never {
		p.dead--
	}
	if c.never = never; never {
		p.dead++
	}
}

const (
	// What is kept of a declaration that a conditional interrupts, and of scopes.
	maxKeptTokens   = 256
	maxKeptScopes   = 16
	maxConditionals = 4096
)

// enter opens a conditional.
func (p *parser) enter(b branch) {
	if len(p.conditionals) == maxConditionals {
		p.deep++
		return
	}
	c := conditional{branch: branch{rest: b.rest}}
	p.keep(&c)
	p.kill(&c, b.never)
	p.conditionals = append(p.conditionals, c)
}

// keep notes what a branch that is never compiled must not change.
func (p *parser) keep(c *conditional) {
	c.open, c.scopes, c.statement = len(p.scopes), nil, statement{}
	if c.open <= maxKeptScopes {
		c.scopes = slices.Clone(p.scopes)
	}
	if n := len(p.tokens); n > 0 && n <= maxKeptTokens {
		c.statement = p.statement
		c.statement.tokens = slices.Clone(p.tokens)
	}
}

// restore goes back to where the conditional began.
func (p *parser) restore(c *conditional) {
	if c.open <= maxKeptScopes {
		p.scopes = append(p.scopes[:0], c.scopes...)
	} else if c.open < len(p.scopes) {
		p.scopes = p.scopes[:c.open]
	}
	tokens := append(p.tokens[:0], c.statement.tokens...)
	p.statement = c.statement
	p.tokens = tokens
}
