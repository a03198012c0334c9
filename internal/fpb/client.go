// Package fpb speaks the serial protocol of the FPBInject function loader.
//
// The loader's answers share the line with whatever the firmware prints. A
// [Client] takes them apart: answers go to whoever asked, every other byte to
// [Options.Output], in order. It trusts no answer that does not echo what was
// asked, repeats only what is safe to repeat, and looks at the board's state
// where it is not.
package fpb

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Options tune a [Client]. The zero value is useful.
type Options struct {
	// Output receives what the firmware prints, in order and without the
	// loader's answers. It is called from the client's reader goroutine, must
	// not block, and must not keep p.
	Output func(p []byte)
	// Timeout is how long an answer may be overdue, beside the time its bytes
	// take on the line, until the board has shown how soon it answers. Zero: two
	// seconds, for a main loop that polls rarely.
	Timeout time.Duration
	// Stall is how long an answer to ReadMemory may keep the board's main loop
	// from its work, where that is longer than its list of slots does: many ports
	// wait for each byte they send. Zero: 25 ms.
	Stall time.Duration
}

// A Client is a connection to a function loader.
//
// NewClient starts one goroutine, the reader, which Close ends. Requests take
// turns: a second one waits until the first has its answer. Send, Traffic and Done
// never wait for a request.
type Client struct {
	conn Conn
	opts Options
	done chan struct{} // closed when the reader has ended
	turn chan struct{} // held by the request that runs

	sent, received atomic.Int64

	writing sync.Mutex // one line at a time
	midLine bool       // Send has left a line unfinished; under writing

	mu        sync.Mutex
	demux     demux
	arrivals  arrivals
	changed   chan struct{}      // signalled when the state of the request changes
	wake      context.CancelFunc // ends the Read in progress
	err       error              // why the reader ended
	abandoned bool               // a request ended without an answer
	recent    []byte             // what came last, for messages
	sentRaw   bool               // the user has written a line of their own

	// Of the request that has the turn.
	pace     pace
	unsynced bool       // late answers may still come
	stale    []*pattern // what they look like
	nonce    uint32
	last     *Info         // as it should be now, nil if unknown
	doubt    string        // what was odd about it and was accepted
	pending  int           // size of the allocation that no patch has taken
	uploaded []upload      // what it was given
	noise    int           // requests for which the line is still taken for a bad one
	shell    bool          // the loader runs in a shell
	plain    bool          // the loader does not know quotes within words
	lacks    map[Mode]bool // what this loader was built without, as far as it was tried
}

// arrivals is when the bytes of an answer came.
type arrivals struct {
	first, last    time.Time
	total, atFirst int
}

const (
	defaultTimeout = 2 * time.Second
	defaultStall   = 25 * time.Millisecond

	// A few characters less than the loader takes, for those that a damaged line
	// adds.
	bareMetalLine = 511 - 8
	nuttxLine     = 1023 - 8
)

// NewClient takes over conn: Close closes it.
func NewClient(conn Conn, o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Stall == 0 {
		o.Stall = defaultStall
	}
	c := &Client{
		conn: conn, opts: o,
		done: make(chan struct{}), turn: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		nonce:    rand.Uint32(),
		unsynced: true,
		lacks:    make(map[Mode]bool),
		pace:     pace{patience: o.Timeout, down: newWindow(16, 768)},
	}
	if s, ok := conn.(Seeder); ok {
		c.nonce = s.Seed()
	}
	c.setLineSize(bareMetalLine)
	go c.read()
	return c
}

// SystemChooses reports whether the operating system under the loader chooses the
// comparator of a breakpoint: NuttX, where the loader runs in a shell, takes the first
// that is off. Slot and comparator then only have the same number if those below
// are on.
func (c *Client) SystemChooses() bool { return c.shell }

// setLineSize adapts to the length of line that the platform takes.
func (c *Client) setLineSize(n int) {
	overhead := len(writeRequest(0xFFFFFFFF, make([]byte, 1000)).line) - 4*334
	most := (n - overhead) / 4 * 3
	if c.pace.up.most == 0 {
		c.pace.up = newWindow(24, most)
	}
	c.pace.up.limit(most)
}

// Close ends the reader and closes the connection. A request that runs fails.
func (c *Client) Close() error {
	err := c.conn.Close()
	<-c.done
	return err
}

// Done is closed when the connection has ended, by Close or by itself.
func (c *Client) Done() <-chan struct{} { return c.done }

// Traffic is how many bytes have crossed the line.
func (c *Client) Traffic() (sent, received int64) { return c.sent.Load(), c.received.Load() }

// Send writes to the firmware's console.
func (c *Client) Send(ctx context.Context, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	c.mu.Lock()
	c.sentRaw = true // the loader may have been asked something
	c.mu.Unlock()
	c.writing.Lock()
	defer c.writing.Unlock()
	last := p[len(p)-1]
	c.midLine = last != '\n' && last != '\r'
	return c.put(ctx, p)
}

// writeLine writes a request.
func (c *Client) writeLine(ctx context.Context, line string) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	text := line + "\n"
	if c.midLine {
		text = "\n" + text
		c.midLine = false
	}
	return c.put(ctx, []byte(text))
}

func (c *Client) put(ctx context.Context, p []byte) error {
	c.sent.Add(int64(len(p)))
	return c.conn.Write(ctx, p)
}

// read is the reader goroutine.
func (c *Client) read() {
	defer close(c.done)
	buf := make([]byte, 4096)
	var out []byte
	for {
		ctx, cancel := c.readContext()
		n, err := c.conn.Read(ctx, buf)
		expired := ctx.Err() != nil
		cancel()
		if n > 0 {
			c.received.Add(int64(n))
		}
		c.mu.Lock()
		before := c.demux.state
		out = out[:0]
		if n > 0 {
			c.arrivals.note(time.Now(), n)
			c.recent = append(c.recent, buf[:n]...)
			c.recent = c.recent[max(0, len(c.recent)-recentBytes):]
			out = append(out, c.demux.feed(buf[:n])...)
		} else if expired {
			out = c.demux.flush(out)
		}
		ended := n == 0 && err != nil && !expired
		if ended {
			c.err = err
			out = c.demux.settle(out)
		}
		if ended || c.demux.state != before {
			select {
			case c.changed <- struct{}{}:
			default:
			}
		}
		c.mu.Unlock()
		if len(out) > 0 && c.opts.Output != nil {
			c.opts.Output(out)
		}
		if ended {
			return
		}
	}
}

// recentBytes is how much of what came last is kept.
const recentBytes = 512

// flushAfter is how long a shell's prompt may take to become complete.
const flushAfter = 50 * time.Millisecond

// readContext limits the next Read: it is ended by interrupt, and when it is
// time to give out what was held back.
func (c *Client) readContext() (context.Context, context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ctx context.Context
	var cancel context.CancelFunc
	if c.demux.holding() {
		ctx, cancel = context.WithTimeout(context.Background(), flushAfter)
	} else {
		ctx, cancel = context.WithCancel(context.Background())
	}
	if c.abandoned {
		c.abandoned = false
		cancel()
	}
	c.wake = cancel
	return ctx, cancel
}

func (a *arrivals) note(now time.Time, n int) {
	if a.total == 0 {
		a.first, a.atFirst = now, n
	}
	a.last = now
	a.total += n
}
