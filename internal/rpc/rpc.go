// Package rpc carries LSP messages between an editor and a [Server]. It owns the
// policy that the go.lsp.dev libraries leave to their callers:
//
//   - Notifications run one at a time, in the order of the wire, on the reader.
//     They must be quick: a slow one keeps cancellation from being seen.
//   - Requests start in the order of the wire, each with the server's state as of
//     its place in it ([Server.Prepare]), and then run concurrently. $/cancelRequest,
//     end of input and exit cancel them. initialize and shutdown stay on the reader.
//   - Nothing the peer sends ends the connection, short of a header that hides
//     where the next message begins. A bad notification is logged and dropped; a
//     bad request, or one whose handler panics, is answered with an error.
//   - What a handler sends before it returns is on the wire before its answer.
package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// ErrNoShutdown reports that the editor went away without a shutdown request.
// The exit status must then be 1 (LSP § Exit Notification).
var ErrNoShutdown = errors.New("the editor left without a shutdown request")

// A Server answers the messages of one editor.
type Server interface {
	protocol.Server

	// Prepare runs on the reader just before a request is released, so what it
	// stores in the context is the state as of the request's place in the stream.
	Prepare(context.Context) context.Context

	// Methods returns requests and notifications that are not part of the protocol,
	// or that the server wants to decode itself. The library would refuse those of
	// them that come without params.
	Methods() map[string]Method

	// Close ends the server's own goroutines and waits for them. It is called
	// once, after the last request has ended.
	Close()
}

// A Method answers one method, from its undecoded params.
type Method func(ctx context.Context, params jsonrpc2.RawMessage) (any, error)

// Options of [Serve].
type Options struct {
	// Log must not write to the output that carries the protocol.
	Log *slog.Logger

	// Trace, if set, gets every message, one line of JSON each.
	Trace io.Writer

	// Drain bounds the wait for running requests once the editor has gone; 0 is 10 s,
	// enough for a board to be left patched or as it was.
	Drain time.Duration
}

// Serve answers requests from rwc with the server that newServer returns, until
// the editor exits, the input ends, or ctx is done. The context that newServer
// gets ends with the connection. Serve closes rwc.
//
// Serve runs one goroutine that reads and one for each request. All have ended
// when it returns, except when closing rwc does not wake its Read (standard
// input), or a request has outlasted the drain.
func Serve(ctx context.Context, rwc io.ReadWriteCloser, o Options, newServer func(context.Context, Client) Server) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Drain == 0 {
		o.Drain = 10 * time.Second
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	// jsonrpc2 does not cancel running handlers at the end of input.
	stream := newFrames(rwc, o)
	conn := jsonrpc2.NewConn(jsonrpc2.NewStream(stream), jsonrpc2.WithCodec(codec{}))
	server := newServer(ctx, Client{protocol.ClientDispatcher(conn), conn})
	d := newDispatcher(server, o.Log)
	stream.answered = d.answered
	stream.failed = func(err error) {
		d.ended()
		cancel(err)
	}
	// Not ctx: answers to cancelled requests must still go out.
	conn.Go(context.WithoutCancel(ctx), d.handle)

	select {
	case <-d.exit:
	case <-ctx.Done():
	}
	cancel(errExit)
	d.drain(o.Drain)
	within(o.Drain, server.Close, func() { o.Log.Warn("the server does not end", "after", o.Drain) })
	// Close the transport, not the Conn: Conn.Close waits for the reader, and
	// closing a blocking stdin does not wake a read in progress.
	_ = rwc.Close()
	if d.state.Load() != stateShutdown {
		return ErrNoShutdown
	}
	return nil
}

// within calls f and waits for it, but no longer than the limit: then late is called.
func within(limit time.Duration, f, late func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		late()
	}
}

// A Client is the editor at the other end.
type Client struct {
	protocol.Client
	conn jsonrpc2.Conn
}

// Notify sends a notification that is not part of the protocol. A cancelled ctx
// would drop it silently, so it is not heeded.
func (c Client) Notify(ctx context.Context, method string, params any) error {
	return c.conn.Notify(context.WithoutCancel(ctx), method, params)
}

// codec is the payload codec that [protocol.NewServer] installs; the library does
// not export its own.
type codec struct{}

func (codec) Marshal(v any) ([]byte, error) {
	if raw, ok := v.(jsonrpc2.RawMessage); ok && raw != nil {
		return raw, nil
	}
	return protocol.Marshal(v)
}

func (codec) Unmarshal(data []byte, v any) error {
	if raw, ok := v.(*jsonrpc2.RawMessage); ok {
		*raw = append((*raw)[:0:0], data...)
		return nil
	}
	return protocol.Unmarshal(data, v)
}
