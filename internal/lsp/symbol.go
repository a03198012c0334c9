package lsp

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/patch"
)

// maxSymbols bounds an answer: editors ask again when more was typed.
const maxSymbols = 200

// Symbols finds functions and variables of the firmware by a part of their names.
func (s *server) Symbols(ctx context.Context, p *protocol.WorkspaceSymbolParams) (protocol.WorkspaceSymbolResult, error) {
	list := protocol.SymbolInformationSlice{}
	for _, f := range s.allFolders() {
		images, err := f.project.Images(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue // doctor and the commands tell of it
		}
		for _, found := range match(images, p.Query) {
			symbol := found.symbol
			path, line := f.placeOf(found.image, symbol)
			if path == "" {
				continue
			}
			at := protocol.Position{Line: uint32(max(line-1, 0))}
			info := protocol.SymbolInformation{Location: protocol.Location{URI: uri.File(path), Range: protocol.Range{Start: at, End: at}}}
			info.Name, info.Kind = symbol.Display, protocol.SymbolKindFunction
			if symbol.Kind != firmware.Function {
				info.Kind = protocol.SymbolKindVariable
			}
			info.ContainerName = new(fmt.Sprintf("%s, %d B", patch.Address(symbol.Addr), symbol.Size))
			list = append(list, info)
			if len(list) == maxSymbols {
				return list, nil
			}
		}
	}
	return list, nil
}

// found is a symbol of an image that a query fits.
type found struct {
	image  *firmware.Image
	symbol *firmware.Symbol
	rank   int
}

// match returns the symbols whose names contain the query whatever its case, the
// likeliest first.
func match(images firmware.Images, query string) []found {
	query = strings.ToLower(query)
	var all []found
	for _, image := range images {
		for _, symbol := range image.Symbols() {
			name := strings.ToLower(symbol.Display)
			at := strings.Index(name, query)
			switch {
			case at < 0:
			case name == query:
				all = append(all, found{image, symbol, 0})
			case at == 0:
				all = append(all, found{image, symbol, 1})
			default:
				all = append(all, found{image, symbol, 2})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.symbol.Display, b.symbol.Display))
	})
	return all
}

// placeOf returns where the symbol is declared, as far as is known: the line may be
// 0, the path "".
func (f *folder) placeOf(image *firmware.Image, symbol *firmware.Symbol) (path string, line int) {
	if debug, err := image.Debug(); err == nil {
		if fn, ok := debug.FunctionAt(symbol.Addr); ok && symbol.Kind == firmware.Function {
			return f.absolute(fn.Unit), fn.Line
		}
	}
	return f.absolute(symbol.File), 0
}

func (f *folder) sourceOf(image *firmware.Image, symbol *firmware.Symbol) string {
	path, _ := f.placeOf(image, symbol)
	return path
}

// absolute resolves a path of the debug information, which is relative where the
// compiler was told to leave the directory out.
func (f *folder) absolute(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.project.Root(), path)
}
