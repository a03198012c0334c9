package toolchain

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// IsHeader reports whether the file is one that units include, by its name.
func IsHeader(file string) bool {
	switch filepath.Ext(file) {
	case ".h", ".hh", ".hpp", ".hxx", ".h++", ".H", ".inc", ".inl", ".ipp", ".tpp", ".def":
		return true
	}
	return false
}

// Including lists the files of the database that include the header, directly or
// through others, as far as their text tells: conditions are not evaluated, names
// that are macros are not followed, and the compiler's own directories are not
// looked into. Whoever compiles what it lists finds out.
func (db *Database) Including(header string) []string {
	s := includes{lines: make(map[string][]include), exists: make(map[string]bool)}
	want := pathKey(realPath(header))
	var found []string
	for _, file := range db.Files() {
		if commands := db.Commands(file); len(commands) > 0 && s.reach(file, commands[0].includePath(), want) {
			found = append(found, file)
		}
	}
	return found
}

// An include is the name in a directive.
type include struct {
	name   string
	quoted bool
}

// includes reads files once.
type includes struct {
	lines  map[string][]include
	exists map[string]bool
}

// maxIncluded bounds the files that are followed from one unit, and maxHeader what is
// read of one.
const (
	maxIncluded = 4096
	maxHeader   = 4 << 20
)

func (s *includes) reach(file string, path searchPath, want string) bool {
	seen := map[string]bool{file: true}
	for work := []string{file}; len(work) > 0 && len(seen) < maxIncluded; work = work[1:] {
		for _, in := range s.of(work[0]) {
			next := s.resolve(in, filepath.Dir(work[0]), path)
			if next == "" || seen[next] {
				continue
			}
			if pathKey(realPath(next)) == want {
				return true
			}
			seen[next] = true
			work = append(work, next)
		}
	}
	return false
}

// resolve finds the file as the compiler does (GCC manual, Search Path).
func (s *includes) resolve(in include, dir string, path searchPath) string {
	dirs := path.angled
	if in.quoted {
		dirs = slices.Concat([]string{dir}, path.quoted, path.angled)
	}
	if filepath.IsAbs(in.name) {
		dirs = []string{""}
	}
	for _, d := range dirs {
		file := filepath.Join(d, in.name)
		exists, known := s.exists[file]
		if !known {
			st, err := os.Stat(file)
			exists = err == nil && st.Mode().IsRegular()
			s.exists[file] = exists
		}
		if exists {
			return file
		}
	}
	return ""
}

var directive = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*(?:include|include_next|import)[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)`)

func (s *includes) of(file string) []include {
	if lines, ok := s.lines[file]; ok {
		return lines
	}
	var lines []include
	if text, err := readBounded(file, maxHeader); err == nil {
		for _, m := range directive.FindAllSubmatch(text, -1) {
			lines = append(lines, include{string(bytes.Join(m[1:], nil)), len(m[1]) > 0})
		}
	}
	s.lines[file] = lines
	return lines
}

// searchPath is where a command has the compiler look for headers.
type searchPath struct{ quoted, angled []string }

func (c Command) includePath() searchPath {
	var p searchPath
	add := func(option, dir string) {
		dir = absolute(c.Dir, dir)
		if option == "-iquote" {
			p.quoted = append(p.quoted, dir)
		} else {
			p.angled = append(p.angled, dir)
		}
	}
	for i, a := range c.Args {
		for _, option := range []string{"-isystem", "-iquote", "-idirafter", "-I"} {
			value, ok := strings.CutPrefix(a, option)
			if !ok {
				continue
			}
			if value == "" && i+1 < len(c.Args) {
				value = c.Args[i+1]
			}
			add(option, strings.TrimPrefix(value, "="))
			break
		}
	}
	return p
}

func realPath(file string) string {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		return real
	}
	return filepath.Clean(file)
}
