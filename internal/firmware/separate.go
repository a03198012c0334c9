package firmware

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/fpbls/fpbls/internal/problem"
)

// opener opens a file of the firmware, again where details are wanted later.
type opener func() (io.ReaderAt, func(), error)

// systemDebug is where distributions keep debug files.
const systemDebug = "/usr/lib/debug"

// A debugFile is where symbols and debug information of an ELF are that was stripped
// of them.
type debugFile struct {
	path   string
	sought string // where it should have been, if it is not there; empty if the ELF names none
}

// findDebugFile looks where GDB does (GDB manual, Separate Debug Files): by the
// build-id, then by the name in .gnu_debuglink, whose checksum must fit.
func findDebugFile(path string, f *elf.File) debugFile {
	dir := filepath.Dir(path)
	var d debugFile
	if id, _ := buildID(f); len(id) > 2 {
		name := filepath.Join(".build-id", id[:2], id[2:]+".debug")
		d.sought = filepath.Join(dir, name)
		for _, root := range []string{dir, systemDebug} {
			if candidate := filepath.Join(root, name); sameBuild(candidate, id) {
				return debugFile{path: candidate}
			}
		}
	}
	s := f.Section(".gnu_debuglink")
	if s == nil {
		return debugFile{} // a build-id alone does not say that there is one
	}
	data, err := s.Data()
	end := bytes.IndexByte(data, 0)
	if err != nil || end <= 0 || (end+4)&^3+4 > len(data) {
		return d
	}
	name, sum := filepath.Base(string(data[:end])), binary.LittleEndian.Uint32(data[(end+4)&^3:])
	d.sought = filepath.Join(dir, name)
	for _, candidate := range []string{d.sought, filepath.Join(dir, ".debug", name), filepath.Join(systemDebug, dir, name)} {
		if candidate != path && checksum(candidate) == sum {
			return debugFile{path: candidate}
		}
	}
	return d
}

func (d debugFile) open() (io.ReaderAt, func(), error) {
	f, err := os.Open(d.path)
	if err != nil {
		return nil, nil, err
	}
	return f, func() { f.Close() }, nil
}

// missing says where the debug file should be; empty if the ELF names none.
func (d debugFile) missing() string {
	if d.path != "" || d.sought == "" {
		return ""
	}
	return fmt.Sprintf("put the debug file that belongs to it to %s", d.sought)
}

// checksum is that of .gnu_debuglink; 0 if the file cannot be read.
func checksum(path string) uint32 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, f); err != nil {
		return 0
	}
	return sum.Sum32()
}

func sameBuild(path, id string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	found, _ := buildID(f)
	return found == id
}

// readAllSymbols reads the symbols, from the debug file if the ELF has none.
func (im *Image) readAllSymbols(f *elf.File, separate debugFile) error {
	if f.SectionByType(elf.SHT_SYMTAB) != nil || separate.path == "" {
		err := im.readSymbols(f)
		if p, ok := errors.AsType[*problem.Problem](err); ok && p.Code == problem.NoSymbols && separate.missing() != "" {
			return problem.New(problem.NoSymbols, separate.missing(), "%s was stripped of its symbols, and its debug file is not there", filepath.Base(im.path))
		}
		return err
	}
	d, err := elf.Open(separate.path)
	if err != nil {
		return fmt.Errorf("reading the debug file of %s: %w", filepath.Base(im.path), err)
	}
	defer d.Close()
	return im.readSymbols(d)
}
