package linker

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/thumb"
)

// judgeLD compares the function, linked at base, with what GNU ld makes of the
// same sections and symbols at the same addresses. Three differences are meant:
// where veneers stand, that our strings may be the image's, and that a
// function's own address is the image's. False: ld cannot take the function out
// of its section.
func judgeLD(t *testing.T, f fixture, name string, base uint32) bool {
	t.Helper()
	b := newBinder(input(t, f.object, f.image, f.unit, name))
	err := b.findRoots()
	if err == nil {
		err = b.carryAll()
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return false
	}
	if slices.ContainsFunc(b.order, func(p *piece) bool {
		return p.class == code && p.section != nil && p.size() != p.section.Size
	}) {
		return false
	}
	p, err := b.patch()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return false
	}
	base &^= p.Align - 1
	l, err := p.Link(base)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return false
	}
	theirs := linkWithLD(t, b, f, p, base)
	for _, q := range p.order {
		if q.section == nil || q.unit.library || q.section.IsMergeString() {
			continue
		}
		for off := uint32(0); off < q.size(); off += 2 {
			r := referenceAt(q, off)
			switch {
			case r == nil:
				compareBytes(t, name, q, off, l.Data[q.offset+off:][:min(2, q.size()-off)], theirs, base)
			case r.offset == off:
				compareReference(t, name, q, *r, f.image, l, theirs)
			}
		}
	}
	return true
}

// linkWithLD links the object with GNU ld so that its sections stand where the
// patch has them or the image has them.
func linkWithLD(t *testing.T, b *binder, f fixture, p *Patch, base uint32) *firmware.Image {
	t.Helper()
	dir := t.TempDir()
	var script, symbols strings.Builder
	script.WriteString("SECTIONS\n{\n")
	placed := make(map[int]bool)
	put := func(index int, name string, addr uint32) {
		if !placed[index] {
			placed[index] = true
			fmt.Fprintf(&script, "\t.placed%d %s : { *(%s) }\n", index, hex(addr), name)
		}
	}
	for _, q := range p.order {
		if q.section != nil && !q.unit.library && q.start == 0 {
			put(q.section.Index, q.section.Name, base+q.offset)
		}
	}
	im := &imageIndex{Image: f.image}
	u := newUnit(f.object, f.unit, false)
	next := uint32(0x4000_0000)
	for _, s := range f.object.Sections {
		// The sections that are not carried go where the image has them.
		c, ok := classOf(s)
		if !ok || s.Size == 0 || placed[s.Index] {
			continue
		}
		addr, kind := next, firmware.Variable
		if c == code {
			kind = firmware.Function
		}
		if q := b.units[0].split(s); len(q) == 1 {
			if at, ok := b.places[q[0]]; ok {
				put(s.Index, s.Name, at.addr)
				continue
			}
		}
		for _, sym := range u.names[s] {
			if c == variable || c == zeroed {
				if at, _, found, err := b.findVariable(find(b.units[0].split(s), sym.Value), sym); err == nil && found {
					addr = at - sym.Value
				}
			} else if there, err := im.find(u, sym, kind); err == nil && there != nil {
				addr = there.Addr - sym.Value
			}
		}
		if addr == next {
			next += s.Size + 1024
		}
		put(s.Index, s.Name, addr)
	}
	script.WriteString("\t/DISCARD/ : { *(.ARM.exidx*) *(.ARM.extab*) }\n}\n")

	// What the object does not define has a type in the image: with an absolute
	// symbol alone ld would not know that it is Thumb code.
	symbols.WriteString("\t.syntax unified\n\t.thumb\n")
	for _, s := range f.object.Symbols {
		if !s.Undefined || s.Name == "" {
			continue
		}
		if g := im.global(s.Name); g != nil {
			value, typ := g.Addr, "object"
			if g.Kind == firmware.Function {
				value, typ = value|1, "function"
			}
			fmt.Fprintf(&symbols, "\t.global %s\n\t.type %s, %%%s\n\t.set %s, %s\n", s.Name, s.Name, typ, s.Name, hex(value))
		} else if v, ok := f.image.Label(s.Name); ok {
			fmt.Fprintf(&symbols, "\t.global %s\n\t.set %s, %s\n", s.Name, s.Name, hex(v))
		}
	}
	scriptFile, symbolFile := filepath.Join(dir, "patch.ld"), filepath.Join(dir, "symbols.s")
	writeFile(t, script.String(), scriptFile)
	writeFile(t, symbols.String(), symbolFile)
	run(t, dir, "arm-none-eabi-as", "-mcpu=cortex-m3", symbolFile, "-o", "symbols.o")
	object, err := filepath.Abs(f.path)
	if err != nil {
		t.Fatal(err)
	}
	run(t, dir, "arm-none-eabi-ld", "--no-check-sections", "-e", "0", "-T", scriptFile, object, "symbols.o", "-o", "patch.elf")
	return openImage(t, filepath.Join(dir, "patch.elf"))
}

