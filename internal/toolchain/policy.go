package toolchain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/problem"
)

// known are the compilers that run without asking, if they lie outside the
// workspace. A version may follow the name.
var known = regexp.MustCompile(`^(arm-[a-z0-9_]+(-[a-z0-9_]+)*-(gcc|g\+\+|c\+\+|cc|clang|clang\+\+)|clang|clang\+\+)(-[0-9.]+)?$`)

// loaders are flags that make a compiler run code of somebody else.
var loaders = []string{"-fplugin", "-fpass-plugin", "-wrapper", "-B", "-specs", "--specs", "-load", "--config", "-fuse-ld", "--ld-path", "-no-integrated-cpp", "-fprofile-use"}

// harmlessSpecs are shipped with the compilers; a bare name is looked up among
// the compiler's own files first.
var harmlessSpecs = []string{"nano.specs", "nosys.specs", "rdimon.specs", "rdpmon.specs", "nosys", "picolibc.specs"}

// resolve finds the compiler that the command names, without asking whether it
// may run.
func (t *Toolchain) resolve(c Command) (string, error) {
	name := c.Args[0]
	var path string
	if strings.ContainsAny(name, `/\`) {
		path = executable(absolute(c.Dir, name))
	} else {
		for _, dir := range filepath.SplitList(t.getenv("PATH")) {
			if filepath.IsAbs(dir) {
				if path = executable(filepath.Join(dir, name)); path != "" {
					break
				}
			}
		}
	}
	if path == "" {
		return "", problem.New(problem.CompilerMissing, install(name), "the compiler %s of %s is not installed", name, filepath.Base(c.File))
	}
	return path, nil
}

// executable returns the path if it is a program, with .exe where systems need it.
func executable(path string) string {
	candidates := []string{path}
	if runtime.GOOS == "windows" && filepath.Ext(path) != ".exe" {
		candidates = []string{path + ".exe", path}
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
	case strings.HasPrefix(n, "arm-none-eabi-"):
		return "install it (Debian and Ubuntu: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi; macOS: brew install --cask gcc-arm-embedded), or add its directory to PATH"
	case strings.HasPrefix(n, "clang"):
		return "install it (Debian and Ubuntu: apt-get install clang), or add its directory to PATH"
	}
	return "install it, or add its directory to PATH"
}

// permit decides whether the compiler at path may run with the command's
// arguments.
func (t *Toolchain) permit(c Command, path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return problem.New(problem.CompilerMissing, install(c.Args[0]), "the compiler %s cannot be resolved: %w", path, err)
	}
	var reasons []string
	switch {
	case t.inWorkspace(real):
		reasons = append(reasons, "it lies inside the workspace ("+real+")")
	case !known.MatchString(programName(c.Args[0])):
		reasons = append(reasons, "it is not a known compiler")
	}
	flags := loadingFlags(c)
	if len(flags) > 0 {
		reasons = append(reasons, "the command can load code ("+strings.Join(flags, " ")+")")
	}
	if len(reasons) == 0 || t.consented(consent{real, flags}) {
		return nil
	}
	return problem.New(problem.CompilerRefused,
		"if you trust it, allow it for your user with \"fpbls doctor --allow-compiler "+c.File+"\"",
		"%s was not run for %s: %s", c.Args[0], filepath.Base(c.File), strings.Join(reasons, ", and "))
}

// loadingFlags lists the arguments that make the compiler run foreign code.
func loadingFlags(c Command) []string {
	var found []string
	for i, a := range c.Args[1:] {
		for _, l := range loaders {
			value, ok := strings.CutPrefix(a, l)
			if !ok || l != "-B" && l != "-specs" && l != "--specs" && value != "" && value[0] != '=' {
				continue
			}
			if strings.HasSuffix(l, "specs") && harmless(c, strings.TrimPrefix(value, "="), i) {
				continue
			}
			found = append(found, a)
			break
		}
	}
	return found
}

func harmless(c Command, specs string, i int) bool {
	if specs == "" && i+2 < len(c.Args) {
		specs = c.Args[i+2] // "-specs nano.specs"
	}
	if !slices.Contains(harmlessSpecs, specs) {
		return false
	}
	_, err := os.Stat(filepath.Join(c.Dir, specs)) // would be read if the compiler has none
	return errors.Is(err, fs.ErrNotExist)
}

func (t *Toolchain) inWorkspace(path string) bool {
	for _, root := range t.cfg.Workspace {
		if real, err := filepath.EvalSymlinks(root); err == nil {
			root = real
		}
		if rel, err := filepath.Rel(root, path); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// consent is what a user allowed: one program with these flags.
type consent struct {
	Compiler string   `json:"compiler"` // resolved path
	Flags    []string `json:"flags,omitempty"`
}

// maxConsents bounds the file that is read.
const maxConsents = 1 << 20

func (t *Toolchain) consents() []consent {
	if t.cfg.ConsentFile == "" {
		return nil
	}
	if st, err := os.Stat(t.cfg.ConsentFile); err != nil || st.Size() > maxConsents {
		return nil
	}
	data, err := os.ReadFile(t.cfg.ConsentFile)
	if err != nil {
		return nil
	}
	var list []consent
	if json.Unmarshal(data, &list) != nil {
		return nil
	}
	return list
}

func (t *Toolchain) consented(want consent) bool {
	return slices.ContainsFunc(t.consents(), func(c consent) bool {
		return c.Compiler == want.Compiler && slices.Equal(c.Flags, want.Flags)
	})
}

// Allow records, for the user, that the command's compiler may run with the
// flags it has there.
func (t *Toolchain) Allow(c Command) error {
	if t.cfg.ConsentFile == "" {
		return problem.New(problem.CompilerRefused, "", "there is no place to keep the consent in")
	}
	path, err := t.resolve(c)
	if err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("resolving %s: %w", path, err)
	}
	want := consent{real, loadingFlags(c)}
	if t.consented(want) {
		return nil
	}
	data, err := json.MarshalIndent(append(t.consents(), want), "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.cfg.ConsentFile), 0o700); err != nil {
		return fmt.Errorf("keeping the consent: %w", err)
	}
	return os.WriteFile(t.cfg.ConsentFile, append(data, '\n'), 0o600)
}
