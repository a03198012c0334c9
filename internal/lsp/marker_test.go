package lsp

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/settings"
	"github.com/fpbls/fpbls/internal/sim"
	"github.com/fpbls/fpbls/internal/sim/cortexm"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// The marker tests are the archives in testdata/marker: a workspace with marks in
// its source, and in the archive's comment what the user does, a step a line:
//
//	stage N          what the editor shows now is what the marks of stage N say
//	run TITLE        run the code action with the title at the function named in it
//	fail CODE STEP   do the step, which fails with the problem code
//	exec ID JSON     run a command; $URI is the source's, $DIR the folder
//	edit OLD => NEW  edit the document
//	save             save it
//	reset            reset the board
//	answer TITLE     how the user answers questions from now on
//
// Marks are comments on lines of their own and mean the next line that is no mark:
//
//	//@1,2 lens TITLE     a lens in the stages 1 and 2; without any there is none at the line
//	//@1 action TITLE     an action at the line's first name, disabled ones with (disabled)
//	//@1 hover TEXT       part of the hover over the name of the function
//	//@1 hint LABEL       an inlay hint
//	//@1 diag CODE TEXT   a diagnostic; without any there is none at the line
//
// In TITLE, LABEL and TEXT * stands for anything. Marks of kinds that a line has none
// of in a stage are not looked at, except for lenses and diagnostics.
//
// The workspace is the demo project with the archive's files over it. With a file
// named flags it is instead the C files of the archive, compiled and linked with
// these. A file named image has OLD => NEW, of equal length, to replace in the ELF.
var markLine = regexp.MustCompile(`^\s*//@([\d,]+) (\w+) (.*)$`)

// enteredOnce stands among the states for a function that is never entered again.
const enteredOnce state = "never entered again"

// covered collects what the marker tests have seen, for TestMarkersCover.
var covered struct {
	sync.Mutex
	commands, codes, states map[string]bool
}

func cover(of *map[string]bool, what string) {
	covered.Lock()
	defer covered.Unlock()
	if *of == nil {
		*of = make(map[string]bool)
	}
	(*of)[what] = true
}

// A markerTest is one archive being played.
type markerTest struct {
	*testEditor
	bench   bench
	path    string // of the source
	text    string
	version int
	answer  string
}

func TestMarkers(t *testing.T) {
	files, err := filepath.Glob("testdata/marker/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no marker tests", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m := play(t, archive)
			defer m.coverCodes()
			for n, line := range strings.Split(string(archive.Comment), "\n") {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
					if err := m.step(line); err != nil {
						t.Fatalf("%s:%d: %s: %v", file, n+1, line, err)
					}
				}
			}
		})
	}
	t.Run("cover everything", testMarkersCover)
}

// testMarkersCover fails when something that is declared is in no marker test.
func testMarkersCover(t *testing.T) {
	for _, id := range command.IDs() {
		if !covered.commands[id] {
			t.Errorf("no marker test runs %s", id)
		}
	}
	codes := []string{string(problem.CompileFailed), string(problem.Config)}
	for _, c := range patch.NoteCodes {
		codes = append(codes, string(c))
	}
	for _, c := range sourceProblems {
		codes = append(codes, string(c))
	}
	for _, code := range codes {
		if !covered.codes[code] {
			t.Errorf("no marker test has a diagnostic or a refusal with the code %s", code)
		}
	}
	for _, s := range []state{stateFresh, stateLive, stateEdited, stateDisabled, stateLost, stateMissing, enteredOnce} {
		if !covered.states[string(s)] {
			t.Errorf("no marker test has a function that is %s", s)
		}
	}
}

