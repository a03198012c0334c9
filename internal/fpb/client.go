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
	"errors"
	"time"
)

// Options tune a [Client]. The zero value is useful.
type Options struct {
	// Output receives what the firmware prints, in order and without the
	// loader's answers. It is called from the client's reader goroutine, must
	// not block, and must not keep p.
	Output func(p []byte)
	// Trace receives every byte of the line, both directions, for bug reports.
	// It may be called from two goroutines at the same time.
	Trace func(d Direction, p []byte)
	// Timeout is how long an answer may be overdue, beside the time its bytes
	// take on the line. Zero: two seconds, for a main loop that polls rarely.
	Timeout time.Duration
}

// A Client is a connection to a function loader.
//
// NewClient starts one goroutine, the reader, which Close ends. Requests are
// serialised: a second one waits for its turn. Send, Traffic and Done never
// wait for a request.
type Client struct {
	conn Conn
	opts Options
	done chan struct{}
}

// NewClient takes over conn: Close closes it.
func NewClient(conn Conn, o Options) *Client {
	return &Client{conn: conn, opts: o, done: make(chan struct{})}
}

var errSkeleton = errors.New("fpb: body follows")

func (c *Client) Close() error          { return c.conn.Close() }
func (c *Client) Done() <-chan struct{} { return c.done }

func (c *Client) Connect(ctx context.Context) (Info, error) { return Info{}, errSkeleton }
func (c *Client) Info(ctx context.Context) (Info, error)    { return Info{}, errSkeleton }
func (c *Client) Alloc(ctx context.Context, size int) (uint32, error) {
	return 0, errSkeleton
}
func (c *Client) Upload(ctx context.Context, base, offset uint32, data []byte, progress func(done int)) error {
	return errSkeleton
}
func (c *Client) ReadMemory(ctx context.Context, addr uint32, n int, progress func(done int)) ([]byte, error) {
	return nil, errSkeleton
}
func (c *Client) WriteMemory(ctx context.Context, addr uint32, data []byte) error {
	return errSkeleton
}
func (c *Client) Patch(ctx context.Context, m Mode, slot int, orig, target uint32) error {
	return errSkeleton
}
func (c *Client) Unpatch(ctx context.Context, slot int) error         { return errSkeleton }
func (c *Client) UnpatchAll(ctx context.Context) error                { return errSkeleton }
func (c *Client) Enable(ctx context.Context, slot int, on bool) error { return errSkeleton }
func (c *Client) Send(ctx context.Context, p []byte) error            { return c.conn.Write(ctx, p) }
func (c *Client) Traffic() (sent, received int64)                     { return 0, 0 }
