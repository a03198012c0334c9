package lsp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.lsp.dev/uri"
	"go.uber.org/goleak"

	"github.com/fpbls/fpbls/internal/settings"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come; it is no measure of speed.
const patience = 60 * time.Second

// A testEditor speaks raw JSON to a server, as an editor that the server knows
// nothing of.
type testEditor struct {
	t       testing.TB
	conn    net.Conn
	served  chan error
	log     *strings.Builder // the server's, and what came over the wire
	logMu   sync.Mutex
	writeMu sync.Mutex
	lastID  int
	project testfirmware.Project

	mu      sync.Mutex
	changed chan struct{} // closed and made anew with every message
	answers map[string]message
	events  []message                            // notifications and requests of the server, in order
	answer  map[string]func(message) (any, bool) // to the server's requests, by method; false: never
	gone    bool
}

// A message as it is on the wire.
type message struct {
	ID     json.RawMessage `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *wireError      `json:"error,omitempty"`
}

type wireError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

func (e *wireError) Error() string { return fmt.Sprintf("%d %s %s", e.Code, e.Message, e.Data) }

// demoProject writes the demo project, built, with the extra lines in its
// fpbls.toml.
func demoProject(t testing.TB, lines ...string) testfirmware.Project {
	t.Helper()
	p, err := testfirmware.WriteProject(filepath.Join(t.TempDir(), "demo"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(p.ELF), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, p.ELF, string(testfirmware.DemoELF))
	write(t, filepath.Join(p.Dir, settings.FileName), "port = \"sim:\"\n"+strings.Join(lines, "\n")+"\n")
	return p
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// connect starts a server and connects to it.
func connect(t testing.TB, o Options) *testEditor {
	t.Helper()
	ours, theirs := net.Pipe()
	e := &testEditor{
		t: t, conn: ours, served: make(chan error, 1), log: &strings.Builder{},
		changed: make(chan struct{}), answers: make(map[string]message),
		answer: map[string]func(message) (any, bool){},
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(lockedWriter{e}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	go func() { e.served <- Serve(context.Background(), theirs, o) }()
	go e.read()
	t.Cleanup(func() {
		ours.Close()
		e.await("the server ends", func() bool {
			select {
			case err := <-e.served:
				e.served <- err
				return true
			default:
				return false
			}
		})
		if t.Failed() {
			e.logMu.Lock()
			defer e.logMu.Unlock()
			t.Logf("log:\n%s", e.log)
		}
	})
	return e
}

type lockedWriter struct{ e *testEditor }

func (w lockedWriter) Write(p []byte) (int, error) {
	w.e.logMu.Lock()
	defer w.e.logMu.Unlock()
	return w.e.log.Write(p)
}

func (e *testEditor) read() {
	in := bufio.NewReader(e.conn)
	for {
		m, err := readMessage(in)
		if err != nil {
			e.mu.Lock()
			e.gone = true
			e.mu.Unlock()
			e.poke()
			return
		}
		raw, _ := json.Marshal(m)
		fmt.Fprintf(lockedWriter{e}, "<- %.600s\n", raw)
		e.mu.Lock()
		if m.Method == "" {
			e.answers[string(m.ID)] = m
		} else {
			e.events = append(e.events, m)
		}
		f := e.answer[m.Method]
		e.mu.Unlock()
		e.poke()
		if m.Method == "" {
			continue
		}
		if m.ID == nil {
			if f != nil {
				f(m)
			}
			continue
		}
		var result any
		if f != nil {
			var ok bool
			if result, ok = f(m); !ok {
				continue
			}
		}
		// Not from here: a server that writes and does not read would wait for ever.
		go e.send(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": result})
	}
}

func readMessage(in *bufio.Reader) (message, error) {
	var m message
	header, err := textproto.NewReader(in).ReadMIMEHeader()
	if err != nil {
		return m, err
	}
	n, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil {
		return m, err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(in, body); err != nil {
		return m, err
	}
	return m, json.Unmarshal(body, &m)
}

func (e *testEditor) poke() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.changed)
	e.changed = make(chan struct{})
}

func (e *testEditor) send(v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		e.t.Error(err)
		return
	}
	fmt.Fprintf(lockedWriter{e}, "-> %.600s\n", raw)
	e.writeMu.Lock()
	defer e.writeMu.Unlock()
	fmt.Fprintf(e.conn, "Content-Length: %d\r\n\r\n%s", len(raw), raw) // a lost connection shows elsewhere
}

func (e *testEditor) notify(method string, params any) {
	e.send(map[string]any{"jsonrpc": "2.0", "method": method, "params": params})
}

// start sends a request and returns its id.
func (e *testEditor) start(method string, params any) string {
	e.mu.Lock()
	e.lastID++
	id := e.lastID
	e.mu.Unlock()
	e.send(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	return strconv.Itoa(id)
}

// await waits until the condition holds. It is looked at after every message, and
// now and then for what comes by other ways. If it is in vain, explain is called.
func (e *testEditor) await(what string, holds func() bool, explain ...func()) {
	e.t.Helper()
	deadline := time.After(patience)
	for {
		e.mu.Lock()
		changed := e.changed
		e.mu.Unlock()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			for _, f := range explain {
				f()
			}
			e.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// finish waits for the answer of a request.
func (e *testEditor) finish(id string) message {
	e.t.Helper()
	var m message
	e.await("request "+id+" is answered", func() (ok bool) {
		e.mu.Lock()
		defer e.mu.Unlock()
		m, ok = e.answers[id]
		return ok || e.gone
	})
	return m
}

// call runs a request that must succeed, and decodes its result.
func (e *testEditor) call(method string, params, result any) {
	e.t.Helper()
	if err := e.try(method, params, result); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

func (e *testEditor) try(method string, params, result any) error {
	e.t.Helper()
	m := e.finish(e.start(method, params))
	if m.Error != nil {
		return m.Error
	}
	if result != nil {
		if err := json.Unmarshal(m.Result, result); err != nil {
			e.t.Fatalf("%s: %v in %s", method, err, m.Result)
		}
	}
	return nil
}

// execute runs a command.
func (e *testEditor) execute(id string, args, result any) error {
	e.t.Helper()
	return e.try("workspace/executeCommand", map[string]any{"command": id, "arguments": []any{args}}, result)
}

// eventsSince returns what the server has sent by itself since the mark.
func (e *testEditor) eventsSince(mark int, methods ...string) []message {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []message
	for _, m := range e.events[mark:] {
		for _, method := range methods {
			if m.Method == method {
				found = append(found, m)
			}
		}
	}
	return found
}

// mark is the place that eventsSince counts from.
func (e *testEditor) mark() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.events)
}

// on has the editor answer the server's requests of a method with f, or call f on its
// notifications.
func (e *testEditor) on(method string, f func(message) (any, bool)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer[method] = f
}

// capable is what a modern editor says of itself.
const capable = `{
	"general": {"positionEncodings": ["utf-16"]},
	"window": {"workDoneProgress": true, "showMessage": {}, "showDocument": {"support": true}},
	"workspace": {"applyEdit": true, "workspaceFolders": true, "codeLens": {"refreshSupport": true}, "inlayHint": {"refreshSupport": true}},
	"textDocument": {
		"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}, "disabledSupport": true},
		"publishDiagnostics": {"relatedInformation": true}
	}
}`

// open starts a server on the project and opens its source.
func open(t testing.TB, p testfirmware.Project) *testEditor {
	t.Helper()
	e := connect(t, Options{Version: "test", UserDir: t.TempDir()})
	e.project = p
	e.initialize(p.Dir, capable, map[string]any{"status": true, "protocol": 1})
	e.openFile(p.Source)
	return e
}

func (e *testEditor) initialize(dir, capabilities string, options any) {
	e.t.Helper()
	e.call("initialize", map[string]any{
		"processId": nil, "rootUri": nil, "capabilities": json.RawMessage(capabilities), "initializationOptions": options,
		"workspaceFolders": []any{map[string]any{"uri": uri.File(dir), "name": "demo"}},
	}, nil)
	e.notify("initialized", map[string]any{})
}

func (e *testEditor) openFile(path string) {
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": uri.File(path), "languageId": "c", "version": 1, "text": read(e.t, path),
	}})
}

// edit replaces text in the source as the editor has it; the caller counts versions.
func (e *testEditor) edit(path string, version int, text string) {
	e.notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": uri.File(path), "version": version},
		"contentChanges": []any{map[string]any{"text": text}},
	})
}

// change replaces the first occurrence of old, as an incremental change.
func (e *testEditor) change(path string, version int, text, old, by string) string {
	e.t.Helper()
	at := strings.Index(text, old)
	if at < 0 {
		e.t.Fatalf("%q is not in %s", old, path)
	}
	place := func(offset int) map[string]any {
		line := strings.Count(text[:offset], "\n")
		return map[string]any{"line": line, "character": offset - strings.LastIndex(text[:offset], "\n") - 1}
	}
	e.notify("textDocument/didChange", map[string]any{
		"textDocument": map[string]any{"uri": uri.File(path), "version": version},
		"contentChanges": []any{map[string]any{
			"range": map[string]any{"start": place(at), "end": place(at + len(old))}, "text": by,
		}},
	})
	return text[:at] + by + text[at+len(old):]
}

// An action is a code action as it is on the wire.
type action struct {
	Title    string
	Kind     string
	Disabled *struct{ Reason string }
	Command  struct {
		Title, Command string
		Arguments      []json.RawMessage
	}
	Edit changes
}

// changes are a WorkspaceEdit.
type changes struct {
	Changes map[string][]struct {
		Range   struct{ Start, End struct{ Line, Character int } }
		NewText string
	}
}

// actions lists the code actions where the needle stands in the text.
func (e *testEditor) actions(path, text, needle string) []action {
	e.t.Helper()
	var list []action
	at := e.placeOf(text, needle)
	e.call("textDocument/codeAction", map[string]any{
		"textDocument": map[string]any{"uri": uri.File(path)},
		"range":        map[string]any{"start": at, "end": at},
		"context":      map[string]any{"diagnostics": []any{}},
	}, &list)
	return list
}

func (e *testEditor) placeOf(text, needle string) map[string]any {
	e.t.Helper()
	at := strings.Index(text, needle)
	if at < 0 {
		e.t.Fatalf("%q is not in the text", needle)
	}
	return map[string]any{"line": strings.Count(text[:at], "\n"), "character": at - strings.LastIndex(text[:at], "\n") - 1}
}

// run runs the code action with the title.
func (e *testEditor) run(list []action, title string, result any) error {
	e.t.Helper()
	var titles []string
	for _, a := range list {
		if a.Title == title {
			return e.try("workspace/executeCommand", map[string]any{"command": a.Command.Command, "arguments": a.Command.Arguments}, result)
		}
		titles = append(titles, a.Title)
	}
	e.t.Fatalf("no action %q in %q", title, titles)
	return nil
}

// lenses lists the titles of the code lenses with the lines they stand at.
func (e *testEditor) lenses(path string) []string {
	e.t.Helper()
	var list []struct {
		Range   struct{ Start struct{ Line int } }
		Command struct{ Title string }
	}
	e.call("textDocument/codeLens", map[string]any{"textDocument": map[string]any{"uri": uri.File(path)}}, &list)
	var titles []string
	for _, l := range list {
		titles = append(titles, fmt.Sprintf("%d: %s", l.Range.Start.Line+1, l.Command.Title))
	}
	return titles
}

// quit ends the session as an editor does.
func (e *testEditor) quit() error {
	e.t.Helper()
	e.call("shutdown", nil, nil)
	e.notify("exit", nil)
	var err error
	e.await("the server has ended", func() bool {
		select {
		case err = <-e.served:
			e.served <- err
			return true
		default:
			return false
		}
	})
	return err
}
