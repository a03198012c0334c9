package objdiff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/linker"
	"github.com/fpbls/fpbls/internal/object"
)

// A mutant is a change of one place of an object.
type mutant struct {
	kind   string // callee, addend, string, table, constant
	body   *linker.Body
	offset uint32
}

// A subject is a unit with all places that can be changed.
type subject struct {
	unit    unit
	mutants map[string][]mutant
	reach   map[*linker.Body][]string // the functions that a body is content of
}

// study lists the places of the functions that the image has.
func study(t *testing.T, b built, u unit) subject {
	t.Helper()
	in := b.input(t, u)
	m := linker.NewMatcher(linker.Unit{Object: in.Object, Debug: in.ObjectDebug, Path: in.Unit}, in.Image, in.ImageDebug)
	s := subject{u, make(map[string][]mutant), make(map[*linker.Body][]string)}
	var visit func(name string, body *linker.Body)
	visit = func(name string, body *linker.Body) {
		if slices.Contains(s.reach[body], name) {
			return
		}
		first := len(s.reach[body]) == 0
		s.reach[body] = append(s.reach[body], name)
		covered := make(map[uint32]bool)
		for _, r := range body.References {
			for n := range r.Width() {
				covered[r.Offset+n] = true
			}
			if r.To != nil {
				visit(name, r.To)
			}
			if !first {
				continue
			}
			if r.Call && r.Kind == linker.RefAddress && relocAt(in.Object, body, r.Offset) != nil {
				s.mutants["callee"] = append(s.mutants["callee"], mutant{"callee", body, r.Offset})
			}
			if !r.Branch && r.Kind != linker.RefHalf {
				s.mutants["addend"] = append(s.mutants["addend"], mutant{"addend", body, r.Offset})
			}
		}
		for off := uint32(0); first && off < uint32(len(body.Data)); off++ {
			kind := "constant"
			switch {
			case covered[off], body.Text && body.Data[off] == 0:
				continue
			case body.Text:
				kind = "string"
			case !body.Code:
				kind = "table"
			}
			s.mutants[kind] = append(s.mutants[kind], mutant{kind, body, off})
		}
	}
	for _, f := range m.Functions() {
		if f.Target == nil {
			continue
		}
		body, err := m.Body(f.Symbol)
		if err != nil {
			t.Fatal(err)
		}
		visit(f.Symbol.Name, body)
	}
	return s
}

func relocAt(o *object.Object, body *linker.Body, offset uint32) *object.Reloc {
	relocs := o.Sections[body.Section.Index].Relocs
	for i := range relocs {
		if relocs[i].Offset == body.Start+offset {
			return &relocs[i]
		}
	}
	return nil
}

// apply changes the object, which is the caller's own. It is false if nothing
// comes of it.
func (m mutant) apply(random *rand.Rand, o *object.Object, image *firmware.Image) bool {
	r := relocAt(o, m.body, m.offset)
	switch m.kind {
	case "callee":
		at := func(s *object.Symbol) uint32 {
			if found := image.Lookup(s.Name); len(found) == 1 && found[0].Kind == firmware.Function {
				return found[0].Addr
			}
			return 0
		}
		was := at(r.Symbol)
		candidates := slices.DeleteFunc(slices.Clone(o.Symbols), func(s *object.Symbol) bool { return at(s) == 0 || at(s) == was })
		if was == 0 || len(candidates) == 0 {
			return false
		}
		r.Symbol, r.Addend = candidates[random.IntN(len(candidates))], -4
	case "addend":
		r.Addend += 4 * int32(1+random.IntN(8))
	default:
		data := o.Sections[m.body.Section.Index].Data
		at := &data[m.body.Start+m.offset]
		was := *at
		for *at == was || m.kind == "string" && *at == 0 {
			*at = byte(random.IntN(256))
		}
	}
	return true
}

// judgeMutations: every change of a callee, an addend, a byte of a string or table,
// or a constant is found, in the functions that it is in and in no others.
func judgeMutations(t *testing.T, b built, total int) {
	random := rand.New(rand.NewPCG(uint64(*seed), 5))
	var subjects []subject
	for _, u := range b.units {
		subjects = append(subjects, study(t, b, u))
	}
	kinds := []string{"callee", "addend", "string", "table", "constant"}
	count := make(map[string]int)
	for n := 0; n < total; {
		s := subjects[random.IntN(len(subjects))]
		places := s.mutants[kinds[(n+random.IntN(2))%len(kinds)]]
		if len(places) == 0 {
			continue
		}
		m := places[random.IntN(len(places))]
		in := b.input(t, unit{s.unit.path, slices.Clone(s.unit.object)})
		if !m.apply(random, in.Object, in.Image) {
			continue
		}
		n++
		count[m.kind]++
		where := fmt.Sprintf("%s: %s of %s+0x%x", s.unit.path, m.kind, m.body.Name, m.offset)
		report, err := Compare(in)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		var found []string
		for _, f := range report.Changed() {
			found = append(found, f.Name)
		}
		want := slices.Clone(s.reach[m.body])
		slices.Sort(want)
		if !slices.Equal(found, want) {
			t.Errorf("%s: %v differ, want %v", where, found, want)
		}
	}
	t.Logf("mutations: %v", count)
}
