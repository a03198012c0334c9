package toolchain

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// probe uses everything that a compile from another place or under another name
// gets wrong.
const probe = `#include "other.h"
#include "beside.h"
const int value = other;
const char *file(void) { return __FILE__ __BASE_FILE__; }
const char *header(void) { return where(); }
int line(void) { return __LINE__; }
static int hidden;
int *pointer(void) { static int local; return hidden ? &hidden : &local; }
#ifdef __cplusplus
namespace { struct S { S(); int n; } s; S::S() : n(value) {} }
#endif
`

// probeTree is a directory around probe. other.h stands on the -I path and must
// find the config.h beside itself, not the one beside the source.
func probeTree(t *testing.T, entry, source string) string {
	return tree(t, source, "int disk;", "src/config.h", "#define VALUE 1\n", "inc/config.h", "#define VALUE 2\n",
		"inc/other.h", "#include \"config.h\"\nstatic const int other = VALUE;\n",
		"src/beside.h", "static inline const char *where(void) { return __FILE__; }\n", "compile_commands.json", entry)
}

// An edited buffer gives the object that the file would give, once saved: with
// GCC the same bytes, with Clang all but the line table's and the symbol table's
// name of the file.
func TestBufferIsCompiledAsTheFile(t *testing.T) {
	for _, test := range []struct{ name, source, entry string }{
		{"gcc", "src/a.c", gccEntry},
		{"gcc, absolute", "src/a.c", strings.ReplaceAll(gccEntry, `"-c", "src/a.c"`, `"-c", "DIR/src/a.c"`)},
		{"gcc, from elsewhere", "src/a.c", strings.ReplaceAll(gccEntry, `"directory": "DIR", "file": "src/a.c", "arguments": [`, `"directory": "DIR/src", "file": "a.c", "arguments": [`)},
		{"gcc, mapped paths", "src/a.c", strings.ReplaceAll(gccEntry, `"-c", "src/a.c"`, `"-ffile-prefix-map=DIR/src=/x", "-fmacro-prefix-map=DIR/src/=m/", "-c", "DIR/src/a.c"`)},
		{"gcc, strict", "src/a.c", strings.Replace(gccEntry, `"-Os"`, `"-std=c99", "-pedantic-errors", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function"`, 1)},
		{"g++", "src/a.cpp", strings.NewReplacer("gcc", "g++", "a.c", "a.cpp").Replace(gccEntry)},
		{"clang", "src/a.c", clangEntry},
		{"clang, strict", "src/a.c", strings.Replace(clangEntry, `"-Os"`, `"-std=c99", "-pedantic-errors", "-Weverything", "-Werror", "-Wno-missing-prototypes", "-Wno-missing-variable-declarations"`, 1)},
		{"clang++", "src/a.cpp", strings.NewReplacer(`"clang"`, `"clang++"`, "a.c", "a.cpp").Replace(clangEntry)},
	} {
		t.Run(test.name, func(t *testing.T) {
			entry := test.entry
			if test.name == "gcc, from elsewhere" {
				entry = strings.NewReplacer(`"-Iinc"`, `"-I../inc"`, `"-c", "src/a.c"`, `"-c", "a.c"`).Replace(entry)
			}
			dir := probeTree(t, entry, test.source)
			before := listing(t, dir)
			c, tc := command(t, dir, test.source), tools(t, dir)
			flags := []string{"-ffunction-sections", "-fdata-sections"}
			buffer, err := tc.Compile(t.Context(), Unit{Command: c, Text: []byte(probe), Flags: flags})
			if err != nil {
				t.Fatal(err)
			}
			if after := listing(t, dir); !slices.Equal(before, after) {
				t.Errorf("the compile left its traces: %v", after)
			}
			write(t, c.File, probe)
			file, err := tc.Compile(t.Context(), Unit{Command: c, Flags: flags})
			if err != nil {
				t.Fatal(err)
			}
			if !isClang(c.Args[0]) && !bytes.Equal(buffer.Object, file.Object) {
				t.Error("the objects differ")
			}
			if diff := cmp.Diff(content(t, file.Object), content(t, buffer.Object)); diff != "" {
				t.Errorf("sections (-file +buffer):\n%s", diff)
			}
			if rodata := content(t, buffer.Object)[".rodata.value"]; !strings.HasPrefix(test.name, "g++") && !strings.HasPrefix(test.name, "clang++") && rodata != "\x02\x00\x00\x00" {
				t.Errorf("value is %q: another config.h was found", rodata)
			}
		})
	}
}

