package csource

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each case is a source and what is expected of it: a line for each function,
// its name, then what its extent begins and ends with, and its flags.
func TestParse(t *testing.T) {
	for _, test := range []struct{ name, source, want string }{
		{"plain", "int f(void) { return 1; }", "f"},
		{"static inline", "static inline int f(void)\n{\n}", "f static inline"},
		{"declarations are no definitions", "int f(void);\nextern int g(int);\nint x = sizeof(int);", ""},
		{"initialisers", "int a[] = {1, 2};\nstruct s b = { .x = {3} };\nenum e { A = (1), B };\nint f(void) {}", "f"},
		{"struct result", "struct s f(struct t x) { }", "f"},
		{"pointers and arrays", "char *(*table[2])(int) = { a, b };\nconst char *f(char *const argv[]) { }", "f"},
		{"K&R", "int f(a, b)\n int a;\n char *b;\n{ return a; }\nint g(void) {}", "f g"},
		{"attributes", "__attribute__((noinline)) int f(void) { }\nint __attribute__((section(\".ram\"))) g(int a) { }\nint h(void) __attribute__((used));\nint i(void) [[gnu::cold]] { }", "f g i"},
		{"macros in front and behind", "SECTION(\".ram\") int f(void) { }\nvoid g(int) ATTR(3) { }\nISR(USART_vect) { }\nPUBLIC int h(void) { }", "f g ISR h"},
		{"control words at the top level", "if (x) { y(); }\nwhile (1) { }\nint f(void) { }", "f"},
		{"nested blocks and literals", "int f(void) { if (a) { b('}'); c(\"}\"); /* } */ } // }\n }\nint g(void) { }", "f g"},
		{"line continuation", "#define M(x) { \\\n  x(\nint f(void) { }", "f"},
		{"unbalanced branches", "#ifdef A\nint f(int a) {\n#else\nint f(void) {\n#endif\n  return 0;\n}\nint g(void) { }", "f f g"},
		{"unbalanced branches in a body", "int f(void)\n{\n#if A\n  if (x) {\n#else\n  if (y) {\n#endif\n  }\n}\nint g(void) { }", "f g"},
		{"missing closing brace", "int f(void)\n{\n  if (x) {\n\nint g(int a)\n{\n}\n", "f g"},
		{"closing brace in the first column", "int f(void)\n{\n  if (x) {\n}\nint g(void)\n{\n}\n", "f g"},
		{"half-typed call", "int f(void)\n{\n  g(1, \n}\nint h(void)\n{\n}\n", "f h"},
		{"half-typed string", "int f(void)\n{\n  puts(\"abc\n}\nint h(void) { }\n", "f h"},
		{"labels in the first column", "int f(void)\n{\n  goto out;\nout:\n  return 0;\n}\nint g(void) { }", "f g"},
		{"end of text in a body", "int f(void) { return", "f"},
		{"CRLF and BOM", "\xef\xbb\xbfint f(void)\r\n{\r\n}\r\n#define X \\\r\n {\r\nint g(void) { }", "f g"},
		{"directive after the BOM", "\xef\xbb\xbf#include <a.h>\nint f(void) { }", "f"},
		{"comment that begins in a directive", "#define A 1 /* {\n { */\nint f(void) { }", "f"},
		{"linkage block", "extern \"C\" {\nint f(void) { }\n}\nextern \"C\" int g(void) { }", "f g"},

		{"namespaces", "namespace a { namespace b::c { int f() { } } int g() { } }\nnamespace { int h() { } }", "a::b::c::f a::g h"},
		{"methods in the class", "class A final : public B<int> {\npublic:\n  A() : x(1), y{2} { }\n  ~A() { }\n  int f() const noexcept(true) override { }\n  static int g(int n = (3)) { }\n  int z;\n};", "A::A A::~A A::f A::g static"},
		{"methods outside", "ns::A::A(int x) : B(x), c(f(x)) { }\nns::A::~A() { }\ntemplate <class T> int ns::V<T>::f(T t) { }", "ns::A::A ns::A::~A ns::V<T>::f"},
		{"operators", "bool operator==(A a, B b) { }\nint C::operator()(int n) { }\nvoid *operator new[](size_t n) { }\nC::operator bool() const { }", "operator== C::operator() operator new[] C::operator bool"},
		{"templates", "template <typename T = int> T f(T a) { }\ntemplate <> int f<int>(int a) { }", "f f<int>"},
		{"trailing return", "auto f(int a) -> decltype(a) { }\nauto g() -> std::function<int(int)> { }", "f g"},
		{"lambdas are part of their function", "int f() { auto l = [&](int n) { return n; }; }\nauto x = [](int n) { return n; };\nint g() { }", "f g"},
		{"raw strings", "const char *s = R\"x( } \" { )x\";\nint f() { return R\"(})\"[0]; }\nint g() { }", "f g"},
		{"digit separators", "int f() { return 1'000'000 + '}'; }\nint g() { }", "f g"},
		{"constructor function-try-block", "A::A() try : x(1) { } catch (...) { }\nint f() { }", "A::A f"},
		{"constexpr", "constexpr int f() { }", "f inline"},
		{"other letters", "int größe(void) { }\nint \xff\xfe(void) { }", "größe \xff\xfe"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range Parse([]byte(test.source)).Functions {
				got = append(got, f.Name)
				if f.Static {
					got = append(got, "static")
				}
				if f.Inline {
					got = append(got, "inline")
				}
				if f.Start > f.NameStart || f.NameEnd > f.BodyStart || test.source[f.BodyStart] != '{' {
					t.Errorf("%s has offsets %+v", f.Name, f)
				}
			}
			if s := strings.Join(got, " "); s != test.want {
				t.Errorf("got  %s\nwant %s\n%s", s, test.want, test.source)
			}
		})
	}
}

