package fpb

import "strings"

// A pattern is one line of an answer, as it may stand in the stream: its bytes
// in order, possibly with gaps where text of the firmware cut in. Numbers that
// are known in advance are literal text of the pattern; the others are fields.
type pattern struct {
	elems []elem
	gaps  int // how many gaps it may have
}

// elem is one byte of a pattern.
type elem struct {
	class  class
	lit    byte // for class literal
	repeat bool // any number of times, also none
	option bool // may be absent
	// joined means that no gap may come before it. Around a field of unknown
	// length a gap cannot be told from the field's end.
	joined bool
	// number means that the byte is a digit: foreign digits beside it would
	// make another number, so a gap there must hold a line end to be
	// believed.
	number bool
}

type class uint8

const (
	literal class = iota
	decimal       // 0-9
	hex           // 0-9A-F, as the loader's %X writes it
	text          // anything but a line end
)

func (e elem) matches(b byte) bool {
	switch e.class {
	case decimal:
		return '0' <= b && b <= '9'
	case hex:
		return '0' <= b && b <= '9' || 'A' <= b && b <= 'F'
	case text:
		return b != '\n' && b != '\r'
	}
	return b == e.lit
}

// compile makes a pattern of a format: %d is a decimal number, %8 and %4 are
// that many hex digits, %X is 8 of them and allows no gap before or at it, %x is a hex number, %s is text up to the line end or to
// what follows; \n also stands for \r\n, because a terminal driver may add the
// \r.
func compile(format string, gaps int) *pattern {
	p := &pattern{gaps: gaps}
	add := func(e elem) { p.elems = append(p.elems, e) }
	joined := false // the next element follows a field of unknown length
	for i := 0; i < len(format); i++ {
		b := format[i]
		switch {
		case b == '\n':
			add(elem{lit: '\r', option: true, joined: joined})
			add(elem{lit: '\n', joined: joined})
			joined = false
		case b == '%' && i+1 < len(format):
			i++
			field := map[byte]class{'d': decimal, 'x': hex, 's': text}
			switch verb := format[i]; verb {
			case '%':
				add(elem{lit: '%', joined: joined})
				joined = false
			case 'X':
				for range 8 {
					add(elem{class: hex})
				}
				for j := range p.elems {
					p.elems[j].joined = true
				}
				joined = true
			case '4', '8':
				for range int(verb - '0') {
					add(elem{class: hex, joined: joined, number: true})
					joined = false
				}
			default:
				add(elem{class: field[verb], joined: true})
				add(elem{class: field[verb], joined: true, repeat: true})
				joined = true
			}
		default:
			number := '0' <= b && b <= '9' || 'A' <= b && b <= 'F'
			add(elem{lit: b, joined: joined, number: number})
			joined = false
		}
	}
	return p
}

// compileLiteral makes a pattern of plain text.
func compileLiteral(s string, gaps int) *pattern {
	return compile(strings.ReplaceAll(s, "%", "%%"), gaps)
}

// maxGap is how many bytes may cut into one line of an answer at one place.
const maxGap = 1024

// A span is a range of positions in the stream.
type span struct{ start, end int }

// A match is a pattern found in the stream.
type match struct {
	spans []span // without what cut in
	gaps  int
	// ambiguous means that there is more than one way to take the fields out of
	// what stands there, with different values.
	ambiguous bool
}

func (m match) start() int { return m.spans[0].start }
func (m match) end() int   { return m.spans[len(m.spans)-1].end }

func (m match) overlaps(o match) bool {
	for _, s := range m.spans {
		for _, t := range o.spans {
			if s.start < t.end && t.start < s.end {
				return true
			}
		}
	}
	return false
}

// A matcher finds a pattern in a stream of bytes. It follows all ways in which
// the pattern can lie in the stream at the same time; those that are at the same
// element in the same way are merged, so their number is bounded by the
// pattern's length.
type matcher struct {
	p     *pattern
	now   []thread
	next  []thread
	index []int // by key, where in next a thread with it stands, plus 1
}

// A thread is one way of finding the pattern.
type thread struct {
	pc        int // the element that comes next
	gaps      int // including the one it is in
	inGap     bool
	newline   bool // the gap it is in holds a line end
	start     int  // of the span it is in, or of the gap
	clean     bool // the latest gap ends with a line end
	ambiguous bool
	fields    uint64 // hash of what the fields hold
	done      *spans
}

// spans is a list of the finished spans, the latest first.
type spans struct {
	span
	before *spans
}

func newMatcher(p *pattern) *matcher {
	return &matcher{p: p, index: make([]int, (len(p.elems)+1)*(p.gaps+1)*4)}
}

// reset forgets everything that was begun.
func (m *matcher) reset() { m.now = m.now[:0] }

