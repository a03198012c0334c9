package lsp

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/thumb"
	"github.com/fpbls/fpbls/internal/toolchain"
)

func (e executor) Disassemble(ctx context.Context, a command.DisassembleArgs) (command.DisassembleResult, error) {
	f, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return command.DisassembleResult{}, err
	}
	builder, err := f.project.Builder(ctx)
	if problem.Has(err, problem.NoDatabase) || problem.Has(err, problem.BadDatabase) {
		builder, err = nil, nil // the firmware's code can be shown all the same
	}
	if err != nil {
		return command.DisassembleResult{}, err
	}
	image, err := f.project.Image(ctx)
	if err != nil {
		return command.DisassembleResult{}, err
	}
	path := pathOf(uri.URI(a.URI))
	symbol := findFunction(image, path, a.Function)
	if symbol == nil {
		return command.DisassembleResult{}, problem.New(problem.NoSuchFunction, near(image, a.Function),
			"the firmware %s has no function %s", filepath.Base(image.Path()), a.Function)
	}
	result := command.DisassembleResult{Before: listing(image, symbol)}
	if builder != nil && path != f.project.Root() && path != "" {
		unit := toolchain.Unit{Flags: []string{"-ffunction-sections"}}
		if unit.Command, err = builder.Database.Command(path); err == nil {
			if d := snapshot(ctx).ByPath(path); d != nil {
				unit.Text = d.Text.Bytes()
			}
			compiled, err := builder.Toolchain.Compile(ctx, unit)
			if err != nil {
				return result, err
			}
			if result.After, err = objectListing(compiled.Object, symbol.Name); err != nil {
				return result, err
			}
		}
	}
	if a.Show && e.server.editor.shows {
		e.show(ctx, symbol, result)
	}
	return result, nil
}

func near(image *firmware.Image, name string) string {
	if names := image.Near(name); len(names) > 0 {
		return "did you mean " + strings.Join(names, ", ") + "?"
	}
	return ""
}

// listing disassembles a function of the firmware.
func listing(image *firmware.Image, s *firmware.Symbol) string {
	code, ok := image.Bytes(s.Addr, s.Size)
	if !ok {
		return ""
	}
	name := func(addr uint32) string {
		to := image.At(addr)
		switch {
		case to == nil:
			return ""
		case to.Addr == addr&^1:
			return to.Display
		}
		return fmt.Sprintf("%s+0x%x", to.Display, addr&^1-to.Addr)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", s.Display)
	for l := range thumb.Disassemble(s.Addr, code, name) {
		fmt.Fprintf(&b, "%08x  %-10x  %s\n", l.Addr, l.Bytes, l.Text)
	}
	return b.String()
}

// objectListing disassembles a function of an object, with the names of what it
// refers to. It is empty if the object has no such function.
func objectListing(data []byte, name string) (string, error) {
	o, err := object.Parse(data)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(o.Symbols, func(s *object.Symbol) bool {
		return s.Name == name && s.Section != nil && s.Section.IsCode()
	})
	if i < 0 {
		return "", nil
	}
	s := o.Symbols[i]
	if uint64(s.Value)+uint64(s.Size) > uint64(len(s.Section.Data)) {
		return "", nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", name)
	for l := range thumb.Disassemble(s.Value, s.Section.Data[s.Value:s.Value+s.Size], nil) {
		fmt.Fprintf(&b, "%8x  %-10x  %s", l.Addr-s.Value, l.Bytes, l.Text)
		for _, r := range s.Section.Relocs {
			if r.Offset >= l.Addr && r.Offset < l.Addr+uint32(len(l.Bytes)) && r.Symbol != nil {
				fmt.Fprintf(&b, "\t; %s", referred(r.Symbol))
			}
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

func referred(s *object.Symbol) string {
	if s.Name == "" && s.Section != nil {
		return s.Section.Name
	}
	return s.Name
}

// show opens the listing in the editor, from a file in the user's directory.
func (e executor) show(ctx context.Context, s *firmware.Symbol, r command.DisassembleResult) {
	dir := e.server.options.UserDir
	if dir == "" {
		return
	}
	text := "; in the firmware\n" + r.Before
	if r.After != "" {
		text += "\n; as the file compiles now\n" + r.After
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
