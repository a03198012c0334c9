package fpb

import (
	"bytes"
	"slices"
	"strings"
)

// A demux takes the loader's answers out of the byte stream. It is pure: bytes
// go in by feed, the firmware's own output comes out of it, in order, and the
// state tells whether the request has its answer.
//
// While no request is pending everything is output, except the shell's prompt
// after an answer. While one is pending, what may be part of the answer is held
// back until that is decided. What is not decided is output: no byte is ever
// lost, and no answer is made of bytes that do not fit.
type demux struct {
	held []byte // the stream from position base on
	base int
	next int // position of the next byte
	// lineStart tells whether a line, or what stands behind an answer, begins at
	// base.
	lineStart bool
	cut       []span // parts of held that are answer, in order

	exp      *expectation // nil when no request is pending
	echo     *matcher
	status   *matcher // what success looks like, exactly
	shape    *matcher // any answer of the same kind
	lines    []*matcher
	failure  *matcher // an error
	stale    []*matcher
	end      *matcher // [FLEND], complete
	endCut   *matcher // [FLEND], possibly with text of the firmware in it
	found    []line   // lines of the answer so far
	known    *line    // an error of the loader that waits for its [FLEND]
	conflict bool     // there was a different one, too
	payload  *payload
	staleEnd int // where the latest stale answer's status line ends, or -1

	prompt  *matcher
	trailer *matcher
	prompts int  // how many prompts a shell may still print
	echoed  bool // the request was shown again, as a shell does
	shell   bool // a prompt was seen
	after   int  // where the latest answer ended

	state  state
	answer answer
}

// An expectation is what a request can be answered with.
type expectation struct {
	echo    string                      // the request, as a shell shows it again
	lines   []*pattern                  // lines that can come before the status line
	choose  func([]line) ([]line, bool) // those of the lines found that are the answer's
	status  *pattern                    // the status line of success, with everything that was asked
	whole   bool                        // status goes on to the end of [FLEND]
	shape   *pattern                    // the same with anything in place of it; no gaps
	payload *payloadSpec
	stale   []*pattern // late answers to earlier requests, dropped
	drain   bool       // errors are late answers, too
}

// payloadSpec describes base64 data that follows the status pattern up to the
// line's end.
type payloadSpec struct {
	encoded int // characters
	decode  func(header string, encoded []byte) ([]byte, bool)
}

// payload is a status line whose data is still coming.
type payload struct {
	spans []span
	start int // of the data
}

type state uint8

const (
	waiting   state = iota
	undecided       // an answer has ended and could not be read; another may follow
	headless        // the answer is complete but for its [FLEND]
	answered        // success
	failed          // an error
)

// An answer is what the loader said.
type answer struct {
	status string   // the status line; of an error, the message. Undecided: what stood there instead
	lines  []string // the lines before it
	data   []byte   // the payload
}

// A line is a match with its text.
type line struct {
	match
	text    string
	pattern int  // index in expectation.lines
	aligned bool // begins where a line begins, or behind another line of the answer
}

var (
	endPattern     = compile("[FLEND]\n", 0)
	brokenEnd      = compile("[FLEND]\n", 2)
	failurePattern = compile("[FLERR] %s\n", 0)
	promptPattern  = compile("fl> ", 0)
	trailerPattern = compile("fl_error: %s. Type 'q' to exit\n\n", 0)
)

// maxHeld bounds what is held back. The longest answer, a read of 1024 bytes,
// has 1400.
const maxHeld = 32 << 10

// expect starts to look for the answer to a request.
func (d *demux) expect(e *expectation) {
	d.exp = e
	d.state, d.answer = waiting, answer{}
	d.found, d.known, d.conflict, d.payload, d.staleEnd = nil, nil, false, nil, -1
	d.status, d.shape = newMatcher(e.status), nil
	if e.shape != nil {
		d.shape = newMatcher(e.shape)
	}
	d.echo, d.echoed = nil, false
	if e.echo != "" {
		d.echo = newMatcher(compileLiteral(e.echo+"\n", 0))
	}
	d.lines, d.stale = nil, nil
	for _, p := range e.lines {
		d.lines = append(d.lines, newMatcher(p))
	}
	for _, p := range e.stale {
		d.stale = append(d.stale, newMatcher(p))
	}
	d.failure = newMatcher(failurePattern)
	d.end = newMatcher(endPattern)
	d.endCut = newMatcher(brokenEnd)
}

