package lsp

import (
	"context"

	"go.lsp.dev/protocol"
)

// InlayHint shows the state of functions that are or were injected behind their names.
func (s *server) InlayHint(ctx context.Context, p *protocol.InlayHintParams) ([]protocol.InlayHint, error) {
	hints := []protocol.InlayHint{}
	d := snapshot(ctx).Document(string(p.TextDocument.URI))
	if d == nil || d.Path == "" {
		return hints, nil
	}
	v, err := s.view(ctx, d)
	if err != nil || v.image == nil || !v.folder.project.Settings().InlayHints {
		return hints, ctx.Err()
	}
	from, to := s.offset(d, p.Range.Start), s.offset(d, p.Range.End)
	for _, f := range v.functions() {
		if f.record == nil || f.NameEnd < from || f.NameEnd > to {
			continue
		}
		hints = append(hints, protocol.InlayHint{
			Position:    s.editorRange(d.Text, f.NameEnd, f.NameEnd).Start,
			Label:       protocol.String(f.words()),
			PaddingLeft: new(true),
		})
	}
	return hints, nil
}