// content is what the object brings into a program, and its symbols' names.
func content(t *testing.T, data []byte) map[string]string {
	t.Helper()
	o, err := object.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, s := range o.Sections {
		if s.IsAlloc() || s.Name == ".debug_str" {
			all[s.Name] += string(s.Data)
		}
	}
	for _, s := range o.Symbols {
		if s.Type != elf.STT_FILE {
			all["symbols"] += s.Name + " "
		}
	}
	return all
}

func TestBufferEqualToTheFileIsTheFile(t *testing.T) {
	dir := tree(t, "src/a.c", "int x;\n", "compile_commands.json", gccEntry)
	if err := os.Chmod(filepath.Join(dir, "src"), 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Join(dir, "src"), 0o755)
	c, tc := command(t, dir, "src/a.c"), tools(t, dir)
	if _, err := tc.Compile(t.Context(), Unit{Command: c, Text: []byte("int x;\n")}); err != nil {
		t.Errorf("unedited: %v", err)
	}
	if os.Getuid() == 0 {
		return // who may write everywhere
	}
	if _, err := tc.Compile(t.Context(), Unit{Command: c, Text: []byte("int y;\n")}); !problem.Has(err, problem.CompileFailed) || !strings.Contains(err.Error(), "save the file") {
		t.Errorf("edited, in a directory that cannot be written: %v", err)
	}
}

