package firmware

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ianlancetaylor/demangle"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/problem"
)

// maxLoaded bounds the content that is kept: microcontrollers have a few
// megabytes of flash.
const maxLoaded = 256 << 20

// Open reads the ELF at path. Debug sections are read when they are asked for,
// from the file as it is then.
func Open(path string) (*Image, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, problem.New(problem.NoELF, "build the firmware, or name its ELF with --elf", "there is no firmware ELF at %s", path)
	case err != nil:
		return nil, problem.New(problem.NoELF, "check the file's permissions", "cannot read the firmware ELF: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && !st.Mode().IsRegular() {
		return nil, problem.New(problem.NoELF, "name the ELF file that the linker wrote", "%s is not a file", path)
	}
	return read(path, f, func() (io.ReaderAt, func(), error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, err
		}
		return f, func() { f.Close() }, nil
	})
}

// Parse reads an ELF from memory; path is used for messages. data must not
// change.
func Parse(path string, data []byte) (*Image, error) {
	r := bytes.NewReader(data)
	return read(path, r, func() (io.ReaderAt, func(), error) { return r, func() {}, nil })
}

func read(path string, r io.ReaderAt, reopen func() (io.ReaderAt, func(), error)) (*Image, error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, badELF(path, "it is not an ELF, or it is damaged: %w", err)
	}
	defer f.Close()
	if err := checkHeader(path, f); err != nil {
		return nil, err
	}
	im := &Image{path: path, entry: uint32(f.Entry) &^ 1}
	if err := im.readContent(f); err != nil {
		return nil, err
	}
	if err := im.readSymbols(f); err != nil {
		return nil, err
	}
	im.readBuildID(f)
	im.byShort = lazily(im.shortNames)
	im.branches = lazily(im.findBranches)
	im.loaderPath = lazily(im.findLoaderPath)
	im.once = lazily(im.findOnce)
	type result struct {
		info *dwarf.Info
		err  error
	}
	debug := lazily(func() result {
		r, done, err := reopen()
		if err != nil {
			return result{err: err}
		}
		defer done()
		f, err := elf.NewFile(r)
		if err != nil {
			return result{err: err}
		}
		info, err := dwarf.ForImage(f)
		return result{info, err}
	})
	im.debug = func() (*dwarf.Info, error) { r := debug(); return r.info, r.err }
	return im, nil
}

func badELF(path, format string, args ...any) error {
	args = append([]any{filepath.Base(path)}, args...)
	return problem.New(problem.BadELF, "name the ELF that the linker wrote for the board, not a .bin, .hex or object file",
		"%s is no firmware image: "+format, args...)
}

func checkHeader(path string, f *elf.File) error {
	switch {
	case f.Machine != elf.EM_ARM || f.Class != elf.ELFCLASS32:
		return badELF(path, "it is for %s, not for 32-bit ARM", strings.TrimPrefix(f.Machine.String(), "EM_"))
	case f.Data != elf.ELFDATA2LSB:
		return badELF(path, "it is big-endian")
	case f.Type == elf.ET_REL:
		return badELF(path, "it is an object file that was not linked yet")
	case f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN:
		return badELF(path, "it is of type %s", strings.TrimPrefix(f.Type.String(), "ET_"))
	}
	return nil
}

// readContent keeps the bytes of the allocated sections, at the addresses where
// the code sees them.
func (im *Image) readContent(f *elf.File) error {
	total := uint64(0)
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Size == 0 || s.Addr > 0xffff_ffff || s.Addr+s.Size > 1<<32 {
			continue
		}
		region := Region{
			Name: s.Name, Addr: uint32(s.Addr), Size: uint32(s.Size), Read: true,
			Write: s.Flags&elf.SHF_WRITE != 0, Exec: s.Flags&elf.SHF_EXECINSTR != 0,
			Loaded: s.Type != elf.SHT_NOBITS,
		}
		im.regions = append(im.regions, region)
		if !region.Loaded {
			continue
		}
		if total += s.FileSize; total > maxLoaded {
			return badELF(im.path, "it has more than %d MB of content", maxLoaded>>20)
		}
		data, err := s.Data()
		if err != nil {
			return badELF(im.path, "section %s is cut off: %w", s.Name, err)
		}
		im.segments = append(im.segments, segment{region.Addr, data})
	}
	slices.SortFunc(im.regions, func(a, b Region) int { return cmp.Compare(a.Addr, b.Addr) })
	slices.SortFunc(im.segments, func(a, b segment) int { return cmp.Compare(a.addr, b.addr) })
	if len(im.segments) == 0 {
		return badELF(im.path, "it holds no code")
	}
	return nil
}

