package toolchain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
)

// tree writes files, given as name and text in turn, and returns their directory.
func tree(t testing.TB, files ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(files[i+1], "DIR", dir)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// database loads the compile database of the directory.
func database(t testing.TB, dir string) *Database {
	t.Helper()
	db, err := LoadDatabase(dir)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func tools(dir string) *Toolchain {
	return New(Config{Workspace: []string{dir}, Env: os.Environ(), ConsentFile: filepath.Join(filepath.Dir(dir), "consent", filepath.Base(dir)+".json")})
}

func TestCommands(t *testing.T) {
	for _, test := range []struct{ name, entry, want string }{
		{"arguments", `"directory": "DIR", "arguments": ["arm-none-eabi-gcc", "-DA=b c", "-c", "a.c"]`, "arm-none-eabi-gcc|-DA=b c|-c|a.c"},
		{"command", `"directory": "DIR", "command": "arm-none-eabi-gcc -DA=\\\"x\\\" '-DB=c d' \"-DE=f \\\\n\" -c a.c"`, `arm-none-eabi-gcc|-DA="x"|-DB=c d|-DE=f \n|-c|a.c`},
		{"relative directory", `"directory": ".", "arguments": ["gcc", "-c", "a.c"]`, "gcc|-c|a.c"},
		{"Windows paths", `"directory": "DIR", "command": "C:\\tools\\arm-none-eabi-gcc.exe -IC:\\inc -c a.c"`, `C:\tools\arm-none-eabi-gcc.exe|-IC:\inc|-c|a.c`},
		{"wrappers", `"directory": "DIR", "arguments": ["/usr/bin/ccache", "distcc", "arm-none-eabi-gcc", "-c", "a.c"]`, "arm-none-eabi-gcc|-c|a.c"},
		{"environment", `"directory": "DIR", "arguments": ["env", "X=1", "Y=2", "gcc", "-c", "a.c"]`, "gcc|-c|a.c"},
		{"response files", `"directory": "DIR", "arguments": ["gcc", "@flags.rsp", "-c", "a.c"]`, "gcc|-DR|-DIN NER|-Os|-c|a.c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := tree(t, "a.c", "", "flags.rsp", "-DR @inner.rsp\n-Os", "inner.rsp", `"-DIN NER"`,
				"compile_commands.json", `[{"file": "a.c", `+test.entry+`}]`)
			c, err := database(t, dir).Command(filepath.Join(dir, "a.c"))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(c.Args, "|"); got != test.want {
				t.Errorf("arguments %s\nwant      %s", got, test.want)
			}
			if c.Dir != dir {
				t.Errorf("directory %s, want %s", c.Dir, dir)
			}
		})
	}
}

// What decides on outputs goes, everything else stays in order.
func TestCompileArgs(t *testing.T) {
	c := Command{File: "/w/src/a.c", Dir: "/w", Args: strings.Fields("gcc -Iinc -MD -MF x.d -MT y -MMD -MP -Wp,-MMD,z.d -o out/a.o -c -save-temps=obj -Wa,-a,-ad,-alms=a.lst -Wa,-mthumb -Os src/a.c -DX -fdiagnostics-color=always -oother.o")}
	args, source := c.compileArgs()
	if got, want := strings.Join(args, " "), "-Iinc -Wa,-mthumb -Os src/a.c -DX"; got != want {
		t.Errorf("arguments %s\nwant      %s", got, want)
	}
	if args[source] != "src/a.c" {
		t.Errorf("source %q", args[source])
	}
}