// play opens the archive's workspace in an editor.
func play(t *testing.T, archive *txtar.Archive) *markerTest {
	t.Helper()
	var p testfirmware.Project
	flags := ""
	for _, f := range archive.Files {
		if f.Name == "flags" {
			flags = string(f.Data)
		}
	}
	if flags == "" {
		p = demoProject(t)
	} else {
		p.Dir = t.TempDir()
		p.ELF = filepath.Join(p.Dir, "build", "firmware.elf")
		write(t, filepath.Join(p.Dir, settings.FileName), "port = \"sim:\"\n")
	}
	for _, f := range archive.Files {
		if f.Name == "flags" || f.Name == "image" {
			continue
		}
		path := filepath.Join(p.Dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, path, string(f.Data))
		if strings.HasSuffix(f.Name, ".c") && strings.Contains(string(f.Data), "//@") {
			p.Source = path
		}
	}
	if flags != "" {
		buildFirmware(t, p, archive, strings.Fields(flags))
	}
	for _, f := range archive.Files {
		if old, by, ok := strings.Cut(strings.TrimSpace(string(f.Data)), " => "); ok && f.Name == "image" {
			image := read(t, p.ELF)
			if !strings.Contains(image, old) || len(old) != len(by) {
				t.Fatalf("the image has no %q of that length", old)
			}
			write(t, p.ELF, strings.ReplaceAll(image, old, by))
		}
	}
	m := &markerTest{path: p.Source, text: read(t, p.Source), version: 1}
	m.bench = newBench(t, sim.Config{})
	m.testEditor = on(t, m.bench, p)
	m.project = p
	m.on("window/showMessageRequest", func(message) (any, bool) {
		if m.answer == "" {
			return nil, true
		}
		return map[string]string{"title": m.answer}, true
	})
	m.on("workspace/applyEdit", func(r message) (any, bool) {
		var p struct{ Edit changes }
		if err := json.Unmarshal(r.Params, &p); err != nil {
			return nil, true
		}
		m.apply(p.Edit)
		return map[string]bool{"applied": true}, true
	})
	return m
}

// apply edits the document as the server wants it.
func (m *markerTest) apply(c changes) {
	offset := func(line, character int) int {
		lines := strings.SplitAfter(m.text, "\n")
		return len(strings.Join(lines[:line], "")) + character
	}
	for _, e := range slices.Backward(c.Changes[string(uri.File(m.path))]) { // by place, the last first
		from, to := offset(e.Range.Start.Line, e.Range.Start.Character), offset(e.Range.End.Line, e.Range.End.Character)
		m.text = m.text[:from] + e.NewText + m.text[to:]
	}
	m.version++
	m.edit(m.path, m.version, m.text)
}

// buildFirmware compiles the archive's C files and links them with the flags.
func buildFirmware(t *testing.T, p testfirmware.Project, archive *txtar.Archive, flags []string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.ELF), 0o755); err != nil {
		t.Fatal(err)
	}
	type entry struct {
		Directory string   `json:"directory"`
		File      string   `json:"file"`
		Arguments []string `json:"arguments"`
	}
	var entries []entry
	link := []string{testfirmware.Compiler, "-mcpu=cortex-m3", "-mthumb", "-nostdlib", "-o", p.ELF}
	for _, f := range flags {
		if strings.HasPrefix(f, "-Wl,") {
			link = append(link, f)
		}
	}
	run := func(args []string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = p.Dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	for _, f := range archive.Files {
		if !strings.HasSuffix(f.Name, ".c") && !strings.HasSuffix(f.Name, ".s") {
			continue
		}
		object := "build/" + strings.TrimSuffix(f.Name, filepath.Ext(f.Name)) + ".o"
		args := []string{testfirmware.Compiler, "-mcpu=cortex-m3", "-mthumb", "-g"}
		for _, flag := range flags {
			if !strings.HasPrefix(flag, "-Wl,") {
				args = append(args, flag)
			}
		}
		args = append(args, "-c", f.Name, "-o", object)
		run(args)
		link = append(link, object)
		if strings.HasSuffix(f.Name, ".c") {
			entries = append(entries, entry{p.Dir, f.Name, args})
		}
	}
	run(link)
	raw, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(p.Dir, "compile_commands.json"), string(raw))
}

