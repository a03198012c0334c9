package lsp

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/settings"
	"github.com/fpbls/fpbls/internal/sim"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

func status(e *testEditor, folder string) command.BoardStatus {
	e.t.Helper()
	var st command.BoardStatus
	if err := e.execute(command.Status, command.FolderArgs{URI: folder}, &st); err != nil {
		e.t.Fatal(err)
	}
	return st
}

func TestFoldersHaveTheirOwnBoards(t *testing.T) {
	t.Parallel()
	a, b := demoProject(t), demoProject(t)
	e := open(t, a)
	e.notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{
		"added": []any{map[string]any{"uri": uri.File(b.Dir), "name": "b"}}, "removed": []any{},
	}})
	e.openFile(b.Source)
	if err := e.execute(command.Inject, inject(b, "status_text"), nil); err != nil {
		t.Fatal(err)
	}
	err := e.execute(command.Info, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "2 folders are open") {
		t.Errorf("a command without a folder: %v", err)
	}
	var info board.Info
	for dir, want := range map[string]int{a.Dir: 0, b.Dir: 1} {
		if err := e.execute(command.Info, command.FolderArgs{URI: string(uri.File(dir))}, &info); err != nil || len(info.Patches) != want {
			t.Errorf("%s: %+v %v", dir, info.Patches, err)
		}
	}
	e.notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{
		"added": []any{}, "removed": []any{map[string]any{"uri": uri.File(a.Dir), "name": "a"}},
	}})
	if err := e.execute(command.Info, nil, &info); err != nil || len(info.Patches) != 1 {
		t.Errorf("with one folder left: %+v %v", info.Patches, err)
	}
	if len(e.lenses(a.Source)) != 0 {
		t.Error("lenses in a file outside of the folders")
	}
}

// The second of two folders with one port is told which folder has it, and gets it
// once that lets go.
func TestFoldersShareAPort(t *testing.T) {
	t.Parallel()
	simulated := newBench(t, sim.Config{})
	a, b := demoProject(t), demoProject(t)
	for _, p := range []testfirmware.Project{a, b} {
		write(t, filepath.Join(p.Dir, settings.FileName), "port = \"tcp://board:4000\"\n")
	}
	e := on(t, simulated, a)
	e.notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{
		"added": []any{map[string]any{"uri": uri.File(b.Dir), "name": "b"}}, "removed": []any{},
	}})
	if err := e.execute(command.Inject, inject(a, "status_text"), nil); err != nil {
		t.Fatal(err)
	}
	err := e.execute(command.Inject, inject(b, "clamp"), nil)
	if we, _ := err.(*wireError); we == nil || !strings.Contains(string(we.Data), `"code":"port-busy"`) || !strings.Contains(we.Message, a.Dir) {
		t.Fatalf("the second folder: %v", err)
	}
	if st := status(e, string(uri.File(b.Dir))); st.Connected || !strings.Contains(st.Health, a.Dir) {
		t.Errorf("status of the second folder: %+v", st)
	}
	if err := e.execute(command.Disconnect, command.FolderArgs{URI: string(uri.File(a.Dir))}, nil); err != nil {
		t.Fatal(err)
	}
	var info board.Info
	if err := e.execute(command.Info, command.FolderArgs{URI: string(uri.File(b.Dir))}, &info); err != nil || len(info.Patches) != 1 {
		t.Errorf("after the first has let go: %+v %v", info, err)
	}
}

