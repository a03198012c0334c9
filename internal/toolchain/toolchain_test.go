package toolchain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree writes files, given as name and text in turn, into a new directory and
// returns it. DIR in a text is the directory.
func tree(t testing.TB, files ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		write(t, filepath.Join(dir, files[i]), strings.ReplaceAll(files[i+1], "DIR", dir))
	}
	return dir
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
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

// command is the command of a file of the directory's compile database.
func command(t testing.TB, dir, file string) Command {
	t.Helper()
	c, err := database(t, dir).Command(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tools is a toolchain for the workspace dir.
func tools(t testing.TB, dir string) *Toolchain {
	t.Helper()
	return New(Config{Workspace: []string{dir}, Env: os.Environ(), ConsentFile: filepath.Join(t.TempDir(), "user", "compilers.json")})
}

// The entries of a database for src/a.c.
const (
	gccEntry   = `[{"directory": "DIR", "file": "src/a.c", "arguments": ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-Os", "-g", "-Iinc", "-MD", "-o", "a.o", "-c", "src/a.c"]}]`
	clangEntry = `[{"directory": "DIR", "file": "src/a.c", "arguments": ["clang", "--target=arm-none-eabi", "-mcpu=cortex-m3", "-mthumb", "-Os", "-g", "-Iinc", "-MD", "-o", "a.o", "-c", "src/a.c"]}]`
)

// compilers runs a test with each compiler's entry.
func compilers(t *testing.T, test func(t *testing.T, entry string)) {
	t.Run("gcc", func(t *testing.T) { test(t, gccEntry) })
	t.Run("clang", func(t *testing.T) { test(t, clangEntry) })
}

// listing lists everything below the directory.
func listing(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	if err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}
