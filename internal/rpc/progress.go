package rpc

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"go.lsp.dev/protocol"
)

// Progress shows long operations in the editor. The server creates the progress:
// VS Code and Neovim send no token with a command, and the cancel button of the
// server's own progress is the only way to cancel one there.
//
// One Progress serves a connection. Its methods may be called at the same time.
type Progress struct {
	client  protocol.Client
	creates atomic.Bool // the editor accepts window/workDoneProgress/create
	last    atomic.Int64

	mu      sync.Mutex
	running map[protocol.ProgressToken]*Work
}

// NewProgress returns a Progress that reports to client.
func NewProgress(client protocol.Client) *Progress {
	return &Progress{client: client, running: make(map[protocol.ProgressToken]*Work)}
}

// SetCreates says whether the editor lets the server create progress.
func (p *Progress) SetCreates(ok bool) { p.creates.Store(ok) }

// Start begins to report an operation and returns the context to run it in, which
// the editor's cancel button cancels. token is the one that came with the request,
// or nil to have the server make one.
//
// Start may wait for the editor, so it must not be called on the reader.
func (p *Progress) Start(ctx context.Context, token protocol.ProgressToken, title string) (context.Context, *Work) {
	ctx, cancel := context.WithCancelCause(ctx)
	// Not cancelled with the operation: its end must still be sent.
	w := &Work{p: p, ctx: context.WithoutCancel(ctx), cancel: cancel, cancellable: true}
	if token == nil && p.creates.Load() {
		t := protocol.String(fmt.Sprintf("fpbls-%d", p.last.Add(1)))
		p.register(t, w) // the editor may cancel it before its answer is here
		if p.client.WorkDoneProgressCreate(ctx, &protocol.WorkDoneProgressCreateParams{Token: t}) == nil {
			token = t
		} else {
			p.remove(t)
		}
	}
	if token == nil {
		return ctx, w // it reports nothing
	}
	w.token = token
	p.register(token, w)
	w.send(&protocol.WorkDoneProgressBegin{Kind: "begin", Title: title, Cancellable: new(true), Percentage: new(uint32(0))})
	return ctx, w
}

func (p *Progress) register(token protocol.ProgressToken, w *Work) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[token] = w
}

func (p *Progress) remove(token protocol.ProgressToken) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, token)
}

// Cancel handles window/workDoneProgress/cancel.
func (p *Progress) Cancel(token protocol.ProgressToken) {
	p.mu.Lock()
	w := p.running[token]
	p.mu.Unlock()
	if w != nil {
		w.cancel(errCancelled)
	}
}

// Work is one operation that [Progress.Start] began. Its methods may be called by
// one goroutine at a time.
type Work struct {
	p      *Progress
	ctx    context.Context
	cancel context.CancelCauseFunc
	token  protocol.ProgressToken // nil: the editor shows no progress

	message     string
	percent     uint32
	cancellable bool
	ended       bool
}

// Report shows message and the share done, from 0 to 100, which never goes back.
// What changes nothing is not sent. cancellable says whether the editor's button
// should be offered.
func (w *Work) Report(message string, percent uint32, cancellable bool) {
	percent = min(max(percent, w.percent), 100)
	if w.ended || message == w.message && percent == w.percent && cancellable == w.cancellable {
		return
	}
	w.message, w.percent, w.cancellable = message, percent, cancellable
	w.send(&protocol.WorkDoneProgressReport{Kind: "report", Message: &message, Percentage: &percent, Cancellable: &cancellable})
}

// End closes the report and releases the context. Calls after the first do nothing.
func (w *Work) End(message string) {
	if w.ended {
		return
	}
	w.ended = true
	w.send(&protocol.WorkDoneProgressEnd{Kind: "end", Message: &message})
	if w.token != nil {
		w.p.remove(w.token)
	}
	w.cancel(nil)
}

func (w *Work) send(value any) {
	if w.token == nil {
		return
	}
	raw, err := protocol.Marshal(value)
	if err != nil {
		return
	}
	_ = w.p.client.Progress(w.ctx, &protocol.ProgressParams{Token: w.token, Value: raw})
}
