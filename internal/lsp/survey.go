package lsp

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/workspace"
)

// A survey is how many functions of a file differ from the firmware.
type survey struct {
	text    [sha256.Size]byte // of the file that was compared
	changed int
}

// surveyOnSave compares the document with the firmware in the background, so that the
// action to inject what changed can say how much that is. A newer save ends the one
// before.
func (s *server) surveyOnSave(f *folder, d *workspace.Document) {
	if d.Path == "" || !f.project.Board().Status().Connected {
		return
	}
	f.mu.Lock()
	if f.endSurvey != nil {
		f.endSurvey()
	}
	ctx, cancel := context.WithCancel(s.ctx)
	f.endSurvey = cancel
	f.mu.Unlock()
	snapshot := s.documents.Snapshot()
	s.start(func(context.Context) {
		defer cancel()
		f.survey(ctx, d, snapshot)
	})
}

// survey counts the changed functions. What cannot be compared, or whose compiler is
// not allowed to run, is told when something is injected.
func (f *folder) survey(ctx context.Context, d *workspace.Document, snapshot *workspace.Snapshot) {
	builder, err := f.project.Builder(ctx, d.Path)
	if err != nil {
		return
	}
	builder.Text = textOf(snapshot)
	units, err := builder.Units([]patch.Unit{{Path: d.Path, Text: d.Text.Bytes()}})
	if err != nil {
		return
	}
	reports, err := builder.Compare(ctx, units...)
	if err != nil {
		return
	}
	n := 0
	for _, r := range reports {
		n += len(r.Changed())
	}
	f.surveyed(d, n)
}

func (f *folder) surveyed(d *workspace.Document, changed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.surveys[d.Path] = survey{sha256.Sum256(d.Text.Bytes()), changed}
}

// changedTitle names the action that brings the board in line with the document; empty
// if nothing is to be done.
func (v *view) changedTitle() string {
	v.folder.mu.Lock()
	s, known := v.folder.surveys[v.document.Path]
	v.folder.mu.Unlock()
	switch {
	case !known || s.text != sha256.Sum256(v.document.Text.Bytes()):
		return fmt.Sprintf("Inject the changed functions of `%s`", filepath.Base(v.document.Path))
	case s.changed == 1:
		return "Inject the changed function"
	case s.changed > 1:
		return fmt.Sprintf("Inject the %d changed functions", s.changed)
	case len(v.status.Patches) > 0:
		return "Take back what equals the firmware again"
	}
	return ""
}
