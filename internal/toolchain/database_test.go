package toolchain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fpbls/fpbls/internal/problem"
)

func TestCommands(t *testing.T) {
	for _, test := range []struct{ name, entry, want string }{
		{"arguments", `"directory": "DIR", "arguments": ["arm-none-eabi-gcc", "-DA=b c", "-c", "a.c"]`, "arm-none-eabi-gcc|-DA=b c|-c|a.c"},
		{"arguments count more", `"directory": "DIR", "command": "gcc -DNO a.c", "arguments": ["gcc", "a.c"]`, "gcc|a.c"},
		{"quotes", `"directory": "DIR", "command": "arm-none-eabi-gcc -DA=\\\"x\\\" '-DB=c d' \"-DE=f \\\\n\" -c a.c"`, `arm-none-eabi-gcc|-DA="x"|-DB=c d|-DE=f \n|-c|a.c`},
		{"nothing is expanded", `"directory": "DIR", "command": "gcc -DA=$HOME '-DB=$(x)' -D*=~ -c a.c"`, "gcc|-DA=$HOME|-DB=$(x)|-D*=~|-c|a.c"},
		{"empty words", `"directory": "DIR", "command": "gcc '' \"\" -c a.c"`, "gcc|||-c|a.c"},
		{"relative directory", `"directory": ".", "arguments": ["gcc", "-c", "a.c"]`, "gcc|-c|a.c"},
		{"Windows program", `"directory": "DIR", "command": "C:\\tools\\arm-none-eabi-gcc.exe -IC:\\inc -DA=\\\"x\\\" -c a.c"`, `C:\tools\arm-none-eabi-gcc.exe|-IC:\inc|-DA="x"|-c|a.c`},
		{"Windows program, quoted", `"directory": "DIR", "command": "\"C:\\Program Files\\arm-none-eabi-gcc.exe\" -Isrc\\inc -c a.c"`, `C:\Program Files\arm-none-eabi-gcc.exe|-Isrc\inc|-c|a.c`},
		{"Windows program by its suffix", `"directory": "DIR", "command": "arm-none-eabi-gcc.exe -Isrc\\inc -c a.c"`, `arm-none-eabi-gcc.exe|-Isrc\inc|-c|a.c`},
		{"response files", `"directory": "DIR", "arguments": ["gcc", "@flags.rsp", "-c", "a.c"]`, `gcc|-DR|-DIN NER|-D\|-DQ='"|-Os|-c|a.c`},
		{"no response file", `"directory": "DIR", "arguments": ["gcc", "@", "-c", "a.c"]`, "gcc|@|-c|a.c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := tree(t, "a.c", "", "flags.rsp", "-DR\t@inner.rsp\r\n-Os", "inner.rsp", `"-DIN NER" -D\\ '-DQ=\'"'`,
				"compile_commands.json", "\xef\xbb\xbf"+`[{"file": "a.c", `+test.entry+`}]`)
			c := command(t, dir, "a.c")
			if got := strings.Join(c.Args, "|"); got != test.want {
				t.Errorf("arguments %s\nwant      %s", got, test.want)
			}
			if c.Dir != dir || c.File != filepath.Join(dir, "a.c") {
				t.Errorf("%s in %s, want it in %s", c.File, c.Dir, dir)
			}
		})
	}
}

// What stands in front of the compiler is told from it. What is not known stays,
// and is refused as a compiler.
func TestWrappers(t *testing.T) {
	for _, test := range []struct{ command, wrapper, env, compiler string }{
		{"gcc -c a.c", "", "", "gcc"},
		{"ccache gcc -c a.c", "ccache", "", "gcc"},
		{"/usr/bin/ccache distcc /opt/gcc -c a.c", "/usr/bin/ccache distcc", "", "/opt/gcc"},
		{"ccache compiler_check=content gcc -c a.c", "ccache compiler_check=content", "", "gcc"},
		{"env A=1 B=2 gcc -c a.c", "env A=1 B=2", "A=1 B=2", "gcc"},
		{"A=1 gcc -c a.c", "A=1", "A=1", "gcc"},
		{"env CCACHE_DIR=/x A=1 ccache gcc -c a.c", "env CCACHE_DIR=/x A=1 ccache", "A=1", "gcc"},
		{"cmake -E env A=1 -- ccache gcc -c a.c", "cmake -E env A=1 -- ccache", "A=1", "gcc"},
		{"cmake -E time gcc -c a.c", "cmake -E time", "", "gcc"},
		{"nice -n 10 gcc -c a.c", "nice -n 10", "", "gcc"},
		{"nice -5 gcc -c a.c", "nice -5", "", "gcc"},
		{"time -p sccache gcc -c a.c", "time -p sccache", "", "gcc"},
		{"gomacc gcc -c a.c", "gomacc", "", "gcc"},
		{`C:\x\CCACHE.EXE C:\x\gcc.exe -c a.c`, `C:\x\CCACHE.EXE`, "", `C:\x\gcc.exe`},
		{"distcc -c a.c", "", "", "distcc"},
		{"env -i gcc -c a.c", "", "", "env"},
		{"cmake -P evil.cmake gcc -c a.c", "", "", "cmake"},
		{"ccache", "", "", "ccache"},
		{"./wrapper gcc -c a.c", "", "", "./wrapper"},
	} {
		c, err := entry{dir: "/w", file: "/w/a.c", command: test.command}.parse()
		if err != nil {
			t.Errorf("%s: %v", test.command, err)
			continue
		}
		got := []string{strings.Join(c.Wrapper, " "), strings.Join(c.Env, " "), c.Args[0]}
		if diff := cmp.Diff([]string{test.wrapper, test.env, test.compiler}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.command, diff)
		}
	}
}

