package linker

import (
	"debug/elf"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/thumb"
)

// originalPrefix begins the symbols that FPB_ORIGINAL refers to; the name of the
// function follows, as it was written. See toolchain.Header.
const originalPrefix = "fpb.original."

// originalName returns the function whose original the symbol stands for. Clang
// keeps the quotes that GNU as needs around names like ns::f.
func originalName(symbol string) (string, bool) {
	return strings.CutPrefix(strings.Trim(symbol, `"`), originalPrefix)
}

// bindOriginal makes the code that calls the image's function whether or not it
// is patched: its first instructions, which a comparator may have replaced, and
// a jump behind them.
func (b *binder) bindOriginal(from *piece, name string) (target, error) {
	f, err := b.findOriginal(from, name)
	if err != nil {
		return target{}, err
	}
	p := b.originals[f]
	if p == nil {
		code, err := b.relocateEntry(f)
		if err != nil {
			return target{}, err
		}
		p = &piece{
			unit:    from.unit,
			section: &object.Section{Name: originalPrefix + f.Name, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, Align: 4, Size: uint32(len(code)), Data: code},
			end:     uint32(len(code)),
			align:   4,
			symbols: []*object.Symbol{{Name: originalPrefix + f.Name, Size: uint32(len(code)), Type: elf.STT_FUNC, Bind: elf.STB_LOCAL, Thumb: true}},
		}
		b.originals[f] = p
	}
	return target{piece: p, thumb: true, name: "the original " + f.Display}, nil
}

// relocateEntry moves the instructions that any comparator could replace: the
// word at the entry, or for a function at 4k+2 the first halfword and the word
// behind it.
func (b *binder) relocateEntry(f *firmware.Symbol) ([]byte, error) {
	n := uint32(4)
	if f.Addr%4 != 0 {
		n = 6
	}
	if f.Size < n {
		return nil, problem.New(problem.TooShort, "copy its code into the patch instead",
			"the original %s cannot be called: at 0x%08x it is only %d bytes long", f.Display, f.Addr, f.Size)
	}
	code, err := thumb.Relocate(f.Addr, n, func(addr, n uint32) ([]byte, bool) {
		if addr-f.Addr >= f.Size && b.image.writable(addr) {
			return nil, false
		}
		return b.image.Bytes(addr, n)
	})
	if err != nil {
		return nil, problem.New(problem.CannotLink, "copy its code into the patch instead",
			"the original %s cannot be called, its first instructions cannot be moved: %w", f.Display, err)
	}
	return code, nil
}

// findOriginal finds the function: one that this patch replaces, one of this
// file, or one that the whole firmware sees. In C++ the name may leave out the
// enclosing namespaces and classes.
func (b *binder) findOriginal(from *piece, name string) (*firmware.Symbol, error) {
	var all []*firmware.Symbol
	for _, s := range b.image.Lookup(name) {
		if s.Kind == firmware.Function {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		all = b.image.LookupEnclosed(name)
	}
	for _, r := range b.roots {
		if slices.Contains(all, r.target) {
			return r.target, nil
		}
	}
	if here, _ := b.image.inFile(from.unit.name, all); len(here) > 0 {
		all = here
	}
	if len(all) > 1 && !slices.ContainsFunc(all, func(s *firmware.Symbol) bool { return s.Addr != all[0].Addr }) {
		all = all[:1]
	}
	switch len(all) {
	case 0:
		return nil, problem.New(problem.NotInImage, "name a function that the firmware has",
			"%s calls FPB_ORIGINAL(%s), but the firmware has no such function", from, name)
	case 1:
		return all[0], nil
	}
	return nil, problem.New(problem.AmbiguousName, "write more of its name: namespaces and classes",
		"%s calls FPB_ORIGINAL(%s), which stands for %d functions of the firmware", from, name, len(all))
}
