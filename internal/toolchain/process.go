package toolchain

import (
	"bytes"
	"context"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// process is a program to run. There is no shell.
type process struct {
	program program
	dir     string
	env     []string
	args    []string
}

const (
	// maxOutput bounds what is read of a compiler's messages.
	maxOutput = 4 << 20
	// killDelay is how long a killed compiler's children may hold its output.
	killDelay = 2 * time.Second
)

// run returns what the program says on both its outputs.
func (p process) run(ctx context.Context) ([]byte, error) {
	out := &bounded{limit: maxOutput}
	cmd := p.command(ctx)
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	return out.buf.Bytes(), err
}

// ask returns what the program says on its standard output.
func (p process) ask(ctx context.Context) ([]byte, error) {
	out := &bounded{limit: maxOutput}
	cmd := p.command(ctx)
	cmd.Stdout = out
	err := cmd.Run()
	return out.buf.Bytes(), err
}

func (p process) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.program.real, p.args...)
	cmd.Args[0] = p.program.path // compilers see from it who they are to be
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.WaitDelay = killDelay
	killGroup(cmd)
	return cmd
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

// getenv returns a variable of the environment that was given.
func (t *Toolchain) getenv(name string) string {
	for _, v := range slices.Backward(t.cfg.Env) {
		key, value, ok := strings.Cut(v, "=")
		if ok && (key == name || runtime.GOOS == "windows" && strings.EqualFold(key, name)) {
			return value
		}
	}
	return ""
}
