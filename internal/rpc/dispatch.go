package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// Lifecycle states, in order (LSP § Server lifecycle).
const (
	stateNew int32 = iota
	stateRunning
	stateShutdown
)

var (
	errExit      = errors.New("the server is exiting")
	errCancelled = errors.New("cancelled by the editor")
)

// A dispatcher applies the policy to one connection.
type dispatcher struct {
	log     *slog.Logger
	server  Server
	methods map[string]Method
	next    jsonrpc2.Handler // answers the methods of the protocol

	state    atomic.Int32
	exit     chan struct{} // closed by the exit notification
	exitOnce sync.Once

	mu       sync.Mutex
	closing  bool                                    // drain has begun: nothing is started any more
	broken   bool                                    // the stream has ended: the library sends no answers any more
	inflight map[jsonrpc2.ID]context.CancelCauseFunc // whose handlers run
	owed     int                                     // answers that are not on the wire yet
	idle     chan struct{}                           // closed when there is nothing to drain any more
	idleOnce sync.Once
}

func newDispatcher(s Server, log *slog.Logger) *dispatcher {
	return &dispatcher{
		log:      log,
		server:   s,
		methods:  s.Methods(),
		next:     protocol.ServerHandler(s, nil),
		exit:     make(chan struct{}),
		inflight: make(map[jsonrpc2.ID]context.CancelCauseFunc),
		idle:     make(chan struct{}),
	}
}

// handle is the handler of the connection. It is called on the reader; it returns
// there for a notification and detaches for a request.
func (d *dispatcher) handle(ctx context.Context, req *jsonrpc2.Request) (any, error) {
	if !req.IsCall() {
		d.notification(jsonrpc2.DetachContext(ctx), req)
		return nil, nil // an error would end the connection
	}
	d.mu.Lock()
	d.owed++
	d.mu.Unlock()
	// The library's context dies with the request and costs a goroutine for each
	// context derived from it: handlers get the connection's.
	result, err := d.request(jsonrpc2.DetachContext(ctx), req, func() { jsonrpc2.Async(ctx) })
	if err != nil {
		return nil, wireError(err)
	}
	return result, nil
}

func (d *dispatcher) notification(ctx context.Context, req *jsonrpc2.Request) {
	method := req.Method()
	switch method {
	case protocol.MethodCancelRequest:
		d.cancelRequest(req.Params())
		return
	case protocol.MethodExit:
		d.exitOnce.Do(func() { close(d.exit) })
		return
	}
	if d.state.Load() != stateRunning {
		return // to be dropped, LSP § Initialize Request
	}
	if _, err := d.call(ctx, req); err != nil && !errors.Is(err, jsonrpc2.ErrMethodNotFound) {
		d.log.Warn("notification failed", "method", method, "err", err)
	}
}

// request answers a call. It calls release when the reader may go on.
func (d *dispatcher) request(ctx context.Context, req *jsonrpc2.Request, release func()) (any, error) {
	switch method, state := req.Method(), d.state.Load(); {
	case method == protocol.MethodInitialize:
		// On the reader, so that whatever follows sees its effects.
		if !d.state.CompareAndSwap(stateNew, stateRunning) {
			return nil, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "already initialized")
		}
		result, err := d.call(ctx, req)
		if err != nil {
			d.state.Store(stateNew)
		}
		return result, err
	case state == stateNew:
		return nil, jsonrpc2.NewError(jsonrpc2.ServerNotInitialized, "initialize has not been called")
	case state == stateShutdown:
		return nil, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the server is shutting down")
	case method == protocol.MethodShutdown:
		d.state.Store(stateShutdown)
		return d.call(ctx, req)
	}

	// Registered before the reader moves on, or a cancellation right behind the
	// request would miss it.
	id := req.ID()
	reqCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := d.begin(id, cancel); err != nil {
		return nil, err
	}
	defer d.end(id)
	reqCtx = d.server.Prepare(reqCtx)

	release()
	result, err := d.call(reqCtx, req)
	if err != nil && reqCtx.Err() != nil {
		d.log.Debug("request cancelled", "method", req.Method(), "cause", context.Cause(reqCtx), "err", err)
	}
	return result, err
}

// begin registers a request.
func (d *dispatcher) begin(id jsonrpc2.ID, cancel context.CancelCauseFunc) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closing {
		return jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the server is exiting")
	}
	if _, ok := d.inflight[id]; ok {
		return jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the id of a running request was used again")
	}
	d.inflight[id] = cancel
	return nil
}

func (d *dispatcher) end(id jsonrpc2.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.inflight, id)
	d.check()
}

// answered is called when an answer is on the wire, which is after its handler has
// returned.
func (d *dispatcher) answered() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.owed--
	d.check()
}

// ended is called when the stream has ended.
func (d *dispatcher) ended() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = true
	d.check()
}

// check is called with mu held.
func (d *dispatcher) check() {
	if d.closing && len(d.inflight) == 0 && (d.owed <= 0 || d.broken) {
		d.idleOnce.Do(func() { close(d.idle) })
	}
}

// call runs the handler and turns a panic into an error: left to jsonrpc2, a
// panic would end the connection, with the board in the middle of an operation.
func (d *dispatcher) call(ctx context.Context, req *jsonrpc2.Request) (result any, err error) {
	defer func() {
		if v := recover(); v != nil {
			d.log.Error("handler panicked", "method", req.Method(), "panic", v, "stack", string(debug.Stack()))
			result, err = nil, jsonrpc2.Errorf(jsonrpc2.InternalError, "internal error in %s: %v (a bug in fpbls; the log has the details)", req.Method(), v)
		}
	}()
	if own, ok := d.methods[req.Method()]; ok {
		return own(ctx, req.Params())
	}
	if req.Method() == protocol.MethodInitialized && len(req.Params()) == 0 {
		return nil, d.server.Initialized(ctx, &protocol.InitializedParams{}) // the library refuses this
	}
	return d.next(ctx, req)
}

// cancelRequest cancels the request that params names by number or text.
func (d *dispatcher) cancelRequest(params jsonrpc2.RawMessage) {
	var p struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(params, &p) != nil {
		return
	}
	var id jsonrpc2.ID
	var n int64
	var s string
	switch {
	case json.Unmarshal(p.ID, &n) == nil:
		id = jsonrpc2.NewNumberID(n)
	case json.Unmarshal(p.ID, &s) == nil:
		id = jsonrpc2.NewStringID(s)
	default:
		return
	}
	d.mu.Lock()
	cancel := d.inflight[id]
	d.mu.Unlock()
	if cancel != nil {
		cancel(errCancelled)
	}
}

// drain cancels what runs and waits until it is answered.
func (d *dispatcher) drain(limit time.Duration) {
	d.mu.Lock()
	d.closing = true
	for _, cancel := range d.inflight {
		cancel(errExit)
	}
	d.check()
	d.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-d.idle:
	case <-timer.C:
		d.log.Warn("requests still run at exit", "after", limit)
	}
}
