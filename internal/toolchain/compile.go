package toolchain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fpbls/fpbls/internal/problem"
)

// Config says in what surroundings compilers run.
type Config struct {
	Workspace   []string // folders of the workspace: no program inside runs without consent
	Env         []string // environment of the compilers, as of os.Environ
	ConsentFile string   // where the user's consents are kept; empty: nowhere
}

// A Toolchain compiles units. It may be used by several goroutines at once; each
// call runs its own processes, which end with it.
type Toolchain struct {
	cfg      Config
	roots    []string      // of the workspace, real paths
	safePath func() string // PATH without what lies in the workspace

	consentMu sync.Mutex // serialises writers of the file

	mu        sync.Mutex        // for a map access only
	old       map[string]bool   // compilers that do not know all of our flags, by real path
	libraries map[string][]byte // libgcc by compiler and machine options
}

// New returns a Toolchain.
func New(cfg Config) *Toolchain {
	t := &Toolchain{cfg: cfg, old: make(map[string]bool), libraries: make(map[string][]byte)}
	t.roots = workspaceRoots(cfg.Workspace, cmp.Or(t.getenv("HOME"), t.getenv("USERPROFILE")))
	t.safePath = sync.OnceValue(t.cleanPath)
	return t
}

// A Unit is one compile.
type Unit struct {
	Command Command
	Text    []byte   // the source as it stands in the editor; nil: as it is on disk
	Flags   []string // added behind the command's own
	Epoch   int64    // SOURCE_DATE_EPOCH, for __DATE__ and __TIME__; 0: the current time
}

// A Result is what a successful compile gave.
type Result struct {
	Object      []byte
	Diagnostics []Diagnostic // warnings
	Elapsed     time.Duration
}

// A CompileError says that the compiler rejected the source. In its tree is a
// compile-error problem.
type CompileError struct {
	Diagnostics []Diagnostic
	problem     *problem.Problem
}

func (e *CompileError) Error() string { return e.problem.Error() }
func (e *CompileError) Unwrap() error { return e.problem }

// maxObject bounds the object that is read.
const maxObject = 256 << 20

// Compile compiles the unit with exactly its command, except for what decides
// on outputs. What it writes is gone when it returns, also when ctx is cancelled.
func (t *Toolchain) Compile(ctx context.Context, u Unit) (*Result, error) {
	c := u.Command
	compiler, err := t.vet(c)
	if err != nil {
		return nil, err
	}
	args, at := c.compileArgs()
	if at < 0 {
		return nil, problem.New(problem.BadDatabase, "have the build write the database again",
			"the command for %s does not name it", c.File)
	}
	scratch, err := os.MkdirTemp(t.tempDir(), "fpbls-")
	if err != nil {
		return nil, fmt.Errorf("making room for the object: %w", err)
	}
	defer os.RemoveAll(scratch)

	header, err := serveHeader(scratch)
	if err != nil {
		return nil, err
	}
	source, err := openSource(u, args, at)
	if err != nil {
		return nil, err
	}
	defer source.close()
	args[at] = source.spelled
	object := filepath.Join(scratch, "unit.o")
	args = slices.Concat(args, u.Flags, header, []string{"-c", "-o", object})

	start := time.Now()
	output, err := t.runCompiler(ctx, process{compiler, c.Dir, t.environment(u, scratch), args}, source)
	elapsed := time.Since(start)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	diagnostics := parseDiagnostics(output, place{dir: c.Dir, unit: c.File, sibling: source.sibling})
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return nil, rejected(c, diagnostics, output)
	case err != nil:
		return nil, problem.New(problem.CompilerMissing, install(c.Args[0]), "cannot run the compiler: %w", err)
	}
	data, err := readBounded(object, maxObject)
	if err != nil {
		return nil, problem.New(problem.CompileFailed, "look at the unit's entry in the compile database", "the compiler wrote no object for %s: %w", c.File, err)
	}
	return &Result{Object: data, Diagnostics: diagnostics, Elapsed: elapsed}, nil
}

// runCompiler runs the compile, again without what is not essential if the
// compiler is too old for it.
func (t *Toolchain) runCompiler(ctx context.Context, p process, source *source) ([]byte, error) {
	t.mu.Lock()
	old := t.old[p.program.real]
	t.mu.Unlock()
	plain := p
	if !old {
		clang := isClang(p.program.path)
		p.args = slices.Concat(p.args, source.hide, diagnosticFlags(clang))
	}
	output, err := p.run(ctx)
	if err == nil || old || !unknownFlag(output) {
		return output, err
	}
	again, err := plain.run(ctx)
	if err == nil {
		t.mu.Lock()
		t.old[p.program.real] = true
		t.mu.Unlock()
	}
	return again, err
}

// rejected makes the error of a compile that failed.
func rejected(c Command, diagnostics []Diagnostic, output []byte) error {
	var first string
	for _, d := range diagnostics {
		if d.Severity != SeverityError {
			continue
		}
		if first = d.Message; d.Line > 0 {
			first = fmt.Sprintf("%s:%d:%d: %s", filepath.Base(d.File), d.Line, d.Col, d.Message)
		}
		break
	}
	if first == "" {
		first = "the compiler failed without a message"
		for line := range strings.Lines(string(output)) {
			if line = strings.TrimSpace(line); line != "" && line != "[]" {
				first = line
				break
			}
		}
	}
	return &CompileError{
		Diagnostics: diagnostics,
		problem:     problem.New(problem.CompileFailed, "correct the source; the board was not touched", "%s does not compile: %s", filepath.Base(c.File), first),
	}
}

// environment is that of a compiler: the user's, what the command sets, messages
// that can be read, and scratch for the compiler's own files, so that a killed
// one leaves none behind.
func (t *Toolchain) environment(u Unit, scratch string) []string {
	env := slices.Concat(t.cfg.Env, u.Command.Env, []string{"LC_ALL=C"})
	if scratch != "" {
		env = append(env, "TMPDIR="+scratch, "TMP="+scratch, "TEMP="+scratch)
	}
	if u.Epoch != 0 {
		env = append(env, "SOURCE_DATE_EPOCH="+strconv.FormatInt(u.Epoch, 10))
	}
	if !slices.ContainsFunc(u.Command.Env, func(v string) bool { return strings.HasPrefix(v, "PATH=") }) {
		env = append(env, "PATH="+t.safePath())
	}
	return env
}

// cleanPath drops from PATH what lies in the workspace and what is relative:
// compilers look for their assembler there, and run in the workspace.
func (t *Toolchain) cleanPath() string {
	return strings.Join(slices.DeleteFunc(filepath.SplitList(t.getenv("PATH")), func(dir string) bool {
		real, err := filepath.EvalSymlinks(dir)
		return err != nil || !filepath.IsAbs(dir) || t.inWorkspace(real)
	}), string(filepath.ListSeparator))
}

// tempDir is where private directories are made; empty is the system's.
func (t *Toolchain) tempDir() string {
	if dir := t.getenv("TMPDIR"); filepath.IsAbs(dir) {
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			return dir
		}
	}
	return ""
}

// readBounded reads a file that the size must not exceed.
func readBounded(path string, limit int64) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > limit {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("is larger than %d MB", limit>>20)}
	}
	return os.ReadFile(path)
}
