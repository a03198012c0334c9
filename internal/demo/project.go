package demo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/settings"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// configuration is the kept project's. ELF and compile database are found.
const configuration = `# The simulated board, running the folder's firmware inside fpbls. With a real
# board: "/dev/serial/by-id/…", "COM3" or "tcp://host:port".
port = "sim:"
`

// build writes the project and builds its ELF.
func build(ctx context.Context, dir string) (Project, error) {
	p, err := testfirmware.WriteProject(dir)
	if err != nil {
		return Project{}, err
	}
	if err := os.WriteFile(filepath.Join(p.Dir, settings.FileName), []byte(configuration), 0o644); err != nil {
		return Project{}, err
	}
	if err := p.Build(ctx); errors.Is(err, exec.ErrNotFound) {
		return Project{}, problem.New(problem.CompilerMissing,
			"install it (Debian, Ubuntu: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi) and start again",
			"the compiler %s is not installed: %w", testfirmware.Compiler, err)
	} else if err != nil {
		return Project{}, err
	}
	return Project{
		Dir: p.Dir, Source: p.Source, Function: p.Function, ELF: p.ELF, CompileCommands: p.CompileCommands,
	}, nil
}

// claim makes the directory, or makes sure that nothing in it gets lost.
func claim(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = os.MkdirAll(dir, 0o755)
	case len(entries) > 0:
		return problem.New(problem.Usage, "name a folder that is empty or does not exist", "the folder %s is not empty", dir)
	}
	if err != nil {
		return problem.New(problem.Usage, "name another folder", "cannot use the folder for the demo: %w", err)
	}
	return nil
}
