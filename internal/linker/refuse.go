package linker

import (
	"debug/elf"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
)

// shtExidx is SHT_ARM_EXIDX, the index of unwind tables (AAELF32 §5.3.3).
const shtExidx elf.SectionType = 0x7000_0001

// checkCarried refuses what does not work in a patch.
func (b *binder) checkCarried(p *piece) error {
	for _, r := range p.relocs() {
		if s := r.Symbol; s.Type == elf.STT_TLS || s.Section != nil && s.Section.Flags&elf.SHF_TLS != 0 {
			return problem.New(problem.CannotLink, "use an ordinary variable, or flash this change",
				"%s uses the thread-local variable %s, which a patch cannot give to every thread", p, display(s.Name))
		}
	}
	switch {
	case p.class == code:
		for _, r := range p.relocs() {
			if s := r.Symbol; s.Name == "__cxa_throw" || s.Name == "__cxa_rethrow" {
				return problem.New(problem.CannotLink, "move the throw into a function that is not patched, or flash this change",
					"%s throws an exception, and the running firmware's unwinder would find no way out of the patch", p)
			}
		}
		for _, s := range p.symbols {
			if s.IsFunction() && !s.Thumb {
				return problem.New(problem.CannotLink, "compile for the board's core, with -mthumb",
					"%s is ARM code, which no Cortex-M runs", display(s.Name))
			}
		}
		return b.checkUnwind(p)
	case p.writable() && p.section != nil && !isOrdinary(p.section.Name):
		b.note("the new variable %s is not in section %s, but with the patch", p, p.section.Name)
	}
	return nil
}

// isOrdinary reports whether the section's name asks for no memory in particular.
func isOrdinary(name string) bool {
	for _, prefix := range []string{".data", ".bss", ".sdata", ".sbss"} {
		if name == prefix || strings.HasPrefix(name, prefix+".") {
			return true
		}
	}
	return false
}

