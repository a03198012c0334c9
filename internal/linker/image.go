package linker

import (
	"debug/elf"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
)

// imageIndex answers which symbol of the image a symbol of the object is.
type imageIndex struct {
	*firmware.Image
	debug *dwarf.Info // may be nil
}

// named lists the symbols with exactly that linker name. A kind of "" takes
// both.
func (im *imageIndex) named(name string, kind firmware.Kind) []*firmware.Symbol {
	var found []*firmware.Symbol
	for _, s := range im.Lookup(name) {
		if s.Name == name && (kind == "" || s.Kind == kind) {
			found = append(found, s)
		}
	}
	return found
}

// find returns the image's symbol for one that the unit defines, nil if it has
// none: a global one by name, a static one by name and file.
func (im *imageIndex) find(u *unit, s *object.Symbol, kind firmware.Kind) (*firmware.Symbol, error) {
	all := im.named(s.Name, kind)
	if len(all) == 0 {
		return nil, nil
	}
	if s.Bind != elf.STB_LOCAL {
		if f := pickGlobal(all); f != nil {
			return f, nil
		}
	}
	if u.library {
		return nil, nil
	}
	here, unknown := im.inFile(u.name, all)
	switch {
	case len(here) == 1:
		return here[0], nil
	case len(here) > 1:
		return nil, problem.New(problem.CannotLink, "rename one of them and flash once",
			"the firmware has %d symbols %s in files named %s, at 0x%08x and 0x%08x: it cannot be told which one is meant",
			len(here), display(s.Name), base(u.name), here[0].Addr, here[1].Addr)
	case len(unknown) == 1 && len(all) == 1 && !unknown[0].Global:
		return unknown[0], nil // a firmware that does not name its files
	case len(unknown) > 0 && kind == firmware.Variable:
		return nil, problem.New(problem.CannotLink, "flash this change, or give the variable a name of its own",
			"the firmware has a variable %s, and it cannot be told whether it is the one of %s", display(s.Name), base(u.name))
	}
	return nil, nil
}

// inFile splits symbols of one name: those of the file, best match first, one
// per address, and those of which the file is not known.
func (im *imageIndex) inFile(path string, all []*firmware.Symbol) (here, unknown []*firmware.Symbol) {
	best := 0
	for _, s := range all {
		file := im.fileOf(s)
		if file == "" {
			unknown = append(unknown, s)
			continue
		}
		switch n := dwarf.SameFile(path, file); {
		case n == 0 || n < best:
		case n > best:
			best, here = n, []*firmware.Symbol{s}
		case here[0].Addr != s.Addr:
			here = append(here, s)
		}
	}
	return here, unknown
}

// mayBeIn reports whether the symbol is of the file, as far as that is known.
func (im *imageIndex) mayBeIn(path string, s *firmware.Symbol) bool {
	file := im.fileOf(s)
	return file == "" && !s.Global || file != "" && dwarf.SameFile(path, file) > 0
}

// fileOf returns the source file that defines the symbol, as well as it is
// known. With link-time optimisation the symbol table names temporary files.
func (im *imageIndex) fileOf(s *firmware.Symbol) string {
	if im.debug != nil {
		if path, ok := im.debug.PathAt(s.Addr); ok {
			return path
		}
	}
	if s.File == "<artificial>" || strings.HasSuffix(s.File, ".o") {
		return ""
	}
	return s.File
}

// global returns the symbol that an undefined reference gets, nil if there is
// none.
func (im *imageIndex) global(name string) *firmware.Symbol {
	return pickGlobal(im.named(name, ""))
}

// pickGlobal picks the symbol that other files see: a strong one, a weak one, or
// one that was hidden, as the helpers of the compiler are. The linker makes
// those local and lists them behind the symbols of all files.
func pickGlobal(all []*firmware.Symbol) *firmware.Symbol {
	var best *firmware.Symbol
	rank := 0
	for _, s := range all {
		n := 0
		switch {
		case s.Global && !s.Weak:
			n = 3
		case s.Global:
			n = 2
		case s.File == "":
			n = 1
		}
		if n > rank {
			best, rank = s, n
		}
	}
	return best
}

// writable reports whether the address lies in memory that the firmware writes.
func (im *imageIndex) writable(addr uint32) bool {
	return slices.ContainsFunc(im.Regions(), func(r firmware.Region) bool {
		return r.Write && addr-r.Addr < r.Size
	})
}

// statics lists the symbols that only their own file sees.
func (im *imageIndex) statics(name string) []*firmware.Symbol {
	var found []*firmware.Symbol
	for _, s := range im.named(name, "") {
		if !s.Global && s.File != "" {
			found = append(found, s)
		}
	}
	return found
}

// base is the last component of the path.
func base(path string) string {
	if c := dwarf.Components(path); len(c) > 0 {
		return c[len(c)-1]
	}
	return path
}
