package toolchain

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fpbls/fpbls/internal/problem"
)

// What the real compilers say is found at its place in the buffer.
func TestDiagnostics(t *testing.T) {
	const text = "#include \"h.h\"\n" +
		"int f(int n);\n" +
		"int f(int n, int m)\n" +
		"{\n" +
		"\treturn \"\u00e4\" + undeclared;\n" +
		"}\n" +
		"int g(void) { int unused; return 0; }\n"
	compilers(t, func(t *testing.T, entry string) {
		dir := tree(t, "src/a.c", "", "src/h.h", "\nint h(void) { return missing; }\n", "compile_commands.json", strings.Replace(entry, `"-g"`, `"-g", "-Wall", "-Werror"`, 1))
		c := command(t, dir, "src/a.c")
		_, err := tools(t, dir).Compile(t.Context(), Unit{Command: c, Text: []byte(text)})
		rejected, ok := errors.AsType[*CompileError](err)
		if !ok || !problem.Has(err, problem.CompileFailed) || !strings.Contains(err.Error(), "a.c does not compile: h.h:2:22: ") {
			t.Fatalf("got %v", err)
		}
		type found struct {
			Path      string
			Line, Col int
			EndCol    int
			Related   []int // lines
		}
		var got []found
		for _, d := range rejected.Diagnostics {
			name, err := filepath.Rel(dir, d.File)
			if err != nil {
				t.Fatal(err)
			}
			f := found{Path: name, Line: d.Line, Col: d.Col, EndCol: d.EndCol}
			for _, r := range d.Related {
				f.Related = append(f.Related, r.Line)
			}
			got = append(got, f)
			if d.Severity != SeverityError || strings.Contains(d.Message, siblingPrefix) {
				t.Errorf("%+v", d)
			}
			if strings.Contains(d.Message, "unused") && d.Option != "-Wunused-variable" {
				t.Errorf("%+v", d)
			}
		}
		want := []found{
			{"src/h.h", 2, 22, 29, []int{2}},
			{"src/a.c", 3, 5, 6, []int{2}},
			{"src/a.c", 5, 16, 26, nil},
			{"src/a.c", 7, 19, 25, nil},
		}
		if isClang(c.Args[0]) {
			want[0].EndCol, want[0].Related, want[2].EndCol, want[3].EndCol = 23, nil, 17, 20
		} else {
			got = got[:min(len(got), 4)] // GCC says that h() ends without a value, too
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("diagnostics (-want +got):\n%s", diff)
		}
	})
}

func TestWarnings(t *testing.T) {
	compilers(t, func(t *testing.T, entry string) {
		dir := tree(t, "src/a.c", "", "compile_commands.json", strings.Replace(entry, `"-g"`, `"-g", "-Wall"`, 1))
		c := command(t, dir, "src/a.c")
		r, err := tools(t, dir).Compile(t.Context(), Unit{Command: c, Text: []byte("int f(void)\n{\n\tint n;\n\treturn 0;\n}\n")})
		if err != nil {
			t.Fatal(err)
		}
		want := []Diagnostic{{
			File: c.File, Line: 3, Col: 6, EndLine: 3, EndCol: 7, Severity: SeverityWarning, Message: "unused variable 'n'", Option: "-Wunused-variable",
		}}
		if diff := cmp.Diff(want, r.Diagnostics); diff != "" {
			t.Errorf("diagnostics (-want +got):\n%s", diff)
		}
	})
}

