// Package toolchain knows how the firmware's units are compiled, and compiles
// them: the compile database, the compilers that may run, and what they say.
//
// A unit is compiled with exactly its command; only what decides on outputs is
// replaced, so that a compile leaves the build tree alone. A buffer that differs
// from its file is compiled as a hidden file beside it, because from any other
// place the compiler could silently find other headers. Where the directory
// cannot be written there is no faithful way, and the user is asked to save.
package toolchain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/fpbls/fpbls/internal/problem"
)

// A Database is a compile_commands.json. It is immutable and may be used by
// several goroutines at once.
type Database struct {
	path     string
	entries  []entry
	byFile   map[string][]int        // by the key of the absolute, clean path
	resolved func() map[string][]int // the same with symbolic links resolved
}

// entry is one of the file's, as it stands there, but for absolute paths.
type entry struct {
	dir, file string
	command   string
	arguments []string
	output    string
}

// maxDatabase bounds the file; the largest known are some hundred megabytes.
const maxDatabase = 512 << 20

// LoadDatabase reads a compile_commands.json, or that of a directory.
func LoadDatabase(path string) (*Database, error) {
	st, err := os.Stat(path)
	if err == nil && st.IsDir() {
		path = filepath.Join(path, "compile_commands.json")
		st, err = os.Stat(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, problem.New(problem.NoDatabase, "have the build write one (CMake: -DCMAKE_EXPORT_COMPILE_COMMANDS=ON; make: bear -- make), or name it with --compile-commands",
			"there is no compile database at %s", path)
	case err != nil:
		return nil, problem.New(problem.NoDatabase, "check the file's permissions", "cannot read the compile database: %w", err)
	case !st.Mode().IsRegular():
		return nil, problem.New(problem.BadDatabase, "name the right file", "%s is not a file", path)
	case st.Size() > maxDatabase:
		return nil, problem.New(problem.BadDatabase, "name the right file", "%s is %d MB large", path, st.Size()>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, problem.New(problem.NoDatabase, "check the file's permissions", "cannot read the compile database: %w", err)
	}
	return ParseDatabase(path, data)
}

// ParseDatabase reads the content of a compile_commands.json. Directories that
// are not absolute are relative to the directory of path.
func ParseDatabase(path string, data []byte) (*Database, error) {
	var raw []struct {
		Directory string   `json:"directory"`
		File      string   `json:"file"`
		Command   string   `json:"command"`
		Arguments []string `json:"arguments"`
		Output    string   `json:"output"`
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, problem.New(problem.BadDatabase, "have the build write it again", "%s is not a compile database: %w", path, err)
	}
	base, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("resolving %s: %w", path, err)
	}
	db := &Database{path: path, byFile: make(map[string][]int, len(raw))}
	for _, r := range raw {
		if r.File == "" || r.Command == "" && len(r.Arguments) == 0 {
			continue
		}
		e := entry{dir: absolute(base, r.Directory), command: r.Command, arguments: r.Arguments, output: r.Output}
		e.file = absolute(e.dir, r.File)
		db.byFile[pathKey(e.file)] = append(db.byFile[pathKey(e.file)], len(db.entries))
		db.entries = append(db.entries, e)
	}
	db.resolved = sync.OnceValue(db.resolve)
	return db, nil
}

// resolve indexes the entries by their files' real paths. Directories are
// resolved once each: databases have many files in few of them.
func (db *Database) resolve() map[string][]int {
	directories := make(map[string]string)
	index := make(map[string][]int, len(db.entries))
	for i, e := range db.entries {
		dir := filepath.Dir(e.file)
		real, ok := directories[dir]
		if !ok {
			real, _ = filepath.EvalSymlinks(dir)
			directories[dir] = real
		}
		if real == "" {
			continue
		}
		path := filepath.Join(real, filepath.Base(e.file))
		if st, err := os.Lstat(path); err != nil {
			continue
		} else if st.Mode()&fs.ModeSymlink != 0 {
			if path, err = filepath.EvalSymlinks(path); err != nil {
				continue
			}
		}
		index[pathKey(path)] = append(index[pathKey(path)], i)
	}
	return index
}

func absolute(base, path string) string {
	path = filepath.FromSlash(path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(base, path)
	}
	return filepath.Clean(path)
}

// pathKey is equal for paths that the system takes for the same, links aside.
func pathKey(path string) string {
	if runtime.GOOS == "windows" {
		return strings.ToLower(path)
	}
	return path
}

// Path is where the database was read from.
func (db *Database) Path() string { return db.path }

// Files lists the sources, sorted, each once.
func (db *Database) Files() []string {
	files := make([]string, 0, len(db.byFile))
	for _, indices := range db.byFile {
		files = append(files, db.entries[indices[0]].file)
	}
	slices.Sort(files)
	return files
}

// Commands returns the commands of a file, in the order of the database and
// without those that compile the same. It is empty if the file is not listed.
func (db *Database) Commands(file string) []Command {
	var commands []Command
	for _, i := range db.lookup(filepath.Clean(file)) {
		c, err := db.entries[i].parse()
		if err != nil || slices.ContainsFunc(commands, c.sameCompile) {
			continue
		}
		commands = append(commands, c)
	}
	return commands
}

// lookup returns the indices of the file's entries.
func (db *Database) lookup(file string) []int {
	if indices := db.byFile[pathKey(file)]; len(indices) > 0 {
		return indices
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return nil
	}
	if indices := db.byFile[pathKey(real)]; len(indices) > 0 {
		return indices
	}
	return db.resolved()[pathKey(real)]
}

// Command returns the file's command: its first entry or, with a note, that of
// the sibling whose flags fit best.
func (db *Database) Command(file string) (Command, error) {
	file = filepath.Clean(file)
	if commands := db.Commands(file); len(commands) > 0 {
		return commands[0], nil
	}
	if indices := db.lookup(file); len(indices) > 0 {
		_, err := db.entries[indices[0]].parse() // listed, but unusable: say why
		return Command{}, err
	}
	c, ok := db.borrow(file)
	if !ok {
		return Command{}, problem.New(problem.NotInDatabase, "add it to the build and have the database written again",
			"%s is not in the compile database %s, and no file in it is like it", file, db.path)
	}
	return c, nil
}

// borrow makes a command for an unlisted file of its sibling's.
func (db *Database) borrow(file string) (Command, bool) {
	i := db.sibling(file)
	if i < 0 {
		return Command{}, false
	}
	c, err := db.entries[i].parse()
	if err != nil {
		return Command{}, false
	}
	args, source := c.compileArgs()
	if source < 0 {
		return Command{}, false
	}
	args[source] = file
	c.Note = fmt.Sprintf("%s is not in the compile database; used the flags of %s", filepath.Base(file), filepath.Base(c.File))
	c.Args = append(c.Args[:1:1], args...)
	c.File, c.Output = file, ""
	return c, true
}

// sibling picks the entry of the same language whose path is nearest: the fewest
// steps away, and of several the one that shares most. It is -1 if there is none.
func (db *Database) sibling(file string) int {
	kind := language(file)
	if kind == "" {
		return -1
	}
	dir := strings.Split(filepath.ToSlash(filepath.Dir(file)), "/")
	best, bestSteps, bestShared := -1, 0, 0
	for i, e := range db.entries {
		if language(e.file) != kind {
			continue
		}
		shared, steps := nearness(strings.Split(filepath.ToSlash(filepath.Dir(e.file)), "/"), dir)
		if shared == 0 || best >= 0 && (steps > bestSteps || steps == bestSteps && shared <= bestShared) {
			continue
		}
		best, bestSteps, bestShared = i, steps, shared
	}
	return best
}

// nearness compares directories: how many leading elements they share, and how
// many steps lead from one to the other.
func nearness(a, b []string) (shared, steps int) {
	for shared < len(a) && shared < len(b) && a[shared] == b[shared] {
		shared++
	}
	if shared == 1 && a[0] == "" {
		shared = 0 // nothing but the root
	}
	return shared, len(a) + len(b) - 2*shared
}

// language tells C from C++ by the suffix. Headers have none: they are compiled
// as part of units.
func language(file string) string {
	switch ext := filepath.Ext(file); ext {
	case ".c":
		return "c"
	case ".C", ".cc", ".cp", ".cpp", ".cxx", ".c++", ".CPP":
		return "c++"
	}
	return ""
}
