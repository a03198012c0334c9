package board

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// runArchive gives f a bench with the demo firmware in which the archive's files
// stand for those of their names.
func runArchive(t *testing.T, name string, flags []string, f func(*testing.T, *bench)) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	archive, err := txtar.ParseFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	project, err := buildFixture(dir, func(p *testfirmware.Project) error {
		p.Flags = append(p.Flags, flags...)
		for _, file := range archive.Files {
			if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(file.Name)), file.Data, 0o644); err != nil {
				return err
			}
		}
		return p.WriteDatabase()
	})
	if err != nil {
		t.Fatal(err)
	}
	runOn(t, project, sim.Config{}, f)
}

// edit replaces texts in a file on disk.
func (b *bench) edit(file string, replace ...string) {
	b.t.Helper()
	path := filepath.Join(b.Dir, filepath.FromSlash(file))
	if err := os.WriteFile(path, b.request(file, nil, replace...).Unit.Text, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// names lists functions by slot.
func names(records []patch.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, r.Name())
	}
	return all
}

// injectChanged injects what differs in the files as they are on disk.
func (b *bench) injectChanged(files ...string) patch.Result {
	b.t.Helper()
	r, err := b.board.Inject(b.t.Context(), b.changed(files...), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) changed(files ...string) Request {
	b.t.Helper()
	r := b.request(files[0], nil)
	for _, file := range files[1:] {
		r.More = append(r.More, b.request(file, nil).Unit)
	}
	r.Changed = true
	return r
}

// Callers that count on registers which the old code of a function keeps find them as
// they were, whatever the new code does to them.
func TestRegistersOfCallers(t *testing.T) {
	runArchive(t, "groups.txtar", []string{"-O2"}, func(t *testing.T, b *bench) {
		// Sensor 4, so keeps(4) is leaf(4) * 11 = (4*3+1) * 11 and mix adds 500.
		edit := []string{"return x * 3 + one;", "int a = one, b = one + a, c = one + b, d = one + c; return x * 3 + a + b + c + d + one * 2 - 11;"}
		before := b.sensor()
		b.inject("app/status.c", []string{"leaf"}, edit...)
		if after := b.sensor(); !slices.Equal(after, before) {
			t.Errorf("sensor %v, was %v: the caller lost a register", after, before)
		}
		if image := b.image; len(image.ReliedOn(image.Lookup("leaf")[0])) == 0 {
			t.Error("nobody counts on registers of leaf: the test shows nothing")
		}
	})
}

// What belongs together goes in, off, on and out together, named by one of it.
func TestGroupOfAnInlinedFunction(t *testing.T) {
	runArchive(t, "groups.txtar", []string{"-O2"}, func(t *testing.T, b *bench) {
		before := b.sensor()
		b.edit("app/shared.h", "return x * 3;", "return x * 5 + 1000;")
		r := b.inject("app/status.c", []string{"per_mille"})
		if got := names(r.Patches); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"per_mille", "sensor_read"}) {
			t.Fatalf("injected %q, with notes %v", got, r.Notes)
		}
		if r.Patches[0].Group == "" || r.Patches[0].Group != r.Patches[1].Group {
			t.Errorf("groups of %+v", r.Patches)
		}
		if !slices.ContainsFunc(r.Notes, func(n patch.Note) bool { return n.Code == patch.NoteGroup && n.Function == "sensor_read" }) {
			t.Errorf("no note why: %v", r.Notes)
		}
		after := b.sensor()
		if slices.Equal(after, before) {
			t.Errorf("sensor %v, before and after", after)
		}
		for _, on := range []bool{false, true} {
			records, err := b.board.Enable(t.Context(), patch.Selector{Function: "sensor_read"}, on)
			if err != nil || len(records) != 2 {
				t.Errorf("enabled %t: %v %v", on, records, err)
			}
			if now, want := b.sensor(), map[bool][]string{false: before, true: after}[on]; !slices.Equal(now, want) {
				t.Errorf("enabled %t: sensor %v, want %v", on, now, want)
			}
		}
		b.revert("per_mille")
		b.wantStates()
	})
}

// sensor reads the sensor's values of some reports, as a set.
func (b *bench) sensor() []string {
	b.t.Helper()
	values := make(map[string]bool)
	b.fresh()
	for range 12 {
		_, rest, _ := strings.Cut(b.report(), "sensor=")
		value, _, _ := strings.Cut(rest, " ")
		values[value] = true
	}
	return slices.Sorted(maps.Keys(values))
}

// Parameters change with all who call the function, in other files too, or not at all.
func TestGroupOfASignature(t *testing.T) {
	runArchive(t, "groups.txtar", []string{"-O2"}, func(t *testing.T, b *bench) {
		// Two files, one of which has not followed yet.
		b.edit("app/shared.h", "int mix(int a);", "")
		b.edit("app/sensor.c", "int mix(int a) {", "int mix(int a, int b); __attribute__((noinline)) int mix(int a, int b) { a += b * 100;", "mix(sample)", "mix(sample, 2)")
		b.edit("app/status.c", "#include \"shared.h\"", "#include \"shared.h\"\nint mix(int a);")
		_, err := b.board.Inject(t.Context(), b.request("app/sensor.c", []string{"mix"}), nil)
		if !problem.Has(err, problem.SignatureChanged) || !strings.Contains(err.Error(), "per_mille") || !strings.Contains(err.Error(), "int (int, int)") {
			t.Fatalf("a caller that stays behind: %v", err)
		}
		b.wantStates()
		b.edit("app/status.c", "int mix(int a);", "int mix(int a, int b);", "mix(one)", "mix(one, 3)")
		r := b.inject("app/sensor.c", []string{"mix"})
		if got := names(r.Patches); !slices.Equal(got, []string{"sensor_average", "per_mille", "mix"}) && !slices.Equal(got, []string{"per_mille", "sensor_average", "mix"}) {
			t.Errorf("injected %q", got)
		}
		if report := b.fresh(); !strings.Contains(report, "load=804") {
			t.Errorf("report %q", report)
		}
		b.revert("per_mille")
		b.wantStates()
		if report := b.fresh(); !strings.Contains(report, "load=504") {
			t.Errorf("report %q", report)
		}
	})
}

