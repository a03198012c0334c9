package listing

import (
	"strings"
	"testing"

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

func FuzzObject(f *testing.F) {
	f.Add([]byte(testfirmware.DemoELF[:4096]))
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
