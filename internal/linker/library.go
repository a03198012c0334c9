package linker

import (
	"debug/elf"
	"fmt"

	"github.com/fpbls/fpbls/internal/object"
)

// library is the compiler's helper library, once it is needed.
type library struct {
	*archive
	units map[int]*unit // by index of the member
}

// helper finds a symbol in the compiler's library; nil if it has none.
func (b *binder) helper(name string) (*unit, *object.Symbol, error) {
	if b.in.Library == nil {
		return nil, nil, nil
	}
	if b.library == nil {
		data, err := b.in.Library()
		if err != nil {
			return nil, nil, err
		}
		a, err := readArchive(data)
		if err != nil {
			return nil, nil, err
		}
		b.library = &library{a, make(map[int]*unit)}
	}
	return b.library.find(name)
}

// find returns the global symbol and its member, by the index of the library or,
// without one, by looking into each member.
func (l *library) find(name string) (*unit, *object.Symbol, error) {
	if l.symbols != nil {
		i, ok := l.symbols[name]
		if !ok {
			return nil, nil, nil
		}
		u, err := l.unit(i)
		if err != nil {
			return nil, nil, fmt.Errorf("reading %s of the library: %w", l.members[i].name, err)
		}
		return u, u.global(name), nil
	}
	for i := range l.members {
		u, err := l.unit(i)
		if err != nil {
			continue // what is no object defines nothing
		}
		if s := u.global(name); s != nil {
			return u, s, nil
		}
	}
	return nil, nil, nil
}

func (l *library) unit(i int) (*unit, error) {
	if u := l.units[i]; u != nil {
		return u, nil
	}
	o, err := object.Parse(l.members[i].data)
	if err != nil {
		return nil, err
	}
	u := newUnit(o, l.members[i].name, true)
	l.units[i] = u
	return u, nil
}

// global returns the global symbol that the unit defines, nil if it does not.
func (u *unit) global(name string) *object.Symbol {
	for _, s := range u.object.Symbols {
		if s.Name == name && s.Section != nil && s.Bind != elf.STB_LOCAL {
			return s
		}
	}
	return nil
}
