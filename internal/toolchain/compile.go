package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	Workspace   []string // roots of the workspace: no program inside runs without consent
	Env         []string // environment of the compilers, as of os.Environ
	ConsentFile string   // where the user's consents are kept; empty: nowhere
}

// A Toolchain compiles units. It may be used by several goroutines at once.
type Toolchain struct {
	cfg Config

	mu     sync.Mutex
	libgcc map[string][]byte // by compiler and machine flags
}

// New returns a Toolchain.
func New(cfg Config) *Toolchain {
	return &Toolchain{cfg: cfg, libgcc: make(map[string][]byte)}
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

const (
	// maxOutput bounds what is read of a compiler's messages.
	maxOutput = 4 << 20
	// killDelay is how long a killed compiler's children may hold its output.
	killDelay = 2 * time.Second
)

// Compile compiles the unit with exactly its command, except for what decides
// on outputs. The only trace it leaves is gone when it returns: a buffer that
// differs from the file is compiled as a hidden file beside it, because from
// any other place the compiler could find other headers.
func (t *Toolchain) Compile(ctx context.Context, u Unit) (*Result, error) {
	c := u.Command
	compiler, err := t.resolve(c)
	if err != nil {
		return nil, err
	}
	if err := t.permit(c, compiler); err != nil {
		return nil, err
	}
	args, source := c.compileArgs()
	if source < 0 {
		return nil, problem.New(problem.BadDatabase, "have the build write the database again",
			"the command for %s does not name it", c.File)
	}
	dir, err := os.MkdirTemp("", "fpbls-")
	if err != nil {
		return nil, fmt.Errorf("making room for the object: %w", err)
	}
	defer os.RemoveAll(dir)

	if edited, err := u.edited(); err != nil {
		return nil, err
	} else if edited {
		path, err := writeSibling(c.File, args[source], u.Text)
		if err != nil {
			return nil, err
		}
		defer os.Remove(path)
		args[source] = path
	}
	object := filepath.Join(dir, "unit.o")
	args = slices.Concat(args, u.Flags, []string{"-c", "-o", object})

	start := time.Now()
	output, err := t.run(ctx, u, compiler, slices.Concat(args, diagnosticFlags(c.Args[0])))
	if err != nil && bytes.Contains(output, []byte("-fdiagnostics-format")) {
		output, err = t.run(ctx, u, compiler, args) // GCC before version 9 does not know it
	}
	elapsed := time.Since(start)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	diagnostics := parseDiagnostics(output, c.Dir)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return nil, rejected(c, diagnostics, output)
	case err != nil:
		return nil, problem.New(problem.CompilerMissing, install(c.Args[0]), "cannot run the compiler: %w", err)
	}
	data, err := os.ReadFile(object)
	if err != nil {
		return nil, problem.New(problem.CompileFailed, "look at the unit's entry in the compile database", "the compiler wrote no object for %s: %w", c.File, err)
	}
	return &Result{Object: data, Diagnostics: diagnostics, Elapsed: elapsed}, nil
}

// rejected makes the error of a compile that failed.
func rejected(c Command, diagnostics []Diagnostic, output []byte) error {
	first := strings.TrimSpace(firstLine(output))
	for _, d := range diagnostics {
		if d.Severity == SeverityError {
			first = fmt.Sprintf("%s:%d:%d: %s", filepath.Base(d.File), d.Line, d.Col, d.Message)
			break
		}
	}
	if first == "" {
		first = "the compiler failed without a message"
	}
	return &CompileError{
		Diagnostics: diagnostics,
		problem:     problem.New(problem.CompileFailed, "correct the source; the board was not touched", "%s does not compile: %s", filepath.Base(c.File), first),
	}
}

func firstLine(p []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(p)), "\n")
	return line
}

// edited reports whether the text differs from the file.
func (u Unit) edited() (bool, error) {
	if u.Text == nil {
		return false, nil
	}
	disk, err := os.ReadFile(u.Command.File)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	return !bytes.Equal(disk, u.Text), err
}

// siblingPrefix marks our files, so that those of a killed process are known.
const siblingPrefix = ".fpbls-"

// writeSibling writes the text beside the file, under the name that the command
// gives the file in messages and __FILE__, and returns its path.
func writeSibling(file, spelled string, text []byte) (string, error) {
	dir := filepath.Dir(file)
	removeStale(dir)
	f, err := os.CreateTemp(dir, siblingPrefix+"*-"+filepath.Base(file))
	if err != nil {
		return "", problem.New(problem.CompileFailed, "save the file, so that it can be compiled where it is",
			"cannot compile the edited %s: its directory cannot be written: %w", filepath.Base(file), err)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // only allowed at the start of a file
	_, err = fmt.Fprintf(f, "# 1 \"%s\"\n", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(spelled))
	if err == nil {
		_, err = f.Write(text)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("writing the edited %s: %w", filepath.Base(file), err)
	}
	return f.Name(), nil
}

// staleAfter is longer than any compile takes.
const staleAfter = time.Hour

// removeStale removes what killed processes left.
func removeStale(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, siblingPrefix+"*"))
	for _, path := range left {
		if st, err := os.Lstat(path); err == nil && st.Mode().IsRegular() && time.Since(st.ModTime()) > staleAfter {
			os.Remove(path)
		}
	}
}

// run starts a program without a shell and returns what it says on its error
// output.
func (t *Toolchain) run(ctx context.Context, u Unit, program string, args []string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = u.Command.Dir
	cmd.Env = slices.Concat(t.cfg.Env, u.Command.Env, []string{"LC_ALL=C"})
	if u.Epoch != 0 {
		cmd.Env = append(cmd.Env, "SOURCE_DATE_EPOCH="+strconv.FormatInt(u.Epoch, 10))
	}
	out := &bounded{limit: maxOutput}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = killDelay
	killGroup(cmd)
	err := cmd.Run()
	return out.buf.Bytes(), err
}

// bounded keeps the first bytes written to it.
type bounded struct {
	buf   bytes.Buffer
	limit int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.buf.Write(p[:min(len(p), b.limit-b.buf.Len())])
	return len(p), nil
}

func (t *Toolchain) getenv(name string) string {
	for _, v := range slices.Backward(t.cfg.Env) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// LibGCC returns the libgcc.a that the compiler links for the command's
// machine. It is read once.
func (t *Toolchain) LibGCC(ctx context.Context, c Command) ([]byte, error) {
	compiler, err := t.resolve(c)
	if err != nil {
		return nil, err
	}
	if err := t.permit(c, compiler); err != nil {
		return nil, err
	}
	var machine []string
	for _, a := range c.Args[1:] {
		if strings.HasPrefix(a, "-m") || strings.HasPrefix(a, "--target") {
			machine = append(machine, a)
		}
	}
	key := compiler + "\x00" + strings.Join(machine, "\x00")
	t.mu.Lock()
	data := t.libgcc[key]
	t.mu.Unlock()
	if data != nil {
		return data, nil
	}
	out, err := t.run(ctx, Unit{Command: c}, compiler, append(machine, "-print-libgcc-file-name"))
	if err != nil {
		return nil, fmt.Errorf("asking %s for its libgcc: %w", c.Args[0], err)
	}
	data, err = os.ReadFile(strings.TrimSpace(string(out)))
	if err != nil {
		return nil, fmt.Errorf("%s has no libgcc: %w", c.Args[0], err)
	}
	t.mu.Lock()
	t.libgcc[key] = data
	t.mu.Unlock()
	return data, nil
}
