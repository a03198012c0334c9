package rpc

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.uber.org/goleak"

	"github.com/fpbls/fpbls/internal/problem"
)

var discard = slog.New(slog.DiscardHandler)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server under test counts changes, and does what a method's name says.
type server struct {
	protocol.UnimplementedServer
	progress *Progress
	client   Client
	changes  int // used on the reader only
	release  chan struct{}
	started  chan string
	closed   bool
}

type changesKey struct{}

func (s *server) Prepare(ctx context.Context) context.Context {
	return context.WithValue(ctx, changesKey{}, s.changes)
}

func (s *server) Close() { s.closed = true }

func (s *server) Initialize(context.Context, *protocol.InitializeParams) (*protocol.InitializeResult, error) {
	return &protocol.InitializeResult{}, nil
}
func (s *server) Shutdown(context.Context) error { return nil }

func (s *server) DidChange(context.Context, *protocol.DidChangeTextDocumentParams) error {
	s.changes++
	return nil
}

func (s *server) WorkDoneProgressCancel(_ context.Context, p *protocol.WorkDoneProgressCancelParams) error {
	s.progress.Cancel(p.Token)
	return nil
}

func (s *server) Methods() map[string]Method {
	return map[string]Method{
		"test/changes": func(ctx context.Context, _ jsonrpc2.RawMessage) (any, error) { return ctx.Value(changesKey{}), nil },
		"test/panic":   func(context.Context, jsonrpc2.RawMessage) (any, error) { panic("on request") },
		"test/wait": func(ctx context.Context, _ jsonrpc2.RawMessage) (any, error) {
			<-ctx.Done()
			return nil, fmt.Errorf("waiting: %w", ctx.Err())
		},
		// Goes on after a cancel, as an operation beyond its commit point does.
		"test/commit": func(ctx context.Context, _ jsonrpc2.RawMessage) (any, error) {
			s.started <- "commit"
			<-s.release
			return "committed", nil
		},
		"test/fail": func(_ context.Context, params jsonrpc2.RawMessage) (any, error) {
			return nil, failures[string(params)]
		},
		"test/work": func(ctx context.Context, _ jsonrpc2.RawMessage) (any, error) {
			ctx, work := s.progress.Start(ctx, nil, "Working")
			work.Report("one", 10, true)
			work.Report("one", 10, true)
			work.Report("two", 5, true)
			select {
			case <-s.release:
			case <-ctx.Done():
				work.End("cancelled")
				return nil, ctx.Err()
			}
			work.End("done")
			return "result", nil
		},
	}
}

var failures = map[string]error{
	`["coded"]`:     jsonrpc2.NewError(jsonrpc2.MethodNotFound, "no such thing"),
	`["plain"]`:     errors.New("it broke"),
	`["problem"]`:   fmt.Errorf("injecting: %w", problem.New(problem.NoFreeSlot, "revert one", "all slots are taken")),
	`["usage"]`:     problem.New(problem.Usage, "", "no function was named"),
	`["cancelled"]`: problem.New(problem.Cancelled, "", "cancelled"),
	`["parse"]`:     fmt.Errorf("%w: bad params", jsonrpc2.ErrParse),
}

// A message as it is on the wire.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	} `json:"error"`
}

// A peer is an editor that writes what the test says, byte by byte.
type peer struct {
	t      *testing.T
	conn   net.Conn
	got    chan message // closed at end of input
	served chan error
	server *server
}

func connect(t *testing.T) *peer {
	t.Helper()
	ours, theirs := net.Pipe()
	p := &peer{t: t, conn: ours, got: make(chan message, 1000), served: make(chan error, 1)}
	ready := make(chan struct{})
	go func() {
		p.served <- Serve(t.Context(), theirs, Options{}, func(_ context.Context, c Client) Server {
			p.server = &server{progress: NewProgress(c), client: c, release: make(chan struct{}), started: make(chan string, 10)}
			p.server.progress.SetCreates(true)
			close(ready)
			return p.server
		})
	}()
	<-ready
	go p.read()
	t.Cleanup(func() { ours.Close() })
	return p
}

func (p *peer) read() {
	defer close(p.got)
	in := bufio.NewReader(p.conn)
	for {
		header, err := textproto.NewReader(in).ReadMIMEHeader()
		if err != nil {
			return
		}
		n, _ := strconv.Atoi(header.Get("Content-Length"))
		body := make([]byte, n)
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(body, &m); err != nil {
			p.t.Errorf("server sent %q: %v", body, err)
			return
		}
		p.got <- m
	}
}