// feed takes bytes from the line and returns what is output.
func (d *demux) feed(p []byte) []byte {
	var out []byte
	for _, b := range p {
		d.held = append(d.held, b)
		pos := d.next
		d.next++
		d.step(pos, b)
	}
	if len(d.held) > maxHeld {
		d.giveUpOldest()
	}
	return d.release(out, d.undecidedFrom())
}

// settle ends the request, whatever its state, and appends what is output. A
// status line without its end stays cut.
func (d *demux) settle(out []byte) []byte {
	d.exp = nil
	d.payload = nil
	return d.release(out, d.next)
}

// abandon ends the request without an answer; flush then gives out what is
// held.
func (d *demux) abandon() { d.exp, d.payload, d.state = nil, nil, waiting }

// flush appends what is held back for a prompt that did not come.
func (d *demux) flush(out []byte) []byte {
	if d.exp != nil {
		return out
	}
	d.resetPrompt()
	return d.release(out, d.next)
}

// holding reports whether bytes are held back while no request is pending.
func (d *demux) holding() bool { return d.exp == nil && len(d.held) > 0 }

// owe announces that a shell will print n more prompts.
func (d *demux) owe(n int) { d.prompts = min(d.prompts+n, 8) }

func (d *demux) step(pos int, b byte) {
	d.stepPrompt(pos, b)
	if d.exp == nil {
		return
	}
	if d.echo != nil {
		if m, ok := d.echo.step(pos, b); ok {
			d.take(m)
			d.echo, d.echoed = nil, true
		}
	}
	if d.state == headless {
		if m, ok := d.endCut.step(pos, b); ok {
			d.take(m)
			d.finish(answered)
		}
		return
	}
	d.stepLines(pos, b)
	if d.stepStatus(pos, b) {
		return
	}
	d.stepStale(pos, b)
	d.stepFailure(pos, b)
}

// stepLines looks for the lines before the status line.
func (d *demux) stepLines(pos int, b byte) {
	var matched []line
	for i, m := range d.lines {
		if found, ok := m.step(pos, b); ok {
			matched = append(matched, line{match: found, text: d.text(found), pattern: i, aligned: d.aligned(found.start())})
		}
	}
	for _, l := range matched {
		d.found = append(d.found, l)
		if l.gaps == 0 {
			d.drop(span{l.start(), l.end()})
		}
	}
}

// aligned reports whether a line begins at pos.
func (d *demux) aligned(pos int) bool {
	if pos <= d.base {
		return d.lineStart
	}
	if d.held[pos-1-d.base] == '\n' {
		return true
	}
	return slices.ContainsFunc(d.cut, func(s span) bool { return s.end == pos })
}

// stepStatus looks for the status line of success and reports whether it is
// complete.
func (d *demux) stepStatus(pos int, b byte) bool {
	m, ok := d.status.step(pos, b)
	wrong, isShape := match{}, false
	if d.shape != nil {
		wrong, isShape = d.shape.step(pos, b)
	}
	switch {
	case ok && !m.ambiguous && d.exp.payload != nil:
		if d.payload == nil || m.gaps == 0 {
			d.payload = &payload{spans: m.spans, start: pos + 1}
		}
	case ok && !m.ambiguous:
		return d.success(m, nil)
	case b == '\n' && d.payload != nil && d.readPayload(pos):
		return true
	case isShape:
		// A whole answer to something else. No part of it belongs to ours.
		d.answer.status = d.text(wrong)
		d.drop(span{wrong.start(), wrong.end()})
	}
	return false
}

// success takes the status line, and the lines before it if they make sense.
func (d *demux) success(m match, data []byte) bool {
	var lines []string
	if d.exp.choose != nil {
		chosen, ok := d.exp.choose(d.plausible(m))
		if !ok {
			return false
		}
		for _, l := range chosen {
			d.take(l.match)
			lines = append(lines, l.text)
		}
	}
	d.take(m)
	status, _, _ := strings.Cut(d.text(m), "\n")
	status = strings.TrimRight(strings.TrimPrefix(status, "[FLOK] "), "\r")
	d.answer = answer{status: status, lines: lines, data: data}
	d.found, d.known = nil, nil
	d.reset()
	if d.state = headless; d.exp.whole {
		d.finish(answered)
	}
	return true
}