func (m *markerTest) step(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "stage":
		return m.stage(rest)
	case "run":
		return m.runAction(rest)
	case "fail":
		code, step, _ := strings.Cut(rest, " ")
		err := m.step(step)
		we, _ := err.(*wireError)
		if we == nil || !strings.Contains(string(we.Data), `"code":"`+code+`"`) {
			return fmt.Errorf("failed with %v, want %s", err, code)
		}
		cover(&covered.codes, code)
		return nil
	case "exec":
		id, args, _ := strings.Cut(rest, " ")
		args = strings.NewReplacer("$URI", string(uri.File(m.path)), "$DIR", m.project.Dir).Replace(args)
		cover(&covered.commands, id)
		list := []any{}
		if args != "" {
			list = append(list, json.RawMessage(args))
		}
		return m.try("workspace/executeCommand", map[string]any{"command": id, "arguments": list}, nil)
	case "edit":
		old, by, _ := strings.Cut(rest, " => ")
		m.version++
		m.text = m.change(m.path, m.version, m.text, old, by)
		return nil
	case "save":
		m.save(m.path, m.text)
		return nil
	case "reset":
		m.bench.Reset(cortexm.PowerOn)
		return nil
	case "answer":
		m.answer = rest
		return nil
	}
	return fmt.Errorf("there is no step %s", verb)
}

// runAction runs the action at the definition of the function that its title names,
// or at the start of the document.
func (m *markerTest) runAction(title string) error {
	at := m.text
	if parts := strings.Split(title, "`"); len(parts) > 1 {
		at = m.definition(parts[1])
	}
	for _, a := range m.actions(m.path, m.text, at) {
		if a.Title == title && len(a.Edit.Changes) > 0 {
			m.apply(a.Edit)
			return nil
		}
		if a.Title == title {
			cover(&covered.commands, a.Command.Command)
			return m.run([]action{a}, title, nil)
		}
	}
	return fmt.Errorf("no such action")
}

// definition is the text from which the function's definition begins.
func (m *markerTest) definition(name string) string {
	m.t.Helper()
	at := regexp.MustCompile(`(?m)^\w[^;\n]*\b` + regexp.QuoteMeta(name) + `\([^;\n]*$`).FindString(m.text)
	if at == "" {
		m.t.Fatalf("%s is not defined", name)
	}
	return at[strings.Index(at, name):]
}

// stage compares what the editor shows with the marks. What comes by itself may take
// its time.
func (m *markerTest) stage(n string) error {
	lines := strings.Split(m.text, "\n")
	want := make(map[string][]string) // by kind and line
	var names []int                   // lines with marks
	var pending [][2]string
	for i, line := range lines {
		if mark := markLine.FindStringSubmatch(line); mark != nil {
			if slices.Contains(strings.Split(mark[1], ","), n) {
				pending = append(pending, [2]string{mark[2], strings.TrimSpace(mark[3])})
			}
			continue
		}
		for _, p := range pending {
			key := fmt.Sprintf("%s %d", p[0], i+1)
			want[key] = append(want[key], p[1])
			if !slices.Contains(names, i) {
				names = append(names, i)
			}
		}
		pending = nil
	}
	var problems []string
	m.await("stage "+n+" is shown", func() bool {
		problems = m.differences(lines, want, names)
		return len(problems) == 0
	}, func() { m.t.Logf("stage %s:\n%s", n, strings.Join(problems, "\n")) })
	return nil
}