func TestExtents(t *testing.T) {
	source := "/* first */\nstatic int\n f (int a)\n{ return a; }\n\nvoid g(void) {\n"
	f := Parse([]byte(source))
	first := f.Functions[0]
	if got := source[first.Start:first.End]; got != "static int\n f (int a)\n{ return a; }" {
		t.Errorf("extent %q", got)
	}
	if got := source[first.NameStart:first.NameEnd]; got != "f" || first.Signature != "static int f (int a)" {
		t.Errorf("name %q, signature %q", got, first.Signature)
	}
	for offset := range len(source) + 1 {
		want := ""
		switch {
		case offset >= first.Start && offset <= first.End:
			want = "f"
		case offset >= f.Functions[1].Start:
			want = "g"
		}
		if got, _ := f.FunctionAt(offset); got.Name != want {
			t.Errorf("at %d: %q, want %q", offset, got.Name, want)
		}
	}
}

func TestMarkers(t *testing.T) {
	for _, comment := range []string{
		"/* FPB_INJECT */", "// FPB_INJECT", "/*FPB-INJECT*/", "// fpb inject", "/* FpbInject */", "//FPBINJECT",
		"/* FPB_INJECT: faster */", "/**\n * FPB_INJECT\n */", "// FPB_INJECT: faster",
	} {
		f := Parse([]byte("int a(void) { }\n" + comment + "\nint b(void) { }\nint c(void) { }\n"))
		marked := f.Marked()
		if len(marked) != 1 || marked[0].Name != "b" {
			t.Errorf("%q marks %v, want b", comment, marked)
		}
		if want := strings.Contains(comment, "faster"); len(f.Markers) == 1 && (f.Markers[0].Text == "faster") != want {
			t.Errorf("%q has text %q", comment, f.Markers[0].Text)
		}
	}
	for _, comment := range []string{"/* not FPB_INJECT */", "// FPB_INJECTED", "/* FPB INJECT this */", "\"FPB_INJECT\""} {
		if marked := Parse([]byte(comment + "\nint b(void) { }")).Marked(); len(marked) != 0 {
			t.Errorf("%q marks %v", comment, marked)
		}
	}
	if m := Parse([]byte("int b(void) { }\n/* FPB_INJECT */")).Markers; len(m) != 1 || m[0].Function != -1 {
		t.Errorf("marker behind the last function: %+v", m)
	}
}

// Every function of our own firmware is found, as the compiler sees them.
func TestFirmwareSources(t *testing.T) {
	files, err := filepath.Glob("../../testdata/firmware/*/*.c")
	if err != nil || len(files) == 0 {
		t.Fatal("no sources", err)
	}
	total := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range Parse(text).Functions {
			total++
			if text[f.End-1] != '}' {
				t.Errorf("%s: %s ends with %q", path, f.Name, text[f.End-1])
			}
		}
	}
	t.Logf("%d functions in %d files", total, len(files))
	if total < 60 {
		t.Errorf("only %d functions were found", total)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("#if A\nint f(a) int a; {\n#else\n} // FPB_INJECT\n#endif\nR\"x(\nclass A : B { A() : x(1) {} };"))
	f.Add([]byte("template<> int operator()(int){'\\"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file := Parse(text)
		last := 0
		for _, fn := range file.Functions {
			if fn.Start < last || fn.NameStart < fn.Start || fn.NameEnd < fn.NameStart || fn.BodyStart < fn.NameEnd || fn.End <= fn.BodyStart || fn.End > len(text) {
				t.Fatalf("offsets %+v behind %d", fn, last)
			}
			last = fn.End
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "static int function_%d(int a)\n{\n\tif (a > %d) {\n\t\treturn a + 1;\n\t}\n\treturn 0;\n}\n\n", i, i)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		Parse([]byte(text.String()))
	}
}
