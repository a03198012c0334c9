package csource

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestSpecification reads testdata/*.txtar. Each file of an archive is a source
// with the extents of its functions marked: ⟦name flags¦ stands where one begins,
// ⟧ where it ends. Nothing else is a function. Each is tried with CRLF and with a
// byte order mark, too.
func TestSpecification(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar")+"/"+f.Name, func(t *testing.T) {
				for _, variant := range []struct{ name, prefix, newline string }{
					{"", "", "\n"}, {"CRLF", "", "\r\n"}, {"BOM", bom, "\n"},
				} {
					marked := strings.ReplaceAll(string(f.Data), "\n", variant.newline)
					source, want := unmark(t, variant.prefix+marked)
					if got := remark(source, Parse([]byte(source))); got != want {
						t.Errorf("%s\n-- got --\n%s\n-- want --\n%s", variant.name, got, want)
						return
					}
				}
			})
		}
	}
}

// unmark takes the marks out of a source, and returns it with and without.
func unmark(t *testing.T, marked string) (source, want string) {
	t.Helper()
	rest := marked
	var b strings.Builder
	for {
		i := strings.IndexAny(rest, "⟦⟧")
		if i < 0 {
			b.WriteString(rest)
			return b.String(), marked
		}
		b.WriteString(rest[:i])
		if strings.HasPrefix(rest[i:], "⟧") {
			rest = rest[i+len("⟧"):]
			continue
		}
		_, after, ok := strings.Cut(rest[i:], "¦")
		if !ok {
			t.Fatalf("a mark without its end: %s", rest[i:])
		}
		rest = after
	}
}

// remark puts marks for what was found into the source.
func remark(source string, f *File) string {
	type mark struct {
		at   int
		text string
	}
	var marks []mark
	for i, fn := range f.Functions {
		text := "⟦" + fn.Name
		if fn.Static {
			text += " static"
		}
		if fn.Inline {
			text += " inline"
		}
		for _, m := range f.Markers {
			if m.Function == i {
				text += " marked"
				if m.Text != "" {
					text += "(" + m.Text + ")"
				}
			}
		}
		marks = append(marks, mark{fn.Start, text + "¦"}, mark{fn.End, "⟧"})
	}
	var b strings.Builder
	last := 0
	for _, m := range marks {
		b.WriteString(source[last:m.at])
		b.WriteString(m.text)
		last = m.at
	}
	return b.String() + source[last:]
}

func TestFields(t *testing.T) {
	for _, test := range []struct{ source, name, signature string }{
		{"/* first */\nstatic int /* x */\n f (int a) // y\n{ return a; }", "f", "static int f (int a)"},
		{"int f(a, b)\n int a;\n char *b;\n{ }", "f", "int f(a, b) int a; char *b;"},
		{"int f(int a,\n#ifdef B\n\tint b\n#endif\n)\n{ }", "f", "int f(int a, int b )"},
		{"__attribute__((used)) void g(void) { }", "g", "__attribute__((used)) void g(void)"},
		{"ns::A::A(int x)\n  : B(x), c{f(x)}\n{ }", "ns::A::A", "ns::A::A(int x)"},
		{"template <class T>\nT V<T>::f() const noexcept { }", "V<T>::f", "template <class T> T V<T>::f() const noexcept"},
		{"void *operator new[](size_t n) { }", "operator new[]", "void *operator new[](size_t n)"},
		{"auto f(int a) -> decltype(a) { }", "f", "auto f(int a) -> decltype(a)"},
		{"int (*pick(int n))(int)\n{ }", "pick", "int (*pick(int n))(int)"},
	} {
		functions := Parse([]byte(test.source)).Functions
		if len(functions) != 1 {
			t.Errorf("%d functions in %q", len(functions), test.source)
			continue
		}
		f := functions[0]
		if name := test.source[f.NameStart:f.NameEnd]; f.Signature != test.signature || f.Name != test.name || name != test.name || test.source[f.BodyStart] != '{' {
			t.Errorf("%s, %q, named at %q, body at %q; want %s, %q", f.Name, f.Signature, name, test.source[f.BodyStart], test.name, test.signature)
		}
	}
}

