package board

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ianlancetaylor/demangle"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
	"github.com/fpbls/fpbls/internal/sim/cortexm"
	"github.com/fpbls/fpbls/internal/toolchain"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

var updateEdits = flag.Bool("update", false, "rewrite the outcomes in testdata/edits")

// The catalogue of edits is the archives in testdata/edits. Each entry is an edit of
// the firmware testdata/firmware/cases, or throwing for exceptions.txtar, which is saved
// while the firmware runs; what differs is injected. Its lines:
//
//	edit FILE: OLD => NEW   what the user changes; \n stands for a line end
//	mode MODE               how entries are caught, if not as fpbls chooses
//	fpb VERSION             of the board's Flash Patch unit, if not 1
//
// and what comes of it, as go test -update writes it:
//
//	injects NAME…     the functions that are patched then
//	prints KEY=VALUE  what the board prints for a case from then on
//	steps KEY=N       by how much a count grows from one round to the next
//	restarts KEY      a count does not go on from its live value
//	notes CODE        what the user is told with it
//	refused CODE      nothing is injected
//
// Lines of only one level of optimisation begin with it, as "-Os injects leaf".
// Afterwards all is reverted and the board must print what it printed before.
func TestEdits(t *testing.T) {
	files, err := filepath.Glob("testdata/edits/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no edits", err)
	}
	levels, every := []string{"-Os", "-O2"}, 1
	if testing.Short() {
		levels, every = levels[:1], 10
	}
	outcomes := make(map[string]map[string][]string) // by file and entry, then level
	count := 0
	for _, level := range levels {
		t.Run(level, func(t *testing.T) {
			cases := newCatalogue(t, "cases", testfirmware.Cases().With(level))
			second := newCatalogue(t, "cases", testfirmware.Cases().With(level, "-DFL_DIALECT=16")) // whose loader knows version 2
			throwing := newCatalogue(t, "throwing", testfirmware.Throwing().With(level))
			for _, file := range files {
				archive, err := txtar.ParseFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for _, entry := range archive.Files {
					name := strings.TrimSuffix(filepath.Base(file), ".txtar") + "/" + entry.Name
					count++
					if count%every != 0 {
						continue
					}
					t.Run(name, func(t *testing.T) {
						edits, how, want := parseEntry(t, string(entry.Data), level)
						c := cases
						switch {
						case how.fpb == 2:
							c = second
						case filepath.Base(file) == "exceptions.txtar":
							c = throwing
						}
						got := c.play(t, edits, how)
						if outcomes[name] == nil {
							outcomes[name] = make(map[string][]string)
						}
						outcomes[name][level] = got
						if !*updateEdits && !slices.Equal(got, want) {
							t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
						}
					})
				}
			}
		})
	}
	t.Logf("%d edits at %d levels of optimisation", count/len(levels), len(levels))
	if *updateEdits {
		rewriteEdits(t, files, levels, outcomes)
	}
}

// units are Flash Patch units by version.
var units = map[int]cortexm.FPBConfig{2: {Version: 2, Code: 8}}

// setup is what an entry says about board and mode.
type setup struct {
	mode string
	fpb  int // version; 0 is the board's own
}

// An edit replaces text in a file.
type edit struct{ file, old, by string }

var editLine = regexp.MustCompile(`^edit ([\w./]+): (.*?) =>(?: (.*))?$`)

// parseEntry returns an entry's edits and setup, and its outcome at the level.
func parseEntry(t *testing.T, text, level string) (edits []edit, how setup, outcome []string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := editLine.FindStringSubmatch(line); m != nil {
			unescape := strings.NewReplacer(`\n`, "\n")
			edits = append(edits, edit{m[1], unescape.Replace(m[2]), unescape.Replace(m[3])})
			continue
		}
		if name, ok := strings.CutPrefix(line, "mode "); ok {
			how.mode = name
			continue
		}
		if _, err := fmt.Sscanf(line, "fpb %d", &how.fpb); err == nil {
			continue
		}
		if rest, ok := strings.CutPrefix(line, level+" "); ok {
			line = rest
		}
		if line != "" && !strings.HasPrefix(line, "-O") {
			outcome = append(outcome, line)
		}
	}
	if len(edits) == 0 {
		t.Fatal("no edit")
	}
	return edits, how, outcome
}

