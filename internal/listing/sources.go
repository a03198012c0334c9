package listing

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/ianlancetaylor/demangle"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
)

// OfImage lists a function of the firmware. It is empty if the image has no bytes there.
func OfImage(image *firmware.Image, s *firmware.Symbol) []Line {
	code, _ := image.Bytes(s.Addr, s.Size)
	variables := make(map[uint32]string)
	for _, v := range image.Symbols() {
		if v.Kind == firmware.Variable {
			variables[v.Addr] = v.Display
		}
	}
	debug, _ := image.Debug()
	return function{
		addr: s.Addr, code: code,
		isData: func(off uint32) bool { return image.IsData(s.Addr + off) },
		fill:   func(uint32) (string, bool) { return "", false },
		name: func(addr uint32) string {
			f := image.At(addr)
			switch {
			case f == nil:
				return ""
			case f.Addr == addr&^1:
				return f.Display
			}
			return fmt.Sprintf("%s+0x%x", f.Display, addr&^1-f.Addr)
		},
		value: func(v uint32) string {
			if f := image.At(v); v&1 != 0 && f != nil && f.Addr == v&^1 {
				return f.Display
			}
			if name := variables[v]; name != "" {
				return name
			}
			if text, ok := image.CString(v); ok && printable(text) {
				return fmt.Sprintf("%.60q", text)
			}
			return number(v)
		},
		source: func(off uint32) (string, int) { return sourceAt(debug, s.Addr+off) },
	}.lines()
}

// OfObject lists a function of an object by its linker name, with the names of what it
// refers to. It is empty if the object has no such function. debug may be nil.
func OfObject(o *object.Object, debug *dwarf.Info, name string) []Line {
	i := slices.IndexFunc(o.Symbols, func(s *object.Symbol) bool {
		return s.Name == name && s.Section != nil && s.Section.IsCode()
	})
	if i < 0 {
		return nil
	}
	s := o.Symbols[i]
	if uint64(s.Value)+uint64(s.Size) > uint64(len(s.Section.Data)) {
		return nil
	}
	fills := make(map[uint32]string)
	for _, r := range s.Section.Relocs {
		if r.Symbol != nil && r.Offset-s.Value < s.Size {
			fills[r.Offset-s.Value] = referred(o, r)
		}
	}
	display, marks := demangle.Filter(name), o.Mapping()[s.Section]
	return function{
		code:   s.Section.Data[s.Value : s.Value+s.Size],
		isData: func(off uint32) bool { return isData(marks, s.Value+off) },
		fill:   func(off uint32) (string, bool) { name, ok := fills[off]; return name, ok },
		name:   func(addr uint32) string { return fmt.Sprintf("%s+0x%x", display, addr) },
		value:  number,
		source: func(off uint32) (string, int) {
			if debug == nil {
				return "", 0
			}
			addr, ok := debug.AddressOf(s.Section, s.Value+off)
			if !ok {
				return "", 0
			}
			return sourceAt(debug, addr)
		},
	}.lines()
}

func sourceAt(debug *dwarf.Info, addr uint32) (string, int) {
	if debug == nil {
		return "", 0
	}
	file, line, _ := debug.LineOf(addr)
	return file, line
}

// isData tells code from literals by the section's mapping symbols (AAELF32 §5.5.5).
func isData(marks []*object.Symbol, off uint32) bool {
	data := false
	for _, m := range marks {
		if m.Value > off {
			break
		}
		data = strings.HasPrefix(m.Name, "$d")
	}
	return data
}

// referred names what the relocation stands for: a string by its text.
func referred(o *object.Object, r object.Reloc) string {
	s, addend := r.Symbol, uint32(r.Addend)
	if local := strings.HasPrefix(s.Name, ".L") || s.Section != nil && s.Name == s.Section.Name; !local || s.Section == nil {
		return demangle.Filter(s.Name)
	}
	off := s.Value + addend
	for _, t := range o.Symbols {
		if t.Section == s.Section && t.Value == off && t.Name != s.Section.Name && !t.IsMapping() && !strings.HasPrefix(t.Name, ".L") {
			return demangle.Filter(t.Name)
		}
	}
	if !s.Section.IsWrite() && !s.Section.IsCode() && uint64(off) < uint64(len(s.Section.Data)) {
		if text, _, ok := bytes.Cut(s.Section.Data[off:], []byte{0}); ok && printable(text) {
			return fmt.Sprintf("%.60q", text)
		}
	}
	return fmt.Sprintf("%s+0x%x", s.Section.Name, off)
}

func number(v uint32) string { return fmt.Sprintf("0x%08x", v) }

// printable reports whether the bytes are a text that somebody wrote.
func printable(text []byte) bool {
	return len(text) > 0 && !strings.ContainsFunc(string(text), func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsPrint(r) && !unicode.IsSpace(r)
	})
}