func (im *Image) readSymbols(f *elf.File) error {
	raw, err := f.Symbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return badELF(im.path, "its symbol table is damaged: %w", err)
	}
	im.labels = make(map[string]uint32)
	file := ""
	var mapping []elf.Symbol
	for _, s := range raw {
		bind := elf.ST_BIND(s.Info)
		if elf.ST_TYPE(s.Info) == elf.STT_FILE {
			file = s.Name
			continue
		}
		if bind == elf.STB_LOCAL && len(s.Name) > 1 && s.Name[0] == '$' {
			mapping = append(mapping, s)
			continue
		}
		kind, ok := symbolKind(f, s)
		if !ok && bind != elf.STB_LOCAL && s.Section != elf.SHN_UNDEF && s.Value <= 0xffff_ffff {
			im.labels[s.Name] = uint32(s.Value)
		}
		if !ok || s.Section == elf.SHN_UNDEF || s.Name == "" || s.Value > 0xffff_ffff || s.Size > 0xffff_ffff {
			continue
		}
		sym := &Symbol{
			Name: s.Name, Display: s.Name, Kind: kind, Addr: uint32(s.Value), Size: uint32(s.Size),
			Global: bind != elf.STB_LOCAL, Weak: bind == elf.STB_WEAK,
		}
		if strings.HasPrefix(s.Name, "_Z") {
			sym.Display = demangle.Filter(s.Name)
		}
		if kind == Function {
			sym.Thumb = sym.Addr&1 != 0
			sym.Addr &^= 1
		}
		if !sym.Global {
			sym.File = file
		}
		if int(s.Section) < len(f.Sections) {
			sym.Section = f.Sections[s.Section].Name
		}
		im.symbols = append(im.symbols, sym)
	}
	if len(im.symbols) == 0 {
		return problem.New(problem.NoSymbols, "name the ELF before it was stripped, or link without -s",
			"%s has no symbols", filepath.Base(im.path))
	}
	slices.SortStableFunc(im.symbols, func(a, b *Symbol) int {
		return cmp.Or(cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.Name, b.Name))
	})
	im.byName = make(map[string][]*Symbol, len(im.symbols))
	for _, s := range im.symbols {
		im.byName[s.Name] = append(im.byName[s.Name], s)
		if s.Kind == Function {
			im.functions = append(im.functions, s)
		}
	}
	im.guessSizes()
	im.readMapping(mapping)
	return nil
}

// guessSizes gives symbols without a size the extent up to the next symbol or
// the end of their region: functions written in assembler, and GCC's local
// variables in .bss.
func (im *Image) guessSizes() {
	for i, s := range im.symbols {
		if s.Size != 0 {
			continue
		}
		end := uint64(s.Addr)
		if r := im.regionAt(s.Addr); r != nil {
			end = uint64(r.Addr) + uint64(r.Size)
		}
		for _, next := range im.symbols[i+1:] {
			if next.Addr > s.Addr {
				end = min(end, uint64(next.Addr))
				break
			}
		}
		if end > uint64(s.Addr) {
			s.Size = uint32(end - uint64(s.Addr))
		}
	}
}

// regionAt returns the region that holds the address, nil if there is none.
func (im *Image) regionAt(addr uint32) *Region {
	i := slices.IndexFunc(im.regions, func(r Region) bool { return addr >= r.Addr && addr-r.Addr < r.Size })
	if i < 0 {
		return nil
	}
	return &im.regions[i]
}

// readMapping notes where data stands within code: from each $d to the next
// mapping symbol.
func (im *Image) readMapping(symbols []elf.Symbol) {
	slices.SortStableFunc(symbols, func(a, b elf.Symbol) int { return cmp.Compare(a.Value, b.Value) })
	for i, s := range symbols {
		if s.Name[1] != 'd' {
			continue
		}
		end := uint64(0)
		if r := im.regionAt(uint32(s.Value)); r != nil {
			end = uint64(r.Addr) + uint64(r.Size)
		}
		if i+1 < len(symbols) {
			end = min(end, symbols[i+1].Value)
		}
		if end > s.Value {
			im.data = append(im.data, extent{uint32(s.Value), uint32(end)})
		}
	}
}

func (im *Image) readBuildID(f *elf.File) {
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOTE || s.Size > 4096 {
			continue
		}
		if data, err := s.Data(); err == nil {
			if id := gnuBuildID(data); id != "" {
				im.buildID = id
				return
			}
		}
	}
	sum := sha256.New()
	for _, s := range im.segments {
		binary.Write(sum, binary.LittleEndian, s.addr)
		sum.Write(s.data)
	}
	im.buildID = hex.EncodeToString(sum.Sum(nil))
}

// gnuBuildID finds the NT_GNU_BUILD_ID note; empty if there is none.
func gnuBuildID(p []byte) string {
	for len(p) >= 12 {
		le := binary.LittleEndian
		nameSize, descSize, typ := uint64(le.Uint32(p)), uint64(le.Uint32(p[4:])), le.Uint32(p[8:])
		p = p[12:]
		desc := (nameSize + 3) &^ 3
		end := desc + (descSize+3)&^3
		if desc+descSize > uint64(len(p)) {
			return ""
		}
		if typ == 3 && string(p[:nameSize]) == "GNU\x00" {
			return hex.EncodeToString(p[desc : desc+descSize])
		}
		p = p[min(end, uint64(len(p))):]
	}
	return ""
}
