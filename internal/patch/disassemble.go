package patch

import (
	"context"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/listing"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/toolchain"
)

// Disassemble lists the function as the unit compiles to it now, before it is linked.
// The list is empty if the unit has no such function, or has inlined it everywhere.
func (b *Builder) Disassemble(ctx context.Context, unit Unit, f *firmware.Symbol) ([]listing.Line, error) {
	command, err := b.command(ctx, unit.Path)
	if err != nil {
		return nil, err
	}
	compiled, err := b.Toolchain.Compile(ctx, toolchain.Unit{Command: command, Text: unit.Text, Flags: []string{"-ffunction-sections"}})
	if err != nil {
		return nil, err
	}
	o, err := object.Parse(compiled.Object)
	if err != nil {
		return nil, err
	}
	debug, _ := dwarf.ForObject(o) // only lines are lost without
	return listing.OfObject(o, debug, f.Name), nil
}
