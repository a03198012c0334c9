package linker

import (
	"maps"
	"slices"

	"github.com/fpbls/fpbls/internal/firmware"
)

// A Patch is a block that is decided but has no address yet.
type Patch struct {
	Size, Align uint32
	Functions   []Function // in the order of the roots, unit by unit
	Needs       []string   // ids of the live blocks it refers to, sorted
	Notes       []string   // for the user

	order   []*piece // in the order of the block
	veneers []veneer
	code    uint32 // length of code and constants
	roots   []*root
	defines []definition
}

// Prepare follows the references of the functions and decides what is carried
// and what is bound. Its errors are problems that name function and symbol.
func Prepare(in Input) (*Patch, error) {
	b := newBinder(in)
	if err := b.findRoots(); err != nil {
		return nil, err
	}
	if err := b.carryAll(); err != nil {
		return nil, err
	}
	if err := b.checkConstructors(); err != nil {
		return nil, err
	}
	p, err := b.patch()
	if err != nil {
		return nil, err
	}
	// What does not fit its place fails at every address: better now.
	if _, err := p.Link(trialBase &^ (p.Align - 1)); err != nil {
		return nil, err
	}
	return p, nil
}

func newBinder(in Input) *binder {
	b := &binder{
		in:        in,
		image:     &imageIndex{in.Image, in.ImageDebug},
		places:    make(map[*piece]place),
		undefined: make(map[string]target),
		originals: make(map[*firmware.Symbol]*piece),
		equal:     make(map[equality]bool),
		needs:     make(map[string]bool),
		globals:   make(map[string]*piece),
	}
	for _, u := range in.Units {
		unit := newUnit(u.Object, u.Path, false)
		unit.debug = u.Debug
		b.units = append(b.units, unit)
	}
	return b
}

// patch lays out what is carried.
func (b *binder) patch() (*Patch, error) {
	p := &Patch{roots: b.roots, Needs: slices.Sorted(maps.Keys(b.needs)), Notes: b.notes}
	if err := p.layOut(b.order); err != nil {
		return nil, err
	}
	for _, r := range b.roots {
		p.Functions = append(p.Functions, Function{Name: r.target.Name, Unit: r.piece.unit.name, Inner: r.inner, Target: r.target, Size: r.size(), Digest: r.digest()})
	}
	p.defines = b.definitions(p.order)
	return p, nil
}

// trialBase is where the RAM of a microcontroller starts.
const trialBase = 0x2000_0000
