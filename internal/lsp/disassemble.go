package lsp

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/listing"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
)

func (e executor) Disassemble(ctx context.Context, a command.DisassembleArgs) (command.DisassembleResult, error) {
	f, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return command.DisassembleResult{}, err
	}
	path := pathOf(uri.URI(a.URI))
	builder, err := f.project.Builder(ctx, path)
	if problem.Has(err, problem.NoDatabase) || problem.Has(err, problem.BadDatabase) {
		builder, err = nil, nil // the firmware's code can be shown all the same
	}
	if err != nil {
		return command.DisassembleResult{}, err
	}
	images, err := f.project.Images(ctx)
	if err != nil {
		return command.DisassembleResult{}, err
	}
	image := images.Of(path)
	symbol := image.FunctionIn(path, a.Function)
	if symbol == nil {
		return command.DisassembleResult{}, problem.New(problem.NoSuchFunction, near(image, a.Function),
			"the firmware %s has no function %s", filepath.Base(image.Path()), a.Function)
	}
	before := listing.OfImage(image, symbol)
	result := command.DisassembleResult{Before: listing.Text(symbol.Display, before)}
	var after []listing.Line
	if builder != nil && path != f.project.Root() && path != "" {
		unit := patch.Unit{Path: path}
		if d := snapshot(ctx).ByPath(path); d != nil {
			unit.Text = d.Text.Bytes()
		}
		after, err = builder.Disassemble(ctx, unit, symbol)
		if err != nil && !problem.Has(err, problem.NotInDatabase) {
			return result, err
		}
		if len(after) > 0 {
			result.After = listing.Text(symbol.Display, after)
		}
	}
	if a.Show && e.server.editor.shows {
		e.show(ctx, symbol, before, after)
	}
	return result, nil
}

func near(image *firmware.Image, name string) string {
	if names := image.Near(name); len(names) > 0 {
		return "did you mean " + strings.Join(names, ", ") + "?"
	}
	return ""
}

// show opens the listing in the editor, from a file in the user's directory.
func (e executor) show(ctx context.Context, s *firmware.Symbol, before, after []listing.Line) {
	dir := e.server.options.UserDir
	if dir == "" {
		return
	}
	text := "; in the firmware\n" + listing.Text(s.Display, before)
	if len(after) > 0 {
		text = "; " + s.Display + " in the firmware, and as the file compiles now\n" + listing.SideBySide(listing.Compare(before, after))
	}
	path := filepath.Join(dir, "disassembly.s")
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err == nil {
		_, err = e.server.client.ShowDocument(ctx, &protocol.ShowDocumentParams{URI: uri.File(path), TakeFocus: new(true)})
	}
	if err != nil {
		e.server.log.Warn("showing the disassembly", "function", s.Name, "err", err)
	}
}