// differences lists what the editor shows otherwise than the marks say.
func (m *markerTest) differences(lines []string, want map[string][]string, marked []int) []string {
	var problems []string
	compare := func(kind string, line int, got []string) {
		key := fmt.Sprintf("%s %d", kind, line)
		if !slices.EqualFunc(got, want[key], matches) {
			problems = append(problems, fmt.Sprintf("%s: got %q, want %q", key, got, want[key]))
		}
	}
	lenses, hints, found := m.byLine("textDocument/codeLens"), m.byLine("textDocument/inlayHint"), make(map[int][]string)
	for _, d := range m.published(m.path) {
		found[d.Range.Start.Line+1] = append(found[d.Range.Start.Line+1], d.Code+" "+d.Message)
	}
	for i := range lines {
		compare("lens", i+1, lenses[i+1])
		compare("diag", i+1, found[i+1])
	}
	for _, i := range marked {
		line := i + 1
		if _, ok := want[fmt.Sprintf("hint %d", line)]; ok {
			compare("hint", line, hints[line])
		}
		if _, ok := want[fmt.Sprintf("action %d", line)]; ok {
			var titles []string
			for _, a := range m.actions(m.path, m.text, lines[i]) {
				if a.Disabled != nil {
					a.Title += " (disabled)"
				}
				titles = append(titles, a.Title)
			}
			compare("action", line, titles)
		}
		if texts, ok := want[fmt.Sprintf("hover %d", line)]; ok {
			hover := m.hover(lines[i])
			for _, text := range texts {
				if !matches(hover, "*"+text+"*") {
					problems = append(problems, fmt.Sprintf("hover %d: %q is not in %q", line, text, hover))
				}
			}
		}
	}
	return problems
}

// coverCodes notes the codes of all diagnostics that were published.
func (m *markerTest) coverCodes() {
	for _, e := range m.eventsSince(0, "textDocument/publishDiagnostics") {
		var p struct{ Diagnostics []publishedDiagnostic }
		if err := json.Unmarshal(e.Params, &p); err != nil {
			m.t.Error(err)
		}
		for _, d := range p.Diagnostics {
			cover(&covered.codes, d.Code)
		}
	}
}

// byLine lists the titles of lenses or the labels of hints by their lines.
func (m *markerTest) byLine(method string) map[int][]string {
	var list []struct {
		Range    struct{ Start struct{ Line int } }
		Position struct{ Line int }
		Command  struct{ Title string }
		Label    string
	}
	m.call(method, map[string]any{
		"textDocument": map[string]any{"uri": uri.File(m.path)},
		"range":        map[string]any{"start": map[string]int{"line": 0, "character": 0}, "end": map[string]int{"line": 1 << 30, "character": 0}},
	}, &list)
	all := make(map[int][]string)
	for _, l := range list {
		if l.Label != "" {
			all[l.Position.Line+1] = append(all[l.Position.Line+1], l.Label)
		} else {
			all[l.Range.Start.Line+1] = append(all[l.Range.Start.Line+1], l.Command.Title)
		}
	}
	return all
}

var functionName = regexp.MustCompile(`(\w+)\([^()]*\)$`)

// hover is what is shown over the name of the function that the line defines.
func (m *markerTest) hover(line string) string {
	at := m.placeOf(m.text, line)
	name := functionName.FindStringSubmatchIndex(line)
	if name == nil {
		m.t.Fatalf("no function in %q", line)
	}
	at["character"] = name[2]
	var hover *struct{ Contents struct{ Value string } }
	m.call("textDocument/hover", map[string]any{"textDocument": map[string]any{"uri": uri.File(m.path)}, "position": at}, &hover)
	if hover == nil {
		return ""
	}
	for s, words := range map[state]string{
		stateFresh: "On the board: not injected", stateLive: "B, at ", stateEdited: "edited since injected",
		stateDisabled: "On the board: disabled", stateLost: "On the board: lost", stateMissing: "is not in ", enteredOnce: "Never entered again:",
	} {
		if strings.Contains(hover.Contents.Value, words) {
			cover(&covered.states, string(s))
		}
	}
	return hover.Contents.Value
}

// matches compares with a pattern in which * stands for anything.
func matches(got, pattern string) bool {
	parts := strings.Split(pattern, "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, `.*`) + `$`).MatchString(got)
}
