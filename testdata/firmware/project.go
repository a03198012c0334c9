package testfirmware

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Compiler is the compiler that the firmware is built with, and CompilerCXX the
// one of its C++ units.
const (
	Compiler    = "arm-none-eabi-gcc"
	CompilerCXX = "arm-none-eabi-g++"
)

// A Project is a directory with a program, as an editor opens it.
type Project struct {
	Dir             string
	Source          string // of the demo: the file with Function
	Function        string // of the demo: the one to change first
	ELF             string // written by Build
	CompileCommands string
	Flags           []string // of every unit; see WriteDatabase

	program Program
	units   []string
}

// entry is one of compile_commands.json.
type entry struct {
	Directory string   `json:"directory"`
	Arguments []string `json:"arguments"`
	File      string   `json:"file"`
	Output    string   `json:"output"`
}

// WriteProject writes the demo; see [Program.Write].
func WriteProject(dir string) (Project, error) { return Demo().Write(dir) }

// Write writes the sources and the compile database to dir, which is created if
// need be.
func (p Program) Write(dir string) (Project, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Project{}, err
	}
	project := Project{
		Dir: dir, Source: filepath.Join(dir, "app", "status.c"), Function: "status_text",
		ELF:             filepath.Join(dir, "build", "firmware.elf"),
		CompileCommands: filepath.Join(dir, "compile_commands.json"),
		Flags:           slices.Clone(p.Flags),
		program:         p,
	}
	for _, pattern := range p.Units {
		found, err := fs.Glob(sources, pattern)
		if err != nil || len(found) == 0 {
			return Project{}, fmt.Errorf("no sources %s: %w", pattern, err)
		}
		project.units = append(project.units, found...)
	}
	if err := project.writeSources(); err != nil {
		return Project{}, err
	}
	return project, project.WriteDatabase()
}

// writeSources writes the units, and what else is in their folders but sources.
func (p Project) writeSources() error {
	written := make(map[string]bool)
	for _, unit := range p.units {
		folder := path.Dir(unit)
		if written[folder] {
			continue
		}
		written[folder] = true
		files, err := fs.ReadDir(sources, folder)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(p.Dir, folder), 0o755); err != nil {
			return err
		}
		for _, f := range files {
			name := path.Join(folder, f.Name())
			if f.IsDir() || isUnit(name) && !slices.Contains(p.units, name) {
				continue
			}
			text, err := fs.ReadFile(sources, name)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(p.Dir, filepath.FromSlash(name)), text, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func isUnit(name string) bool { return path.Ext(name) == ".c" || path.Ext(name) == ".cc" }

// WriteDatabase writes the compile database; again after Flags were changed.
func (p Project) WriteDatabase() error {
	database, err := json.MarshalIndent(p.entries(), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(p.CompileCommands, append(database, '\n'), 0o644)
}

// entries lists the compile commands. The prefix map keeps the directory out of
// the debug information, so that the same sources give the same ELF anywhere.
func (p Project) entries() []entry {
	var list []entry
	for _, unit := range p.units {
		output := "build/" + strings.ReplaceAll(strings.TrimSuffix(unit, path.Ext(unit)), "/", "_") + ".o"
		compiler, flags := Compiler, p.Flags
		if path.Ext(unit) == ".cc" {
			compiler, flags = CompilerCXX, flagsCXX(p.Flags)
		}
		args := append([]string{compiler}, flags...)
		args = append(args, "-ffile-prefix-map="+p.Dir+"=.", "-c", unit, "-o", output)
		list = append(list, entry{Directory: p.Dir, Arguments: args, File: unit, Output: output})
	}
	return list
}

// flagsCXX are the flags as they suit C++ on a microcontroller.
func flagsCXX(flags []string) []string {
	flags = slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return strings.HasPrefix(f, "-std=") })
	if !slices.Contains(flags, "-fexceptions") {
		flags = append(flags, "-fno-exceptions", "-fno-rtti")
	}
	return append(flags, "-std=gnu++17", "-fno-threadsafe-statics")
}

// Build compiles and links the firmware as the compile database says. A missing
// compiler is an [exec.ErrNotFound].
func (p Project) Build(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(p.ELF), 0o755); err != nil {
		return err
	}
	link := append([]string{Compiler}, p.program.Link...)
	entries := p.entries()
	for _, e := range entries {
		link = append(link, e.Output)
	}
	if err := atOnce(len(entries), func(i int) error { return p.run(ctx, entries[i].Arguments) }); err != nil {
		return err
	}
	return p.run(ctx, append(append(link, p.program.Libs...), "-o", "build/firmware.elf"))
}

// Rebuild compiles one unit and links it with the objects of an earlier build of
// the same program.
func (p Project) Rebuild(ctx context.Context, objects, unit string) error {
	if err := os.MkdirAll(filepath.Dir(p.ELF), 0o755); err != nil {
		return err
	}
	link := append([]string{Compiler}, p.program.Link...)
	for _, e := range p.entries() {
		if e.File != unit {
			link = append(link, filepath.Join(objects, filepath.Base(e.Output)))
			continue
		}
		if err := p.run(ctx, e.Arguments); err != nil {
			return err
		}
		link = append(link, e.Output)
	}
	return p.run(ctx, append(append(link, p.program.Libs...), "-o", "build/firmware.elf"))
}

// atOnce calls f for 0 to n-1, some at the same time, and returns the first error.
func atOnce(n int, f func(int) error) error {
	const compilers = 4
	failed := make([]error, n)
	var all sync.WaitGroup
	turn := make(chan struct{}, compilers)
	for i := range n {
		all.Go(func() {
			turn <- struct{}{}
			failed[i] = f(i)
			<-turn
		})
	}
	all.Wait()
	return cmp.Or(failed...)
}

func (p Project) run(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = p.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", args[0], err, out)
	}
	return nil
}
