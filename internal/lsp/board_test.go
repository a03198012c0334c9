package lsp

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/port"
	"github.com/fpbls/fpbls/internal/sim"
	"github.com/fpbls/fpbls/internal/sim/cortexm"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// A bench is a simulated board that outlives connections and servers.
type bench struct {
	*sim.Board
}

func newBench(t testing.TB, cfg sim.Config) bench {
	t.Helper()
	b, err := sim.New(cfg, testfirmware.DemoELF)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { b.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return bench{b}
}

func (b bench) open(context.Context, string, port.Options) (fpb.Conn, error) { return b.Conn(), nil }

// on opens the project in an editor whose server talks to the bench.
func on(t testing.TB, b bench, p testfirmware.Project) *testEditor {
	t.Helper()
	e := connect(t, Options{Version: "test", UserDir: p.Dir + ".user", OpenPort: b.open})
	e.initialize(p.Dir, capable, map[string]any{"status": true})
	e.openFile(p.Source)
	return e
}

func inject(p testfirmware.Project, function string) command.InjectArgs {
	return command.InjectArgs{URI: string(uri.File(p.Source)), Function: function}
}

func TestAfterReset(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		setting string
		answer  string // to the question, if one comes
		again   bool
	}{
		{"offer", "Re-inject", true},
		{"offer", "Not now", false},
		{"reinject", "", true},
		{"ignore", "", false},
	} {
		t.Run(tt.setting+" "+tt.answer, func(t *testing.T) {
			t.Parallel()
			p := demoProject(t, `afterReset = "`+tt.setting+`"`)
			b := newBench(t, sim.Config{})
			e := on(t, b, p)
			asked := make(chan string, 10)
			e.on("window/showMessageRequest", func(m message) (any, bool) {
				var q struct{ Message string }
				if err := json.Unmarshal(m.Params, &q); err != nil {
					t.Error(err)
				}
				asked <- q.Message
				return map[string]string{"title": tt.answer}, true
			})
			if err := e.execute(command.Inject, inject(p, "status_text"), nil); err != nil {
				t.Fatal(err)
			}
			b.Reset(cortexm.PowerOn)
			if got := e.onBoard(); got != "" {
				t.Fatalf("after the reset there is %s", got)
			}
			if tt.setting == "offer" {
				if q := <-asked; !strings.Contains(q, "lost status_text") {
					t.Errorf("asked %q", q)
				}
			}
			if tt.again {
				e.await("it is injected again", func() bool { return e.onBoard() == "status_text live" })
				return
			}
			if got := e.lenses(p.Source); got[0] != "4: lost by reset: Re-inject" {
				t.Errorf("lenses %q", got)
			}
			if len(asked) > 0 {
				t.Error("asked although nothing was to be asked")
			}
			var result command.InjectResult
			if err := e.execute(command.Reinject, nil, &result); err != nil || len(result.Patches) != 1 {
				t.Errorf("%+v %v", result, err)
			}
		})
	}
}

// A mute is a port behind which nothing answers.
type mute struct{ closed chan struct{} }

func newMute(context.Context, string, port.Options) (fpb.Conn, error) {
	return &mute{make(chan struct{})}, nil
}

func (m *mute) Read(ctx context.Context, _ []byte) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-m.closed:
		return 0, fpb.ErrClosed
	}
}
func (m *mute) Write(context.Context, []byte) error { return nil }
func (m *mute) Close() error                        { close(m.closed); return nil }

func TestListingDoesNotWaitForTheBoard(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := connect(t, Options{OpenPort: newMute})
	e.initialize(p.Dir, capable, nil)
	e.openFile(p.Source)
	text := read(t, p.Source)
	info := e.start("workspace/executeCommand", map[string]any{"command": command.Info})
	e.await("the board is asked", func() bool {
		var st command.BoardStatus
		if err := e.execute(command.Status, nil, &st); err != nil {
			t.Fatal(err)
		}
		return len(st.Jobs) == 1 && st.Jobs[0].Running
	})
	if len(e.lenses(p.Source)) == 0 || len(e.actions(p.Source, text, "status_text")) == 0 {
		t.Error("nothing is listed")
	}
	var hover struct{ Contents struct{ Value string } }
	e.call("textDocument/hover", map[string]any{
		"textDocument": map[string]any{"uri": uri.File(p.Source)}, "position": e.placeOf(text, "status_text"),
	}, &hover)
	if !strings.Contains(hover.Contents.Value, "0x080002c0") {
		t.Errorf("hover %+v", hover)
	}

	// What waits in the queue is seen, and can be cancelled by itself.
	second := e.start("workspace/executeCommand", map[string]any{"command": command.Info})
	var st command.BoardStatus
	e.await("the second is in the queue", func() bool {
		if err := e.execute(command.Status, nil, &st); err != nil {
			t.Fatal(err)
		}
		return len(st.Jobs) == 2
	})
	var cancelled command.CancelJobResult
	if err := e.execute(command.CancelJob, command.CancelJobArgs{ID: st.Jobs[1].ID}, &cancelled); err != nil || !cancelled.Cancelled {
		t.Errorf("%+v %v", cancelled, err)
	}
	if m := e.finish(second); m.Error == nil || m.Error.Code != -32800 {
		t.Errorf("the second: %+v", m)
	}
	e.notify("$/cancelRequest", map[string]any{"id": json.RawMessage(info)})
	if m := e.finish(info); m.Error == nil || m.Error.Code != -32800 {
		t.Errorf("the first: %+v", m)
	}
}

// A client that goes away in the middle leaves the board as it was or fully patched,
// and the next server finds out which.
func TestKilledClient(t *testing.T) {
	t.Parallel()
	for _, stage := range stages() {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			p := demoProject(t)
			b := newBench(t, sim.Config{})
			e := on(t, b, p)
			kill := sync.OnceFunc(func() { e.conn.Close() })
			e.on("$/progress", func(m message) (any, bool) {
				for _, at := range progressOf([]message{m}) {
					if strings.HasPrefix(strings.TrimPrefix(at, "report "), stage) {
						kill()
					}
				}
				return nil, true
			})
			e.execute(command.Inject, inject(p, "status_text"), nil)
			<-e.served
			e.served <- nil

			next := on(t, b, p)
			if got := next.onBoard(); got != "" && got != "status_text live" {
				t.Errorf("left behind: %s", got)
			}
			if err := next.execute(command.Inject, inject(p, "status_text"), nil); err != nil {
				t.Error(err)
			}
			var info board.Info
			if err := next.execute(command.Info, nil, &info); err != nil || len(info.Patches) != 1 {
				t.Errorf("%+v %v", info, err)
			}
		})
	}
}