func TestUnlistedFileBorrowsFromItsSibling(t *testing.T) {
	dir := tree(t, "compile_commands.json", `[
		{"directory": "DIR", "file": "app/a.c", "arguments": ["gcc", "-DAPP", "-c", "app/a.c"]},
		{"directory": "DIR", "file": "app/sub/b.cc", "arguments": ["g++", "-DCPP", "-c", "app/sub/b.cc"]},
		{"directory": "DIR", "file": "lib/c.c", "arguments": ["gcc", "-DLIB", "-c", "lib/c.c"]}]`)
	db := database(t, dir)
	for file, want := range map[string]string{
		"app/new.c":     "-DAPP",
		"lib/new.c":     "-DLIB",
		"lib/sub/new.c": "-DLIB",
		"app/new.cc":    "-DCPP",
	} {
		c, err := db.Command(filepath.Join(dir, file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if !slices.Contains(c.Args, want) || !slices.Contains(c.Args, filepath.Join(dir, file)) || !strings.Contains(c.Note, "not in the compile database") {
			t.Errorf("%s: %v (%s), want %s", file, c.Args, c.Note, want)
		}
	}
	if _, err := db.Command(filepath.Join(dir, "app/new.rs")); !problem.Has(err, problem.NotInDatabase) {
		t.Errorf("a file of another language: %v", err)
	}
}

func TestSymbolicLinksAreTheSameFile(t *testing.T) {
	dir := tree(t, "real/a.c", "int x;", "compile_commands.json",
		`[{"directory": "DIR", "file": "link/a.c", "arguments": ["arm-none-eabi-gcc", "-DLINK", "-c", "link/a.c"]}]`)
	if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	c, err := database(t, dir).Command(filepath.Join(dir, "real/a.c"))
	if err != nil || !slices.Contains(c.Args, "-DLINK") || c.Note != "" {
		t.Errorf("%+v, %v", c, err)
	}
}

const gcc = `[{"directory": "DIR", "file": "src/a.c", "arguments": ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-Os", "-Iinc", "-MD", "-o", "a.o", "-c", "src/a.c"]}]`

// An edited buffer is compiled as if it were the file: the same headers, the
// same __FILE__ and the same lines in messages.
func TestBufferIsCompiledAsTheFile(t *testing.T) {
	for _, compiler := range []string{gcc,
		strings.Replace(strings.Replace(gcc, "arm-none-eabi-gcc", "clang", 1), `"-mcpu`, `"--target=arm-none-eabi", "-mcpu`, 1)} {
		dir := tree(t, "src/a.c", "int disk;", "src/config.h", "#define VALUE 1\n", "inc/config.h", "#define VALUE 2\n",
			"inc/other.h", "#include \"config.h\"\nstatic const int other = VALUE;\n", "compile_commands.json", compiler)
		before := listing(t, dir)
		c, err := database(t, dir).Command(filepath.Join(dir, "src/a.c"))
		if err != nil {
			t.Fatal(err)
		}
		// other.h stands on the -I path and must find the config.h beside itself.
		text := "#include \"other.h\"\nconst int value = other;\nconst char *file(void) { return __FILE__; }\nint line(void) { return __LINE__; }\n"
		r, err := tools(dir).Compile(t.Context(), Unit{Command: c, Text: []byte(text), Flags: []string{"-ffunction-sections", "-fdata-sections"}})
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(r.Object)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, s := range o.Sections {
			if strings.HasPrefix(s.Name, ".rodata.value") && s.Data[0] == 2 {
				found["value"] = true
			}
			if strings.Contains(string(s.Data), "src/a.c\x00") && strings.HasPrefix(s.Name, ".rodata") {
				found["__FILE__"] = true
			}
			if s.Name == ".text.line" && s.Data[0] == 4 {
				found["__LINE__"] = true
			}
		}
		for _, want := range []string{"value", "__FILE__", "__LINE__"} {
			if !found[want] {
				t.Errorf("%s: %s is not what the file would give", c.Args[0], want)
			}
		}
		if after := listing(t, dir); !slices.Equal(before, after) {
			t.Errorf("the compile left its traces: %v", after)
		}
	}
}

func listing(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		all = append(all, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDiagnostics(t *testing.T) {
	for _, compiler := range []string{"arm-none-eabi-gcc", "clang"} {
		entry := strings.Replace(gcc, "arm-none-eabi-gcc", compiler, 1)
		if compiler == "clang" {
			entry = strings.Replace(entry, `"-mcpu`, `"--target=arm-none-eabi", "-mcpu`, 1)
		}
		dir := tree(t, "src/a.c", "", "compile_commands.json", entry)
		c, err := database(t, dir).Command(filepath.Join(dir, "src/a.c"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = tools(dir).Compile(t.Context(), Unit{Command: c, Text: []byte("int f(int n);\nint f(int n, int m)\n{\n\treturn \"ä\" + undeclared;\n}\n")})
		var rejected *CompileError
		if !errors.As(err, &rejected) || !problem.Has(err, problem.CompileFailed) || !strings.Contains(err.Error(), "a.c:2:5: ") {
			t.Errorf("%s: %v", compiler, err)
			continue
		}
		first := rejected.Diagnostics[0]
		if first.File != filepath.Join(dir, "src/a.c") || first.Line != 2 || first.Severity != SeverityError || len(first.Related) == 0 || first.Related[0].Line != 1 {
			t.Errorf("%s: %+v", compiler, first)
		}
		if !slices.ContainsFunc(rejected.Diagnostics, func(d Diagnostic) bool {
			return d.Line == 4 && d.Col == len("\treturn \"ä\" + ")+1 && strings.Contains(d.Message, "undeclared")
		}) {
			t.Errorf("%s: no message at the undeclared name, in bytes: %+v", compiler, rejected.Diagnostics)
		}
	}
}

func TestCompilerPolicy(t *testing.T) {
	const script = "#!/bin/sh\ntouch DIR/ran\n"
	for _, test := range []struct {
		name, args string
		want       problem.Code
	}{
		{"a known compiler", `"arm-none-eabi-gcc"`, ""},
		{"not installed", `"arm-none-eabi-gcc-99"`, problem.CompilerMissing},
		{"an unknown program", `"python3"`, problem.CompilerRefused},
		{"inside the workspace", `"DIR/tools/arm-none-eabi-gcc"`, problem.CompilerRefused},
		{"inside, by a relative path", `"tools/arm-none-eabi-gcc"`, problem.CompilerRefused},
		{"a link from outside into the workspace", `"OUT/arm-none-eabi-gcc"`, problem.CompilerRefused},
		{"a plugin", `"arm-none-eabi-gcc", "-fplugin=./evil.so"`, problem.CompilerRefused},
		{"another program directory", `"arm-none-eabi-gcc", "-Btools"`, problem.CompilerRefused},
		{"a wrapper flag", `"arm-none-eabi-gcc", "-wrapper", "tools/x"`, problem.CompilerRefused},
		{"a specs file", `"arm-none-eabi-gcc", "-specs=evil.specs"`, problem.CompilerRefused},
		{"newlib's specs file", `"arm-none-eabi-gcc", "--specs=nano.specs"`, ""},
		{"newlib's specs file, shadowed", `"arm-none-eabi-gcc", "--specs=nosys.specs"`, problem.CompilerRefused},
		{"a plugin by a response file", `"arm-none-eabi-gcc", "@rsp"`, problem.CompilerRefused},
	} {
		t.Run(test.name, func(t *testing.T) {
			outside := tree(t)
			dir := tree(t, "src/a.c", "int x;", "tools/arm-none-eabi-gcc", script, "rsp", "-fplugin=evil.so", "nosys.specs", "",
				"compile_commands.json", `[{"directory": "DIR", "file": "src/a.c", "arguments": [`+strings.ReplaceAll(test.args, "OUT", outside)+`, "-c", "src/a.c"]}]`)
			if err := os.Symlink(filepath.Join(dir, "tools/arm-none-eabi-gcc"), filepath.Join(outside, "arm-none-eabi-gcc")); err != nil {
				t.Fatal(err)
			}
			c, err := database(t, dir).Command(filepath.Join(dir, "src/a.c"))
			if err != nil {
				t.Fatal(err)
			}
			tc := tools(dir)
			_, err = tc.Compile(t.Context(), Unit{Command: c})
			if test.want == "" && err != nil || test.want != "" && !problem.Has(err, test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
				t.Error("the program was run")
			}
			if test.want == problem.CompilerRefused {
				if err := tc.Allow(c); err != nil {
					t.Fatal(err)
				}
				if _, err := tc.Compile(t.Context(), Unit{Command: c}); problem.Has(err, problem.CompilerRefused) {
					t.Errorf("after the user's consent: %v", err)
				}
			}
		})
	}
}

func TestCancelledCompileLeavesNothing(t *testing.T) {
	// An endless include keeps the compiler busy.
	dir := tree(t, "src/a.c", "", "compile_commands.json", strings.Replace(gcc, `"-Iinc"`, `"-Iinc", "-fmax-include-depth=100000"`, 1))
	if err := os.Remove(filepath.Join(dir, "src/a.c")); err != nil {
		t.Fatal(err)
	}
	c, err := database(t, dir).Command(filepath.Join(dir, "src/a.c"))
	if err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	text := strings.Repeat("int f(int n) { return n; }\n", 1) + strings.Repeat("/* long */ struct s { int a; };\n", 400_000)
	_, err = tools(dir).Compile(ctx, Unit{Command: c, Text: []byte(text)})
	if err == nil {
		t.Fatal("it compiled")
	}
	if after := listing(t, dir); !slices.Equal(before, after) {
		t.Errorf("left behind: %v", after)
	}
}

func TestStaleSiblingsAreRemoved(t *testing.T) {
	dir := tree(t, "src/a.c", "int x;", "src/.fpbls-1-a.c", "old", "src/.fpbls-2-a.c", "of another process", "compile_commands.json", gcc)
	old := time.Now().Add(-2 * staleAfter)
	if err := os.Chtimes(filepath.Join(dir, "src/.fpbls-1-a.c"), old, old); err != nil {
		t.Fatal(err)
	}
	c, err := database(t, dir).Command(filepath.Join(dir, "src/a.c"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tools(dir).Compile(t.Context(), Unit{Command: c, Text: []byte("int y;")}); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "src", ".fpbls-*"))
	if diff := cmp.Diff([]string{filepath.Join(dir, "src/.fpbls-2-a.c")}, left); diff != "" {
		t.Errorf("siblings (-want +got):\n%s", diff)
	}
}

func TestLibGCC(t *testing.T) {
	dir := tree(t, "src/a.c", "int x;", "compile_commands.json", gcc)
	c, err := database(t, dir).Command(filepath.Join(dir, "src/a.c"))
	if err != nil {
		t.Fatal(err)
	}
	lib, err := tools(dir).LibGCC(t.Context(), c)
	if err != nil || !strings.HasPrefix(string(lib), "!<arch>\n") {
		t.Errorf("%d bytes, %v", len(lib), err)
	}
}

func TestMissingDatabase(t *testing.T) {
	dir := tree(t, "broken.json", "{", "empty.json", "[]")
	for name, want := range map[string]problem.Code{"none.json": problem.NoDatabase, ".": problem.NoDatabase, "broken.json": problem.BadDatabase} {
		if _, err := LoadDatabase(filepath.Join(dir, name)); !problem.Has(err, want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if db, err := LoadDatabase(filepath.Join(dir, "empty.json")); err != nil || len(db.Files()) != 0 {
		t.Errorf("an empty database: %v, %v", db, err)
	}
}

func FuzzParseDatabase(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(gcc, "DIR", "/w")), "/w/src/a.c")
	f.Add([]byte(`[{"file":"a.c","command":"env X=1 ccache \"gcc -c a.c"}]`), "/w/a.c")
	f.Fuzz(func(t *testing.T, data []byte, file string) {
		db, err := ParseDatabase("/w/compile_commands.json", data)
		if err != nil {
			return
		}
		for _, f := range append(db.Files(), file) {
			db.Commands(f)
			if c, err := db.Command(f); err == nil {
				c.compileArgs()
				loadingFlags(c)
			}
		}
	})
}

func FuzzParseDiagnostics(f *testing.F) {
	f.Add([]byte(`[{"kind":"error","message":"m","locations":[{"caret":{"file":"a.c","line":1,"column":2,"byte-column":2}}],"children":[]}]` + "\na.c:1:2: note: here\n"))
	f.Add([]byte("a.c:99999999999999999999:1: error: x [-Wx]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if n := len(parseDiagnostics(data, "/w")); n > maxDiagnostics {
			t.Errorf("%d diagnostics", n)
		}
	})
}