func TestSources(t *testing.T) {
	for _, test := range []struct {
		name, file, text string
		want             problem.Code
	}{
		{"BOM", "src/a.c", "\xef\xbb\xbfint x;\n", ""},
		{"CRLF", "src/a.c", "#define X \\\r\n 1\r\nint x = X;\r\n", ""},
		{"empty", "src/a.c", "", ""},
		{"not UTF-8", "src/a.c", "// \xff\xfe\nint x;\n", ""},
		{"includes itself", "src/a.c", "#ifndef X\n#define X\n# include \"a.c\"\n#endif", problem.CompileFailed},
		{"includes itself by its macro", "src/a.c", "#ifndef X\n#define X\n#include __FILE__\n#endif", problem.CompileFailed},
		{"deleted", "src/none.c", "", problem.NoSuchFile},
	} {
		dir := tree(t, "src/a.c", "int disk;", "compile_commands.json", strings.ReplaceAll(gccEntry, "src/a.c", test.file))
		u := Unit{Command: command(t, dir, test.file), Text: []byte(test.text)}
		if test.want == problem.NoSuchFile {
			u.Text = nil
		}
		_, err := tools(t, dir).Compile(t.Context(), u)
		if test.want == "" && err != nil || test.want != "" && !problem.Has(err, test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// A new file exists in the editor only.
func TestUnsavedFile(t *testing.T) {
	dir := tree(t, "src/a.c", "int disk;", "compile_commands.json", gccEntry)
	if _, err := tools(t, dir).Compile(t.Context(), Unit{Command: command(t, dir, "src/new.c"), Text: []byte("int x;")}); err != nil {
		t.Error(err)
	}
}

// The build tree stays as it is, whatever the command writes.
func TestBuildTreeIsLeftAlone(t *testing.T) {
	compilers(t, func(t *testing.T, entry string) {
		args := `"-MD", "-MF", "a.d", "-MT", "x", "-save-temps=obj", "-Wp,-MMD,b.d", "-Xassembler", "-adhln=a.lst", "-Wa,-aln=b.lst", "-fstack-usage", "-gsplit-dwarf", "-ftime-trace", "-Xclang", "-dependency-file", "-Xclang", "c.d", "-o"`
		if strings.Contains(entry, "gcc") {
			args = `"-MD", "-MF", "a.d", "-MT", "x", "-save-temps", "-Wp,-MMD,b.d", "-Xassembler", "-adhln=a.lst", "-Wa,-aln=b.lst", "-Xassembler", "-o", "-Xassembler", "x.o", "-fdump-tree-all", "-fdump-rtl-all=d", "-fstack-usage", "-gsplit-dwarf", "-aux-info", "a.X", "-fopt-info=e", "-da", "-fcallgraph-info", "-o"`
		}
		dir := tree(t, "src/a.c", "int f(void) { return 1; }", "a.o", "old", "compile_commands.json", strings.Replace(entry, `"-o"`, args, 1))
		before := listing(t, dir)
		r, err := tools(t, dir).Compile(t.Context(), Unit{Command: command(t, dir, "src/a.c")})
		if err != nil {
			t.Fatal(err)
		}
		if content(t, r.Object)[".text"] == "" {
			t.Error("the object has no code")
		}
		if diff := cmp.Diff(before, listing(t, dir)); diff != "" {
			t.Errorf("files (-before +after):\n%s", diff)
		}
		if text, _ := os.ReadFile(filepath.Join(dir, "a.o")); string(text) != "old" {
			t.Error("a.o was written")
		}
	})
}

// A command that also links is cut down to its compile, without new complaints.
func TestCommandThatLinks(t *testing.T) {
	compilers(t, func(t *testing.T, entry string) {
		dir := tree(t, "src/a.c", "int x;", "compile_commands.json", strings.Replace(entry, `"-c"`, `"-Werror", "-Wall", "-lfoo", "-Wl,-Map=x.map", "other.o", "-T", "x.ld"`, 1))
		r, err := tools(t, dir).Compile(t.Context(), Unit{Command: command(t, dir, "src/a.c")})
		if err != nil || len(r.Diagnostics) > 0 {
			t.Errorf("%v, %+v", err, r)
		}
	})
}

func TestEpoch(t *testing.T) {
	dir := tree(t, "src/a.c", "const char date[] = __DATE__ __TIME__;", "compile_commands.json", gccEntry)
	r, err := tools(t, dir).Compile(t.Context(), Unit{Command: command(t, dir, "src/a.c"), Epoch: 86_400})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(r.Object, []byte("Jan  2 197000:00:00")) {
		t.Error("the date is not that of the epoch")
	}
}

func TestEnvironment(t *testing.T) {
	dir := tree(t, "src/a.c", "#include <found.h>\nint x = FOUND;", "hidden/found.h", "#define FOUND 1",
		"compile_commands.json", strings.Replace(gccEntry, `"arguments": [`, `"arguments": ["env", "CPATH=hidden", `, 1))
	if _, err := tools(t, dir).Compile(t.Context(), Unit{Command: command(t, dir, "src/a.c")}); err != nil {
		t.Error(err)
	}
}

// GCC 7 and earlier know neither JSON messages nor prefix maps for macros.
func TestOldCompiler(t *testing.T) {
	bin := tree(t, "arm-none-eabi-gcc-7.3", `#!/bin/sh
echo run >> DIR/log
for a; do case $a in
-fdiagnostics-format=*|-fmacro-prefix-map=*) echo "arm-none-eabi-gcc: error: unrecognized command line option '$a'" >&2; exit 1;;
esac; done
exec /usr/bin/arm-none-eabi-gcc "$@"
`)
	dir := tree(t, "src/a.c", "int disk;", "compile_commands.json", strings.ReplaceAll(gccEntry, "arm-none-eabi-gcc", filepath.Join(bin, "arm-none-eabi-gcc-7.3")))
	c, tc := command(t, dir, "src/a.c"), tools(t, dir)
	for range 2 {
		if _, err := tc.Compile(t.Context(), Unit{Command: c, Text: []byte("int x;")}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := tc.Compile(t.Context(), Unit{Command: c, Text: []byte("int x;\nint f(void) { return y; }")})
	rejected, ok := errors.AsType[*CompileError](err)
	if !ok || len(rejected.Diagnostics) == 0 || rejected.Diagnostics[0].Line != 2 || rejected.Diagnostics[0].File != c.File {
		t.Errorf("%+v", err)
	}
	if log, _ := os.ReadFile(filepath.Join(bin, "log")); strings.Count(string(log), "run") != 4 {
		t.Errorf("the compiler ran %d times, want 4: what it does not know is remembered", strings.Count(string(log), "run"))
	}
}

// A cancelled compile ends the compiler and everything it started, and leaves
// neither sibling nor temporary files.
func TestCancelledCompileLeavesNothing(t *testing.T) {
	bin := tree(t, "arm-none-eabi-gcc-12", `#!/bin/sh
sleep 1000 &
echo $! > DIR/child
echo temporary > $TMPDIR/cc1.s
echo started > DIR/started
wait
`)
	dir := tree(t, "src/a.c", "int disk;", "compile_commands.json", strings.ReplaceAll(gccEntry, "arm-none-eabi-gcc", filepath.Join(bin, "arm-none-eabi-gcc-12")))
	temp := tree(t)
	c, before := command(t, dir, "src/a.c"), listing(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		tc := New(Config{Workspace: []string{dir}, Env: append(os.Environ(), "TMPDIR="+temp)})
		_, err := tc.Compile(ctx, Unit{Command: c, Text: []byte("int x;")})
		done <- err
	}()
	for {
		if _, err := os.Stat(filepath.Join(bin, "started")); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if slices.Equal(before, listing(t, dir)) || len(listing(t, temp)) == 1 {
		t.Error("the compile has not begun")
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if after := listing(t, dir); !slices.Equal(before, after) {
		t.Errorf("left behind: %v", after)
	}
	if left := listing(t, temp); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if runtime.GOOS == "linux" {
		child, err := os.ReadFile(filepath.Join(bin, "child"))
		if err != nil {
			t.Fatal(err)
		}
		for range 10_000 { // the system's init collects it
			state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(child)) + "/stat")
			if errors.Is(err, fs.ErrNotExist) || bytes.Contains(state, []byte(") Z ")) {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Error("what the compiler started lives on")
	}
}

func TestStaleSiblingsAreRemoved(t *testing.T) {
	names := map[string]bool{ // whether it stays
		".fpbls-1-old.c":                                  false, // a process that runs, but no compile takes that long
		".fpbls-999999999-dead.c":                         false,
		".fpbls-999999999-new.c":                          true, // may be of another container
		".fpbls-" + strconv.Itoa(os.Getpid()) + "-ours.c": true,
		".fpbls-notes":                                    true,
		".fpbls.toml":                                     true,
		".fpbls-0-x.c":                                    true,
		".fpbls-dir-1":                                    true,
		"fpbls-1-own.c":                                   true,
	}
	dir := tree(t, "src/a.c", "int x;", "compile_commands.json", gccEntry)
	for name := range names {
		path := filepath.Join(dir, "src", name)
		write(t, path, "")
		age := youngest + time.Minute
		switch {
		case strings.Contains(name, "new"):
			age = 0
		case !strings.Contains(name, "dead") && !strings.Contains(name, "ours"):
			age = oldest + time.Minute
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tools(t, dir).Compile(t.Context(), Unit{Command: command(t, dir, "src/a.c"), Text: []byte("int y;")}); err != nil {
		t.Fatal(err)
	}
	for name, stays := range names {
		if _, err := os.Stat(filepath.Join(dir, "src", name)); (err == nil) != stays {
			t.Errorf("%s: stays %v, want %v", name, err == nil, stays)
		}
	}
}

func TestConcurrentCompiles(t *testing.T) {
	dir := tree(t, "src/a.c", "int disk;", "compile_commands.json", gccEntry)
	c, tc := command(t, dir, "src/a.c"), tools(t, dir)
	before := listing(t, dir)
	done := make(chan string)
	for i := range 4 {
		go func() {
			name := "function_" + strconv.Itoa(i)
			r, err := tc.Compile(t.Context(), Unit{Command: c, Text: []byte("int " + name + "(void) { return 1; }")})
			switch {
			case err != nil:
				done <- err.Error()
			case !bytes.Contains(r.Object, []byte(name)):
				done <- name + " got another object"
			default:
				done <- ""
			}
		}()
	}
	for range 4 {
		if message := <-done; message != "" {
			t.Error(message)
		}
	}
	if after := listing(t, dir); !slices.Equal(before, after) {
		t.Errorf("left behind: %v", after)
	}
}

func TestLibGCC(t *testing.T) {
	compilers(t, func(t *testing.T, entry string) {
		dir := tree(t, "src/a.c", "int x;", "compile_commands.json", entry)
		c, tc := command(t, dir, "src/a.c"), tools(t, dir)
		lib, err := tc.LibGCC(t.Context(), c)
		if err != nil || !bytes.HasPrefix(lib, []byte("!<arch>\n")) || !bytes.Contains(lib, []byte("__aeabi_ldivmod")) {
			t.Fatalf("%d bytes, %v", len(lib), err)
		}
		again, err := tc.LibGCC(t.Context(), c)
		if err != nil || &again[0] != &lib[0] {
			t.Errorf("it was read again: %v", err)
		}
		c.Args = append(slices.Clone(c.Args), "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
		other, err := tc.LibGCC(t.Context(), c)
		if err != nil || bytes.Equal(other, lib) {
			t.Errorf("hard floating point has the same library: %v", err)
		}
	})
}