// plausible returns the lines found, without those that are ambiguous or lie
// across others that certainly are whole lines of the answer, or end behind the
// beginning of its status line.
func (d *demux) plausible(status match) []line {
	whole := func(l line) bool { return l.gaps == 0 && l.aligned }
	return slices.DeleteFunc(slices.Clone(d.found), func(l line) bool {
		return l.ambiguous || l.end() > status.start() || !whole(l) && slices.ContainsFunc(d.found, func(o line) bool { return whole(o) && l.overlaps(o.match) })
	})
}

// readPayload tries to read the data, whose line may end with the byte at end.
func (d *demux) readPayload(end int) bool {
	spec, p := d.exp.payload, d.payload
	raw := d.held[p.start-d.base : end-d.base]
	if len(raw) > 0 && raw[len(raw)-1] == '\r' {
		raw = raw[:len(raw)-1]
	}
	surplus := len(raw) - spec.encoded
	if surplus < 0 {
		return false
	}
	if surplus > maxGap || surplus > 0 && len(p.spans) > 1 {
		d.payload = nil
		return false
	}
	header := d.text(match{spans: p.spans})
	var data []byte
	var spans []span
	for _, gap := range gapsIn(raw, surplus) {
		encoded := slices.Concat(raw[:gap.start], raw[gap.end:])
		got, ok := spec.decode(header, encoded)
		switch {
		case !ok:
			continue
		case data != nil && !bytes.Equal(data, got):
			d.payload = nil // two ways to read it
			return false
		}
		data = got
		spans = []span{{p.start, p.start + gap.start}, {p.start + gap.end, end + 1}}
	}
	if data == nil {
		if surplus == 0 {
			d.payload = nil
		}
		return false
	}
	spans = slices.DeleteFunc(spans, func(s span) bool { return s.start == s.end })
	d.payload = nil
	return d.success(match{spans: append(slices.Clone(p.spans), spans...)}, data)
}

