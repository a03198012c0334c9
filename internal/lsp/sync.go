package lsp

import (
	"context"
	"path/filepath"

	"go.lsp.dev/protocol"

	"github.com/fpbls/fpbls/internal/settings"
	"github.com/fpbls/fpbls/internal/workspace"
)

func (s *server) DidOpen(_ context.Context, p *protocol.DidOpenTextDocumentParams) error {
	path := pathOf(p.TextDocument.URI)
	s.documents.Open(string(p.TextDocument.URI), path, p.TextDocument.Version, p.TextDocument.Text)
	s.folderFor(path)
	return nil
}

func (s *server) DidChange(_ context.Context, p *protocol.DidChangeTextDocumentParams) error {
	changes := make([]workspace.Change, 0, len(p.ContentChanges))
	for _, c := range p.ContentChanges {
		switch c := c.(type) {
		case *protocol.TextDocumentContentChangePartial:
			r := workspace.Range{Start: textPosition(c.Range.Start), End: textPosition(c.Range.End)}
			changes = append(changes, workspace.Change{Range: &r, Text: c.Text})
		case *protocol.TextDocumentContentChangeWholeDocument:
			changes = append(changes, workspace.Change{Text: c.Text})
		}
	}
	id := string(p.TextDocument.URI)
	if err := s.documents.Change(id, p.TextDocument.Version, s.encoding, changes); err != nil {
		return err
	}
	s.diagnostics.edited(id, changes)
	return nil
}

func (s *server) DidClose(_ context.Context, p *protocol.DidCloseTextDocumentParams) error {
	s.documents.Close(string(p.TextDocument.URI))
	s.diagnostics.closed(string(p.TextDocument.URI))
	return nil
}

func (s *server) DidSave(_ context.Context, p *protocol.DidSaveTextDocumentParams) error {
	d := s.documents.Snapshot().Document(string(p.TextDocument.URI))
	path := pathOf(p.TextDocument.URI)
	f := s.folderFor(path)
	if f == nil {
		return nil
	}
	if filepath.Base(path) == settings.FileName {
		s.start(func(context.Context) { f.project.Reload() })
	}
	if d != nil {
		if s.injectOnSave(f, d); f.project.Settings().InjectOnSave != "changed" {
			s.surveyOnSave(f, d)
		}
	}
	return nil
}

func (s *server) DidChangeWatchedFiles(_ context.Context, p *protocol.DidChangeWatchedFilesParams) error {
	changed := make(map[*folder]bool)
	for _, c := range p.Changes {
		if f := s.folderFor(pathOf(c.URI)); f != nil {
			changed[f] = true
		}
	}
	for f := range changed {
		s.start(func(context.Context) { f.project.Reload() })
	}
	return nil
}
