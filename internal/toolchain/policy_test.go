package toolchain

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/problem"
)

// ran is where a program leaves its mark when it was run: DIR/ran.
const script = "#!/bin/sh\ntouch DIR/ran\n"

func TestCompilerPolicy(t *testing.T) {
	for _, test := range []struct {
		name, args string
		want       problem.Code
	}{
		{"a known compiler", `"arm-none-eabi-gcc"`, ""},
		{"a known compiler by its path", `"/usr/bin/arm-none-eabi-gcc"`, ""},
		{"another known compiler", `"clang", "--target=arm-none-eabi"`, ""},
		{"behind a wrapper", `"ccache", "arm-none-eabi-gcc"`, ""},
		{"behind a wrapper of the workspace, which does not run", `"tools/ccache", "arm-none-eabi-gcc"`, ""},
		{"with a harmless variable", `"env", "LC_ALL=C", "arm-none-eabi-gcc"`, ""},
		{"not installed", `"arm-none-eabi-gcc-99"`, problem.CompilerMissing},
		{"not installed at its path", `"/opt/none/arm-none-eabi-gcc"`, problem.CompilerMissing},
		{"a directory", `"DIR/tools"`, problem.CompilerMissing},
		{"an unknown program", `"ls"`, problem.CompilerRefused},
		{"a shell", `"sh", "-c", "touch DIR/ran"`, problem.CompilerRefused},
		{"a wrapper's unknown form", `"env", "-S", "arm-none-eabi-gcc"`, problem.CompilerRefused},
		{"inside the workspace", `"DIR/tools/arm-none-eabi-gcc"`, problem.CompilerRefused},
		{"inside, by a relative path", `"tools/arm-none-eabi-gcc"`, problem.CompilerRefused},
		{"inside, behind a wrapper", `"ccache", "tools/arm-none-eabi-gcc"`, problem.CompilerRefused},
		{"a link from outside into the workspace", `"OUT/arm-none-eabi-gcc"`, problem.CompilerRefused},
		{"by way of the system's links", `"/proc/self/root/DIR/tools/arm-none-eabi-gcc"`, problem.CompilerRefused},
		{"a plugin", `"arm-none-eabi-gcc", "-fplugin=./evil.so"`, problem.CompilerRefused},
		{"a plugin by a response file", `"arm-none-eabi-gcc", "@rsp"`, problem.CompilerRefused},
		{"a specs file", `"arm-none-eabi-gcc", "-specs=evil.specs"`, problem.CompilerRefused},
		{"newlib's specs file", `"arm-none-eabi-gcc", "--specs=nano.specs"`, ""},
		{"newlib's specs file, as a word", `"arm-none-eabi-gcc", "-specs", "nano.specs"`, ""},
		{"newlib's specs file, shadowed", `"arm-none-eabi-gcc", "--specs=nosys.specs"`, problem.CompilerRefused},
		{"a variable", `"env", "LD_PRELOAD=./evil.so", "arm-none-eabi-gcc"`, problem.CompilerRefused},
		{"an irrelevant linker", `"clang", "--target=arm-none-eabi", "-fuse-ld=lld", "--ld-path=tools/ld"`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			outside := tree(t)
			dir := tree(t, "src/a.c", "int x;", "tools/arm-none-eabi-gcc", script, "tools/ccache", script, "rsp", "-fplugin=evil.so", "nosys.specs", "",
				"compile_commands.json", `[{"directory": "DIR", "file": "src/a.c", "arguments": [`+strings.ReplaceAll(test.args, "OUT", outside)+`, "-c", "src/a.c"]}]`)
			if err := os.Symlink(filepath.Join(dir, "tools/arm-none-eabi-gcc"), filepath.Join(outside, "arm-none-eabi-gcc")); err != nil {
				t.Fatal(err)
			}
			c, tc := command(t, dir, "src/a.c"), tools(t, dir)
			_, err := tc.Compile(t.Context(), Unit{Command: c})
			if test.want == "" && err != nil || test.want != "" && !problem.Has(err, test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if _, err := tc.LibGCC(t.Context(), c); test.want != "" && !problem.Has(err, test.want) {
				t.Errorf("libgcc: got %v, want %q", err, test.want)
			}
			if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
				t.Error("the program was run")
			}
			if test.want == problem.CompilerRefused {
				if err := tc.Allow(c); err != nil {
					t.Fatal(err)
				}
				if err := tc.Check(c); err != nil {
					t.Errorf("after the user's consent: %v", err)
				}
				again := New(tc.cfg)
				if err := again.Check(c); err != nil {
					t.Errorf("in the next session: %v", err)
				}
			}
		})
	}
}

