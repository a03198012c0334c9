package dwarf

import (
	"cmp"
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync"
)

// A Source opens the file that debug information is in. It is asked again when
// details are wanted later, so that they need not be kept in memory.
type Source func() (*elf.File, func(), error)

// ForImage reads the debug information of a linked file. That of a large firmware
// has hundreds of megabytes: it is walked in chunks, and what is kept is small.
func ForImage(open Source) (*Info, error) {
	f, done, err := open()
	if err != nil {
		return nil, err
	}
	defer done()
	c, err := split(f, chunkSize)
	if err != nil {
		return nil, err
	}
	c.open = open
	return c.read(f)
}

// chunks is .debug_info in parts that do not refer to each other.
type chunks struct {
	whole *dwarf.Data // if it is kept in memory

	open  Source
	parts []chunk

	// The chunk that was asked for last: questions come in groups.
	last *dwarf.Data
	at   int
}

// A chunk is a range of .debug_info: some units. A size of 0 stands for all of it,
// in a file that cannot be split.
type chunk struct{ offset, size int64 }

// chunkSize is how large a chunk is at least: less is not worth the effort of
// starting with it.
const chunkSize = 64 << 10

// split divides the debug information of the file into chunks of at least so many bytes.
func split(f *elf.File, least int64) (chunks, error) {
	info := f.Section(".debug_info")
	if info == nil && f.Section(".zdebug_info") == nil {
		return chunks{}, ErrNone
	}
	abbrev := f.Section(".debug_abbrev")
	if info == nil || info.Flags&elf.SHF_COMPRESSED != 0 || abbrev == nil || f.Section(".debug_types") != nil {
		return chunks{parts: []chunk{{}}}, nil
	}
	forms, err := abbrev.Data()
	if err != nil {
		return chunks{}, fmt.Errorf("reading debug information: %w", err)
	}
	if refersAcross(forms) {
		return chunks{parts: []chunk{{}}}, nil
	}
	var c chunks
	size := int64(info.FileSize)
	for at := int64(0); at < size; {
		var header [12]byte // DWARF 5 §7.4: a length of 4 bytes, or 12 with an escape
		if _, err := info.ReadAt(header[:min(12, size-at)], at); err != nil {
			return chunks{}, damaged(err)
		}
		n := 4 + int64(binary.LittleEndian.Uint32(header[:]))
		if n == 4+0xffff_ffff {
			n = 12 + int64(binary.LittleEndian.Uint64(header[4:]))
		}
		if n < 4 || n > size-at {
			return chunks{}, damaged(io.ErrUnexpectedEOF)
		}
		if last := len(c.parts) - 1; last >= 0 && c.parts[last].size < least {
			c.parts[last].size += n
		} else {
			c.parts = append(c.parts, chunk{at, n})
		}
		at += n
	}
	return c, nil
}

func damaged(err error) error { return fmt.Errorf("debug information is damaged: %w", err) }

// refersAcross reports whether entries may refer to those of other units, as with
// link-time optimisation: some abbreviation has an attribute of such a form (DWARF 5
// §7.5.3, §7.5.6). It errs on the side of yes.
func refersAcross(abbrev []byte) bool {
	const (
		formRefAddr       = 0x10
		formIndirect      = 0x16
		formRefSig8       = 0x20
		formImplicitConst = 0x21
		formGNURefAlt     = 0x1f20
	)
	ok := true
	number := func() uint64 {
		v, n := binary.Uvarint(abbrev)
		if n <= 0 {
			ok, n = false, len(abbrev)
		}
		abbrev = abbrev[n:]
		return v
	}
	for ok && len(abbrev) > 0 {
		if number() == 0 {
			continue // the end of a unit's table, or padding
		}
		number() // tag
		number() // whether it has children
		for ok {
			attr, form := number(), number()
			switch form {
			case formRefAddr, formIndirect, formRefSig8, formGNURefAlt:
				return true
			case formImplicitConst:
				number()
			}
			if attr == 0 && form == 0 {
				break
			}
		}
	}
	return !ok
}

// sections are what entries refer to.
type sections map[string][]byte

// readSections reads what chunks refer to; lines, which are large, only if asked for.
func readSections(f *elf.File, lines bool) (sections, error) {
	s := make(sections)
	for _, name := range []string{".debug_abbrev", ".debug_str", ".debug_line_str", ".debug_str_offsets", ".debug_addr",
		".debug_ranges", ".debug_rnglists", ".debug_line"} {
		section := f.Section(name)
		if section == nil || name == ".debug_line" && !lines {
			continue
		}
		data, err := section.Data()
		if err != nil {
			return nil, fmt.Errorf("reading debug information: %s: %w", name, err)
		}
		s[name] = data
	}
	return s, nil
}