// oldest is where the oldest way that is still open begins.
func (m *matcher) oldest() (pos int, ok bool) {
	for i := range m.now {
		if p := m.now[i].first(); !ok || p < pos {
			pos, ok = p, true
		}
	}
	return pos, ok
}

// first is where the thread's first span starts.
func (t *thread) first() int {
	first := t.start
	for s := t.done; s != nil; s = s.before {
		first = s.start
	}
	return first
}

// drop ends the ways that took bytes of s.
func (m *matcher) drop(s span) {
	overlaps := func(o span) bool { return o.start < s.end && s.start < o.end }
	kept := m.now[:0]
next:
	for _, t := range m.now {
		if !t.inGap && overlaps(span{t.start, s.end}) {
			continue
		}
		for d := t.done; d != nil; d = d.before {
			if overlaps(d.span) {
				continue next
			}
		}
		kept = append(kept, t)
	}
	m.now = kept
}

// step takes the byte b at position pos and reports a match that ends with it;
// the one with the fewest gaps if there are several.
func (m *matcher) step(pos int, b byte) (match, bool) {
	m.next = m.next[:0]
	var best *thread
	for i := range m.now {
		t := &m.now[i]
		e := &m.p.elems[t.pc]
		if e.matches(b) && m.mayResume(t) {
			n := *t
			if t.inGap {
				n.inGap, n.newline, n.start = false, false, pos
			}
			best = m.advance(n, e, pos, b, best)
		}
		switch {
		case t.inGap:
			if pos-t.start < maxGap {
				n := *t
				n.newline = n.newline || b == '\n'
				n.clean = b == '\n'
				m.add(n)
			}
		case t.gaps < m.p.gaps && !e.joined:
			n := *t
			n.done = &spans{span{t.start, pos}, t.done}
			n.gaps++
			n.inGap, n.newline, n.clean, n.start = true, b == '\n', b == '\n', pos
			m.add(n)
		}
	}
	if e := &m.p.elems[0]; e.matches(b) {
		best = m.advance(thread{start: pos}, e, pos, b, best)
	}
	for i := range m.next {
		m.index[m.key(&m.next[i])] = 0
	}
	m.now, m.next = m.next, m.now
	if best == nil {
		return match{}, false
	}
	found := match{gaps: best.gaps, ambiguous: best.ambiguous, spans: []span{{best.start, pos + 1}}}
	for s := best.done; s != nil; s = s.before {
		found.spans = append([]span{s.span}, found.spans...)
	}
	return found, true
}

// mayResume reports whether the gap that the thread is in may end here.
func (m *matcher) mayResume(t *thread) bool {
	if !t.inGap || t.newline {
		return true
	}
	return !m.p.elems[t.pc].number && !m.p.elems[t.pc-1].number
}

// advance moves a thread past the element e that matched b.
func (m *matcher) advance(t thread, e *elem, pos int, b byte, best *thread) *thread {
	if e.class != literal {
		// FNV-1a, over the fields only: literal text is the same for all.
		t.fields = (t.fields ^ uint64(b) ^ uint64(t.pc)<<8) * 0x100000001b3
	}
	if !e.repeat {
		t.pc++
	}
	for {
		if t.pc == len(m.p.elems) {
			return better(best, t)
		}
		m.add(t)
		if e := &m.p.elems[t.pc]; !e.repeat && !e.option {
			return best
		}
		t.pc++
	}
}

// better picks from two ways to complete the pattern.
func better(best *thread, t thread) *thread {
	switch {
	case best == nil || t.gaps < best.gaps:
		return &t
	case t.gaps > best.gaps:
		return best
	}
	merged := merge(*best, t)
	return &merged
}

// merge makes one of two threads that stand at the same place.
func merge(a, b thread) thread {
	if a.fields != b.fields {
		a.ambiguous = true
		return a
	}
	ambiguous := a.ambiguous || b.ambiguous
	// Lines are written whole more often than not, and what cuts in is short.
	switch {
	case a.clean != b.clean:
		if b.clean {
			a = b
		}
	case b.start > a.start, b.start == a.start && b.first() > a.first():
		a = b
	}
	a.ambiguous = ambiguous
	return a
}

func (m *matcher) key(t *thread) int {
	k := (t.pc*(m.p.gaps+1) + t.gaps) * 4
	if t.inGap {
		k += 2
	}
	if t.newline {
		k++
	}
	return k
}

func (m *matcher) add(t thread) {
	k := m.key(&t)
	if i := m.index[k]; i > 0 {
		m.next[i-1] = merge(m.next[i-1], t)
		return
	}
	m.next = append(m.next, t)
	m.index[k] = len(m.next)
}