// Options that load code are tried on the real compilers: each of those in the
// table does, and is found. The mark is a library or a program that leaves a
// file when it is loaded.
func TestForeignCode(t *testing.T) {
	dir := tree(t, "a.c", "int x;", "mark.c", `
		#include <stdio.h>
		int plugin_is_GPL_compatible;
		int plugin_init(void) { return 0; }
		__attribute__((constructor)) static void mark(void) { FILE *f = fopen("DIR/ran", "w"); if (f) fclose(f); }`,
		"bin/as", script, "plugin.rsp", "-fplugin=DIR/mark.so", "plugin.cfg", "-fplugin=DIR/mark.so",
		"as.specs", "*cc1:\n+ -fplugin=DIR/mark.so\n\n", "plugins/.keep", "")
	library := filepath.Join(dir, "mark.so")
	if out, err := exec.CommandContext(t.Context(), "cc", "-shared", "-fPIC", "-o", library, filepath.Join(dir, "mark.c")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const gcc, clang = "arm-none-eabi-gcc", "clang --target=arm-none-eabi"
	for _, line := range []string{
		gcc + " -fplugin=LIB", gcc + " --plugin=LIB", gcc + " -iplugindir=DIR -fplugin=mark",
		gcc + " -Wp,-fplugin=LIB", gcc + " -Wp,@plugin.rsp", gcc + " -Xpreprocessor -fplugin=LIB", gcc + " -Xpreprocessor @plugin.rsp",
		gcc + " -Wp,-DX,-fplugin=LIB",
		gcc + " -Bbin/", gcc + " -B bin/", gcc + " --prefix=bin/", gcc + " --prefix bin/", gcc + " -wrapper bin/as",
		gcc + " -specs=as.specs", gcc + " --specs=as.specs", gcc + " -specs as.specs", gcc + " --specs as.specs",
		"env LD_PRELOAD=LIB " + gcc, "env COMPILER_PATH=bin/ " + gcc, "env CCC_OVERRIDE_OPTIONS=+-fplugin=LIB " + clang,
		clang + " -fplugin=LIB", clang + " -fpass-plugin=LIB", clang + " -Xclang -load -Xclang LIB",
		clang + " -Wp,-load,LIB", clang + " -Wp,-load -Wp,LIB", clang + " -Xpreprocessor -load -Xpreprocessor LIB", clang + " --config ./plugin.cfg",
	} {
		words := strings.Fields(strings.NewReplacer("LIB", library, "DIR", dir).Replace(line))
		mark := filepath.Join(dir, "ran")
		os.Remove(mark)
		cmd := exec.CommandContext(t.Context(), words[0], append(words[1:], "-mcpu=cortex-m3", "-c", "a.c", "-o", "a.o")...)
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput() // may well fail: the mark has its own ideas
		if _, err := os.Stat(mark); err != nil {
			t.Errorf("%s does not load code; the case is wrong:\n%s", line, out)
		}
		c, err := entry{dir: dir, file: filepath.Join(dir, "a.c"), arguments: append(words, "-c", "a.c")}.parse()
		if err != nil {
			t.Fatal(err)
		}
		if len(c.foreignCode()) == 0 {
			t.Errorf("%s loads code and was not found", line)
		}
	}
	for _, line := range []string{
		gcc + " -O2 -mthumb -fpie -fprofile-arcs -Wl,-plugin,x -D-fplugin -fplugins -isystem Bin -Iplugin -fno-plt --param x=1",
		clang + " -target arm-none-eabi -resource-dir x -fuse-ld=lld -Xclang -disable-O0-optnone -mllvm -inline-threshold=1 -fintegrated-as",
		"env SOURCE_DATE_EPOCH=1 LC_ALL=C LANG=C " + gcc,
	} {
		c, err := entry{dir: dir, file: filepath.Join(dir, "a.c"), command: line + " -c a.c"}.parse()
		if err != nil {
			t.Fatal(err)
		}
		if found := c.foreignCode(); len(found) != 0 {
			t.Errorf("%s: %v is harmless", line, found)
		}
	}
}

// A consent is for one program and, where it came with options, for their
// values and the workspace.
func TestConsentIsNarrow(t *testing.T) {
	dir := tree(t, "a.c", "int x;", "tools/arm-none-eabi-gcc", script, "tools/arm-none-eabi-g++", script)
	tc := tools(t, dir)
	make := func(dir string, args ...string) Command {
		return Command{File: filepath.Join(dir, "a.c"), Dir: dir, Args: append(args, "-c", "a.c")}
	}
	for _, c := range []Command{
		make(dir, "tools/arm-none-eabi-gcc"), make(dir, "arm-none-eabi-gcc", "-wrapper", "x,y"), make(dir, "arm-none-eabi-gcc", "-Xclang", "-load", "-Xclang", "x.so"),
	} {
		if err := tc.Allow(c); err != nil {
			t.Fatal(err)
		}
		if err := tc.Check(c); err != nil {
			t.Errorf("%v: %v", c.Args, err)
		}
	}
	other := tree(t, "a.c", "int x;")
	for _, c := range []Command{
		make(dir, "tools/arm-none-eabi-g++"), make(dir, "tools/arm-none-eabi-gcc", "-fplugin=x.so"),
		make(dir, "arm-none-eabi-gcc", "-wrapper", "z"), make(dir, "arm-none-eabi-gcc", "-Xclang", "-load", "-Xclang", "y.so"),
		make(dir, "clang", "-wrapper", "x,y"),
	} {
		if err := tc.Check(c); !problem.Has(err, problem.CompilerRefused) {
			t.Errorf("%v: %v", c.Args, err)
		}
	}
	elsewhere := New(Config{Workspace: []string{other}, Env: os.Environ(), ConsentFile: tc.cfg.ConsentFile})
	if err := elsewhere.Check(make(other, "arm-none-eabi-gcc", "-wrapper", "x,y")); !problem.Has(err, problem.CompilerRefused) {
		t.Errorf("in another workspace: %v", err)
	}
}

// Nothing that comes with a checkout can be a consent.
func TestConsentInTheWorkspaceDoesNotCount(t *testing.T) {
	dir := tree(t, "a.c", "int x;", "tools/arm-none-eabi-gcc", script, "user/compilers.json", `[{"compiler": "DIR/tools/arm-none-eabi-gcc"}]`, "broken.json", "{")
	c := Command{File: filepath.Join(dir, "a.c"), Dir: dir, Args: []string{"tools/arm-none-eabi-gcc", "-c", "a.c"}}
	outside := tree(t, "broken.json", "{")
	link := filepath.Join(tree(t), "link")
	if err := os.Symlink(filepath.Join(dir, "user"), link); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(dir, "user/compilers.json"), filepath.Join(link, "compilers.json"), filepath.Join(outside, "broken.json"), ""} {
		tc := New(Config{Workspace: []string{dir}, Env: os.Environ(), ConsentFile: file})
		if err := tc.Check(c); !problem.Has(err, problem.CompilerRefused) {
			t.Errorf("%q: %v", file, err)
		}
		if err := tc.Allow(c); !problem.Has(err, problem.CompilerRefused) {
			t.Errorf("%q: a consent was kept: %v", file, err)
		}
	}
}