// load reads a chunk. The size is that of its entries in bytes.
func (c *chunks) load(f *elf.File, s sections, n int) (data *dwarf.Data, size uint64, err error) {
	defer func() {
		// debug/dwarf is not proof against every damaged input.
		if v := recover(); v != nil {
			data, size, err = nil, 0, damaged(fmt.Errorf("%v", v))
		}
	}()
	part := c.parts[n]
	if part.size == 0 {
		const unknown = 1 << 30 // .zdebug_info tells its length late
		data, err := f.DWARF()
		if err != nil {
			return nil, 0, fmt.Errorf("reading debug information: %w", err)
		}
		if info := f.Section(".debug_info"); info != nil {
			return data, info.Size, nil
		}
		return data, unknown, nil
	}
	entries := make([]byte, part.size)
	if _, err := f.Section(".debug_info").ReadAt(entries, part.offset); err != nil {
		return nil, 0, damaged(err)
	}
	data, err = dwarf.New(s[".debug_abbrev"], nil, nil, entries, s[".debug_line"], nil, s[".debug_ranges"], s[".debug_str"])
	if err != nil {
		return nil, 0, damaged(err)
	}
	for _, name := range []string{".debug_line_str", ".debug_str_offsets", ".debug_addr", ".debug_rnglists"} {
		if err := data.AddSection(name, s[name]); err != nil {
			return nil, 0, damaged(err)
		}
	}
	return data, uint64(part.size), nil
}

// read reads all chunks, several at the same time, and puts together what they
// hold. Results wait only for those before them, so that few are kept twice.
func (c chunks) read(f *elf.File) (*Info, error) {
	s, err := readSections(f, false)
	if err != nil {
		return nil, err
	}
	type result struct {
		n    int
		info *Info
		err  error
	}
	numbers, results := make(chan int), make(chan result)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(c.parts)) {
		workers.Go(func() {
			for n := range numbers {
				r := result{n: n}
				var data *dwarf.Data
				var size uint64
				if data, size, r.err = c.load(f, s, n); r.err == nil {
					r.info, r.err = walk(data, s[".debug_addr"], size)
				}
				results <- r
			}
		})
	}
	go func() {
		for n := range c.parts {
			numbers <- n
		}
		close(numbers)
		workers.Wait()
		close(results)
	}()
	all := &Info{inlined: make(map[string][]InlineSite), declared: make(map[string]map[string]int)}
	waiting := make(map[int]*Info)
	var failed error
	next := 0
	for r := range results {
		if r.err != nil {
			failed = cmp.Or(failed, r.err)
			continue
		}
		waiting[r.n] = r.info
		for ; waiting[next] != nil; next++ {
			all.add(waiting[next], next)
			delete(waiting, next)
		}
	}
	if failed != nil {
		return nil, failed
	}
	all.sort()
	slices.SortFunc(all.code, func(a, b unitCode) int { return cmp.Compare(a.low, b.low) })
	all.chunks = c
	return all, nil
}

// add adds what was found in the chunk.
func (i *Info) add(found *Info, chunk int) {
	for n := range found.functions {
		found.functions[n].chunk = chunk
	}
	for n := range found.code {
		found.code[n].chunk = chunk
	}
	i.units = append(i.units, found.units...)
	i.functions = append(i.functions, found.functions...)
	i.statics = append(i.statics, found.statics...)
	i.parts = append(i.parts, found.parts...)
	i.code = append(i.code, found.code...)
	for callee, sites := range found.inlined {
		i.inlined[callee] = append(i.inlined[callee], sites...)
	}
	i.places = append(i.places, found.places...)
	for path, lines := range found.declared {
		if i.declared[path] == nil {
			i.declared[path] = lines
		} else {
			maps.Copy(i.declared[path], lines)
		}
	}
}

// data returns the chunk with the number. The caller holds the lock of its Info.
func (c *chunks) data(n int) (*dwarf.Data, error) {
	if c.whole != nil {
		return c.whole, nil
	}
	if c.last != nil && c.at == n {
		return c.last, nil
	}
	f, done, err := c.open()
	if err != nil {
		return nil, err
	}
	defer done()
	s, err := readSections(f, true)
	if err != nil {
		return nil, err
	}
	data, _, err := c.load(f, s, n)
	if err != nil {
		return nil, err
	}
	c.last, c.at = data, n
	return data, nil
}
