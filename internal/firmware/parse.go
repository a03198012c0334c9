package firmware

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/problem"
)

// maxLoaded bounds the content that is kept: microcontrollers have a few
// megabytes of flash.
const maxLoaded = 256 << 20

// Open reads the ELF at path. Debug sections are read when they are asked for;
// if the file is another one by then, there are none.
func Open(path string) (*Image, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, problem.New(problem.NoELF, "build the firmware, or name its ELF with --elf", "there is no firmware ELF at %s", path)
	case err != nil:
		return nil, problem.New(problem.NoELF, "check the file's permissions", "cannot read the firmware ELF: %w", err)
	}
	defer f.Close()
	was, err := f.Stat()
	if err == nil && !was.Mode().IsRegular() {
		return nil, problem.New(problem.NoELF, "name the ELF file that the linker wrote", "%s is not a file", path)
	}
	return read(path, f, findDebugFile, func() (io.ReaderAt, func(), error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, err
		}
		if now, err := f.Stat(); err != nil || was == nil || now.Size() != was.Size() || !now.ModTime().Equal(was.ModTime()) {
			f.Close()
			return nil, nil, fmt.Errorf("%s has changed since it was read", filepath.Base(path))
		}
		return f, func() { f.Close() }, nil
	})
}

// Parse reads an ELF from memory; path is used for messages. data must not
// change.
func Parse(path string, data []byte) (*Image, error) {
	r := bytes.NewReader(data)
	return read(path, r, nil, func() (io.ReaderAt, func(), error) { return r, func() {}, nil })
}

// read reads an ELF. What it was stripped of is looked for with find, if that is given.
func read(path string, r io.ReaderAt, find func(string, *elf.File) debugFile, reopen opener) (*Image, error) {
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
	var separate debugFile
	stripped := f.Section(".debug_info") == nil && f.Section(".zdebug_info") == nil
	if find != nil && (stripped || f.SectionByType(elf.SHT_SYMTAB) == nil) {
		separate = find(path, f)
	}
	if err := im.readAllSymbols(f, separate); err != nil {
		return nil, err
	}
	if stripped && separate.path != "" {
		reopen = separate.open
	}
	im.buildID = im.identify(f)
	im.byShort = lazily(im.shortNames)
	im.branches = lazily(im.findBranches)
	im.loaderPath = lazily(im.findLoaderPath)
	im.once = lazily(im.findOnce)
	im.early = lazily(im.findEarly)
	im.throws = lazily(im.findThrowing)
	im.pointers = lazily(im.findPointers)
	im.exceptions = lazily(im.findExceptions)
	type result struct {
		info *dwarf.Info
		err  error
	}
	debug := lazily(func() result {
		info, err := dwarf.ForImage(func() (*elf.File, func(), error) {
			r, done, err := reopen()
			if err != nil {
				return nil, nil, err
			}
			f, err := elf.NewFile(r)
			if err != nil {
				done()
			}
			return f, done, err
		})
		if errors.Is(err, dwarf.ErrNone) && separate.missing() != "" {
			err = fmt.Errorf("%w: %s", dwarf.ErrNone, separate.missing())
		}
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

// identify finds the build-id in the file, or returns how to make one.
func (im *Image) identify(f *elf.File) func() string {
	id, at := buildID(f)
	im.buildIDAt = at
	if id != "" {
		return func() string { return id }
	}
	return lazily(func() string {
		sum := sha256.New()
		for _, s := range im.segments {
			binary.Write(sum, binary.LittleEndian, s.addr)
			sum.Write(s.data)
		}
		return hex.EncodeToString(sum.Sum(nil))
	})
}

// buildID returns the GNU build-id in hex, empty if there is none, and where its note is
// on the board, 0 if it is not.
func buildID(f *elf.File) (id string, at uint32) {
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOTE || s.Size > 4096 {
			continue
		}
		if data, err := s.Data(); err == nil {
			if id := gnuBuildID(data); id != "" {
				if s.Flags&elf.SHF_ALLOC != 0 {
					at = uint32(s.Addr)
				}
				return id, at
			}
		}
	}
	return "", 0
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