func (p *peer) send(bodies ...string) {
	p.t.Helper()
	if err := p.write(bodies...); err != nil {
		p.t.Fatal(err)
	}
}

// write is send for other goroutines: what is lost shows in the answers.
func (p *peer) write(bodies ...string) error {
	var b strings.Builder
	for _, body := range bodies {
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	_, err := io.WriteString(p.conn, b.String())
	return err
}

func call(id any, method, params string) string {
	name, _ := json.Marshal(id)
	if params == "" {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q}`, name, method)
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q,"params":%s}`, name, method, params)
}

func notification(method, params string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":%s}`, method, params)
}

const (
	initialize = `{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}`
	change     = `{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"file:///a.c","version":1},"contentChanges":[{"text":"x"}]}}`
)

func initialized(t *testing.T) *peer {
	t.Helper()
	p := connect(t)
	p.send(initialize)
	if m := p.next(); m.Error != nil {
		t.Fatalf("initialize: %+v", m.Error)
	}
	return p
}

func (p *peer) next() message {
	p.t.Helper()
	m, ok := <-p.got
	if !ok {
		p.t.Fatal("the server closed the connection")
	}
	return m
}

// answers reads n answers, by id.
func (p *peer) answers(n int) map[string]message {
	p.t.Helper()
	all := make(map[string]message)
	for range n {
		m := p.next()
		if _, twice := all[string(m.ID)]; twice || m.Method != "" {
			p.t.Fatalf("unexpected message %+v", m)
		}
		all[string(m.ID)] = m
	}
	return all
}

func TestRequestsSeeTheirPlaceInTheStream(t *testing.T) {
	p := initialized(t)
	const n = 500
	go func() {
		for i := 1; i <= n; i++ {
			p.write(change, call(i, "test/changes", ""))
		}
	}()
	answers := p.answers(n)
	for i := 1; i <= n; i++ {
		if got := string(answers[strconv.Itoa(i)].Result); got != strconv.Itoa(i) {
			t.Errorf("request %d saw %s changes", i, got)
		}
	}
}

func TestCancelRightBehindRequest(t *testing.T) {
	p := initialized(t)
	const n = 200
	go func() {
		for i := 1; i <= n; i++ {
			p.write(call(i, "test/wait", ""), notification("$/cancelRequest", fmt.Sprintf(`{"id":%d}`, i)))
			name := fmt.Sprintf("s%d", i)
			p.write(call(name, "test/wait", "{}"), notification("$/cancelRequest", fmt.Sprintf(`{"id":%q}`, name)))
		}
	}()
	for id, m := range p.answers(2 * n) {
		if m.Error == nil || m.Error.Code != -32800 {
			t.Errorf("%s: %+v", id, m.Error)
		}
	}
}

func TestErrorsCarryCodeAndHint(t *testing.T) {
	p := initialized(t)
	for _, tt := range []struct {
		params, message, data string
		code                  int
	}{
		{`["coded"]`, "no such thing", "", -32601},
		{`["plain"]`, "it broke", `{"code":"internal"}`, -32803},
		{`["problem"]`, "injecting: all slots are taken: revert one", `{"code":"no-free-slot","hint":"revert one"}`, -32803},
		{`["usage"]`, "no function was named", `{"code":"usage"}`, -32602},
		{`["cancelled"]`, "cancelled", `{"code":"cancelled"}`, -32800},
		{`["parse"]`, "JSON-RPC parse error: bad params", "", -32602},
	} {
		p.send(call(1, "test/fail", tt.params))
		m := p.next()
		if m.Error == nil || m.Error.Code != tt.code || m.Error.Message != tt.message || string(m.Error.Data) != tt.data {
			t.Errorf("%s: %+v %s", tt.params, m.Error, m.Error.Data)
		}
	}
}

