package toolchain

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/fpbls/fpbls/internal/problem"
)

// source is the file that is compiled: the unit's own or, for an edited buffer,
// a sibling of it.
type source struct {
	spelled string   // as the compiler is told
	sibling string   // absolute path, empty if it is the unit's own
	hide    []string // flags that keep the sibling's name out of the object: __BASE_FILE__, DW_AT_name
}

// openSource decides which file to compile for the unit, whose source is
// args[at], and writes the sibling if it takes one.
func openSource(u Unit, args []string, at int) (*source, error) {
	spelled := args[at]
	own := &source{spelled: spelled}
	disk, err := os.ReadFile(u.Command.File)
	switch {
	case errors.Is(err, fs.ErrNotExist) && u.Text == nil:
		return nil, problem.New(problem.NoSuchFile, "check the path", "there is no file %s", u.Command.File)
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, problem.New(problem.NoSuchFile, "check the file's permissions", "cannot read the source: %w", err)
	case u.Text == nil, bytes.Equal(disk, u.Text):
		return own, nil
	}
	if includesItself(u.Text, filepath.Base(spelled)) {
		return nil, problem.New(problem.CompileFailed, "save the file", "%s includes itself: only its saved text can be compiled", filepath.Base(u.Command.File))
	}
	// The compiler looks for headers beside the file as it is spelled, and puts
	// that directory, as it is spelled, into __FILE__ of those headers.
	dir := spelled[:strings.LastIndexAny(filepath.ToSlash(spelled), "/")+1]
	s := new(source)
	if s.sibling, err = writeSibling(absolute(u.Command.Dir, dir), spelled, u.Text); err != nil {
		return nil, err
	}
	s.spelled = dir + filepath.Base(s.sibling)
	if !strings.Contains(s.spelled, "=") {
		// GCC looks at maps for macros alone after the others.
		s.hide = []string{
			"-ffile-prefix-map=" + s.spelled + "=" + cmp.Or(remap(args, spelled, "-ffile-prefix-map="), remap(args, spelled, "-fmacro-prefix-map="), spelled),
			"-fdebug-prefix-map=" + s.spelled + "=" + cmp.Or(remap(args, spelled, "-ffile-prefix-map=", "-fdebug-prefix-map="), spelled),
		}
	}
	return s, nil
}

// close removes what openSource wrote.
func (s *source) close() {
	if s.sibling != "" {
		os.Remove(s.sibling)
	}
}

// remap is what the command's own prefix maps make of a path, empty if none
// fits. The last one that does counts.
func remap(args []string, path string, options ...string) string {
	mapped := ""
	for _, a := range args {
		for _, option := range options {
			rule, _ := strings.CutPrefix(a, option)
			if from, to, ok := strings.Cut(rule, "="); ok && rule != a && strings.HasPrefix(path, from) {
				mapped = to + path[len(from):]
			}
		}
	}
	return mapped
}

var includeLine = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]*(?:__FILE__|"([^"\n]*)")`)

// includesItself reports whether the text includes the file it stands in, which
// is on disk with another text.
func includesItself(text []byte, base string) bool {
	for _, m := range includeLine.FindAllSubmatch(text, -1) {
		if len(m[1]) == 0 || string(m[1]) == base || string(m[1]) == "./"+base {
			return true
		}
	}
	return false
}

// siblingPrefix marks our files; the process follows.
const siblingPrefix = ".fpbls-"

// writeSibling writes the text into the directory, under the name that the
// command gives its file in messages and __FILE__, and returns its path.
func writeSibling(dir, spelled string, text []byte) (string, error) {
	removeStale(dir)
	f, err := os.CreateTemp(dir, siblingPrefix+strconv.Itoa(os.Getpid())+"-*"+filepath.Ext(spelled))
	if err != nil {
		return "", problem.New(problem.CompileFailed, "save the file, so that it can be compiled where it is",
			"cannot compile the edited %s: a file beside it is needed: %w", filepath.Base(spelled), err)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // only allowed at the start of a file
	// #line, as "# 1" is an extension that -pedantic -Werror rejects.
	_, err = fmt.Fprintf(f, "#line 1 \"%s\"\n", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(spelled))
	if err == nil {
		_, err = f.Write(text)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("writing the edited %s: %w", filepath.Base(spelled), err)
	}
	return f.Name(), nil
}

const (
	// youngest is how old a sibling has to be before its process is looked for: one
	// in another container has a number of its own.
	youngest = 5 * time.Minute
	// oldest is longer than any compile takes.
	oldest = time.Hour
)

// removeStale removes what killed processes left in the directory.
func removeStale(dir string) {
	f, err := os.Open(dir)
	if err != nil {
		return
	}
	names, _ := f.Readdirnames(-1)
	f.Close()
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, siblingPrefix)
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(number)
		if err != nil || pid <= 0 {
			continue
		}
		path := filepath.Join(dir, name)
		st, err := os.Lstat(path)
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		if age := time.Since(st.ModTime()); age > oldest || age > youngest && !running(pid) {
			os.Remove(path)
		}
	}
}