func referenceAt(p *piece, off uint32) *reference {
	i := slices.IndexFunc(p.refs, func(r reference) bool { return off >= r.offset && off < r.offset+width(r.typ) })
	if i < 0 {
		return nil
	}
	return &p.refs[i]
}

func compareBytes(t *testing.T, name string, q *piece, off uint32, ours []byte, theirs *firmware.Image, base uint32) {
	t.Helper()
	want, ok := theirs.Bytes(base+q.offset+off, uint32(len(ours)))
	if !ok && q.class == zeroed {
		want, ok = make([]byte, len(ours)), true
	}
	if !ok || string(want) != string(ours) {
		t.Errorf("%s: %s+0x%x: got % x, ld has % x", name, q, off, ours, want)
	}
}

// compareReference compares what a relocated place means.
func compareReference(t *testing.T, name string, q *piece, r reference, im *firmware.Image, l *Linked, theirs *firmware.Image) {
	t.Helper()
	memory := func(addr, n uint32) ([]byte, bool) {
		if addr >= l.Base && uint64(addr-l.Base)+uint64(n) <= uint64(len(l.Data)) {
			return l.Data[addr-l.Base:][:n], true
		}
		return im.Bytes(addr, n)
	}
	n := width(r.typ)
	at := l.Base + q.offset + r.offset
	ours, _ := memory(at, n)
	want, ok := theirs.Bytes(at, n)
	switch {
	case !ok:
		t.Errorf("%s: ld has nothing at %s", name, hex(at))
		return
	case string(ours) == string(want):
		return
	case isBranch(r.typ):
		a, okA := branchAt(ours, at, 0)
		b, okB := branchAt(want, at, 0)
		to := followVeneer(memory, a)
		if okA && okB && to == followVeneer(theirs.Bytes, b) {
			return
		}
		// ld puts veneers behind the section, where the patch may have the next one.
		veneer, target := theirs.Lookup("__"+r.to.name+"_veneer"), im.Lookup(r.to.name)
		if okA && okB && len(veneer) == 1 && veneer[0].Addr == b && len(target) == 1 && target[0].Addr == to {
			return
		}
	default:
		a, b := pointer(q, r, l.Base, memory), pointer(q, r, l.Base, theirs.Bytes)
		if f := l.Functions[0]; a == f.Target.Addr|1 && b == f.Addr|1 {
			return
		}
		if text := stringAt(memory, a); text == stringAt(theirs.Bytes, b) && text != "" {
			return
		}
	}
	t.Errorf("%s: %s refers to %s by %s: got % x, ld has % x", name, q, r.to.name, relocationName(r.typ), ours, want)
}

// pointer reads the address that the reference stores, as a word or as one of
// a pair of MOVW and MOVT.
func pointer(q *piece, r reference, base uint32, memory func(addr, n uint32) ([]byte, bool)) uint32 {
	word, _ := memory(base+q.offset+r.offset, 4)
	if r.typ == elf.R_ARM_ABS32 {
		return binary.LittleEndian.Uint32(word)
	}
	v := uint32(0)
	for _, other := range q.refs {
		if other.to != r.to || other.addend != r.addend {
			continue
		}
		place, _ := memory(base+q.offset+other.offset, 4)
		half, _ := thumb.GetImm16(place)
		if other.typ == elf.R_ARM_THM_MOVW_ABS_NC {
			v |= uint32(half)
		} else if other.typ == elf.R_ARM_THM_MOVT_ABS {
			v |= uint32(half) << 16
		}
	}
	return v
}

// stringAt reads a zero-terminated string, with its terminator.
func stringAt(memory func(addr, n uint32) ([]byte, bool), addr uint32) string {
	var text []byte
	for {
		b, ok := memory(addr+uint32(len(text)), 1)
		if !ok {
			return ""
		}
		if text = append(text, b[0]); b[0] == 0 {
			return string(text)
		}
	}
}