func TestHostileMessages(t *testing.T) {
	p := initialized(t)
	p.send(
		notification("$/unknown", `{"a":1}`),
		notification("custom/notification", `[]`),
		notification("textDocument/didOpen", `{"textDocument":42}`),
		notification("textDocument/didChange", `null`),
		notification("test/panic", `null`),
		notification("$/cancelRequest", `{"id":99999999999999999999999}`),
		notification("$/cancelRequest", `{"id":{}}`),
		notification("window/workDoneProgress/cancel", `{}`),
		notification("window/workDoneProgress/cancel", `{"token":"nope"}`),
		`{"jsonrpc":"2.0","method":"initialized"}`,
		`{"jsonrpc":"2.0","id":77,"result":null}`, // an answer nobody waits for
	)
	for _, tt := range []struct {
		body string
		code int
	}{
		{`{"jsonrpc":"2.0","id":1,`, -32700},
		{`not json at all`, -32700},
		{`[` + call(1, "test/changes", "") + `]`, -32600},
		{`42`, -32600},
		{`{}`, -32600},
		{call(1, "test/panic", "{}"), -32603},
		{call(1, "test/nope", "{}"), -32601},
		{call(1, "textDocument/references", `{"textDocument":{"uri":"file:///a.c"},"position":{"line":0,"character":0},"context":{"includeDeclaration":true}}`), -32601},
		{call(1, "textDocument/hover", `{"textDocument":"bad"}`), -32602},
		{initialize, -32600},
	} {
		p.send(tt.body)
		if m := p.next(); m.Error == nil || m.Error.Code != tt.code {
			t.Errorf("%s: got %+v, want code %d", tt.body, m.Error, tt.code)
		}
	}
	p.send(call(2, "test/changes", ""))
	if m := p.next(); m.Error != nil {
		t.Errorf("the server did not survive: %+v", m.Error)
	}
}

func TestReusedIDIsRefused(t *testing.T) {
	p := initialized(t)
	p.send(call(1, "test/wait", ""), call(1, "test/changes", ""))
	if m := p.next(); m.Error == nil || m.Error.Code != -32600 {
		t.Errorf("second use: %+v", m)
	}
	p.send(notification("$/cancelRequest", `{"id":1}`))
	if m := p.next(); m.Error == nil || m.Error.Code != -32800 {
		t.Errorf("first use: %+v", m)
	}
}

func TestLifecycle(t *testing.T) {
	p := connect(t)
	p.send(change, call(1, "test/changes", ""))
	if m := p.next(); m.Error == nil || m.Error.Code != -32002 {
		t.Errorf("before initialize: %+v", m.Error)
	}
	p.send(initialize, call(2, "shutdown", ""), call(3, "test/changes", ""), notification("exit", "null"))
	answers := p.answers(3)
	if m := answers["2"]; m.Error != nil || string(m.Result) != "null" {
		t.Errorf("shutdown: %+v", m)
	}
	if m := answers["3"]; m.Error == nil || m.Error.Code != -32600 {
		t.Errorf("after shutdown: %+v", m)
	}
	if err := <-p.served; err != nil {
		t.Error(err)
	}
	if !p.server.closed {
		t.Error("the server was not closed")
	}
}

func TestExitWithoutShutdown(t *testing.T) {
	p := initialized(t)
	p.send(notification("exit", "null"))
	if err := <-p.served; !errors.Is(err, ErrNoShutdown) {
		t.Error(err)
	}
}

func TestEndOfInputCancelsAndWaits(t *testing.T) {
	p := initialized(t)
	p.send(call(1, "test/wait", ""), call(2, "test/commit", ""))
	<-p.server.started
	p.conn.Close()
	select {
	case <-p.served:
		t.Fatal("Serve returned while a request was past its commit point")
	default:
	}
	close(p.server.release)
	if err := <-p.served; !errors.Is(err, ErrNoShutdown) {
		t.Error(err)
	}
}

func TestAnswersGoOutWhileDraining(t *testing.T) {
	p := initialized(t)
	p.send(call(1, "test/commit", ""))
	<-p.server.started
	p.send(call(2, "shutdown", ""), notification("exit", "null"))
	if m := p.next(); string(m.ID) != "2" {
		t.Fatalf("%+v", m)
	}
	close(p.server.release)
	if m := p.next(); string(m.ID) != "1" || string(m.Result) != `"committed"` {
		t.Errorf("%+v", m)
	}
	if err := <-p.served; err != nil {
		t.Error(err)
	}
}

func TestServeEndsWithContext(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, theirs, Options{}, func(context.Context, Client) Server { return &server{} })
	}()
	cancel()
	if err := <-served; !errors.Is(err, ErrNoShutdown) {
		t.Error(err)
	}
}

