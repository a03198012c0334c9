package listing

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// Names stand for calls, variables and texts.
func TestImage(t *testing.T) {
	image, err := firmware.Parse("demo.elf", testfirmware.DemoELF)
	if err != nil {
		t.Fatal(err)
	}
	for function, want := range map[string][]string{
		"status_text":    {`; "all systems nominal"`, `.word	"all systems nominal"`, "bx	lr"},
		"per_mille":      {"<__aeabi_uldivmod>", "<per_mille+0x1a>"},
		"sensor_average": {"; sum", "; samples", ".word	samples"},
	} {
		text := Text(function, OfImage(image, image.Lookup(function)[0]))
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s has no %q:\n%s", function, w, text)
			}
		}
	}
}

// What does the same stands opposite of itself.
func TestCompare(t *testing.T) {
	lines := func(keys string) (all []Line) {
		for key := range strings.FieldsSeq(keys) {
			all = append(all, Line{key: key, short: strings.TrimPrefix(key, "~"), loose: strings.HasPrefix(key, "~")})
		}
		return all
	}
	for _, test := range []struct{ before, after, marks string }{
		{"", "", ""},
		{"a b c", "a b c", "   "},
		{"a b c", "a x c", " | "},
		{"a b c", "a c", " < "},
		{"a c", "a b c", " > "},
		{"a b c d", "x c d", "|<  "},
		{"a b", "", "<<"},
		{"", "a b", ">>"},
		{"a b a b", "b a", "<  <"},
		{"a movw c", "a ~movw c", "   "}, // half an address, which the linker fills in
	} {
		marks := ""
		for _, r := range Compare(lines(test.before), lines(test.after)) {
			marks += r.Mark()
		}
		if marks != test.marks {
			t.Errorf("%q and %q: %q, want %q", test.before, test.after, marks, test.marks)
		}
	}
}

const unit = `
	extern int counter;
	int next(int n);
	const char *text(int n) { return next(n) + counter > 3 ? "more" : "less"; }`

func compile(t testing.TB, flags ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	source, output := filepath.Join(dir, "a.c"), filepath.Join(dir, "a.o")
	if err := os.WriteFile(source, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	flags = append([]string{"-mcpu=cortex-m3", "-mthumb", "-g", "-c", source, "-o", output}, flags...)
	if out, err := exec.CommandContext(t.Context(), testfirmware.Compiler, flags...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// In an object the names stand in the relocations.
func TestObject(t *testing.T) {
	for _, level := range []string{"-Os", "-O0"} {
		o, err := object.Parse(compile(t, level))
		if err != nil {
			t.Fatal(err)
		}
		debug, err := dwarf.ForObject(o)
		if err != nil {
			t.Fatal(err)
		}
		lines := OfObject(o, debug, "text")
		listing := Text("text", lines)
		for _, want := range []string{"bl	next", "; counter", `.word	"more"`, `.word	"less"`} {
			if !strings.Contains(listing, want) {
				t.Errorf("%s: no %q:\n%s", level, want, listing)
			}
		}
		if rows := Compare(lines, lines); Differences(rows) > 0 || !strings.Contains(SideBySide(rows), "a.c:4\n") {
			t.Errorf("%s:\n%s", level, SideBySide(rows))
		}
		if other := OfObject(o, debug, "next"); len(other) > 0 {
			t.Errorf("%s: %v of a function of another object", level, other)
		}
	}
}

func FuzzObject(f *testing.F) {
	f.Add(compile(f, "-Os"))
	f.Add(compile(f, "-O0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := object.Parse(data)
		if err != nil {
			return
		}
		for _, s := range o.Symbols {
			lines := OfObject(o, nil, s.Name)
			SideBySide(Compare(lines, lines))
		}
	})
}
