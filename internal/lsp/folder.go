package lsp

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/settings"
	"github.com/fpbls/fpbls/internal/workspace"
)

// A folder is a workspace folder with its project and board.
type folder struct {
	server  *server
	uri     uri.URI
	project *workspace.Project
	lone    bool    // not the editor's: made for a file that was opened without a folder
	status  *latest // tells the editor of the board

	mu       sync.Mutex
	closed   bool
	board    *board.Board // that is watched
	unwatch  func()
	images   firmware.Images
	loaded   bool // there was an image once
	injected map[functionKey]injected
	savers   map[string]*saver // by path
	surveys  map[string]survey // by path

	endSurvey context.CancelFunc // of the one that runs; nil if none has run
	output    *outputStream

	losses   losses
	findings findings
	seen     seen // used by the goroutine of status only
}

// addFolder opens the folder unless it is open.
func (s *server) addFolder(root string) *folder {
	root = filepath.Clean(root)
	f := &folder{
		server: s, uri: uri.File(root),
		injected: make(map[functionKey]injected), savers: make(map[string]*saver), surveys: make(map[string]survey),
	}
	f.status = newLatest(f.tellStatus)
	s.mu.Lock()
	if i := slices.IndexFunc(s.folders, func(f *folder) bool { return f.project.Root() == root }); i >= 0 || s.closing {
		s.mu.Unlock()
		if i < 0 {
			return nil
		}
		return s.folders[i]
	}
	base, issues := settings.FromJSON(root, s.editor.settings)
	o := workspace.Options{
		Layers: []settings.Layer{base}, UserDir: s.options.UserDir, Env: s.options.Env, OpenPort: s.lines.of(root),
		Changed: f.changed,
	}
	if s.options.Flags.Source() != "" {
		o.Layers = append(o.Layers, s.options.Flags)
	}
	project := workspace.Open(root, o)
	f.mu.Lock()
	f.project = project
	f.mu.Unlock()
	s.folders = append(s.folders, f)
	s.mu.Unlock()

	s.speak(f.status.run)
	s.start(func(ctx context.Context) { project.Watch(ctx) })
	s.report(issues)
	f.changed()
	return f
}

func (f *folder) close() {
	f.mu.Lock()
	f.closed = true
	unwatch := f.unwatch
	f.unwatch = nil
	f.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
	if err := f.project.Close(); err != nil {
		f.server.log.Warn("closing the board", "folder", f.project.Root(), "err", err)
	}
}

// changed is called when anything about the project has changed.
func (f *folder) changed() {
	f.mu.Lock()
	if f.project == nil || f.closed {
		f.mu.Unlock()
		return
	}
	// Not under the board's own lock: a watcher only pokes.
	if b := f.project.Board(); b != f.board {
		if f.unwatch != nil {
			f.unwatch()
		}
		f.board = b
		f.unwatch = b.Watch(func(st board.Status) {
			f.losses.note(st.Lost)
			f.findings.note(st)
			f.status.poke()
		})
		if f.output != nil {
			f.output.follow(b)
		}
	}
	images := f.project.Loaded()
	fresh := len(images) > 0 && !slices.Equal(images, f.images)
	replaced := fresh && f.loaded // with a moment without an ELF in between, while it was linked
	f.images, f.loaded = images, f.loaded || fresh
	f.mu.Unlock()
	if fresh {
		// Hovers and symbols need it; the first one should not wait.
		f.server.start(func(context.Context) {
			for _, image := range images {
				image.Warm()
			}
		})
	}
	if b := f.project.Board(); replaced && b.Status().Connected {
		// What is injected may be of another firmware than the new file.
		f.server.start(func(ctx context.Context) { _, _ = b.Info(ctx) })
	}
	f.server.diagnostics.settings(f.project)
	f.status.poke()
	f.server.refresh.poke()
}

func (s *server) allFolders() []*folder {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.folders)
}

// folderFor returns the folder that the file belongs to: the innermost that
// contains it. Where the editor has no folder open, one is made up for the file.
// nil: the file lies outside.
func (s *server) folderFor(path string) *folder {
	if path == "" {
		return nil
	}
	var best *folder
	lone := true
	for _, f := range s.allFolders() {
		lone = lone && f.lone
		if within(f.project.Root(), path) && (best == nil || len(f.project.Root()) > len(best.project.Root())) {
			best = f
		}
	}
	if best != nil || !lone {
		return best
	}
	f := s.addFolder(workspace.FindRoot(filepath.Dir(path)))
	if f != nil {
		f.lone = true
		s.start(s.pullConfiguration)
	}
	return f
}

func within(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// chosenFolder is the folder that a command means, whose uri may be left out where
// there is one folder only.
func (s *server) chosenFolder(id string) (*folder, error) {
	folders := s.allFolders()
	if id == "" {
		switch len(folders) {
		case 1:
			return folders[0], nil
		case 0:
			return nil, problem.New(problem.Usage, "open the folder of the firmware project", "no folder is open")
		}
		return nil, problem.New(problem.Usage, "name one of its files or the folder itself as uri", "%d folders are open", len(folders))
	}
	path := pathOf(uri.URI(id))
	if path == "" {
		return nil, problem.New(problem.Usage, "name a file: URI", "%.200q is not a file", id)
	}
	if f := s.folderFor(path); f != nil {
		return f, nil
	}
	return nil, problem.New(problem.Usage, "open the folder of the firmware project", "%s lies outside of the open folders", path)
}

func (s *server) DidChangeWorkspaceFolders(_ context.Context, p *protocol.DidChangeWorkspaceFoldersParams) error {
	for _, removed := range p.Event.Removed {
		path := pathOf(removed.URI)
		s.mu.Lock()
		i := slices.IndexFunc(s.folders, func(f *folder) bool { return f.project.Root() == path })
		var gone *folder
		if i >= 0 {
			gone = s.folders[i]
			s.folders = slices.Delete(slices.Clone(s.folders), i, i+1)
		}
		s.mu.Unlock()
		if gone != nil {
			// In the background: it waits for what runs on the board.
			if !s.start(func(context.Context) { gone.close() }) {
				gone.close()
			}
		}
	}
	for _, added := range p.Event.Added {
		if path := pathOf(added.URI); path != "" {
			s.addFolder(path)
		}
	}
	s.start(s.pullConfiguration)
	return nil
}

// configure applies what the editor says about the folder, over what it said in
// initializationOptions.
func (s *server) configure(f *folder, raw json.RawMessage) {
	base, _ := settings.FromJSON(f.project.Root(), s.editor.settings)
	layer, issues := settings.FromJSON(f.project.Root(), raw)
	s.report(issues)
	f.project.SetLayer(layer.Over(base))
}

// report tells the user what is wrong with the editor's settings. fpbls.toml has
// diagnostics instead.
func (s *server) report(issues []settings.Issue) {
	if len(issues) == 0 {
		return
	}
	var lines []string
	for _, i := range issues {
		lines = append(lines, i.Problem.Error())
	}
	s.speak(func(context.Context) { s.message(protocol.MessageTypeWarning, "fpbls: %s", strings.Join(lines, "; ")) })
}
