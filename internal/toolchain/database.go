// Package toolchain knows how the firmware's units are compiled, and compiles
// them: the compile database, the compilers that may run, and what they say.
package toolchain

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	byFile   map[string][]int        // by absolute, clean path
	resolved func() map[string][]int // the same with symbolic links resolved
}

// entry is one of the file's, as it stands there, but for absolute paths.
type entry struct {
	dir, file string
	command   string
	arguments []string
}

// A Command is how a unit is compiled.
type Command struct {
	File string   // absolute
	Dir  string   // absolute; where the compiler runs
	Args []string // Args[0] is the compiler; response files are expanded, wrappers left out
	Env  []string // what "env NAME=value" in front of the compiler sets
	Note string   // what the user should know, as whose flags these are
}

// maxDatabase bounds the file; the largest known are some hundred megabytes.
const maxDatabase = 1 << 30

// LoadDatabase reads a compile_commands.json.
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
	}
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
		e := entry{dir: absolute(base, r.Directory), command: r.Command, arguments: r.Arguments}
		e.file = absolute(e.dir, r.File)
		db.byFile[e.file] = append(db.byFile[e.file], len(db.entries))
		db.entries = append(db.entries, e)
	}
	db.resolved = sync.OnceValue(func() map[string][]int {
		index := make(map[string][]int)
		for i, e := range db.entries {
			if real, err := filepath.EvalSymlinks(e.file); err == nil {
				index[real] = append(index[real], i)
			}
		}
		return index
	})
	return db, nil
}

func absolute(base, path string) string {
	path = filepath.FromSlash(path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(base, path)
	}
	return filepath.Clean(path)
}

// Path is where the database was read from.
func (db *Database) Path() string { return db.path }

// Files lists the sources, sorted, each once.
func (db *Database) Files() []string {
	files := make([]string, 0, len(db.byFile))
	for f := range db.byFile {
		files = append(files, f)
	}
	slices.Sort(files)
	return files
}

// Commands returns the commands of a file, in the order of the database and
// without repetitions. It is empty if the file is not listed.
func (db *Database) Commands(file string) []Command {
	file = filepath.Clean(file)
	indices := db.byFile[file]
	if len(indices) == 0 {
		if real, err := filepath.EvalSymlinks(file); err == nil {
			if indices = db.byFile[real]; len(indices) == 0 {
				indices = db.resolved()[real]
			}
		}
	}
	var commands []Command
	for _, i := range indices {
		c, err := db.entries[i].parse()
		if err != nil || slices.ContainsFunc(commands, func(o Command) bool { return sameCompile(o, c) }) {
			continue
		}
		commands = append(commands, c)
	}
	return commands
}

// Command returns the file's command: its first entry or, with a note, that of
// the sibling whose flags fit best.
func (db *Database) Command(file string) (Command, error) {
	file = filepath.Clean(file)
	if commands := db.Commands(file); len(commands) > 0 {
		return commands[0], nil
	}
	if indices := db.byFile[file]; len(indices) > 0 {
		_, err := db.entries[indices[0]].parse() // listed, but unusable: say why
		if err != nil {
			return Command{}, err
		}
	}
	sibling := db.sibling(file)
	if sibling < 0 {
		return Command{}, problem.New(problem.NotInDatabase, "add it to the build and have the database written again",
			"%s is not in the compile database %s, and no file in it is like it", file, db.path)
	}
	e := db.entries[sibling]
	c, err := e.parse()
	if err != nil {
		return Command{}, err
	}
	i := c.sourceIndex()
	if i < 0 {
		return Command{}, problem.New(problem.NotInDatabase, "add it to the build and have the database written again",
			"%s is not in the compile database %s", file, db.path)
	}
	c.Args[i] = file
	c.File = file
	c.Note = fmt.Sprintf("%s is not in the compile database; used the flags of %s", filepath.Base(file), filepath.Base(e.file))
	return c, nil
}

// sibling picks the entry of the same language whose path is nearest, -1 if
// there is none.
func (db *Database) sibling(file string) int {
	best, bestKey := -1, [2]int{}
	for i, e := range db.entries {
		if language(e.file) == "" || language(e.file) != language(file) {
			continue
		}
		shared, steps := nearness(filepath.Dir(e.file), filepath.Dir(file))
		if shared == 0 {
			continue
		}
		key := [2]int{-steps, shared}
		if best < 0 || cmp.Or(cmp.Compare(key[0], bestKey[0]), cmp.Compare(key[1], bestKey[1])) > 0 {
			best, bestKey = i, key
		}
	}
	return best
}

// nearness compares directories: how many leading elements they share, and how
// many steps lead from one to the other.
func nearness(a, b string) (shared, steps int) {
	x, y := strings.Split(filepath.ToSlash(a), "/"), strings.Split(filepath.ToSlash(b), "/")
	for shared < len(x) && shared < len(y) && x[shared] == y[shared] {
		shared++
	}
	if shared == 1 && x[0] == "" {
		shared = 0 // nothing but the root
	}
	return shared, len(x) + len(y) - 2*shared
}

// language tells C from C++ by the suffix; headers count as either's own.
func language(file string) string {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".c":
		if filepath.Ext(file) == ".C" {
			return "c++"
		}
		return "c"
	case ".cc", ".cpp", ".cxx", ".c++":
		return "c++"
	}
	return ""
}

func sameCompile(a, b Command) bool {
	x, _ := a.compileArgs()
	y, _ := b.compileArgs()
	return a.Dir == b.Dir && slices.Equal(x, y)
}