// checkUnwind looks at the unwind table of a function. The firmware's unwinder
// will not find it in the patch: without one, an exception that comes by ends
// the program; a function that catches or cleans up would be skipped.
func (b *binder) checkUnwind(p *piece) error {
	if p.section == nil {
		return nil
	}
	for _, index := range p.unit.object.Sections {
		if index.Type != shtExidx || int(index.Link) != p.section.Index {
			continue
		}
		for off := uint32(0); off+8 <= uint32(len(index.Data)); off += 8 {
			first, ok := relocAt(index, off)
			if !ok || first.Symbol.Section != p.section {
				continue
			}
			if at := first.Symbol.Value + uint32(first.Addend); at < p.start || at >= p.end {
				continue
			}
			table, ok := relocAt(index, off+4)
			if !ok {
				if err := b.checkPassing(p, binary.LittleEndian.Uint32(index.Data[off+4:])); err != nil {
					return err
				}
				continue
			}
			if handler := personality(table); handler != "" {
				return problem.New(problem.CannotLink, "move the try block, or the object with the destructor, into a function that is not patched, or flash this change",
					"%s catches exceptions or cleans up after them (%s), and the running firmware's unwinder would not find its table",
					p, display(handler))
			}
			if err := b.checkPassing(p, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// exidxCantunwind marks a function that exceptions cannot pass (EHABI32 §6).
const exidxCantunwind = 1

// checkPassing looks at a function that only unwinds, with its entry in the index.
func (b *binder) checkPassing(p *piece, entry uint32) error {
	if entry == exidxCantunwind || len(b.image.named("_Unwind_RaiseException", firmware.Function)) == 0 {
		return nil
	}
	for _, r := range p.relocs() {
		for _, f := range b.image.named(r.Symbol.Name, firmware.Function) {
			if b.image.Throws(f) {
				return problem.New(problem.CannotLink, "flash this change, or leave out the function that is in between",
					"an exception that comes out of %s would end the program in %s: the running firmware's unwinder finds no way out of the patch", f.Display, p)
			}
		}
	}
	b.note("an exception that passes through %s ends the program: its unwind table is not in the firmware", p)
	return nil
}

func relocAt(s *object.Section, off uint32) (object.Reloc, bool) {
	for _, r := range s.Relocs {
		if r.Offset == off && r.Type != elf.R_ARM_NONE {
			return r, true
		}
	}
	return object.Reloc{}, false
}

// personality returns the routine that the entry of .ARM.extab names: a table
// that starts with a relocation is of the generic model (EHABI32 §7.2). The
// compact models of __aeabi_unwind_cpp_pr0 to 2 only unwind.
func personality(table object.Reloc) string {
	extab := table.Symbol.Section
	if extab == nil {
		return ""
	}
	r, ok := relocAt(extab, table.Symbol.Value+uint32(table.Addend))
	if !ok || strings.HasPrefix(r.Symbol.Name, "__aeabi_unwind_cpp_pr") {
		return ""
	}
	return r.Symbol.Name
}

// checkConstructors refuses new variables that start-up code would have to
// initialise: it has run already.
func (b *binder) checkConstructors() error {
	if !slices.ContainsFunc(b.order, (*piece).writable) {
		return nil
	}
	for _, u := range b.units {
		if err := b.checkConstructorsOf(u); err != nil {
			return err
		}
	}
	return nil
}

func (b *binder) checkConstructorsOf(u *unit) error {
	for _, array := range u.object.Sections {
		if !isConstructorTable(array) {
			continue
		}
		for _, r := range array.Relocs {
			if r.Symbol.Section == nil {
				continue
			}
			off := r.Symbol.Value
			if r.Symbol.Type == elf.STT_SECTION {
				off += uint32(r.Addend) &^ 1
			}
			init := find(u.split(r.Symbol.Section), off)
			if init == nil {
				continue
			}
			if v := b.initialised(init, make(map[*piece]bool)); v != nil {
				return problem.New(problem.CannotLink, "make it a static variable of a function, give it a constant initial value, or flash this change",
					"the new variable %s needs %s to run at start-up (%s), and the firmware has already started", v, init, array.Name)
			}
		}
	}
	return nil
}

func isConstructorTable(s *object.Section) bool {
	return s.Type == elf.SHT_INIT_ARRAY || s.Type == elf.SHT_PREINIT_ARRAY || strings.HasPrefix(s.Name, ".ctors")
}

func (p *piece) writable() bool { return p.class == variable || p.class == zeroed }

// initialised returns a carried variable that the constructor, or what the
// compiler split off it, refers to.
func (b *binder) initialised(init *piece, seen map[*piece]bool) *piece {
	seen[init] = true
	for _, r := range init.relocs() {
		s := r.Symbol
		if s.Section == nil || s.Common {
			continue
		}
		off := s.Value
		if s.Type == elf.STT_SECTION {
			off += uint32(r.Addend)
		}
		p := find(init.unit.split(s.Section), off)
		switch {
		case p == nil || seen[p]:
		case p.carried && p.writable():
			return p
		case p.class == code && isInitialiser(s.Name):
			if v := b.initialised(p, seen); v != nil {
				return v
			}
		}
	}
	return nil
}

// isInitialiser knows the names that compilers give to the functions that their
// constructors call.
func isInitialiser(name string) bool {
	return strings.Contains(name, "__static_initialization_and_destruction") ||
		strings.HasPrefix(name, "__cxx_global_var_init") || strings.HasPrefix(name, "_GLOBAL__")
}

// checkBound looks at a variable that keeps its place in the image while the
// object gives it other content.
func (b *binder) checkBound(p *piece, s *object.Symbol, addr uint32) error {
	for _, r := range p.relocs() {
		if f := labelled(p, r); f != nil {
			return problem.New(problem.CannotLink, "make it const, or flash this change",
				"variable %s holds addresses inside of %s, and the running firmware's one holds those of the old code", display(s.Name), f)
		}
	}
	if p.class != variable || len(p.relocs()) > 0 {
		return nil
	}
	here := p.data()[p.offsetOf(s):]
	if n := s.Size; n > 0 && uint64(n) <= uint64(len(here)) {
		if there, ok := b.image.Bytes(addr, n); ok && string(there) != string(here[:n]) {
			b.note("the new initial value of %s is not used: the running variable keeps its value", display(s.Name))
		}
	}
	return nil
}
