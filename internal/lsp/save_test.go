package lsp

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/command"
)

func (e *testEditor) save(path, text string) {
	write(e.t, path, text)
	e.notify("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": uri.File(path)}})
}

// onBoard lists what the board has, by name.
func (e *testEditor) onBoard() string {
	e.t.Helper()
	var info board.Info
	if err := e.execute(command.Info, nil, &info); err != nil {
		e.t.Fatal(err)
	}
	var names []string
	for _, p := range info.Patches {
		names = append(names, p.Name()+" "+string(p.State))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func TestSaveFollowsMarkers(t *testing.T) {
	t.Parallel()
	p := demoProject(t, `injectOnSave = "marked"`)
	e := open(t, p)
	original := read(t, p.Source)
	text := strings.Replace(original, "const char *status_text", "/* FPB_INJECT */\nconst char *status_text", 1)
	text = strings.Replace(text, "int next_count", "// fpb-inject: counts\nint next_count", 1)
	e.edit(p.Source, 2, text)
	e.save(p.Source, text)
	e.await("both are injected", func() bool { return e.onBoard() == "next_count live, status_text live" })

	// An injection by hand is not the saver's to take back.
	if err := e.execute(command.Inject, command.InjectArgs{URI: string(uri.File(p.Source)), Function: "phase_name"}, nil); err != nil {
		t.Fatal(err)
	}
	text = strings.Replace(text, "/* FPB_INJECT */\n", "", 1)
	e.edit(p.Source, 3, text)
	e.save(p.Source, text)
	e.await("the one without a marker is taken back", func() bool { return e.onBoard() == "next_count live, phase_name live" })

	e.edit(p.Source, 4, original)
	e.save(p.Source, original)
	e.await("the other one too", func() bool { return e.onBoard() == "phase_name live" })
}

func TestLastSaveWins(t *testing.T) {
	t.Parallel()
	p := demoProject(t, `injectOnSave = "marked"`)
	e := open(t, p)
	text := strings.Replace(read(t, p.Source), "const char *status_text", "/* FPB_INJECT */\nconst char *status_text", 1)
	for i := range 5 {
		now := strings.Replace(text, "all systems nominal", fmt.Sprint("save ", i), 1)
		if i == 3 {
			now = strings.Replace(now, "return", "retrn", 1) // a mistake that is corrected by the next
		}
		e.edit(p.Source, i+2, now)
		e.save(p.Source, now)
	}
	e.await("it is injected", func() bool { return e.onBoard() == "status_text live" })
	e.await("nothing runs any more", func() bool {
		var st command.BoardStatus
		if err := e.execute(command.Status, nil, &st); err != nil {
			t.Fatal(err)
		}
		return len(st.Jobs) == 0
	})
	if err := e.execute(command.Output, command.OutputArgs{On: true}, nil); err != nil {
		t.Fatal(err)
	}
	e.await("the firmware prints the text of the last save", func() bool {
		return strings.Contains(e.printed(), "save 4")
	})
	if printed := e.printed(); strings.Contains(printed[strings.Index(printed, "save 4"):], "all systems nominal") {
		t.Errorf("printed\n%s", printed)
	}
}

func TestSaveWithoutTheSettingDoesNothing(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	text := "/* FPB_INJECT */\n" + read(t, p.Source)
	e.edit(p.Source, 2, text)
	e.save(p.Source, text)
	if got := e.onBoard(); got != "" {
		t.Errorf("on the board is %s", got)
	}
}

func TestSaveFollowsChanges(t *testing.T) {
	t.Parallel()
	p := demoProject(t, `injectOnSave = "changed"`)
	e := open(t, p)
	original := read(t, p.Source)
	version := 1
	save := func(text string) {
		version++
		e.edit(p.Source, version, text)
		e.save(p.Source, text)
	}
	two := strings.NewReplacer("all systems nominal", "changed", "return ++count;", "static int step; return count += 2 + step++;").Replace(original)
	save(two)
	e.await("both are injected", func() bool { return e.onBoard() == "next_count live, status_text live" })

	save(strings.Replace(two, "return count +=", "return cuont +=", 1))
	e.await("the error is shown", func() bool { return len(e.published(p.Source)) > 0 })
	if got := e.onBoard(); got != "next_count live, status_text live" {
		t.Errorf("after a save that does not compile: %s", got)
	}
	save(strings.Replace(original, "all systems nominal", "changed again", 1))
	e.await("one is taken back", func() bool { return e.onBoard() == "status_text live" })
	save(original)
	e.await("the other as well", func() bool { return e.onBoard() == "" })
}

// The action to inject what changed says how much that is, once the file was compared.
func TestInjectChangedAction(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	if err := e.execute(command.Connect, nil, nil); err != nil {
		t.Fatal(err)
	}
	text := read(t, p.Source)
	has := func(title string) func() bool {
		return func() bool {
			return slices.ContainsFunc(e.actions(p.Source, text, "status_text"), func(a action) bool { return a.Title == title })
		}
	}
	if !has("Inject the changed functions of `status.c`")() {
		t.Error("no action before the file was compared")
	}
	text = strings.NewReplacer("all systems nominal", "changed", "return ++count;", "return count += 2;").Replace(text)
	e.edit(p.Source, 2, text)
	e.save(p.Source, text)
	e.await("the number is known", has("Inject the 2 changed functions"))
	if err := e.run(e.actions(p.Source, text, "status_text"), "Inject the 2 changed functions", nil); err != nil {
		t.Fatal(err)
	}
	if got := e.onBoard(); got != "next_count live, status_text live" {
		t.Errorf("on the board: %s", got)
	}
}

// What does not fit goes in once the user has said what may go; without an answer
// nothing changes.
func TestUserMakesRoom(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	inject := func(file string, functions ...string) error {
		t.Helper()
		return e.execute(command.Inject, command.InjectArgs{URI: string(uri.File(filepath.Join(p.Dir, "app", file))), Functions: functions}, nil)
	}
	var info board.Info
	if err := e.execute(command.Info, nil, &info); err != nil {
		t.Fatal(err)
	}
	all := []string{"status_text", "next_count", "clamp", "phase_name", "per_mille"}
	for _, f := range all {
		if err := inject("status.c", f); err != nil {
			t.Fatal(err)
		}
	}
	if err := inject("sensor.c", "sensor_read"); err != nil || len(info.Slots) != 6 {
		t.Fatal(err, len(info.Slots))
	}
	before := e.onBoard()
	answer, asked := "", 0
	e.on("window/showMessageRequest", func(message) (any, bool) {
		asked++
		if answer == "" {
			return nil, true
		}
		return map[string]string{"title": answer}, true
	})
	if err := inject("sensor.c", "sensor_average"); err == nil || asked != 1 || e.onBoard() != before {
		t.Errorf("without an answer: %v, asked %d times, %s", err, asked, e.onBoard())
	}
	answer = "Revert clamp"
	if err := inject("sensor.c", "sensor_average"); err != nil {
		t.Error(err)
	}
	if got := e.onBoard(); strings.Contains(got, "clamp") || !strings.Contains(got, "sensor_average live") {
		t.Errorf("on the board: %s", got)
	}
}
