package linker

import (
	"debug/elf"

	"github.com/fpbls/fpbls/internal/object"
)

// library is the compiler's helper library, once it is needed.
type library struct {
	defines map[string]*object.Symbol
	units   map[*object.Symbol]*unit
}

// helper finds a symbol in the compiler's library; nil if it has none.
func (b *binder) helper(name string) (*unit, *object.Symbol, error) {
	if b.library == nil {
		lib, err := b.openLibrary()
		if err != nil {
			return nil, nil, err
		}
		b.library = lib
	}
	s := b.library.defines[name]
	if s == nil {
		return nil, nil, nil
	}
	return b.library.units[s], s, nil
}

func (b *binder) openLibrary() (*library, error) {
	lib := &library{defines: make(map[string]*object.Symbol), units: make(map[*object.Symbol]*unit)}
	if b.in.Library == nil {
		return lib, nil
	}
	data, err := b.in.Library()
	if err != nil {
		return nil, err
	}
	members, err := readArchive(data)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		o, err := object.Parse(m.data)
		if err != nil {
			continue // members without symbols or code are not helpers
		}
		u := newUnit(o, m.name, true)
		for _, s := range o.Symbols {
			if s.Section == nil || s.Bind == elf.STB_LOCAL || s.Name == "" {
				continue
			}
			if old := lib.defines[s.Name]; old == nil || old.IsWeak() && !s.IsWeak() {
				lib.defines[s.Name] = s // of equals the first member wins, as in a linker
				lib.units[s] = u
			}
		}
	}
	return lib, nil
}
