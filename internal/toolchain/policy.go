package toolchain

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/fpbls/fpbls/internal/problem"
)

// known are the compilers that run without asking, if they lie outside the
// workspace. A version may follow the name.
var known = regexp.MustCompile(`^(arm-[a-z0-9_]+(-[a-z0-9_]+)*-(gcc|g\+\+|c\+\+|cc|clang|clang\+\+)|clang|clang\+\+)(-[0-9.]+)?$`)

// A program is a compiler that was found.
type program struct {
	path string // absolute, as it is named
	real string // without symbolic links; this is what runs
}

// Check tells whether the command's compiler is there and may run, without
// running it. What [Toolchain.Allow] can change is a compiler-not-allowed problem.
func (t *Toolchain) Check(c Command) error {
	_, err := t.vet(c)
	return err
}

// vet finds the command's compiler and decides whether it may run with the
// command's arguments.
func (t *Toolchain) vet(c Command) (program, error) {
	p, err := t.find(c)
	if err != nil {
		return p, err
	}
	reasons, want := t.doubts(c, p)
	if len(reasons) == 0 || t.consented(want) {
		return p, nil
	}
	return p, problem.New(problem.CompilerRefused,
		"if you trust it, allow it for your user with \"fpbls doctor --allow-compiler "+c.File+"\"",
		"%s was not run for %s: %s", c.Args[0], filepath.Base(c.File), strings.Join(reasons, ", and "))
}

// doubts lists why the user has to be asked, and what a consent covers.
func (t *Toolchain) doubts(c Command, p program) ([]string, consent) {
	var reasons []string
	want := consent{Compiler: p.real}
	switch {
	case t.inWorkspace(p.real):
		reasons = append(reasons, "it lies inside the workspace ("+p.real+")")
	case !known.MatchString(programName(c.Args[0])):
		reasons = append(reasons, "it is not a known compiler")
	}
	if want.Options = c.foreignCode(); len(want.Options) > 0 {
		reasons = append(reasons, "its command can load code ("+strings.Join(want.Options, " ")+")")
		want.Workspace = strings.Join(t.roots, string(filepath.ListSeparator)) // relative paths mean other files elsewhere
	}
	return reasons, want
}

// find finds the compiler that the command names.
func (t *Toolchain) find(c Command) (program, error) {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return program{}, problem.New(problem.BadDatabase, "have the build write it again", "the command for %s has no compiler", c.File)
	}
	name := c.Args[0]
	var path string
	if strings.ContainsAny(name, `/\`) {
		path = executable(absolute(c.Dir, name))
	} else {
		for _, dir := range filepath.SplitList(t.getenv("PATH")) {
			if filepath.IsAbs(dir) { // others mean the working directory, which is the workspace
				if path = executable(filepath.Join(dir, name)); path != "" {
					break
				}
			}
		}
	}
	if path == "" {
		return program{}, problem.New(problem.CompilerMissing, install(name), "the compiler %s of %s is not installed", name, filepath.Base(c.File))
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return program{}, problem.New(problem.CompilerMissing, install(name), "the compiler %s of %s cannot be found: %w", name, filepath.Base(c.File), err)
	}
	return program{path, real}, nil
}

// executable returns the path if it is a program, with .exe where systems need it.
func executable(path string) string {
	candidates := []string{path}
	if runtime.GOOS == "windows" && !strings.EqualFold(filepath.Ext(path), ".exe") {
		candidates = []string{path + ".exe"} // never a .bat: that would be a shell
	}
	for _, p := range candidates {
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() && (runtime.GOOS == "windows" || st.Mode()&0o111 != 0) {
			return p
		}
	}
	return ""
}

// install says how to get a compiler.
func install(name string) string {
	switch n := programName(name); {
	case strings.HasPrefix(n, "arm-none-eabi-g") && strings.Contains(n, "++"):
		return "install it (Debian and Ubuntu: apt-get install gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib; macOS: brew install --cask gcc-arm-embedded), or add its directory to PATH"
	case strings.HasPrefix(n, "arm-none-eabi-"):
		return "install it (Debian and Ubuntu: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi; macOS: brew install --cask gcc-arm-embedded), or add its directory to PATH"
	case strings.HasPrefix(n, "arm-zephyr-eabi-"):
		return "install the Zephyr SDK, or add its directory to PATH"
	case strings.HasPrefix(n, "clang"):
		return "install it (Debian and Ubuntu: apt-get install clang), or add its directory to PATH"
	}
	return "install it, or add its directory to PATH"
}

// workspaceRoots returns the real paths of the workspace's folders and of the
// repositories that they are part of: what was checked out together is trusted
// together. A repository that is the user's home does not count.
func workspaceRoots(folders []string, home string) []string {
	if real, err := filepath.EvalSymlinks(home); err == nil {
		home = real
	}
	var roots []string
	for _, folder := range folders {
		root, err := filepath.Abs(folder)
		if err != nil {
			continue
		}
		if real, err := filepath.EvalSymlinks(root); err == nil {
			root = real
		}
		top := root
		for dir := root; ; dir = filepath.Dir(dir) {
			if dir == home || dir == filepath.Dir(dir) {
				break
			}
			if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
				top = dir
				break
			}
		}
		roots = append(roots, top)
	}
	return roots
}

// inWorkspace reports whether the real path lies in one of the roots. It asks
// the system, which knows whether it tells upper case from lower.
func (t *Toolchain) inWorkspace(path string) bool {
	var roots []os.FileInfo
	for _, root := range t.roots {
		if st, err := os.Stat(root); err == nil {
			roots = append(roots, st)
		}
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		if st, err := os.Stat(dir); err == nil {
			for _, root := range roots {
				if os.SameFile(st, root) {
					return true
				}
			}
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}
