package lsp

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"go.lsp.dev/protocol"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
)

// statusPause is how long changes of a board's status are gathered.
const statusPause = 50 * time.Millisecond

// seen is what the editor has been told of a board.
type seen struct {
	patches []patch.Record
	lost    []patch.Record
	match   board.Match

	recovered string
}

// losses collects what resets have lost. It looks at every status, as the one in
// between may be the one that tells two losses of a function apart.
type losses struct {
	mu    sync.Mutex
	last  []patch.Record
	fresh []patch.Record // not told yet
}

func (l *losses) note(now []patch.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range now {
		if !slices.ContainsFunc(l.last, func(b patch.Record) bool { return b.Original == r.Original }) {
			l.fresh = append(l.fresh, r)
		}
	}
	l.last = now
}

// take returns what was not told yet.
func (l *losses) take() []patch.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := l.fresh
	l.fresh = nil
	return fresh
}

// boardStatus is what is known of the folder's board. It does not wait.
func (f *folder) boardStatus() command.BoardStatus {
	st := command.BoardStatus{Folder: string(f.uri), Status: f.project.Board().Status()}
	st.Patches, st.Jobs = nonNil(st.Patches), nonNil(st.Jobs)
	if images := f.project.Loaded(); len(images) > 0 {
		st.ELF = images[0].Path()
	}
	switch {
	case st.Port == "":
		st.Text = "no port"
	case !st.Connected:
		st.Text = "not connected"
	case st.Match == board.Mismatch:
		st.Text = "another firmware"
	default:
		st.Text = fmt.Sprintf("%d/%d slots", st.SlotsUsed, st.SlotsTotal)
	}
	return st
}

// tellStatus tells the editor what has changed. It runs on the goroutine of status.
func (f *folder) tellStatus(ctx context.Context) {
	s, st := f.server, f.boardStatus()
	if s.editor.options.Status {
		if err := s.client.Notify(ctx, command.NotifyStatus, st); err != nil {
			return // the editor has gone
		}
	}
	if !reflect.DeepEqual(f.seen.patches, st.Patches) || !reflect.DeepEqual(f.seen.lost, st.Lost) || f.seen.match != st.Match {
		s.refresh.poke()
	}
	if st.Match == board.Mismatch && f.seen.match != board.Mismatch {
		stale := ""
		if names := recordNames(st.Patches); names != "" {
			stale = ". Injected there, and of the other firmware: " + names
		}
		s.message(protocol.MessageTypeWarning, "The board on %s runs another firmware than %s: nothing is injected until the ELF is the one that was flashed%s", st.Port, filepath.Base(st.ELF), stale)
	}
	if lost := f.losses.take(); len(lost) > 0 {
		s.start(func(ctx context.Context) { f.afterReset(ctx, lost) })
	}
	if found := f.findings.take(); len(found) > 0 {
		s.start(func(ctx context.Context) { f.verify(ctx, found) })
	}
	if st.Recovered != "" && st.Recovered != f.seen.recovered {
		s.message(protocol.MessageTypeInfo, "%s", st.Recovered)
	}
	f.seen = seen{st.Patches, st.Lost, st.Match, st.Recovered}
	select {
	case <-time.After(statusPause):
	case <-ctx.Done():
	}
}

// afterReset does what the setting says about patches that a reset has lost.
func (f *folder) afterReset(ctx context.Context, lost []patch.Record) {
	what := "The board was reset; it has lost " + recordNames(lost)
	const again = "Re-inject"
	switch f.project.Settings().AfterReset {
	case "ignore":
		return
	case "offer":
		if !f.server.editor.asks {
			f.server.message(protocol.MessageTypeWarning, "%s", what)
			return
		}
		if f.server.ask(ctx, what, again, "Not now") != again {
			return
		}
	}
	result, err := f.reinject(ctx, executor{server: f.server})
	switch {
	case err == nil:
		f.server.message(protocol.MessageTypeInfo, "%s", result.Summary)
	case ctx.Err() == nil:
		f.server.message(protocol.MessageTypeError, "%v", err)
	}
}

func recordNames(records []patch.Record) string {
	var names []string
	for _, r := range records {
		names = append(names, r.Name())
	}
	return strings.Join(names, ", ")
}

// reinject injects again what a reset has lost, from the documents as they are now.
func (f *folder) reinject(ctx context.Context, e executor) (command.InjectResult, error) {
	lost := f.project.Board().Status().Lost
	images, err := f.project.Images(ctx)
	if err != nil {
		return command.InjectResult{}, err
	}
	files := make(map[string][]string) // functions by path
	var unknown []string
	for _, r := range lost {
		key, ok := f.injectedAt(r.Original)
		if !ok {
			key.name = r.Name()
			if image, symbol := images.At(uint32(r.Original)); symbol != nil {
				key.name, key.path = symbol.Display, f.sourceOf(image, symbol)
			}
		}
		if key.path == "" {
			unknown = append(unknown, key.name)
			continue
		}
		files[key.path] = append(files[key.path], key.name)
	}
	if len(unknown) > 0 {
		return command.InjectResult{}, problem.New(problem.NoSuchFile, "inject them from their files",
			"it is not known which files %s come from", strings.Join(unknown, ", "))
	}
	if len(files) == 0 {
		return command.InjectResult{Result: patch.Result{Patches: []patch.Record{}}, Summary: "nothing was lost"}, nil
	}
	var all command.InjectResult
	snap := f.server.documents.Snapshot()
	for path, names := range files {
		job := injection{folder: f, snapshot: snap, unit: patch.Unit{Path: path}, functions: names, anyway: true}
		if d := snap.ByPath(path); d != nil {
			job.unit.Text = d.Text.Bytes()
		}
		result, err := job.run(ctx, e)
		if err != nil {
			return all, err
		}
		all.Patches = append(all.Patches, result.Patches...)
		all.Notes = append(all.Notes, result.Notes...)
		all.MS.Total += result.MS.Total
		all.Bytes.Sent += result.Bytes.Sent
		all.Bytes.Received += result.Bytes.Received
	}
	all.Summary = fmt.Sprintf("%d functions injected again", len(all.Patches))
	return all, nil
}

// injectedAt finds the function that this server has injected at the address.
func (f *folder) injectedAt(original patch.Address) (functionKey, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, was := range f.injected {
		if was.original == original {
			return key, true
		}
	}
	return functionKey{}, false
}