// Messages that are about no place in a file are about the unit.
func TestMessagesWithoutAPlace(t *testing.T) {
	for _, test := range []struct{ name, flag, text, want string }{
		{"a wrong flag", "-fbogus", "int x;", "unrecognized command-line option '-fbogus'"},
		{"a wrong machine", "-mcpu=cortex-m99", "int x;", "unrecognized -mcpu target: cortex-m99"},
		{"the assembler's", "-O1", "void f(void) { __asm__(\"foo r0\"); }", "assembler: bad instruction `foo r0'"},
		{"the assembler's, through a pipe", "-pipe", "void f(void) { __asm__(\"foo r0\"); }", "assembler: bad instruction `foo r0'"},
	} {
		dir := tree(t, "src/a.c", "", "compile_commands.json", strings.Replace(gccEntry, `"-g"`, `"`+test.flag+`"`, 1))
		c := command(t, dir, "src/a.c")
		_, err := tools(t, dir).Compile(t.Context(), Unit{Command: c, Text: []byte(test.text)})
		rejected, ok := errors.AsType[*CompileError](err)
		if !ok || len(rejected.Diagnostics) == 0 {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		d := rejected.Diagnostics[0]
		d.Related = nil
		if diff := cmp.Diff(Diagnostic{File: c.File, Severity: SeverityError, Message: test.want}, d); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// The forms of other versions, and of damage.
func TestParseDiagnostics(t *testing.T) {
	at := place{dir: "/w", unit: "/w/src/a.c", sibling: "/w/src/.fpbls-1-2.c"}
	unit := "/w/src/a.c"
	for _, test := range []struct {
		name, output string
		want         []Diagnostic
	}{
		{"GCC 9: columns are bytes", `[{"kind":"error","message":"m","locations":[{"caret":{"file":"src/a.c","line":3,"column":4},"finish":{"file":"src/a.c","line":3,"column":8}}],"children":[]}]`,
			[]Diagnostic{{File: unit, Line: 3, Col: 4, EndLine: 3, EndCol: 9, Severity: SeverityError, Message: "m"}}},
		{"GCC 14: over several lines", "[{\"kind\": \"warning\",\n  \"message\": \"m\", \"option\": \"-Wx\",\n  \"locations\": [{\"caret\": {\"file\": \"a.h\", \"line\": 1, \"byte-column\": 2, \"column\": 9}}]}]\nsrc/a.c:1:2: error: more\n",
			[]Diagnostic{
				{File: "/w/a.h", Line: 1, Col: 2, EndLine: 1, EndCol: 3, Severity: SeverityWarning, Message: "m", Option: "-Wx"},
				{File: unit, Line: 1, Col: 2, EndLine: 1, EndCol: 3, Severity: SeverityError, Message: "more"},
			}},
		{"the sibling's name", "src/.fpbls-1-2.c:1:1: error: in .fpbls-1-2.c\n",
			[]Diagnostic{{File: unit, Line: 1, Col: 1, EndLine: 1, EndCol: 2, Severity: SeverityError, Message: "in a.c"}}},
		{"GCC's text, with notes", "src/a.c: In function 'f':\nsrc/a.c:1:2: fatal error: x [-Wfatal]\nb.h:7:1: note: declared here\ncompilation terminated.\n",
			[]Diagnostic{{File: unit, Line: 1, Col: 2, EndLine: 1, EndCol: 3, Severity: SeverityError, Message: "x", Option: "-Wfatal",
				Related: []Diagnostic{{File: "/w/b.h", Line: 7, Col: 1, EndLine: 7, EndCol: 2, Severity: SeverityNote, Message: "declared here"}}}}},
		{"Clang's ranges", "src/a.c:5:8:{5:8-5:12}{5:1-5:3}: error: x [-Werror,-Wunused]\r\n",
			[]Diagnostic{{File: unit, Line: 5, Col: 8, EndLine: 5, EndCol: 12, Severity: SeverityError, Message: "x", Option: "-Wunused"}}},
		{"Windows paths", `C:\w\a.c:5:8: warning: x`,
			[]Diagnostic{{File: absolute("/w", `C:\w\a.c`), Line: 5, Col: 8, EndLine: 5, EndCol: 9, Severity: SeverityWarning, Message: "x"}}},
		{"no place", "cc1: error: x\ncc1: all warnings being treated as errors\n<command-line>:0:1: error: y\n",
			[]Diagnostic{{File: unit, Severity: SeverityError, Message: "x"}, {File: unit, Severity: SeverityError, Message: "y"}}},
		{"broken JSON", "[{\"kind\":\nsrc/a.c:1:1: error: x\n",
			[]Diagnostic{{File: unit, Line: 1, Col: 1, EndLine: 1, EndCol: 2, Severity: SeverityError, Message: "x"}}},
		{"numbers out of range", "src/a.c:99999999999999999999:1: error: x\n", []Diagnostic{{File: unit, Severity: SeverityError, Message: "x"}}},
		{"chatter", "hello\n[]\nIn file included from a.c:1:\n", nil},
	} {
		if diff := cmp.Diff(test.want, parseDiagnostics([]byte(test.output), at)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func FuzzParseDiagnostics(f *testing.F) {
	f.Add([]byte(`[{"kind":"error","message":"m","locations":[{"caret":{"file":"a.c","line":1,"column":2,"byte-column":2}}],"children":[{"children":[]}]}]` + "\na.c:1:2: note: here\n"))
	f.Add([]byte("a.c:99999999999999999999:1: error: x [-Wx]\n[[[\n{standard input}:1: Error: y\n"))
	f.Add([]byte("a.c:5:8:{5:8-5:12}: error: x [-Werror,-Wunused]\r\ncc1: note: z"))
	f.Fuzz(func(t *testing.T, data []byte) {
		found := parseDiagnostics(data, place{dir: "/w", unit: "/w/a.c", sibling: "/w/.fpbls-1-1.c"})
		if len(found) > maxDiagnostics {
			t.Errorf("%d diagnostics", len(found))
		}
		for _, d := range found {
			if d.Line < 0 || d.Col < 0 || d.File == "" || d.EndLine < d.Line || d.EndLine == d.Line && d.EndCol < d.Col || len(d.Related) > maxNotes {
				t.Errorf("%+v", d)
			}
		}
	})
}
