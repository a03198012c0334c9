// Package lsp is the language server: one file for each feature of LSP. A handler
// finds the immutable state it answers from, calls the core, and renders what it
// returns. With package rpc this is the only place that knows LSP.
//
// Listing (code actions, lenses, hovers, hints, symbols) looks at documents and
// images only: it does no I/O and never waits for the board. What works is a
// command.
package lsp

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/port"
	"github.com/fpbls/fpbls/internal/rpc"
	"github.com/fpbls/fpbls/internal/settings"
	"github.com/fpbls/fpbls/internal/workspace"
)

// Options of [Serve].
type Options struct {
	Log     *slog.Logger // must not write to the output that carries the protocol
	Version string       // of this program
	Trace   io.Writer    // gets every message; nil: none
	UserDir string       // for journals and consent; empty: nothing is kept
	Env     []string     // for compilers; nil is the process's environment
	Flags   settings.Layer

	// OpenPort opens a board's port; nil is [port.Open].
	OpenPort func(ctx context.Context, url string, o port.Options) (fpb.Conn, error)
}

// Serve is the language server for the editor at the other end of rwc, until the
// editor exits. The error is [rpc.ErrNoShutdown] if it did so without a word.
func Serve(ctx context.Context, rwc io.ReadWriteCloser, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return rpc.Serve(ctx, rwc, rpc.Options{Log: o.Log, Trace: o.Trace}, func(ctx context.Context, client rpc.Client) rpc.Server {
		return newServer(ctx, client, o)
	})
}

// server serves one editor. Notifications run on the connection's reader, one at a
// time; requests run at the same time as those and as each other, on the snapshot
// of the documents that they found ([server.Prepare]). Work that no request waits
// for runs on goroutines of background, which end with the connection.
type server struct {
	protocol.UnimplementedServer

	ctx      context.Context // ends with the connection
	client   rpc.Client
	log      *slog.Logger
	options  Options
	progress *rpc.Progress
	lines    *lines

	documents   workspace.Documents
	diagnostics *diagnostics
	refresh     *latest // of lenses and hints in the editor

	// Written by initialize, before anything else is handled.
	editor   editor
	encoding workspace.Encoding

	mu      sync.Mutex
	folders []*folder
	waiting []func(context.Context) // for the initialized notification; see speak
	ready   bool
	closing bool

	background sync.WaitGroup
}

var _ rpc.Server = (*server)(nil)

func newServer(ctx context.Context, client rpc.Client, o Options) *server {
	s := &server{
		ctx: ctx, client: client, log: o.Log, options: o,
		progress: rpc.NewProgress(client), encoding: workspace.UTF16,
	}
	s.lines = &lines{open: o.OpenPort, users: make(map[string]*line)}
	if s.lines.open == nil {
		s.lines.open = port.Open
	}
	s.diagnostics = newDiagnostics(s)
	s.refresh = newLatest(s.refreshEditor)
	s.speak(s.refresh.run)
	s.speak(s.diagnostics.changed.run)
	return s
}

type snapshotKey struct{}

// Prepare gives a request the documents as they are at its place in the stream.
func (s *server) Prepare(ctx context.Context) context.Context {
	return context.WithValue(ctx, snapshotKey{}, s.documents.Snapshot())
}

func snapshot(ctx context.Context) *workspace.Snapshot {
	snap, _ := ctx.Value(snapshotKey{}).(*workspace.Snapshot)
	return snap
}

// Methods returns the messages that are not left to the library to decode.
func (s *server) Methods() map[string]rpc.Method {
	return map[string]rpc.Method{
		protocol.MethodInitialize: func(_ context.Context, params jsonrpc2.RawMessage) (any, error) {
			return s.initialize(params)
		},
		command.NotifyOutputAck: func(_ context.Context, params jsonrpc2.RawMessage) (any, error) {
			return nil, s.outputAck(params)
		},
	}
}

// Close ends what runs in the background and lets go of the boards.
func (s *server) Close() {
	s.mu.Lock()
	s.closing = true
	folders := s.folders
	s.folders = nil
	s.mu.Unlock()
	// ctx has ended, so everything in the background is about to.
	s.background.Wait()
	for _, f := range folders {
		f.close()
	}
}

// start runs f in the background and reports true, unless the server is closing. f
// must return soon after its context has ended.
func (s *server) start(f func(context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.background.Go(func() { f(s.ctx) })
	return true
}

// speak is start for what talks to the editor by itself: it begins once the editor
// has said that it is initialized, as before that it must not be talked to.
func (s *server) speak(f func(context.Context)) {
	s.mu.Lock()
	if !s.ready {
		s.waiting = append(s.waiting, f)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	s.start(f)
}

// listen begins what speak has put off.
func (s *server) listen() {
	s.mu.Lock()
	s.ready = true
	waiting := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	for _, f := range waiting {
		s.start(f)
	}
}

// latest runs f again and again, once for any number of pokes that come while it
// runs: the last state is what matters.
type latest struct {
	poked chan struct{}
	f     func(context.Context)
}

func newLatest(f func(context.Context)) *latest {
	return &latest{poked: make(chan struct{}, 1), f: f}
}

// poke never blocks.
func (l *latest) poke() {
	select {
	case l.poked <- struct{}{}:
	default: // f has not begun yet
	}
}

func (l *latest) run(ctx context.Context) {
	for {
		select {
		case <-l.poked:
			l.f(ctx)
		case <-ctx.Done():
			return
		}
	}
}