// progress reads a progress that the server creates and returns the kinds and
// messages, up to the answer of the request, which it returns too.
func (p *peer) progress(at func(kind, token string)) (seen []string, answer message) {
	p.t.Helper()
	for {
		m := p.next()
		switch m.Method {
		case "$/cancelRequest": // of a create that was cancelled
		case "window/workDoneProgress/create":
			seen = append(seen, "create")
			p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":null}`, m.ID))
		case "$/progress":
			var v struct {
				Token string `json:"token"`
				Value struct {
					Kind, Message string
					Percentage    int
				} `json:"value"`
			}
			if err := json.Unmarshal(m.Params, &v); err != nil {
				p.t.Fatal(err)
			}
			seen = append(seen, strings.TrimSpace(fmt.Sprintf("%s %s %d", v.Value.Kind, v.Value.Message, v.Value.Percentage)))
			at(v.Value.Kind, v.Token)
		default:
			return seen, m
		}
	}
}

func TestProgress(t *testing.T) {
	p := initialized(t)
	p.send(call(1, "test/work", ""))
	var once sync.Once
	seen, answer := p.progress(func(kind, _ string) {
		if kind == "report" {
			once.Do(func() { close(p.server.release) })
		}
	})
	if got, want := strings.Join(seen, ", "), "create, begin  0, report one 10, report two 10, end done 0"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if string(answer.Result) != `"result"` {
		t.Errorf("answer %+v", answer)
	}
}

func TestProgressCancelButton(t *testing.T) {
	p := initialized(t)
	p.send(call(1, "test/work", ""))
	seen, answer := p.progress(func(kind, token string) {
		if kind == "begin" {
			p.send(notification("window/workDoneProgress/cancel", fmt.Sprintf(`{"token":%q}`, token)))
		}
	})
	if seen[len(seen)-1] != "end cancelled 0" {
		t.Errorf("progress %q", seen)
	}
	if answer.Error == nil || answer.Error.Code != -32800 {
		t.Errorf("answer %+v", answer)
	}
}

// The cancel button can be faster than the answer that lets the server show it.
func TestProgressCancelledBeforeItsBegin(t *testing.T) {
	p := initialized(t)
	p.send(call(1, "test/work", ""))
	create := p.next()
	p.send(notification("window/workDoneProgress/cancel", string(create.Params)),
		fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":null}`, create.ID))
	if _, answer := p.progress(func(string, string) {}); answer.Error == nil || answer.Error.Code != -32800 {
		t.Errorf("answer %+v", answer)
	}
}

func TestTrace(t *testing.T) {
	ours, theirs := net.Pipe()
	var trace strings.Builder
	p := &peer{t: t, conn: ours, got: make(chan message, 10), served: make(chan error, 1)}
	go func() {
		p.served <- Serve(t.Context(), theirs, Options{Trace: &trace}, func(context.Context, Client) Server { return &server{} })
	}()
	go p.read()
	p.send(initialize)
	p.next()
	p.send("garbage")
	p.next()
	ours.Close()
	<-p.served
	lines := strings.Split(strings.TrimSpace(trace.String()), "\n")
	want := []string{`"direction":"in","message":{"jsonrpc":"2.0","id":"init"`, `"direction":"out","message":{"jsonrpc":"2.0"`, `"direction":"in","garbage":"Z2FyYmFnZQ=="`, `"direction":"out"`}
	if len(lines) != len(want) {
		t.Fatalf("trace:\n%s", trace.String())
	}
	for i, w := range want {
		if !strings.Contains(lines[i], w) {
			t.Errorf("line %d is %s, want %s", i, lines[i], w)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("Content-Length: 2\r\n\r\n{}"))
	f.Add([]byte("content-length:17\r\nContent-Type: x\r\n\r\n" + `{"jsonrpc":"2.0"}`))
	f.Add([]byte("Content-Length: 46\r\n\r\n" + `{"jsonrpc":"2.0","method":"exit","params":[]}` + " "))
	f.Add([]byte("Content-Length: 999999999\r\n\r\nx"))
	f.Add([]byte("\r\n\r\nContent-Length: -1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		failed := 0
		fr := newFrames(struct {
			io.Reader
			io.Writer
			io.Closer
		}{strings.NewReader(string(data)), io.Discard, io.NopCloser(nil)}, Options{Log: discard})
		fr.failed = func(error) { failed++ }
		passed, err := io.ReadAll(fr)
		if failed == 0 {
			t.Errorf("the end was not told (%v)", err)
		}
		// What was passed on is what the library accepts.
		s := jsonrpc2.NewStream(struct {
			io.Reader
			io.Writer
			io.Closer
		}{strings.NewReader(string(passed)), io.Discard, io.NopCloser(nil)})
		for {
			if _, _, err := s.Read(t.Context()); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("the library refuses %q: %v", passed, err)
				}
				return
			}
		}
	})
}
