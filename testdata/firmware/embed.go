// Package testfirmware is the firmware of the demo and of the tests: an
// application that visibly does something, and the device side of the function
// loader, for an STM32F103. It carries the C sources and the ELF built from them.
package testfirmware

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed app board loader
var sources embed.FS

// DemoELF is the linked demo firmware, as [Project.Build] makes it.
//
//go:embed demo.elf
var DemoELF []byte

// Compiler is the compiler that the demo firmware is built with.
const Compiler = "arm-none-eabi-gcc"

// A Project is a directory with the demo firmware, as an editor opens it.
type Project struct {
	Dir             string
	Source          string // the file with Function
	Function        string // the one to change first
	ELF             string // written by Build
	CompileCommands string
	Flags           []string // of every unit; see WriteDatabase
}

var compileFlags = []string{
	"-mcpu=cortex-m3", "-mthumb", "-std=gnu11", "-Os", "-g", "-Wall", "-Wextra", "-ffreestanding",
	"-ffunction-sections", "-fdata-sections", "-Iapp", "-Iboard", "-Iloader",
}

// entry is one of compile_commands.json.
type entry struct {
	Directory string   `json:"directory"`
	Arguments []string `json:"arguments"`
	File      string   `json:"file"`
	Output    string   `json:"output"`
}

// WriteProject writes the sources and the compile database to dir, which is
// created if need be.
func WriteProject(dir string) (Project, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Project{}, err
	}
	err = fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		to := filepath.Join(dir, filepath.FromSlash(path))
		if err != nil || d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		text, err := sources.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o644)
	})
	if err != nil {
		return Project{}, err
	}
	p := Project{
		Dir: dir, Source: filepath.Join(dir, "app", "status.c"), Function: "status_text",
		ELF:             filepath.Join(dir, "build", "firmware.elf"),
		CompileCommands: filepath.Join(dir, "compile_commands.json"),
		Flags:           slices.Clone(compileFlags),
	}
	return p, p.WriteDatabase()
}

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
	units, _ := fs.Glob(sources, "*/*.c")
	for _, unit := range units {
		output := "build/" + strings.ReplaceAll(strings.TrimSuffix(unit, ".c"), "/", "_") + ".o"
		args := append([]string{Compiler}, p.Flags...)
		args = append(args, "-ffile-prefix-map="+p.Dir+"=.", "-c", unit, "-o", output)
		list = append(list, entry{Directory: p.Dir, Arguments: args, File: unit, Output: output})
	}
	return list
}

// Build compiles and links the firmware as the compile database says. A missing
// compiler is an [exec.ErrNotFound].
func (p Project) Build(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(p.ELF), 0o755); err != nil {
		return err
	}
	link := []string{"-mcpu=cortex-m3", "-mthumb", "-nostdlib", "-Tboard/stm32f103.ld", "-Wl,--gc-sections", "-Wl,--build-id=sha1"}
	for _, e := range p.entries() {
		if err := p.run(ctx, e.Arguments); err != nil {
			return err
		}
		link = append(link, e.Output)
	}
	return p.run(ctx, append(append([]string{Compiler}, link...), "-lgcc", "-o", "build/firmware.elf"))
}

func (p Project) run(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = p.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", args[0], err, out)
	}
	return nil
}
