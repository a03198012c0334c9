package lsp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/patch"
)

// Hover tells what the firmware and the board know of the name at the cursor: an
// addition to what a language server for C says, not a replacement.
func (s *server) Hover(ctx context.Context, p *protocol.HoverParams) (*protocol.Hover, error) {
	d := snapshot(ctx).Document(string(p.TextDocument.URI))
	if d == nil || d.Path == "" {
		return nil, nil
	}
	start, end := identifier(d.Text.Bytes(), s.offset(d, p.Position))
	if start == end {
		return nil, nil
	}
	v, err := s.view(ctx, d)
	if err != nil || v.image == nil {
		return nil, ctx.Err()
	}
	name := string(d.Text.Bytes()[start:end])
	var text string
	if f, ok := v.at(start); ok && f.NameStart <= start && end <= f.NameEnd {
		text = v.describe(f) // the definition itself
	} else if symbol := findSymbol(v.image, d.Path, name); symbol != nil {
		text = describeSymbol(symbol)
	}
	if text == "" {
		return nil, nil
	}
	return &protocol.Hover{
		Contents: &protocol.MarkupContent{Kind: protocol.MarkupKindMarkdown, Value: text},
		Range:    new(s.editorRange(d.Text, start, end)),
	}, nil
}

// describe tells of a function that the document defines.
func (v *view) describe(f function) string {
	var b strings.Builder
	if f.symbol != nil {
		b.WriteString(describeSymbol(f.symbol))
		fmt.Fprintf(&b, "\n\nOn the board: %s", f.words())
		if f.record != nil && f.state != stateLost {
			fmt.Fprintf(&b, ", at `%s`, %s", f.record.Address, f.record.Mode)
		}
	}
	if callers := v.callersOf(f); len(callers) > 0 {
		fmt.Fprintf(&b, "\n\nInlined into %s: they have copies of their own", strings.Join(callers, ", "))
	}
	if f.once != "" {
		fmt.Fprintf(&b, "\n\n**Never entered again:** %s", f.once)
	}
	if err := v.refusal(f); err != nil {
		fmt.Fprintf(&b, "\n\nIt cannot be injected: %v", err)
	}
	return strings.TrimSpace(b.String())
}

// callersOf lists the functions that have a copy of f.
func (v *view) callersOf(f function) []string {
	debug, err := v.image.Debug()
	if err != nil {
		return nil // without debug information nobody knows
	}
	name := f.Name
	if f.symbol != nil {
		name = f.symbol.Name
	}
	var callers []string
	for _, site := range debug.InlinedAt(name) {
		callers = append(callers, site.Caller)
	}
	slices.Sort(callers)
	return slices.Compact(callers)
}

func describeSymbol(s *firmware.Symbol) string {
	return fmt.Sprintf("In the firmware: %s `%s` at `%s`, %d bytes", s.Kind, s.Display, patch.Address(s.Addr), s.Size)
}

// findSymbol is [firmware.Image.FunctionIn] for variables as well.
func findSymbol(image *firmware.Image, path, name string) *firmware.Symbol {
	if f := image.FunctionIn(path, name); f != nil {
		return f
	}
	if all := image.Lookup(name); len(all) > 0 {
		return all[0]
	}
	return nil
}

// identifier returns the bounds of the name around the offset, or of nothing.
func identifier(text []byte, offset int) (start, end int) {
	start, end = offset, offset
	for start > 0 && isNameByte(text[start-1]) {
		start--
	}
	for end < len(text) && isNameByte(text[end]) {
		end++
	}
	if start < end && '0' <= text[start] && text[start] <= '9' {
		return offset, offset // a number
	}
	return start, end
}

func isNameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}