func TestFileWithoutFolder(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := connect(t, Options{})
	e.call("initialize", map[string]any{"processId": nil, "rootUri": nil, "capabilities": map[string]any{}}, nil)
	e.notify("initialized", map[string]any{})
	e.openFile(p.Source)
	if st := status(e, ""); st.Folder != string(uri.File(p.Dir)) || st.Port != "sim:" {
		t.Errorf("status %+v", st)
	}
	// This editor knows commands, not code actions.
	var list []struct{ Title, Command string }
	at := e.placeOf(read(t, p.Source), "status_text")
	e.call("textDocument/codeAction", map[string]any{
		"textDocument": map[string]any{"uri": uri.File(p.Source)}, "range": map[string]any{"start": at, "end": at},
		"context": map[string]any{"diagnostics": []any{}},
	}, &list)
	if len(list) == 0 || list[0].Title != "Inject `status_text`" || list[0].Command != command.Inject {
		t.Errorf("actions %+v", list)
	}
	if err := e.execute(command.Inject, inject(p, "status_text"), nil); err != nil {
		t.Error(err)
	}
	if len(e.eventsSince(0, "$/progress", "window/workDoneProgress/create")) != 0 {
		t.Error("progress for an editor that does not show it")
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	p := demoProject(t, "baud = 9600", `mode = "direct"`)
	e := connect(t, Options{})
	answer := `{"mode":"debugmon","nonsense":1}`
	e.on("workspace/configuration", func(m message) (any, bool) {
		var q struct {
			Items []struct{ Section, ScopeURI string }
		}
		if err := json.Unmarshal(m.Params, &q); err != nil || len(q.Items) != 1 || q.Items[0].Section != "fpbls" || q.Items[0].ScopeURI != string(uri.File(p.Dir)) {
			t.Errorf("asked for %s", m.Params)
		}
		return []any{json.RawMessage(answer)}, true
	})
	e.initialize(p.Dir, `{"workspace":{"configuration":true,"didChangeConfiguration":{"dynamicRegistration":true}}}`,
		map[string]any{"fpbls": map[string]any{"afterReset": "ignore", "mode": "trampoline", "status": true}})
	report := func() string {
		var r command.ReportResult
		if err := e.execute(command.Report, nil, &r); err != nil {
			t.Fatal(err)
		}
		return r.Text
	}
	for _, want := range []string{"| mode | debugmon | editor |", "| baud | 9600 | FOLDER/fpbls.toml:2 |", "| afterReset | ignore | editor |", "| injectOnSave | off | default |"} {
		e.await(want, func() bool { return strings.Contains(report(), want) })
	}
	if text := report(); !strings.Contains(text, "- built by GNU C") || strings.Contains(text, "nominal") || strings.Contains(text, p.Dir) {
		t.Errorf("a report without versions, with sources, or with the user's folders:\n%s", text)
	}
	if len(e.eventsSince(0, "client/registerCapability")) != 1 {
		t.Error("it did not register for changes")
	}
	warnings := e.eventsSince(0, "window/showMessage")
	if len(warnings) != 1 || !strings.Contains(string(warnings[0].Params), "there is no setting nonsense") {
		t.Errorf("warnings %s", warnings)
	}
	answer = `null`
	e.notify("workspace/didChangeConfiguration", map[string]any{"settings": nil})
	e.await("initializationOptions hold again", func() bool { return strings.Contains(report(), "| mode | trampoline | editor |") })
}

func TestSettingsFileIsWatchedAndChecked(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	file := filepath.Join(p.Dir, settings.FileName)
	if err := e.execute(command.Connect, nil, nil); err != nil {
		t.Fatal(err)
	}
	write(t, file, "port = \"sim:build/firmware.elf\"\nbaud = \"fast\"\n")
	e.await("the port has changed", func() bool {
		st := status(e, "")
		return st.Port == "sim:"+p.ELF && !st.Connected
	})
	e.await("the mistake is shown", func() bool {
		list := e.published(file)
		return len(list) == 1 && list[0].Range.Start.Line == 1 && strings.Contains(list[0].Message, "setting baud cannot be \"fast\"")
	})
	if err := e.execute(command.Inject, inject(p, "status_text"), nil); err != nil {
		t.Error(err)
	}
	write(t, file, "port = \"sim:\"\n")
	e.await("the mistake is gone", func() bool { return len(e.published(file)) == 0 })
}

func TestFirmwareIsWatched(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	image := read(t, p.ELF)
	if err := os.Remove(p.ELF); err != nil {
		t.Fatal(err)
	}
	e := open(t, p)
	actions := e.actions(p.Source, read(t, p.Source), "status_text")
	if len(actions) == 0 || actions[0].Disabled == nil || !strings.Contains(actions[0].Disabled.Reason, "no ARM ELF") {
		t.Errorf("actions without a firmware: %+v", actions)
	}
	err := e.execute(command.Inject, inject(p, "status_text"), nil)
	if we, _ := err.(*wireError); we == nil || !strings.Contains(string(we.Data), `"code":"no-elf"`) {
		t.Errorf("inject without a firmware: %v", err)
	}
	write(t, p.ELF, image)
	e.await("the firmware is found", func() bool { return len(e.lenses(p.Source)) > 0 })
}

// A firmware that was built anew and not flashed makes what is injected stale, by name.
func TestNewFirmwareMakesPatchesStale(t *testing.T) {
	t.Parallel()
	b, p := newBench(t, sim.Config{}), demoProject(t)
	e := on(t, b, p)
	if err := e.execute(command.Inject, inject(p, "clamp"), nil); err != nil {
		t.Fatal(err)
	}
	write(t, p.Source, strings.Replace(read(t, p.Source), "all systems nominal", "all systems are nominal", 1))
	if err := p.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.await("it is said", func() bool {
		return slices.ContainsFunc(e.eventsSince(0, "window/showMessage"), func(m message) bool {
			return strings.Contains(string(m.Params), "another firmware than firmware.elf") && strings.Contains(string(m.Params), "of the other firmware: clamp")
		})
	})
	err := e.execute(command.Inject, inject(p, "clamp"), nil)
	if we, _ := err.(*wireError); we == nil || !strings.Contains(string(we.Data), `"code":"wrong-firmware"`) {
		t.Errorf("inject: %v", err)
	}
	if err := e.execute(command.Revert, command.SelectArgs{Function: "clamp"}, nil); err != nil {
		t.Error(err)
	}
}

func TestConnectToAnotherPort(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	var st command.BoardStatus
	if err := e.execute(command.Connect, command.ConnectArgs{Port: "sim:" + p.ELF}, &st); err != nil || !st.Connected || st.Port != "sim:"+p.ELF {
		t.Errorf("%+v %v", st, err)
	}
	if err := e.execute(command.Disconnect, nil, &st); err != nil || st.Connected {
		t.Errorf("%+v %v", st, err)
	}
	err := e.execute(command.Connect, command.ConnectArgs{Port: filepath.Join(p.Dir, "nothing")}, nil)
	if we, _ := err.(*wireError); we == nil || !strings.Contains(string(we.Data), `"code":"port-missing"`) {
		t.Errorf("no such port: %v", err)
	}
}

func TestConnectAsksForThePort(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	write(t, filepath.Join(p.Dir, settings.FileName), "")
	e := open(t, p)
	answer := any(nil)
	e.on("window/showMessageRequest", func(message) (any, bool) { return answer, true })
	actions := e.actions(p.Source, read(t, p.Source), "status_text")
	const title = "Connect to a board…"
	err := e.run(actions, title, nil)
	if we, _ := err.(*wireError); we == nil || !strings.Contains(string(we.Data), `"code":"port-missing"`) {
		t.Errorf("without an answer: %v", err)
	}
	answer = map[string]string{"title": "sim:"}
	var st command.BoardStatus
	if err := e.run(actions, title, &st); err != nil || !st.Connected || st.Port != "sim:" {
		t.Errorf("%+v %v", st, err)
	}
}

func TestWorkspaceSymbols(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	type symbol struct {
		Name, ContainerName string
		Kind                int
		Location            struct {
			URI   string
			Range struct{ Start struct{ Line int } }
		}
	}
	find := func(query string) (list []symbol) {
		t.Helper()
		e.call("workspace/symbol", map[string]any{"query": query}, &list)
		return list
	}
	list := find("STATUS_text")
	if len(list) != 1 || list[0].Name != "status_text" || list[0].Kind != 12 || list[0].Location.URI != string(uri.File(p.Source)) ||
		list[0].Location.Range.Start.Line != 3 || !strings.HasPrefix(list[0].ContainerName, "0x08") {
		t.Errorf("%+v", list)
	}
	if list := find("count"); !slices.ContainsFunc(list, func(s symbol) bool { return s.Kind == 13 }) {
		t.Errorf("no variable in %+v", list)
	}
	if list := find("nothing like it"); list == nil || len(list) != 0 {
		t.Errorf("%+v", list)
	}
	if list := find(""); len(list) == 0 || len(list) > maxSymbols {
		t.Errorf("%d symbols", len(list))
	}
}