func TestOutput(t *testing.T) {
	for entry, want := range map[string]string{
		`"arguments": ["gcc", "-c", "a.c", "-o", "out/a.o"]`:                    "out/a.o",
		`"output": "x/a.o", "arguments": ["gcc", "-c", "a.c", "-o", "out/a.o"]`: "x/a.o",
		`"arguments": ["gcc", "-c", "a.c"]`:                                     "",
	} {
		dir := tree(t, "compile_commands.json", `[{"directory": "DIR", "file": "a.c", `+entry+`}]`)
		if want != "" {
			want = filepath.Join(dir, want)
		}
		if c := command(t, dir, "a.c"); c.Output != want {
			t.Errorf("%s: output %q, want %q", entry, c.Output, want)
		}
	}
}

func TestResponseFilesAreBounded(t *testing.T) {
	dir := tree(t, "loop.rsp", "@loop.rsp @loop.rsp", "wide.rsp", strings.Repeat("@empty.rsp ", 1000), "empty.rsp", "")
	for _, args := range [][]string{{"@loop.rsp"}, {"@missing.rsp"}, {"@."}, slices.Repeat([]string{"@wide.rsp"}, 1000)} {
		budget := maxResponse
		if words, err := expand(dir, args, 0, &budget); err == nil {
			t.Errorf("%s gave %d words", args[0], len(words))
		}
	}
}