// gapsIn lists where text of n bytes can have cut into base64 data: it begins
// with the first byte that is not base64, or ends with the last one, and holds
// all of them.
func gapsIn(raw []byte, n int) []span {
	if n == 0 {
		return []span{{}}
	}
	foreign := func(r rune) bool {
		return !('A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '+' || r == '/' || r == '=')
	}
	first := bytes.IndexFunc(raw, foreign)
	if first < 0 {
		return nil
	}
	last := bytes.LastIndexFunc(raw, foreign) + 1
	var gaps []span
	if last-n >= 0 && last-n <= first {
		gaps = append(gaps, span{last - n, last})
	}
	if first+n <= len(raw) && first+n > last {
		gaps = append(gaps, span{first, first + n})
	}
	return gaps
}

// stepStale takes out late answers to earlier requests.
func (d *demux) stepStale(pos int, b byte) {
	var whole []span
	for _, m := range d.stale {
		if found, ok := m.step(pos, b); ok {
			d.take(found)
			d.staleEnd = found.end()
			if found.gaps == 0 {
				whole = append(whole, span{found.start(), found.end()})
			}
		}
	}
	for _, s := range whole {
		d.drop(s) // a whole line is no beginning of one that goes on behind other text
	}
}

// stepFailure looks for errors and for the end of the answer.
func (d *demux) stepFailure(pos int, b byte) {
	if m, ok := d.failure.step(pos, b); ok {
		d.fail(line{match: m, text: strings.TrimPrefix(d.text(m), "[FLERR] ")})
	}
	end, ok := d.end.step(pos, b)
	if d.known != nil {
		broken, okBroken := d.endCut.step(pos, b)
		if !ok && okBroken {
			end, ok = broken, true
		}
	}
	if !ok {
		return
	}
	switch {
	case d.staleEnd >= 0:
		d.take(end)
	case d.known != nil && !d.conflict:
		d.take(d.known.match)
		d.take(end)
		if !d.exp.drain {
			d.answer = answer{status: d.known.text}
			d.finish(failed)
			return
		}
	case !d.exp.drain:
		d.state = undecided
	}
	d.staleEnd, d.known, d.conflict, d.payload, d.found = -1, nil, false, nil, nil
	d.reset()
}

// fail notes an error line. Only texts that the loader has count as its own.
func (d *demux) fail(l line) {
	switch {
	case !isLoaderError(l.text):
		d.answer.status = l.text
	case d.known != nil && d.known.text != l.text:
		d.conflict = true
	default:
		d.known = &l
		d.endCut.reset()
	}
}

func (d *demux) finish(s state) {
	d.state = s
	d.exp = nil
	d.after = d.next
	d.resetPrompt()
	if d.shell || d.echoed {
		d.owe(1)
	}
}

// drop ends the open ways that took bytes of s.
func (d *demux) drop(s span) {
	for m := range d.matchers {
		if m != d.end {
			m.drop(s)
		}
	}
}

// reset ends all open ways.
func (d *demux) reset() {
	for m := range d.matchers {
		m.reset()
	}
}

// matchers yields those that are at work on the answer itself.
func (d *demux) matchers(yield func(*matcher) bool) {
	for _, m := range slices.Concat([]*matcher{d.status, d.shape, d.end, d.endCut, d.failure}, d.lines, d.stale) {
		if m != nil && !yield(m) {
			return
		}
	}
}

// stepPrompt takes the prompt and the remark that a shell prints behind an
// answer.
func (d *demux) stepPrompt(pos int, b byte) {
	if d.prompts == 0 {
		return
	}
	if d.prompt == nil {
		d.prompt, d.trailer = newMatcher(promptPattern), newMatcher(trailerPattern)
	}
	if m, ok := d.trailer.step(pos, b); ok && (d.shell || m.start() == d.after) {
		d.take(m)
		d.after = m.end()
	}
	m, ok := d.prompt.step(pos, b)
	if ok && (m.start() == d.after || d.shell && d.aligned(m.start())) {
		d.take(m)
		d.shell = true
		d.prompts--
		d.after = m.end()
	}
	if !d.shell && pos >= d.after+len(trailerPattern.elems)+255 {
		d.prompts = 0 // no shell
	}
}

func (d *demux) resetPrompt() { d.prompt, d.trailer = nil, nil }

func (d *demux) oldestTrailer() (int, bool) {
	if d.trailer == nil {
		return 0, false
	}
	return d.trailer.oldest()
}

// text is what the match took out of the stream, without its line end.
func (d *demux) text(m match) string {
	var b []byte
	for _, s := range m.spans {
		b = append(b, d.held[s.start-d.base:s.end-d.base]...)
	}
	return string(bytes.TrimRight(b, "\r\n"))
}

// take marks the match's bytes as answer.
func (d *demux) take(m match) {
	d.cut = append(d.cut, m.spans...)
	slices.SortFunc(d.cut, func(a, b span) int { return a.start - b.start })
}

// undecidedFrom is the position from which on bytes may still turn out to be
// part of an answer.
func (d *demux) undecidedFrom() int {
	from := d.next
	consider := func(m *matcher) {
		if m == nil {
			return
		}
		if p, ok := m.oldest(); ok {
			from = min(from, p)
		}
	}
	if d.prompts > 0 {
		if d.shell || d.next <= d.after+len(promptPattern.elems) {
			consider(d.prompt)
		}
		if p, ok := d.oldestTrailer(); ok && (d.shell || p == d.after) {
			from = min(from, p)
		}
	}
	if d.exp == nil {
		return from
	}
	consider(d.echo)
	for m := range d.matchers {
		consider(m)
	}
	for _, l := range d.found {
		from = min(from, l.start())
	}
	if d.known != nil {
		from = min(from, d.known.start())
	}
	if d.payload != nil {
		from = min(from, d.payload.spans[0].start)
	}
	return from
}

// giveUpOldest frees what is held back when it is too much to be an answer.
func (d *demux) giveUpOldest() {
	d.reset()
	if d.echo != nil {
		d.echo.reset()
	}
	d.resetPrompt()
	d.found, d.known, d.payload = nil, nil, nil
}

// release appends the output before position to and forgets it.
func (d *demux) release(out []byte, to int) []byte {
	pos := d.base
	for len(d.cut) > 0 && d.cut[0].start < to {
		s := d.cut[0]
		// Late answers of an abandoned request can overlap those of the next one.
		s.start = max(s.start, pos)
		if s.end > to {
			to = s.start
			break
		}
		out = append(out, d.held[pos-d.base:s.start-d.base]...)
		pos = max(pos, s.end)
		d.cut = d.cut[1:]
	}
	if to == d.base {
		return out
	}
	out = append(out, d.held[pos-d.base:to-d.base]...)
	d.lineStart = pos == to || d.held[to-1-d.base] == '\n'
	d.held = d.held[:copy(d.held, d.held[to-d.base:])]
	d.base = to
	return out
}