// The board converges to the files: what is new goes in, what changed again is
// updated, what equals the firmware again is taken back, and the rest stays as it is.
// New statics and old ones keep their values.
func TestConvergence(t *testing.T) {
	runArchive(t, "groups.txtar", []string{"-O2"}, func(t *testing.T, b *bench) {
		both := []string{"app/status.c", "app/sensor.c"}
		b.edit("app/status.c", "nominal", "changed", "return ++count;", "static int steps; steps += 1000; return ++count + steps;")
		b.edit("app/sensor.c", "return mix(sample);", "return mix(sample) + 1;")
		r := b.injectChanged(both...)
		if got := slices.Sorted(slices.Values(names(r.Patches))); !slices.Equal(got, []string{"next_count", "sensor_average", "status_text"}) {
			t.Fatalf("injected %q, with notes %v", got, r.Notes)
		}
		last := count(t, b.fresh())
		grow := func(what string) {
			t.Helper()
			if n := count(t, b.fresh()); n <= last || n > last+100_000 {
				t.Errorf("%s: the counter went from %d to %d", what, last, n)
			} else {
				last = n
			}
		}
		if r := b.injectChanged(both...); len(r.Patches)+len(r.Reverted) > 0 {
			t.Errorf("the same again: %+v", r)
		}
		b.edit("app/status.c", "changed", "changed again", "return ++count + steps;", "count++; return count + steps;")
		r = b.injectChanged(both...)
		if got := names(r.Patches); !slices.Equal(got, []string{"status_text"}) {
			t.Errorf("updated %q", got)
		}
		grow("the other is updated")
		b.edit("app/status.c", "steps += 1000;", "steps += 2000;")
		if r = b.injectChanged(both...); !slices.Equal(names(r.Patches), []string{"next_count"}) {
			t.Errorf("updated %q", names(r.Patches))
		}
		grow("updated")

		before := b.states()
		b.edit("app/sensor.c", "return mix(sample) + 1;", "return mix(sample);")
		b.edit("app/status.c", "changed again", "nominal", "return count + steps", "return cnt + steps")
		if _, err := b.board.Inject(t.Context(), b.changed(both...), nil); !problem.Has(err, problem.CompileFailed) {
			t.Errorf("a file that does not compile: %v", err)
		}
		b.wantStates(before...)
		b.edit("app/status.c", "return cnt + steps", "return count + steps")
		r = b.injectChanged(both...)
		if got := slices.Sorted(slices.Values(names(r.Reverted))); len(r.Patches) > 0 || !slices.Equal(got, []string{"sensor_average", "status_text"}) {
			t.Errorf("taken back %q, injected %q", got, names(r.Patches))
		}
		grow("the others are taken back")
	})
}

// A header leads to the files that include it, and a function that was inlined
// everywhere to those that contain it.
func TestHeaders(t *testing.T) {
	runArchive(t, "groups.txtar", []string{"-O2"}, func(t *testing.T, b *bench) {
		both := []string{"per_mille", "sensor_read"}
		sorted := func(records []patch.Record) []string { return slices.Sorted(slices.Values(names(records))) }
		before := b.sensor()
		b.edit("app/shared.h", "return x * 3;", "return x * 7 + 1;")
		if got := sorted(b.injectChanged("app/shared.h").Patches); !slices.Equal(got, both) {
			t.Errorf("of the header: injected %q", got)
		}
		if report := b.fresh(); !strings.Contains(report, "load=509") { // 8 + 501
			t.Errorf("report %q", report)
		}
		b.edit("app/shared.h", "return x * 7 + 1;", "return x * 3;")
		if got := sorted(b.injectChanged("app/shared.h").Reverted); !slices.Equal(got, both) {
			t.Errorf("of the header: taken back %q", got)
		}
		if after := b.sensor(); !slices.Equal(after, before) {
			t.Errorf("sensor %v, was %v", after, before)
		}
		b.wantStates()

		b.edit("app/shared.h", "return x * 3;", "return x * 9;")
		r := b.inject("app/shared.h", []string{"scale"})
		if got := sorted(r.Patches); !slices.Equal(got, both) {
			t.Errorf("of the inlined function: injected %q", got)
		}
		if !slices.ContainsFunc(r.Notes, func(n patch.Note) bool { return strings.Contains(n.Text, "it was inlined into") }) {
			t.Errorf("not told why: %v", r.Notes)
		}
		_, err := b.board.Inject(t.Context(), b.request("app/shared.h", []string{"scale"}, "return x * 9;", "return x;"), nil)
		if err == nil || !strings.Contains(err.Error(), "unsaved") {
			t.Errorf("a header that is not saved: %v", err)
		}
	})
}