func TestSeveralEntries(t *testing.T) {
	dir := tree(t, "compile_commands.json", `[
		{"directory": "DIR", "file": "a.c", "arguments": ["gcc", "-DONE", "-c", "a.c", "-o", "1.o"]},
		{"directory": "DIR/b", "file": "../a.c", "arguments": ["gcc", "-DTWO", "-c", "../a.c", "-o", "2.o"]},
		{"directory": "DIR", "file": "./a.c", "arguments": ["gcc", "-DONE", "-c", "a.c", "-o", "3.o"]},
		{"directory": "DIR", "file": "a.c", "arguments": ["gcc", "@missing", "-c", "a.c"]},
		{"file": "b.c"}, {}, null]`)
	db := database(t, dir)
	var got []string
	for _, c := range db.Commands(filepath.Join(dir, "a.c")) {
		got = append(got, c.Args[1])
	}
	if diff := cmp.Diff([]string{"-DONE", "-DTWO"}, got); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{filepath.Join(dir, "a.c")}, db.Files()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestUnusableEntrySaysWhy(t *testing.T) {
	dir := tree(t, "compile_commands.json", `[{"directory": "DIR", "file": "a.c", "arguments": ["gcc", "@missing.rsp", "-c", "a.c"]}]`)
	_, err := database(t, dir).Command(filepath.Join(dir, "a.c"))
	if !problem.Has(err, problem.BadDatabase) || !strings.Contains(err.Error(), "missing.rsp") {
		t.Errorf("got %v", err)
	}
}

func TestUnlistedFileBorrowsFromItsSibling(t *testing.T) {
	dir := tree(t, "compile_commands.json", `[
		{"directory": "DIR", "file": "app/a.c", "arguments": ["gcc", "-DAPP", "-c", "app/a.c", "-o", "a.o"]},
		{"directory": "DIR", "file": "app/sub/b.cc", "arguments": ["g++", "-DCPP", "-c", "app/sub/b.cc"]},
		{"directory": "DIR", "file": "lib/c.c", "arguments": ["gcc", "-DLIB", "-c", "lib/c.c"]}]`)
	db := database(t, dir)
	for file, want := range map[string]string{
		"app/new.c":     "-DAPP",
		"lib/new.c":     "-DLIB",
		"lib/sub/new.c": "-DLIB",
		"app/new.cc":    "-DCPP",
	} {
		path := filepath.Join(dir, file)
		c, err := db.Command(path)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if args, at := c.compileArgs(); !slices.Contains(args, want) || at < 0 || args[at] != path || c.File != path || c.Output != "" {
			t.Errorf("%s: %+v, want %s", file, c, want)
		}
		if !strings.Contains(c.Note, "not in the compile database") {
			t.Errorf("%s: note %q", file, c.Note)
		}
	}
	for _, file := range []string{filepath.Join(dir, "app/new.rs"), filepath.Join(dir, "app/new.h"), "/elsewhere/x.c"} {
		if _, err := db.Command(file); !problem.Has(err, problem.NotInDatabase) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestSymbolicLinksAreTheSameFile(t *testing.T) {
	dir := tree(t, "real/a.c", "int x;", "real/b.c", "int y;", "compile_commands.json", `[
		{"directory": "DIR", "file": "link/a.c", "arguments": ["arm-none-eabi-gcc", "-DLINK", "-c", "link/a.c"]},
		{"directory": "DIR", "file": "b.c", "arguments": ["arm-none-eabi-gcc", "-DFILE", "-c", "b.c"]}]`)
	for link, target := range map[string]string{"link": "real", "b.c": "real/b.c"} {
		if err := os.Symlink(filepath.Join(dir, target), filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{"real/a.c": "-DLINK", "link/a.c": "-DLINK", "real/b.c": "-DFILE"} {
		if c := command(t, dir, file); !slices.Contains(c.Args, want) || c.Note != "" {
			t.Errorf("%s: %+v", file, c)
		}
	}
}

func TestMissingDatabase(t *testing.T) {
	dir := tree(t, "broken.json", "{", "object.json", "{}", "types.json", `[{"file": 1}]`, "empty.json", "[]", "dir/x", "")
	for name, want := range map[string]problem.Code{
		"none.json": problem.NoDatabase, ".": problem.NoDatabase, "dir/x/y": problem.NoDatabase,
		"broken.json": problem.BadDatabase, "object.json": problem.BadDatabase, "types.json": problem.BadDatabase, "dir/x": problem.BadDatabase,
	} {
		if _, err := LoadDatabase(filepath.Join(dir, name)); !problem.Has(err, want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if db, err := LoadDatabase(filepath.Join(dir, "empty.json")); err != nil || len(db.Files()) != 0 {
		t.Errorf("an empty database: %v, %v", db, err)
	}
}

// large is a database of n entries.
func large(n int) []byte {
	type entry struct {
		Directory string `json:"directory"`
		File      string `json:"file"`
		Command   string `json:"command"`
	}
	var all []entry
	for i := range n {
		file := fmt.Sprintf("src/d%d/file%d.c", i/50, i)
		all = append(all, entry{"/w/build", "../" + file, "arm-none-eabi-gcc " + strings.Repeat("-Iinc/some/path ", 40) + "-c ../" + file})
	}
	data, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return data
}

// BenchmarkDatabase reads 5,000 entries, then asks for a listed and for an
// unlisted file.
func BenchmarkDatabase(b *testing.B) {
	data := large(5000)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		db, err := ParseDatabase("/w/build/compile_commands.json", data)
		if err != nil {
			b.Fatal(err)
		}
		for _, file := range []string{"/w/src/d7/file377.c", "/w/src/d7/new.c"} {
			if _, err := db.Command(file); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func FuzzParseDatabase(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(gccEntry, "DIR", "/w")), "/w/src/a.c")
	f.Add([]byte(`[{"file":"a.c","command":"env X=1 ccache nice -n cmake -E env \"gcc -c a.c"}]`), "/w/a.c")
	f.Add([]byte(`[{"file":"a.c","arguments":["gcc","-Wp,-MD,","-Xclang","-Wa,","-Xpreprocessor","a.c","-o"]}]`), "/w/b.c")
	f.Fuzz(func(t *testing.T, data []byte, file string) {
		if bytes.ContainsRune(data, '@') {
			return // would read files
		}
		db, err := ParseDatabase("/w/compile_commands.json", data)
		if err != nil {
			return
		}
		for _, f := range append(db.Files(), file) {
			c, err := db.Command(f)
			if err != nil {
				continue
			}
			args, at := c.compileArgs()
			if at >= len(args) {
				t.Errorf("source %d of %q", at, args)
			}
			c.foreignCode()
			machineOptions(c)
		}
	})
}
