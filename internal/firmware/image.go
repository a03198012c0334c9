// Package firmware reads the image that runs on the board: the linked ELF, as
// symbols, memory regions and bytes.
//
// An [Image] is immutable and shared; everything in it that is computed late is
// computed once.
package firmware

import (
	"cmp"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/fpbls/fpbls/internal/dwarf"
)

// An Image is a linked firmware. All methods may be called at the same time.
type Image struct {
	path      string
	buildID   func() string
	buildIDAt uint32
	symbols   []*Symbol // by address, then name
	functions []*Symbol // those that are functions, in the same order
	regions   []Region
	segments  []segment
	data      func() []extent             // data within code, by address
	byName    map[string]*Symbol          // the first of the name; Symbol.next leads on
	labels    map[string]uint32           // global symbols without a type
	byShort   func() map[string][]*Symbol // demangled forms
	debug     func() (*dwarf.Info, error)
	branches  func() []Branch

	loaderPath func() map[uint32]bool
	once       func() map[uint32]string
	throws     func() map[uint32]bool
	early      func() map[uint32]bool
	pointers   func() pointers
	exceptions func() map[uint32][]int
	entry      uint32 // where the ELF says that it starts, without the Thumb bit
}

// Kind is what a symbol names.
type Kind string

const (
	Function Kind = "function"
	Variable Kind = "variable"
)

// A Symbol is a function or variable of the image.
type Symbol struct {
	Name    string // as the linker knows it
	Display string // demangled; Name for C
	Kind    Kind
	Addr    uint32 // without the Thumb bit
	Size    uint32 // bytes; up to the next symbol where the file gives none
	Global  bool
	Weak    bool
	Thumb   bool
	File    string // source file of a local symbol, as the compiler named it
	Section string

	next *Symbol // of the same name
}

// A Region is a range of the address space that the image uses.
type Region struct {
	Name              string
	Addr, Size        uint32
	Read, Write, Exec bool
	Loaded            bool // has content in the file
}

// segment is content at its run-time address.
type segment struct {
	addr uint32
	data []byte
}

type extent struct{ addr, end uint32 }

// Path is the file that the image was read from.
func (im *Image) Path() string { return im.path }

// BuildID identifies the build: the GNU build-id in hex or, without one, the
// SHA-256 of the loaded content.
func (im *Image) BuildID() string { return im.buildID() }

// BuildIDAt is the address of the GNU build-id's note on the board, 0 if it is not there.
func (im *Image) BuildIDAt() uint32 { return im.buildIDAt }

// Functions lists the functions by address, then name.
func (im *Image) Functions() []*Symbol { return im.functions }

// Symbols lists functions and variables by address, then name.
func (im *Image) Symbols() []*Symbol { return im.symbols }

// Regions lists the memory that the image uses, by address.
func (im *Image) Regions() []Region { return im.regions }

// Debug is the debug information. It is read at the first call.
func (im *Image) Debug() (*dwarf.Info, error) { return im.debug() }

// Lookup returns what the name stands for, by address: a linker name, a
// demangled C++ name, one without its parameters, or "file.c:name" for the
// local symbol of a file.
func (im *Image) Lookup(name string) []*Symbol {
	if i := strings.LastIndex(name, ":"); i > 0 && name[i-1] != ':' {
		file, local := name[:i], name[i+1:]
		var found []*Symbol
		for _, s := range im.Lookup(local) {
			if s.File != "" && filepath.Base(s.File) == filepath.Base(file) {
				found = append(found, s)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	var found []*Symbol
	for s := im.byName[name]; s != nil; s = s.next {
		found = append(found, s)
	}
	if len(found) > 0 {
		slices.SortFunc(found, func(a, b *Symbol) int { return cmp.Compare(a.Addr, b.Addr) })
		return found
	}
	return im.byShort()[name]
}

// Label returns the value of a global symbol that is neither a function nor a
// variable, such as _estack of a linker script or a label in assembler code.
func (im *Image) Label(name string) (uint32, bool) {
	addr, ok := im.labels[name]
	return addr, ok
}

// At returns the function that contains the address, nil if there is none. The
// Thumb bit is ignored. Of several names a global one comes first.
func (im *Image) At(addr uint32) *Symbol {
	addr &^= 1
	i := sort.Search(len(im.functions), func(i int) bool { return im.functions[i].Addr > addr })
	var best *Symbol
	for i--; i >= 0; i-- {
		f := im.functions[i]
		if best != nil && f.Addr != best.Addr {
			break
		}
		if addr-f.Addr < max(f.Size, 1) && (best == nil || f.Global && !f.Weak) {
			best = f
		}
		if best == nil && (addr-f.Addr > 1<<20 || f.Size > 0) {
			break // functions do not overlap: a smaller address does not reach either
		}
	}
	return best
}

// SameAddress returns the other functions that start where s does: aliases, or
// folded by the compiler or linker.
func (im *Image) SameAddress(s *Symbol) []*Symbol {
	i := sort.Search(len(im.functions), func(i int) bool { return im.functions[i].Addr >= s.Addr })
	var same []*Symbol
	for ; i < len(im.functions) && im.functions[i].Addr == s.Addr; i++ {
		if im.functions[i].Name != s.Name {
			same = append(same, im.functions[i])
		}
	}
	return same
}

// Bytes returns the n bytes that the image puts at the address: code and
// constants as they stay, variables as they start. It is false if part of them
// is not in the file.
func (im *Image) Bytes(addr, n uint32) ([]byte, bool) {
	i := sort.Search(len(im.segments), func(i int) bool { return im.segments[i].addr > addr }) - 1
	if i < 0 {
		return nil, false
	}
	s := im.segments[i]
	off := uint64(addr - s.addr)
	if off+uint64(n) > uint64(len(s.data)) {
		return nil, false
	}
	return s.data[off : off+uint64(n) : off+uint64(n)], true
}

// Contains reports whether the n bytes at addr belong to one region.
func (im *Image) Contains(addr, n uint32) bool {
	return slices.ContainsFunc(im.regions, func(r Region) bool {
		return addr >= r.Addr && uint64(addr)+uint64(n) <= uint64(r.Addr)+uint64(r.Size)
	})
}

// IsData reports whether the address is data within code, such as a literal
// pool (AAELF32 §5.5.5, mapping symbols).
func (im *Image) IsData(addr uint32) bool {
	data := im.dataFrom(addr)
	return len(data) > 0 && data[0].addr <= addr
}

// dataFrom returns the data within code that ends behind the address.
func (im *Image) dataFrom(addr uint32) []extent {
	data := im.data()
	return data[sort.Search(len(data), func(i int) bool { return data[i].end > addr }):]
}

// Warm computes what is otherwise computed when it is asked for the first time.
func (im *Image) Warm() {
	im.branches()
	im.loaderPath()
	im.once()
	im.debug() // takes longest, and least depends on it
}

// lazily returns a function that calls f once.
func lazily[T any](f func() T) func() T { return sync.OnceValue(f) }
