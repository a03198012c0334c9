package lsp

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/patch"
)

// progressOf returns the kinds of a progress with their messages, and the order of
// its end and the answer.
func progressOf(events []message) (kinds []string) {
	for _, m := range events {
		var p struct {
			Token string
			Value struct {
				Kind, Title, Message string
				Percentage           int
				Cancellable          *bool
			}
		}
		if json.Unmarshal(m.Params, &p) != nil {
			continue
		}
		kinds = append(kinds, strings.TrimSpace(fmt.Sprintf("%s %s%s", p.Value.Kind, p.Value.Title, p.Value.Message)))
	}
	return kinds
}

func TestSession(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	text := read(t, p.Source)
	text = e.change(p.Source, 2, text, "all systems nominal", "patched from the editor")

	var result command.InjectResult
	mark := e.mark()
	if err := e.run(e.actions(p.Source, text, "patched from"), "Inject `status_text`", &result); err != nil {
		t.Fatal(err)
	}
	if len(result.Patches) != 1 || result.Patches[0].Name() != "status_text" || !strings.HasPrefix(result.Summary, "status_text → slot ") {
		t.Errorf("result %+v", result)
	}
	kinds := progressOf(e.eventsSince(mark, "$/progress"))
	if len(kinds) < 4 || kinds[0] != "begin Injecting status_text" || kinds[len(kinds)-1] != "end "+result.Summary {
		t.Errorf("progress %q", kinds)
	}
	for _, stage := range []string{"resolve", "compile", "link", "allocate", "upload", "verify", "activate"} {
		if !strings.Contains(strings.Join(kinds, "\n"), "report "+stage) {
			t.Errorf("no report of %s in %q", stage, kinds)
		}
	}

	var info board.Info
	if err := e.execute(command.Info, nil, &info); err != nil {
		t.Fatal(err)
	}
	if len(info.Patches) != 1 || info.Patches[0] != result.Patches[0] && *info.Patches[0].Function != "status_text" {
		t.Errorf("info %+v", info)
	}
	live := fmt.Sprintf("4: ● live, slot %d, %d B", info.Patches[0].Slot, info.Patches[0].Size)
	if got := e.lenses(p.Source); got[0] != live || got[1] != "10: Inject" {
		t.Errorf("lenses %q, want %q", got, live)
	}

	text = e.change(p.Source, 3, text, "patched from", "again from")
	if got := e.lenses(p.Source); got[0] != live || got[1] != "4: edited since injected: Update" {
		t.Errorf("lenses after an edit %q", got)
	}
	if err := e.run(e.actions(p.Source, text, "again from"), "Update `status_text` (edited since injected)", &result); err != nil {
		t.Fatal(err)
	}
	if err := e.run(e.actions(p.Source, text, "again from"), "Disable `status_text`", nil); err != nil {
		t.Fatal(err)
	}
	if got := e.lenses(p.Source); !strings.HasPrefix(got[0], "4: ○ disabled, slot ") {
		t.Errorf("lenses when disabled %q", got)
	}
	if err := e.run(e.actions(p.Source, text, "again from"), "Enable `status_text`", nil); err != nil {
		t.Fatal(err)
	}
	var reverted command.RevertResult
	if err := e.run(e.actions(p.Source, text, "again from"), "Revert `status_text`", &reverted); err != nil {
		t.Fatal(err)
	}
	if len(reverted.Reverted) != 1 {
		t.Errorf("reverted %+v", reverted)
	}
	if got := e.lenses(p.Source); got[0] != "4: Inject" {
		t.Errorf("lenses after the revert %q", got)
	}
	if len(e.eventsSince(mark, command.NotifyStatus)) == 0 || len(e.eventsSince(mark, "workspace/codeLens/refresh")) == 0 {
		t.Error("the editor was not told of the changes")
	}
	if err := e.quit(); err != nil {
		t.Error(err)
	}
}