func TestFunctionAt(t *testing.T) {
	const source = "/* first */\nstatic int\n f (int a)\n{ return a; }\n\nvoid g(void) {}int h() {"
	f := Parse([]byte(source))
	for offset := range len(source) + 1 {
		want := ""
		switch g, h := strings.Index(source, "void g"), strings.Index(source, "int h"); {
		case offset >= h:
			want = "h"
		case offset >= g:
			want = "g"
		case offset >= len("/* first */\n") && offset < g-1:
			want = "f"
		}
		if got, _ := f.FunctionAt(offset); got.Name != want {
			t.Errorf("at %d: %q, want %q", offset, got.Name, want)
		}
	}
}

// The end of the text is within a function that is not closed.
func TestOpenFunction(t *testing.T) {
	for _, source := range []string{"int f(void) {", "int f(void)\n{\n\treturn 1;\n\n", "int f(void) { /*", "int f(void) { \""} {
		f := Parse([]byte(source))
		if got, ok := f.FunctionAt(len(source)); !ok || got.Name != "f" || got.End != len(source) {
			t.Errorf("%q: %+v", source, f)
		}
	}
}

func TestMarkerSpellings(t *testing.T) {
	for _, comment := range []string{
		"/* FPB_INJECT */", "// FPB_INJECT", "/*FPB-INJECT*/", "// fpb inject", "/* FpbInject */", "//FPBINJECT", "/// fpb_Inject", "//! FPB_INJECT",
		"/**\n * FPB_INJECT\n */", "/** FPB_INJECT */", "/*! FPB_INJECT*/", "//\tFPB_INJECT  ",
		"/* FPB_INJECT: faster */", "// FPB_INJECT : faster", "/* fpb-inject:faster*/", "/* FPB_INJECT:\n\tfaster */",
	} {
		f := Parse([]byte("int a(void) { }\n" + comment + "\nint b(void) { }\nint c(void) { }\n"))
		marked := f.Marked()
		if len(marked) != 1 || marked[0].Name != "b" {
			t.Errorf("%q marks %v, want b", comment, marked)
			continue
		}
		if want := strings.Contains(comment, "faster"); (f.Markers[0].Text == "faster") != want {
			t.Errorf("%q has text %q", comment, f.Markers[0].Text)
		}
	}
	for _, comment := range []string{
		"/* not FPB_INJECT */", "// FPB_INJECTED", "/* FPB INJECT this */", "\"FPB_INJECT\"", "/* FPB__INJECT */", "// FPB", "// FPB_", "/* */", "//", "#define FPB_INJECT",
		"/* " + strings.Repeat(" ", 10_000) + "FPB_INJECT */",
	} {
		if marked := Parse([]byte(comment + "\nint b(void) { }")).Marked(); len(marked) != 0 {
			t.Errorf("%.40q marks %v", comment, marked)
		}
	}
}

// firmwareSources are those of our own firmware.
func firmwareSources(t *testing.T) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for _, dir := range []string{"app", "board", "loader"} {
		files, err := filepath.Glob("../../testdata/firmware/" + dir + "/*.c")
		if err != nil || len(files) == 0 {
			t.Fatal("no sources", err)
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all[path] = text
		}
	}
	return all
}

