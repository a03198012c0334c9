package lsp

import (
	"context"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/fpbls/fpbls/internal/command"
)

// CodeLens shows the state of each function above it. Clicking a lens runs a
// command of the server, so an editor needs no code for them.
func (s *server) CodeLens(ctx context.Context, p *protocol.CodeLensParams) ([]protocol.CodeLens, error) {
	lenses := []protocol.CodeLens{}
	d := snapshot(ctx).Document(string(p.TextDocument.URI))
	if d == nil || d.Path == "" {
		return lenses, nil
	}
	v, err := s.view(ctx, d)
	if err != nil || v.image == nil {
		return lenses, ctx.Err()
	}
	show := v.folder.project.Settings().Lenses
	for _, f := range v.functions() {
		add := func(on bool, title, id string, args any) {
			if on {
				if f.once != "" {
					title += " (never entered again)"
				}
				lenses = append(lenses, protocol.CodeLens{
					Range:   s.editorRange(d.Text, f.NameStart, f.NameEnd),
					Command: protocol.Command{Title: title, Command: id, Arguments: arguments(args)},
				})
			}
		}
		inject := command.InjectArgs{URI: d.URI, Function: f.Name}
		switch f.state {
		case stateFresh:
			add(show.Inject, "Inject", command.Inject, inject)
		case stateLive:
			add(show.State, "● "+f.words(), command.Status, inFolder(d.URI))
		case stateEdited:
			add(show.State, "● "+strings.TrimSuffix(f.words(), ", edited since injected"), command.Status, inFolder(d.URI))
			add(show.Update, "edited since injected: Update", command.Inject, inject)
		case stateDisabled:
			add(show.State, "○ "+f.words(), command.Status, inFolder(d.URI))
		case stateLost:
			add(show.Lost, "lost by reset: Re-inject", command.Inject, inject)
		}
	}
	return lenses, nil
}
