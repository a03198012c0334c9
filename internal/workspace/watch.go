package workspace

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/fpbls/fpbls/internal/settings"
)

// quiet is how long the files have to be left alone before they are read again: a
// linker writes its output in many steps.
const quiet = 300 * time.Millisecond

// Watch looks again whenever fpbls.toml, an ELF or a compile database changes, until
// ctx ends. Where the system cannot watch, it returns at once: then [Project.Builder]
// still sees changed files.
func (p *Project) Watch(ctx context.Context) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return
	}
	defer w.Close()
	p.watchDirectories(ctx, w)
	settled := time.NewTimer(quiet) // what changed before it was watched is seen now
	defer settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case event, ok := <-w.Events:
			if !ok {
				return
			}
			if event.Op != fsnotify.Chmod && p.matters(event.Name) {
				settled.Reset(quiet)
			}
		case <-w.Errors: // an overflow: something has changed
			settled.Reset(quiet)
		case <-settled.C:
			p.Reload()
			p.watchDirectories(ctx, w) // a build may have made new ones
		}
	}
}

// watchDirectories watches the root, the build directories below it, and where the
// chosen files are. Watching a directory again does nothing.
func (p *Project) watchDirectories(ctx context.Context, w *fsnotify.Watcher) {
	dirs := map[string]bool{p.root: true}
	if matches, err := filepath.Glob(filepath.Join(escapeGlob(p.root), "*")); err == nil {
		for _, m := range matches {
			if isBuildDirectory(filepath.Base(m)) {
				dirs[m] = true
			}
		}
	}
	for _, c := range p.Found(ctx) {
		dirs[filepath.Dir(c.Path)] = true
	}
	for dir := range dirs {
		_ = w.Add(dir) // one that is gone is seen in its parent when it comes back
	}
}

// matters reports whether a changed file can change what is loaded.
func (p *Project) matters(path string) bool {
	name := filepath.Base(path)
	s := p.Settings()
	switch {
	case name == settings.FileName, name == databaseName, path == s.ELF, path == s.CompileCommands:
		return true
	case filepath.Dir(path) == p.root && isBuildDirectory(name):
		return true
	}
	return looksLikeELF(name) && !strings.HasPrefix(name, ".")
}

func escapeGlob(path string) string {
	if filepath.Separator == '\\' {
		return path // Windows has no escape, and no such names
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
