package toolchain

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/problem"
)

// wrappers are programs that only start the compiler. They are left out: the
// object is the same without them.
var wrappers = []string{"ccache", "sccache", "distcc", "icecc", "gomacc", "goma", "buildcache", "time", "nice"}

// parse turns the entry into a command.
func (e entry) parse() (Command, error) {
	args := e.arguments
	if len(args) == 0 {
		args = split(e.command, windowsQuoting(e.command))
	}
	c := Command{File: e.file, Dir: e.dir}
	for len(args) > 0 {
		name := programName(args[0])
		switch {
		case name == "env":
			args = args[1:]
			for len(args) > 0 && strings.Contains(args[0], "=") && !strings.HasPrefix(args[0], "-") {
				c.Env = append(c.Env, args[0])
				args = args[1:]
			}
			continue
		case slices.Contains(wrappers, name) && len(args) > 1:
			args = args[1:]
			continue
		}
		break
	}
	if len(args) == 0 {
		return c, problem.New(problem.BadDatabase, "have the build write it again", "the compile database has no compiler for %s", e.file)
	}
	var err error
	budget := maxResponse
	c.Args, err = expand(e.dir, args, 0, &budget)
	if err != nil {
		return c, problem.New(problem.BadDatabase, "build the project, so that the file exists", "the command for %s: %w", e.file, err)
	}
	return c, nil
}

// programName is the base name of a program, without .exe, in lower case.
func programName(path string) string {
	path = path[strings.LastIndexAny(path, `/\`)+1:]
	return strings.TrimSuffix(strings.ToLower(path), ".exe")
}

const (
	maxResponse      = 4 << 20 // bytes of all response files of a command
	maxResponseDepth = 8
)

// expand replaces @file arguments by the file's content, as the compilers do.
func expand(dir string, args []string, depth int, budget *int) ([]string, error) {
	var out []string
	for _, a := range args {
		name, ok := strings.CutPrefix(a, "@")
		if !ok || name == "" {
			out = append(out, a)
			continue
		}
		path := absolute(dir, name)
		st, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("response file: %w", err)
		}
		if depth >= maxResponseDepth || !st.Mode().IsRegular() || st.Size() > int64(*budget) {
			return nil, fmt.Errorf("response file %s is too large or nested too deep", path)
		}
		*budget -= int(st.Size())
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("response file: %w", err)
		}
		inner, err := expand(dir, split(string(text), false), depth+1, budget)
		if err != nil {
			return nil, err
		}
		out = append(out, inner...)
	}
	return out, nil
}

var drivePath = regexp.MustCompile(`^"?[A-Za-z]:\\`)

// windowsQuoting tells whether backslashes of a command line are part of paths.
func windowsQuoting(command string) bool {
	return runtime.GOOS == "windows" || drivePath.MatchString(command)
}

// split splits a command line at blanks that are not quoted, as a POSIX shell
// does but without expanding anything. With windows, a backslash escapes only a
// double quote.
func split(line string, windows bool) []string {
	var words []string
	var word strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(line) && (!windows || line[i+1] == '"'):
			// Within double quotes a shell keeps most backslashes (POSIX XCU 2.2.3).
			if quote == '"' && !strings.ContainsRune("\"\\$`", rune(line[i+1])) {
				word.WriteByte(c)
			} else {
				i++
				word.WriteByte(line[i])
			}
			in = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'' && !windows:
			quote, in = c, true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if in {
				words = append(words, word.String())
				word.Reset()
				in = false
			}
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if in {
		words = append(words, word.String())
	}
	return words
}

// sourceIndex finds the source among the arguments, -1 if it is not there.
func (c Command) sourceIndex() int {
	for i, a := range c.Args {
		if i > 0 && !strings.HasPrefix(a, "-") && absolute(c.Dir, a) == c.File {
			return i
		}
	}
	real, err := filepath.EvalSymlinks(c.File)
	if err != nil {
		return -1
	}
	for i, a := range c.Args {
		if i == 0 || strings.HasPrefix(a, "-") || filepath.Base(a) != filepath.Base(c.File) {
			continue
		}
		if r, err := filepath.EvalSymlinks(absolute(c.Dir, a)); err == nil && r == real {
			return i
		}
	}
	return -1
}

// Options that take the next argument, and single ones, which decide what is
// written where. They are dropped: a compile of ours writes one object to a
// place of its own and leaves the build tree alone.
var (
	outputsWithValue = []string{"-o", "-MF", "-MT", "-MQ", "-MJ", "--serialize-diagnostics", "-dumpdir", "-dumpbase", "-aux-info"}
	outputs          = []string{"-c", "-S", "-E", "-M", "-MM", "-MD", "-MMD", "-MP", "-MG", "-gsplit-dwarf", "--verbose", "-v", "-###"}
	outputPrefixes   = []string{"-o", "-MF", "-MT", "-MQ", "-MJ", "-save-temps", "--save-temps", "-fdump-", "-fdiagnostics-format", "-fdiagnostics-color", "-fcolor-diagnostics", "-Wp,-MD,", "-Wp,-MMD,"}
)

// compileArgs returns the arguments without the compiler and what decides on
// outputs, and the index of the source among them, -1 if it is not there.
func (c Command) compileArgs() (args []string, source int) {
	at := c.sourceIndex()
	source = -1
	for i := 1; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case i == at:
			source = len(args)
			args = append(args, a)
		case slices.Contains(outputsWithValue, a):
			i++
		case slices.Contains(outputs, a),
			slices.ContainsFunc(outputPrefixes, func(p string) bool { return strings.HasPrefix(a, p) }),
			strings.HasPrefix(a, "-Wa,-a") && strings.Contains(a, "="): // an assembler listing
		default:
			args = append(args, a)
		}
	}
	return args, source
}