func TestCompilerErrorsAreDiagnostics(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	text := read(t, p.Source)
	broken := e.change(p.Source, 2, text, "return \"all", "retrn \"all")

	err := e.execute(command.Inject, command.InjectArgs{URI: string(uri.File(p.Source)), Function: "status_text"}, nil)
	we, _ := err.(*wireError)
	if we == nil || we.Code != -32803 || !strings.Contains(string(we.Data), `"code":"compile-error"`) {
		t.Fatalf("error %v", err)
	}
	list := e.published(p.Source)
	if len(list) == 0 || list[0].Range.Start.Line != 5 || list[0].Severity != 1 || list[0].Source != "fpbls" {
		t.Fatalf("diagnostics %+v", list)
	}

	// Two lines above it move it down.
	broken = e.change(p.Source, 3, broken, "#include", "\n\n#include")
	e.await("the diagnostics move down", func() bool {
		moved := e.published(p.Source)
		return len(moved) == len(list) && moved[0].Range.Start.Line == 7
	})
	e.change(p.Source, 4, broken, "retrn", "return")
	e.await("the error at the edited line goes away", func() bool {
		list := e.published(p.Source)
		return len(list) == 0 || list[0].Range.Start.Line != 7
	})
	if err := e.execute(command.Inject, command.InjectArgs{URI: string(uri.File(p.Source)), Function: "status_text"}, nil); err != nil {
		t.Error(err)
	}
}

type publishedDiagnostic struct {
	Range struct {
		Start, End struct{ Line, Character int }
	}
	Severity           int
	Code               string
	Source             string
	Message            string
	RelatedInformation []struct{ Message string }
}

// published returns the diagnostics of the file as the editor shows them now.
func (e *testEditor) published(path string) []publishedDiagnostic {
	e.t.Helper()
	var last []publishedDiagnostic
	for _, m := range e.eventsSince(0, "textDocument/publishDiagnostics") {
		var p struct {
			URI         string
			Diagnostics []publishedDiagnostic
		}
		if err := json.Unmarshal(m.Params, &p); err != nil {
			e.t.Fatal(err)
		}
		if p.URI == string(uri.File(path)) {
			last = p.Diagnostics
		}
	}
	return last
}

// Wherever the cancel button is pressed, the board is as it was or fully patched, and
// the answer says which.
func TestCancelAtEveryStage(t *testing.T) {
	t.Parallel()
	for _, stage := range append([]string{"create", "begin"}, stages()...) {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			p := demoProject(t)
			e := open(t, p)
			cancel := sync.OnceFunc(func() {
				// Not from the reader: a write waits until the server reads.
				go e.notify("window/workDoneProgress/cancel", map[string]any{"token": "fpbls-1"})
			})
			e.on("window/workDoneProgress/create", func(message) (any, bool) {
				if stage == "create" {
					cancel()
				}
				return nil, true
			})
			e.on("$/progress", func(m message) (any, bool) {
				for _, at := range progressOf([]message{m}) {
					if strings.HasPrefix(strings.TrimPrefix(at, "report "), stage) {
						cancel()
					}
				}
				return nil, true
			})
			var result command.InjectResult
			err := e.execute(command.Inject, command.InjectArgs{URI: string(uri.File(p.Source)), Function: "status_text"}, &result)
			if we, _ := err.(*wireError); err != nil && (we == nil || we.Code != -32800) {
				t.Fatal(err)
			}
			var info board.Info
			if err := e.execute(command.Info, nil, &info); err != nil {
				t.Fatal(err)
			}
			if patched := len(info.Patches) == 1; patched != (err == nil) {
				t.Errorf("answer %v, but on the board is %+v", err, info.Patches)
			}
			// Nothing is left behind that would be in the way.
			if err := e.execute(command.Inject, command.InjectArgs{URI: string(uri.File(p.Source)), Function: "status_text"}, &result); err != nil {
				t.Error(err)
			}
		})
	}
}

func stages() (names []string) {
	for _, s := range patch.Stages {
		names = append(names, string(s))
	}
	return names
}
