package sim

import (
	"context"
	"slices"
	"sync"

	"github.com/fpbls/fpbls/internal/fpb"
)

// line is the cable: bytes between the board's goroutine and the host ends.
type line struct {
	faults *faulty // nil: nothing goes wrong; under the board's lock

	wake chan struct{} // there is something for the board to do

	mu    sync.Mutex
	in    []byte // written by hosts, not yet fetched by the board
	room  chan struct{}
	conns []*Conn
	out   []byte // sent by the board, not yet handed to the host ends; the board's goroutine only
}

const (
	// inLimit bounds what a host can write ahead, as a driver's buffer does.
	inLimit = 16 << 10
	// outLimit bounds what is kept for a host end that does not read.
	outLimit = 4 << 20
)

func (l *line) init() {
	l.wake = make(chan struct{}, 1)
	l.room = make(chan struct{}, 1)
}

// kick makes the board look at what is new.
func (l *line) kick() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// fromHost fetches what the hosts wrote.
func (l *line) fromHost() []byte {
	l.mu.Lock()
	p := l.in
	l.in = nil
	l.mu.Unlock()
	if len(p) == 0 {
		if l.faults != nil {
			return l.faults.release(ToBoard)
		}
		return nil
	}
	select {
	case l.room <- struct{}{}:
	default:
	}
	if l.faults == nil {
		return p
	}
	var arrived []byte
	for _, b := range p {
		arrived = append(arrived, l.faults.pass(ToBoard, b)...)
	}
	return arrived
}

// toHost keeps a byte until flush.
func (l *line) toHost(b byte) {
	if l.faults != nil {
		l.out = append(l.out, l.faults.pass(ToHost, b)...)
		return
	}
	l.out = append(l.out, b)
}

// flush hands what the board sent to every host end.
func (l *line) flush() {
	if len(l.out) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.put(l.out)
	}
	l.out = l.out[:0]
}

// Conn attaches a host end to the board's line. Several ends see the same
// output, and what they write is mixed, like programs that share a port.
func (b *Board) Conn() *Conn {
	c := &Conn{line: &b.line, changed: make(chan struct{}, 1)}
	b.line.mu.Lock()
	b.line.conns = append(b.line.conns, c)
	b.line.mu.Unlock()
	return c
}

// Unplug takes the cable off: all host ends get [fpb.ErrGone].
func (b *Board) Unplug() {
	b.line.mu.Lock()
	conns := slices.Clone(b.line.conns)
	b.line.mu.Unlock()
	for _, c := range conns {
		c.end(fpb.ErrGone)
	}
}

// A Conn is a host end of the line; it is an [fpb.Conn].
type Conn struct {
	line    *line
	changed chan struct{} // buf or err changed

	mu  sync.Mutex
	buf []byte
	err error // why it ended
}

func (c *Conn) put(p []byte) {
	c.mu.Lock()
	if len(c.buf) < outLimit {
		c.buf = append(c.buf, p...)
	}
	c.mu.Unlock()
	c.signal()
}

func (c *Conn) signal() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// Read waits for at least one byte.
func (c *Conn) Read(ctx context.Context, p []byte) (int, error) {
	for {
		c.mu.Lock()
		n := copy(p, c.buf)
		c.buf = c.buf[n:]
		err := c.err
		c.mu.Unlock()
		switch {
		case n > 0:
			return n, nil
		case err != nil:
			c.signal() // for the next Read
			return 0, err
		}
		select {
		case <-c.changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Write writes all of p. It waits while the board is far behind.
func (c *Conn) Write(ctx context.Context, p []byte) error {
	for len(p) > 0 {
		c.mu.Lock()
		err := c.err
		c.mu.Unlock()
		if err != nil {
			return err
		}
		c.line.mu.Lock()
		n := min(len(p), inLimit-len(c.line.in))
		c.line.in = append(c.line.in, p[:n]...)
		c.line.mu.Unlock()
		p = p[n:]
		c.line.kick()
		if len(p) == 0 {
			break
		}
		select {
		case <-c.line.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Close detaches this end.
func (c *Conn) Close() error {
	c.end(fpb.ErrClosed)
	return nil
}

func (c *Conn) end(err error) {
	c.line.mu.Lock()
	c.line.conns = slices.DeleteFunc(c.line.conns, func(o *Conn) bool { return o == c })
	c.line.mu.Unlock()
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.mu.Unlock()
	c.signal()
}
