package toolchain

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/problem"
)

// maxLibrary bounds a libgcc.a.
const maxLibrary = 64 << 20

// LibGCC returns the libgcc.a that goes with the command's machine. It is read
// once. A Clang that has none is helped out by arm-none-eabi-gcc: the helpers'
// names and calling conventions are those of the ARM run-time ABI (RTABI32).
func (t *Toolchain) LibGCC(ctx context.Context, c Command) ([]byte, error) {
	compiler, err := t.vet(c)
	if err != nil {
		return nil, err
	}
	library, err := t.library(ctx, c, compiler, machineOptions(c))
	if err == nil || !isClang(compiler.path) || ctx.Err() != nil {
		return library, err
	}
	gcc := Command{File: c.File, Dir: c.Dir, Args: []string{"arm-none-eabi-gcc"}}
	if compiler, err = t.vet(gcc); err != nil {
		return nil, err
	}
	return t.library(ctx, gcc, compiler, slices.DeleteFunc(machineOptions(c), func(o string) bool { return !gccKnows(o) }))
}

// machineOptions are the options of the command that choose among libraries.
func machineOptions(c Command) []string {
	var found []string
	for i := 1; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case a == "-mllvm", a == "-Xclang":
			i++
		case slices.Contains([]string{"-target", "-specs", "--specs", "--sysroot", "-B", "--prefix", "--config"}, a) && i+1 < len(c.Args):
			found = append(found, a, c.Args[i+1])
			i++
		case strings.HasPrefix(a, "-m"), strings.HasPrefix(a, "-specs="), strings.HasPrefix(a, "-B"),
			strings.HasPrefix(a, "--") && slices.ContainsFunc([]string{"--target=", "--specs=", "--sysroot=", "--prefix=", "--gcc-", "--rtlib=", "--config="}, func(p string) bool { return strings.HasPrefix(a, p) }):
			found = append(found, a)
		}
	}
	return found
}

// gccKnows reports whether a machine option means the same to GCC as to Clang.
func gccKnows(option string) bool {
	name, _, _ := strings.Cut(option, "=")
	return slices.Contains([]string{"-mcpu", "-march", "-mthumb", "-marm", "-mfloat-abi", "-mfpu", "-mlittle-endian", "-mbig-endian"}, name)
}

func (t *Toolchain) library(ctx context.Context, c Command, compiler program, machine []string) ([]byte, error) {
	key := strings.Join(append([]string{compiler.real, c.Dir}, machine...), "\x00")
	t.mu.Lock()
	data := t.libraries[key]
	t.mu.Unlock()
	if data != nil {
		return data, nil
	}
	p := process{compiler, c.Dir, t.environment(Unit{Command: c}, ""), append(machine, "-print-libgcc-file-name")}
	out, err := p.ask(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	path := strings.TrimSpace(string(out))
	if err == nil && !filepath.IsAbs(path) {
		err = fmt.Errorf("it answers %q", path)
	}
	if err == nil {
		data, err = readBounded(path, maxLibrary)
	}
	if err == nil && !bytes.HasPrefix(data, []byte("!<arch>\n")) {
		err = fmt.Errorf("%s is no archive", path)
	}
	if err != nil {
		return nil, problem.New(problem.CompilerMissing, install(c.Args[0]), "%s has no libgcc: %w", c.Args[0], err)
	}
	t.mu.Lock()
	t.libraries[key] = data
	t.mu.Unlock()
	return data, nil
}
