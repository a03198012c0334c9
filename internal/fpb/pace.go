package fpb

import "time"

// pace is what the line has shown: how fast it is, how soon the board answers,
// and how long a line it takes.
type pace struct {
	patience time.Duration // how long an answer may be overdue before anything is known
	perByte  time.Duration // of the board's answers
	measured bool
	latency  time.Duration // smoothed, from the request's end to the answer's end, without the bytes
	spread   time.Duration // mean deviation of it
	samples  int
	up, down window // payload bytes in a request, in an answer
	proven   int    // characters of the longest list of slots that the board has sent
}

const (
	// slowest is what a line is taken for until it was measured: 9600 baud.
	slowest = time.Second * 10 / 9600
	// usual is what sizes are chosen for until then: 115200 baud.
	usual = time.Second * 10 / 115200
	// shortestWait bounds the learned waiting time from below: a main loop may
	// be busy now and then.
	shortestWait = 250 * time.Millisecond
)

// wait is how long to wait for an answer. The n-th repetition waits longer.
func (p *pace) wait(sent, answer, n int) time.Duration {
	perByte := slowest
	if p.measured {
		perByte = 2 * p.perByte
	}
	d := p.patience
	if p.samples >= 4 {
		d = min(d, max(shortestWait, p.latency+8*p.spread))
	}
	return min(d<<min(n, 4), 2*p.patience) + time.Duration(sent+answer)*perByte
}

// answered notes a complete answer: when the request was out, the answer's
// first bytes came, and its last, and how many bytes came between the two.
func (p *pace) answered(out, first, last time.Time, between, total int) {
	if between >= 48 {
		sample := last.Sub(first) / time.Duration(between)
		if p.measured {
			sample = (3*p.perByte + sample) / 4
		}
		p.perByte, p.measured = sample, true
	}
	latency := max(0, last.Sub(out)-time.Duration(total)*p.perByte)
	if p.samples == 0 {
		p.latency, p.spread = latency, latency/2
	} else {
		p.spread += ((latency - p.latency).Abs() - p.spread) / 4
		p.latency += (latency - p.latency) / 8
	}
	p.samples++
}

// rest is how long to wait for the rest of an answer that has begun to come.
func (p *pace) rest() time.Duration { return max(100*time.Millisecond, p.latency/2) + 32*slowest }

// listed notes a list of slots.
func (p *pace) listed(lines []string) {
	n := endOfAnswer
	for _, l := range lines {
		n += len(l)
	}
	p.proven = max(p.proven, min(n, infoRequest().answer))
}

// readSize is how many bytes to read at once so that the answer keeps the
// board's main loop from its work for no longer than stall, or than the list of
// slots did: a board that lived through that one lives through as many characters
// again, and on a slow line fewer of them cost a round trip for every few bytes.
func (p *pace) readSize(stall time.Duration) int {
	perByte := usual
	if p.measured {
		perByte = max(p.perByte, time.Microsecond)
	}
	characters := max(int(stall/perByte), p.proven) - len("[FLOK] READ 1024 bytes crc=0x0000 data=\n[FLEND]\n")
	return min(max(characters/4*3, p.down.least), p.down.size)
}

// A window is a size that grows while the line carries it and shrinks when it does
// not.
type window struct {
	size, least, most int
	streak            int // successes at this size
}

func newWindow(least, most int) window { return window{size: most, least: least, most: most} }

func (w *window) carried() {
	if w.streak++; w.streak >= 8 && w.size < w.most {
		w.size, w.streak = min(w.size+w.size/2, w.most), 0
	}
}

// shrink divides the size after n bytes were not carried.
func (w *window) shrink(n, by int) {
	w.size, w.streak = max(min(w.size, n/by), w.least), 0
}

// limit sets the largest size.
func (w *window) limit(most int) {
	if w.size == w.most {
		w.size = most
	}
	w.most = most
	w.size = min(w.size, most)
}