// A function in which a brace is missing or too much, or a line is not finished,
// does not take others along: they are found with their extents.
func TestHalfTypedFunctions(t *testing.T) {
	sources, tried := firmwareSources(t), 0
	for _, path := range slices.Sorted(maps.Keys(sources)) {
		text := string(sources[path])
		whole := Parse([]byte(text)).Functions
		for n, broken := range whole {
			for _, edit := range edits(text, broken) {
				tried++
				changed := text[:edit.at] + edit.insert + text[edit.at+edit.remove:]
				got := Parse([]byte(changed)).Functions
				shift := len(changed) - len(text)
				for m, want := range whole {
					if m == n {
						continue
					}
					if m > n {
						want.Start, want.End = want.Start+shift, want.End+shift
					}
					if !slices.ContainsFunc(got, func(f Function) bool { return f.Name == want.Name && f.Start == want.Start && f.End == want.End }) {
						t.Errorf("%s: with %s in %s, %s is lost", path, edit.what, broken.Name, want.Name)
					}
				}
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d edits", tried)
}

type edit struct {
	what       string
	at, remove int
	insert     string
}

// edits are things that happen while typing in the function.
func edits(text string, f Function) []edit {
	body := text[f.BodyStart:f.End]
	inside := f.BodyStart + 1
	all := []edit{
		{"an open call", inside, 0, "\n\tg(1, \n"},
		{"an open string", inside, 0, "\n\tputs(\"abc\n"},
		{"an open character", inside, 0, "\n\tc = '\n"},
		{"an open block", inside, 0, "\n\tif (x) {\n"},
		{"an open array", inside, 0, "\n\tint a[] = { 1, 2\n"},
		{"an open expression", inside, 0, "\n\ta = b +\n"},
		{"an open directive", inside, 0, "\n#if X\n"},
		{"no closing brace", f.End - 1, 1, ""},
	}
	if i := strings.LastIndex(body[:len(body)-1], "}"); i > 0 {
		all = append(all, edit{"one closing brace too few", f.BodyStart + i, 1, ""})
	}
	if i := strings.Index(body[1:], "{"); i > 0 {
		all = append(all, edit{"one opening brace too few", inside + i, 1, ""})
	}
	return all
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("#if A\nint f(a) int a; {\n#else\n} // FPB_INJECT\n#endif\nR\"x(\nclass A : B { A() : x{1} {} };"))
	f.Add([]byte("template<a<b> requires(requires{}) int operator()(int){'\\"))
	f.Add([]byte("int f()try{}catch(...){}\n#if 0\n}\n#elif\nint x = \nint g(void)\n{\n{\n}\n#endif\n};"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file := Parse(text)
		last := 0
		for _, fn := range file.Functions {
			if fn.Start < last || fn.NameStart < fn.Start || fn.NameEnd <= fn.NameStart || fn.BodyStart < fn.NameEnd || fn.End <= fn.BodyStart || fn.End > len(text) {
				t.Fatalf("offsets %+v behind %d", fn, last)
			}
			if text[fn.BodyStart] != '{' || fn.Name == "" || fn.Signature == "" {
				t.Fatalf("%+v", fn)
			}
			last = fn.End
		}
		last = 0
		for _, m := range file.Markers {
			if m.Start < last || m.End <= m.Start || m.End > len(text) || m.Function >= len(file.Functions) {
				t.Fatalf("marker %+v", m)
			}
			last = m.End
		}
	})
}

var patterns = flag.Bool("csource.patterns", false, "benchmark texts that are nothing but one pattern")

func BenchmarkParse(b *testing.B) {
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "static int function_%d(int a)\n{\n\tif (a > %d) {\n\t\treturn a + 1;\n\t}\n\treturn 0;\n}\n\n", i, i)
	}
	texts := map[string]string{"functions": text.String()}
	if *patterns {
		for _, p := range []string{"{", "}", "(", "a={},", "#if\n", "a\n#if\n", "R\"(", "/*", "#/*\n", "a b\n", "int f(void){\n", "f(a)int b;", "a<", "A():a{},", "namespace a{\n#if\n", "int f(){\n#if a\n", "x=y(\n{", "int f(void) {\n}\na b(c)"} {
			texts[fmt.Sprintf("%q", p)] = strings.Repeat(p, 5_000_000/len(p))
		}
	}
	for name, text := range texts {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Parse([]byte(text))
			}
		})
	}
}
