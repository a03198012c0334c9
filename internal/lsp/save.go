package lsp

import (
	"context"
	"errors"
	"sync"

	"go.lsp.dev/protocol"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/workspace"
)

// A saver brings the board in line with one file, or its markers, one save after
// another. A newer save supersedes one whose build still runs; the last one always
// wins.
type saver struct {
	folder *folder

	mu      sync.Mutex
	next    *saved // waits; nil: none
	running bool
	cancel  context.CancelFunc // of the one that runs
}

type saved struct {
	document *workspace.Document
	snapshot *workspace.Snapshot
	changed  bool // the board follows the file, not its markers
}

// injectOnSave does what the folder's settings ask for. It is called on the reader
// and returns at once.
func (s *server) injectOnSave(f *folder, d *workspace.Document) {
	mode := f.project.Settings().InjectOnSave
	if d.Path == "" || mode == "off" {
		return
	}
	f.mu.Lock()
	sv := f.savers[d.Path]
	if sv == nil {
		sv = &saver{folder: f}
		f.savers[d.Path] = sv
	}
	f.mu.Unlock()
	sv.save(saved{d, s.documents.Snapshot(), mode == "changed"})
}

func (sv *saver) save(now saved) {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	sv.next = &now
	if sv.running {
		sv.cancel() // up to its commit point; then it ends as it would have
		return
	}
	sv.running, sv.cancel = true, func() {}
	sv.folder.server.start(sv.run)
}

// run works until nothing waits.
func (sv *saver) run(ctx context.Context) {
	for {
		this, cancel := context.WithCancel(ctx)
		sv.mu.Lock()
		now := sv.next
		sv.next, sv.cancel = nil, cancel
		if now == nil {
			sv.running = false
		}
		sv.mu.Unlock()
		if now == nil {
			cancel()
			return
		}
		follow := sv.folder.followMarkers
		if now.changed {
			follow = sv.folder.followChanges
		}
		err := follow(this, *now)
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			sv.folder.server.message(protocol.MessageTypeError, "%v", err)
		}
	}
}

// followChanges brings the board in line with the file. What is not part of the
// firmware is none of its business.
func (f *folder) followChanges(ctx context.Context, now saved) error {
	e := executor{server: f.server}
	unit := patch.Unit{Path: now.document.Path, Text: now.document.Text.Bytes()}
	job := injection{folder: f, snapshot: now.snapshot, unit: unit, changed: true}
	result, err := job.run(ctx, e)
	if problem.Has(err, problem.NotInDatabase) {
		return nil
	}
	if err == nil && len(result.Patches)+len(result.Reverted) > 0 {
		e.server.message(protocol.MessageTypeInfo, "%s", result.Summary)
	}
	return err
}

// followMarkers takes back the functions that had a marker and lost it, and injects
// those that have one.
func (f *folder) followMarkers(ctx context.Context, now saved) error {
	e := executor{server: f.server}
	var names []string
	marked := make(map[string]bool)
	for _, fn := range now.document.Source().Marked() {
		names = append(names, fn.Name)
		marked[fn.Name] = true
	}
	var errs []error
	for key, was := range f.markedBefore(now.document.Path) {
		if marked[key.name] {
			continue
		}
		// By its address: the slot may hold something else by now.
		_, err := f.project.Board().Revert(ctx, patch.Selector{Function: was.original.String()})
		if err != nil && !problem.Has(err, problem.NotInjected) {
			errs = append(errs, err)
			continue
		}
		f.mu.Lock()
		delete(f.injected, key)
		f.mu.Unlock()
		if err == nil {
			e.server.message(protocol.MessageTypeInfo, "%s reverted: its marker was removed", key.name)
		}
	}
	if len(names) == 0 {
		return errors.Join(errs...)
	}
	job := injection{
		folder: f, snapshot: now.snapshot, functions: names, marked: true,
		unit: patch.Unit{Path: now.document.Path, Text: now.document.Text.Bytes()},
	}
	result, err := job.run(ctx, e)
	if err == nil {
		e.server.message(protocol.MessageTypeInfo, "%s", result.Summary)
	}
	return errors.Join(append(errs, err)...)
}

// markedBefore returns what earlier saves of the file have injected.
func (f *folder) markedBefore(path string) map[functionKey]injected {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := make(map[functionKey]injected)
	for key, was := range f.injected {
		if key.path == path && was.marked {
			found[key] = was
		}
	}
	return found
}