// rewriteEdits writes the outcomes into the archives.
func rewriteEdits(t *testing.T, files, levels []string, outcomes map[string]map[string][]string) {
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range archive.Files {
			entry := &archive.Files[i]
			of := outcomes[strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+entry.Name]
			if len(of) < len(levels) {
				continue // was not chosen with -run
			}
			var b bytes.Buffer
			for line := range strings.Lines(string(entry.Data)) {
				if editLine.MatchString(strings.TrimSpace(line)) || strings.HasPrefix(line, "mode ") || strings.HasPrefix(line, "fpb ") {
					b.WriteString(line)
				}
			}
			same := slices.Equal(of[levels[0]], of[levels[1]])
			for _, level := range levels {
				for _, line := range of[level] {
					if !same {
						line = level + " " + line
					}
					fmt.Fprintln(&b, line)
				}
				if same {
					break
				}
			}
			entry.Data = b.Bytes()
		}
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A catalogue plays edits of a program at one level of optimisation.
type catalogue struct {
	*fixture
	folder  string            // of the sources
	sources map[string]string // by file name, as they were built
}

func newCatalogue(t *testing.T, folder string, program testfirmware.Program) *catalogue {
	t.Helper()
	f, err := buildProgram(t.TempDir(), program)
	if err != nil {
		t.Fatal(err)
	}
	c := &catalogue{fixture: f, folder: filepath.Join(f.Dir, folder), sources: make(map[string]string)}
	found, err := filepath.Glob(filepath.Join(c.folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c.sources[filepath.Base(path)] = string(text)
	}
	return c
}

// play saves the edited files, injects what differs, and says what came of it.
func (c *catalogue) play(t *testing.T, edits []edit, how setup) (outcome []string) {
	changed := maps.Clone(c.sources)
	var files []string
	for _, e := range edits {
		if !strings.Contains(changed[e.file], e.old) {
			t.Fatalf("%s has no %q", e.file, e.old)
		}
		changed[e.file] = strings.Replace(changed[e.file], e.old, e.by, 1)
		if !slices.Contains(files, e.file) {
			files = append(files, e.file)
		}
	}
	path := func(file string) string { return filepath.Join(c.folder, file) }
	for _, file := range files {
		if err := os.WriteFile(path(file), []byte(changed[file]), 0o644); err != nil {
			t.Fatal(err)
		}
		defer os.WriteFile(path(file), []byte(c.sources[file]), 0o644)
	}
	runOn(t, c.fixture, sim.Config{FPB: units[how.fpb]}, func(t *testing.T, b *bench) {
		request := Request{
			Builder: &patch.Builder{
				Image: b.image, Database: b.database,
				Toolchain: toolchain.New(toolchain.Config{Workspace: []string{b.Dir}, Env: os.Environ()}),
			},
			Changed: true,
			Mode:    how.mode,
		}
		for i, file := range files {
			u := patch.Unit{Path: path(file), Text: []byte(changed[file])}
			if i == 0 {
				request.Unit = u
			} else {
				request.More = append(request.More, u)
			}
		}
		before := b.rounds(3)
		r, err := b.board.Inject(t.Context(), request, nil)
		if err != nil {
			var p *problem.Problem
			if !errors.As(err, &p) {
				t.Fatal(err)
			}
			t.Log(err)
			outcome = append(outcome, "refused "+string(p.Code))
			b.wantStates()
			return
		}
		var names []string
		for _, p := range r.Patches {
			names = append(names, displayed(p))
		}
		slices.Sort(names)
		if len(names) > 0 {
			outcome = append(outcome, "injects "+strings.Join(names, " "))
		} else {
			outcome = append(outcome, "injects nothing")
		}
		after := b.rounds(3)
		outcome = append(outcome, compareRounds(before, after)...)
		var notes []string
		for _, n := range r.Notes {
			if n.Code != patch.NoteBuild {
				notes = append(notes, "notes "+string(n.Code))
			}
		}
		slices.Sort(notes)
		outcome = append(outcome, slices.Compact(notes)...)

		if _, err := b.board.Revert(t.Context(), patch.Selector{All: true}); err != nil && len(names) > 0 {
			t.Fatal(err)
		}
		restored := b.rounds(3)
		for _, line := range compareRounds(before, restored) {
			t.Errorf("after the revert the board %s", line)
		}
		if h := b.sim.Health(); h.Fault != nil || h.Locked {
			t.Errorf("health: %v", h)
		}
	})
	return outcome
}

// displayed is the name of the patched function as a person writes it, without
// parameters.
func displayed(r patch.Record) string {
	return strings.ReplaceAll(demangle.Filter(r.Name(), demangle.NoParams), " ", "")
}

// A round is what the cases print in one pass, by case; what is printed several
// times is joined.
type round map[string]string

// rounds waits for n whole rounds from now on.
func (b *bench) rounds(n int) []round {
	b.t.Helper()
	b.reader = b.board.Output().Reader()
	var all []round
	var current round
	text := ""
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	for len(all) < n {
		p, _, err := b.reader.Next(ctx)
		if err != nil {
			b.t.Fatalf("no round: %v; health: %v", err, b.sim.Health())
		}
		text += string(p)
		for {
			line, rest, ok := strings.Cut(text, "\n")
			if !ok {
				break
			}
			text = rest
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "round ") {
				if current != nil {
					all = append(all, current)
				}
				current = make(round)
				continue
			}
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				key, value, ok = strings.Cut(line, ": ")
				key += ":"
			}
			if ok && current != nil {
				if current[key] != "" {
					value = current[key] + " / " + value
				}
				current[key] = value
			}
		}
	}
	return all
}

// compareRounds says what is printed otherwise than before: another value, or
// another step from round to round.
func compareRounds(before, after []round) (differences []string) {
	keys := make(map[string]bool)
	for _, r := range slices.Concat(before, after) {
		for key := range r {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		was, is := before[1][key] != before[2][key], after[1][key] != after[2][key]
		stepWas, okWas := step(before, key)
		stepIs, okIs := step(after, key)
		switch {
		case !was && !is:
			if before[2][key] != after[2][key] {
				differences = append(differences, fmt.Sprintf("prints %s=%s", key, after[2][key]))
			}
		case okWas && okIs:
			if stepWas != stepIs {
				differences = append(differences, fmt.Sprintf("steps %s=%d", key, stepIs))
			}
			last, _ := strconv.Atoi(before[2][key])
			first, _ := strconv.Atoi(after[0][key])
			if stepWas != 0 && (first-last)/stepWas < 0 {
				differences = append(differences, "restarts "+key)
			}
		}
	}
	return differences
}

// step is by how much the value grows; false if it is no number, or grows unevenly.
func step(rounds []round, key string) (int, bool) {
	var values []int
	for _, r := range rounds {
		v, err := strconv.Atoi(r[key])
		if err != nil {
			return 0, false
		}
		values = append(values, v)
	}
	return values[2] - values[1], values[2]-values[1] == values[1]-values[0]
}
