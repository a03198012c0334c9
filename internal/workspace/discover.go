package workspace

import (
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/settings"
)

const (
	databaseName = "compile_commands.json"

	// Bounds of the search below a build directory, which may be huge.
	maxDepth   = 3
	maxEntries = 50_000
)

// FindRoot returns the folder that a command started in dir works on: dir or the
// nearest one above it that has an fpbls.toml, else dir.
func FindRoot(dir string) string {
	dir = absolute(dir)
	for at := dir; ; at = filepath.Dir(at) {
		if st, err := os.Stat(filepath.Join(at, settings.FileName)); err == nil && st.Mode().IsRegular() {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// findImage chooses the firmware's ELF.
func (p *Project) findImage() (Choice, error) {
	if named := p.Settings().ELF; named != "" {
		return Choice{What: "elf", Path: named, Why: p.why("elf")}, nil
	}
	type candidate struct {
		path     string
		modified time.Time
	}
	var found []candidate
	for path, entry := range p.listed() {
		if !looksLikeELF(filepath.Base(path)) || !isFirmware(path) {
			continue
		}
		if info, err := entry.Info(); err == nil {
			found = append(found, candidate{path, info.ModTime()})
		}
	}
	if len(found) == 0 {
		return Choice{}, problem.New(problem.NoELF,
			"build the firmware, or set elf in fpbls.toml, in the editor or with --elf",
			"no ARM ELF with symbols in %s, %s", p.root, strings.Join(buildDirectories, "/, ")+"/")
	}
	newest := slices.MaxFunc(found, func(a, b candidate) int {
		if c := a.modified.Compare(b.modified); c != 0 {
			return c
		}
		return strings.Compare(b.path, a.path) // the first by name, whatever the order of the search
	})
	why := "the only ARM ELF with symbols in the folder and its build directories"
	if len(found) > 1 {
		why = fmt.Sprintf("the newest of %d ARM ELF files with symbols in the folder and its build directories", len(found))
	}
	return Choice{What: "elf", Path: newest.path, Why: why}, nil
}

// findDatabase chooses the compile database.
func (p *Project) findDatabase() (Choice, error) {
	if named := p.Settings().CompileCommands; named != "" {
		if st, err := os.Stat(named); err == nil && st.IsDir() {
			named = filepath.Join(named, databaseName)
		}
		return Choice{What: "compileCommands", Path: named, Why: p.why("compileCommands")}, nil
	}
	// The one that was written with the ELF is the one whose flags fit.
	if image, err := p.image.choice(context.Background()); err == nil {
		if path := p.databaseOf(image.Path); path != "" {
			return Choice{What: "compileCommands", Path: path, Why: "beside the ELF, or the nearest above it"}, nil
		}
	}
	if path := filepath.Join(p.root, databaseName); isFile(path) {
		return Choice{What: "compileCommands", Path: path, Why: "at the root of the folder"}, nil
	}
	var newest string
	var modified time.Time
	for path, entry := range p.listed() {
		if filepath.Base(path) != databaseName {
			continue
		}
		if info, err := entry.Info(); err == nil && (newest == "" || info.ModTime().After(modified)) {
			newest, modified = path, info.ModTime()
		}
	}
	if newest != "" {
		return Choice{What: "compileCommands", Path: newest, Why: "the newest in the build directories"}, nil
	}
	return Choice{}, problem.New(problem.NoDatabase,
		"let the build write it (CMake: -DCMAKE_EXPORT_COMPILE_COMMANDS=ON; make: bear -- make), or set compileCommands in fpbls.toml",
		"no %s in %s, %s", databaseName, p.root, strings.Join(buildDirectories, "/, ")+"/")
}

// databaseOf is the compile database beside the ELF, or the nearest above it in the
// folder; empty if there is none.
func (p *Project) databaseOf(elf string) string {
	for dir := filepath.Dir(elf); within(p.root, dir); dir = filepath.Dir(dir) {
		if path := filepath.Join(dir, databaseName); isFile(path) {
			return path
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return ""
}

// findBootloader returns the ELF that the settings name; none is the usual.
func (p *Project) findBootloader() (Choice, error) {
	named := p.Settings().Bootloader
	if named == "" {
		return Choice{}, nil
	}
	return Choice{What: "bootloader", Path: named, Why: p.why("bootloader")}, nil
}

// findBootDatabase chooses the bootloader's compile database, if it has its own.
func (p *Project) findBootDatabase() (Choice, error) {
	boot, err := p.findBootloader()
	if err != nil || boot.Path == "" {
		return Choice{}, err
	}
	path := p.databaseOf(boot.Path)
	if firmware, err := p.database.choice(context.Background()); path == "" || err == nil && firmware.Path == path {
		return Choice{}, nil
	}
	return Choice{What: "compileCommands", Path: path, Why: "beside the bootloader, or the nearest above it"}, nil
}

// why tells where a setting was made.
func (p *Project) why(key string) string {
	return "named by " + p.Origins()[key].String()
}

// buildDirectories are searched beside the root itself.
var buildDirectories = []string{"build*", "out", "cmake-build-*"}

// listed yields the files of the root, and those of the build directories down to
// a depth, in the order of their names.
func (p *Project) listed() func(yield func(string, fs.DirEntry) bool) {
	return func(yield func(string, fs.DirEntry) bool) {
		top, err := os.ReadDir(p.root)
		if err != nil {
			return
		}
		budget := maxEntries
		for _, entry := range top {
			path := filepath.Join(p.root, entry.Name())
			on := true
			switch {
			case entry.Type().IsRegular():
				on = yield(path, entry)
			case isBuildDirectory(entry.Name()): // or a link to one
				on = walk(path, &budget, yield)
			}
			if !on {
				return
			}
		}
	}
}

// walk yields the files below dir and reports whether to go on.
func walk(dir string, budget *int, yield func(string, fs.DirEntry) bool) bool {
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		dir = target // build directories are often links; WalkDir does not follow them
	}
	on := true
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if *budget--; *budget < 0 {
			return fs.SkipAll
		}
		if err != nil {
			return fs.SkipDir // unreadable
		}
		if entry.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			if name := entry.Name(); name == "CMakeFiles" || name == ".git" || strings.Count(rel, string(filepath.Separator)) >= maxDepth {
				return fs.SkipDir
			}
			return nil
		}
		if entry.Type().IsRegular() && !yield(path, entry) {
			on = false
			return fs.SkipAll
		}
		return nil
	})
	return on
}

func isBuildDirectory(name string) bool {
	return slices.ContainsFunc(buildDirectories, func(pattern string) bool {
		ok, _ := filepath.Match(pattern, name)
		return ok
	})
}

// looksLikeELF tells by the name, so that not every file has to be opened. Linked
// images of NuttX and of some makefiles have no extension.
func looksLikeELF(name string) bool {
	return slices.Contains([]string{".elf", ".axf", ".out", ""}, strings.ToLower(filepath.Ext(name)))
}

// isFirmware reports whether the file is an executable for ARM that has symbols.
func isFirmware(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	if _, err := f.ReadAt(magic[:], 0); err != nil || string(magic[:]) != elf.ELFMAG {
		return false
	}
	e, err := elf.NewFile(f)
	if err != nil || e.Machine != elf.EM_ARM || e.Type != elf.ET_EXEC {
		return false
	}
	return slices.ContainsFunc(e.Sections, func(s *elf.Section) bool { return s.Type == elf.SHT_SYMTAB && s.Size > 0 })
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// within reports whether path is root or lies below it.
func within(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
