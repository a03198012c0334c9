package lsp

import (
	"math"
	"path/filepath"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/workspace"
)

// pathOf returns the file that the URI names, or "" if it names none.
func pathOf(u uri.URI) string {
	if !strings.HasPrefix(string(u), "file:") {
		return ""
	}
	parsed, err := uri.Parse(string(u))
	if err != nil {
		return ""
	}
	path := parsed.FsPath()
	if path == "" {
		return ""
	}
	return filepath.Clean(path)
}

// textPosition turns a position of the editor's into one of the text's.
func textPosition(p protocol.Position) workspace.Position {
	return workspace.Position{Line: clamp(p.Line), Character: clamp(p.Character)}
}

// clamp keeps numbers of hostile clients within what an int holds everywhere.
func clamp(n uint32) int { return int(min(n, math.MaxInt32)) }

func editorPosition(p workspace.Position) protocol.Position {
	return protocol.Position{Line: uint32(p.Line), Character: uint32(p.Character)}
}

// editorRange is the range between two byte offsets as the editor counts.
func (s *server) editorRange(t *workspace.Text, start, end int) protocol.Range {
	r := t.Range(start, end, s.encoding)
	return protocol.Range{Start: editorPosition(r.Start), End: editorPosition(r.End)}
}

// offset is where in the document the editor's position is.
func (s *server) offset(d *workspace.Document, p protocol.Position) int {
	return d.Text.Offset(textPosition(p), s.encoding)
}