// A folder of a repository is opened, and a program lies elsewhere in it.
func TestRepositoryIsTheWorkspace(t *testing.T) {
	dir := tree(t, ".git/HEAD", "", "firmware/a.c", "int x;", "tools/arm-none-eabi-gcc", script)
	c := Command{File: filepath.Join(dir, "firmware/a.c"), Dir: filepath.Join(dir, "firmware"), Args: []string{"../tools/arm-none-eabi-gcc", "-c", "a.c"}}
	folder := []string{filepath.Join(dir, "firmware")}
	if err := New(Config{Workspace: folder, Env: os.Environ()}).Check(c); !problem.Has(err, problem.CompilerRefused) {
		t.Errorf("got %v", err)
	}
	if err := New(Config{Workspace: folder, Env: append(os.Environ(), "HOME="+dir)}).Check(c); err != nil {
		t.Errorf("the user's home, kept in a repository: %v", err)
	}
}

// The compiler finds no assembler in the workspace, whatever PATH says.
func TestPathWithoutTheWorkspace(t *testing.T) {
	dir := tree(t, "a.c", "int x;", "bin/arm-none-eabi-gcc", script, "bin/as", script)
	path := strings.Join([]string{filepath.Join(dir, "bin"), "bin", ".", ""}, string(filepath.ListSeparator))
	tc := New(Config{Workspace: []string{dir}, Env: append(os.Environ(), "PATH="+path+string(filepath.ListSeparator)+os.Getenv("PATH"))})
	for _, d := range filepath.SplitList(tc.safePath()) {
		if !filepath.IsAbs(d) || strings.HasPrefix(d, dir) {
			t.Errorf("PATH has %q", d)
		}
	}
	c := Command{File: filepath.Join(dir, "a.c"), Dir: dir, Args: []string{"arm-none-eabi-gcc", "-c", "a.c"}}
	if _, err := tc.Compile(t.Context(), Unit{Command: c}); !problem.Has(err, problem.CompilerRefused) {
		t.Errorf("the first compiler on PATH is the workspace's: %v", err)
	}
}
