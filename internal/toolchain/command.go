package toolchain

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/problem"
)

// A Command is how a unit is compiled.
type Command struct {
	File    string   // absolute
	Dir     string   // absolute; where the compiler runs
	Args    []string // Args[0] is the compiler; response files are expanded
	Env     []string // NAME=value that stood in front of the compiler
	Wrapper []string // what starts the compiler in the build, as ccache; it is not run here
	Output  string   // absolute; what the build writes, empty if unknown
	Note    string   // what the user should know, as whose flags these are
}

// parse turns the entry into a command.
func (e entry) parse() (Command, error) {
	words := e.arguments
	if len(words) == 0 {
		words = splitCommand(e.command)
	}
	c := Command{File: e.file, Dir: e.dir}
	n := 0
	n, c.Env = unwrap(words)
	c.Wrapper, words = slices.Clip(words[:n]), words[n:]
	if len(words) == 0 {
		return c, problem.New(problem.BadDatabase, "have the build write it again", "the compile database has no compiler for %s", e.file)
	}
	budget := maxResponse
	args, err := expand(e.dir, words[1:], 0, &budget)
	if err != nil {
		return c, problem.New(problem.BadDatabase, "build the project, so that the file exists", "the command for %s: %w", e.file, err)
	}
	c.Args = append([]string{words[0]}, args...)
	switch {
	case e.output != "":
		c.Output = absolute(e.dir, e.output)
	default:
		if i := slices.Index(c.Args, "-o"); i >= 0 && i+1 < len(c.Args) {
			c.Output = absolute(e.dir, c.Args[i+1])
		}
	}
	return c, nil
}

// sameCompile reports whether both give the same object.
func (c Command) sameCompile(o Command) bool {
	x, _ := c.compileArgs()
	y, _ := o.compileArgs()
	return c.Dir == o.Dir && c.Args[0] == o.Args[0] && slices.Equal(x, y) && slices.Equal(c.Env, o.Env)
}

// wrappers only start the compiler. They are left out: the object is the same
// without them, and one program less has to be trusted.
var wrappers = []string{"ccache", "sccache", "distcc", "icecc", "gomacc", "goma", "rewrapper", "buildcache", "fastbuild", "nice", "time", "env", "cmake"}

// wrapperVariables are settings of programs that are left out.
var wrapperVariables = []string{"CCACHE_", "SCCACHE_", "DISTCC_", "ICECC_", "GOMA_", "RBE_", "BUILDCACHE_"}

// unwrap returns how many words stand in front of the compiler, and the
// variables that are set there. Forms it does not know are left as they are: then
// the wrapper is taken for the compiler, and refused.
func unwrap(words []string) (n int, env []string) {
	for at := 0; at < len(words); {
		name := programName(words[at])
		switch {
		case assigns(words[at]):
			env = appendVariable(env, words[at])
			at++
			continue
		case !slices.Contains(wrappers, name):
			return at, env
		}
		at++
		switch name {
		case "env":
			at = skip(words, at, "--")
		case "nice":
			switch {
			case at+1 < len(words) && (words[at] == "-n" || words[at] == "--adjustment"):
				at += 2
			case at < len(words) && strings.HasPrefix(words[at], "-"):
				at++ // -n5, -5
			}
		case "time":
			at = skip(words, at, "-p")
		case "cmake":
			// cmake -E env A=b -- gcc, cmake -E time gcc
			if at+1 >= len(words) || words[at] != "-E" || words[at+1] != "env" && words[at+1] != "time" {
				return n, env
			}
			at = skip(words, at+2, "--")
		}
		for at < len(words) && assigns(words[at]) {
			// Behind env a variable, behind ccache one of its settings.
			if name == "env" || name == "cmake" {
				env = appendVariable(env, words[at])
			}
			at++
		}
		at = skip(words, at, "--")
		if at >= len(words) || strings.HasPrefix(words[at], "-") {
			return n, env
		}
		n = at
	}
	return n, env
}

// skip moves over the word if it stands there.
func skip(words []string, at int, word string) int {
	if at < len(words) && words[at] == word {
		at++
	}
	return at
}

// assigns reports whether the word is NAME=value.
func assigns(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	if !ok || name == "" || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

func appendVariable(env []string, variable string) []string {
	if slices.ContainsFunc(wrapperVariables, func(p string) bool { return strings.HasPrefix(variable, p) }) {
		return env
	}
	return append(env, variable)
}

// programName is the base name of a program, without .exe, in lower case.
func programName(path string) string {
	path = path[strings.LastIndexAny(path, `/\`)+1:]
	return strings.TrimSuffix(strings.ToLower(path), ".exe")
}

const (
	maxResponse      = 4 << 20 // bytes of all response files of a command
	responseBlock    = 4 << 10 // that each counts in addition: they can name each other many times
	maxResponseDepth = 8
)

// expand replaces @file arguments by the file's content, as the compilers do;
// also within response files the names are relative to the working directory.
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
		*budget -= responseBlock
		if depth >= maxResponseDepth || !st.Mode().IsRegular() || st.Size() > int64(*budget) {
			return nil, fmt.Errorf("response file %s is too large or nested too deep", path)
		}
		*budget -= int(st.Size())
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("response file: %w", err)
		}
		inner, err := expand(dir, splitResponse(string(text)), depth+1, budget)
		if err != nil {
			return nil, err
		}
		out = append(out, inner...)
	}
	return out, nil
}

// findSource finds the source among the arguments, -1 if it is not there. It is
// the last one: an earlier one may be an option's value.
func (c Command) findSource(args []string) int {
	for i, a := range slices.Backward(args) {
		if !strings.HasPrefix(a, "-") && pathKey(absolute(c.Dir, a)) == pathKey(c.File) {
			return i
		}
	}
	real, err := filepath.EvalSymlinks(c.File)
	if err != nil {
		return -1
	}
	for i, a := range slices.Backward(args) {
		if strings.HasPrefix(a, "-") || language(a) != language(c.File) {
			continue
		}
		if r, err := filepath.EvalSymlinks(absolute(c.Dir, a)); err == nil && pathKey(r) == pathKey(real) {
			return i
		}
	}
	return -1
}
