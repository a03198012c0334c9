package linker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// An archive is a library of objects.
type archive struct {
	members []archiveMember
	symbols map[string]int // index in members of what defines it; nil if not indexed
}

// An archiveMember is a file in a library.
type archiveMember struct {
	name string
	data []byte
}

const (
	archiveMagic  = "!<arch>\n"
	archiveHeader = 60
)

// readArchive reads a library in the System V format that GNU and LLVM tools
// write: members with a header each, an index of symbols called "/" and a table
// of long names called "//".
func readArchive(data []byte) (*archive, error) {
	if !bytes.HasPrefix(data, []byte(archiveMagic)) {
		return nil, fmt.Errorf("the library is not an archive")
	}
	a := &archive{}
	var longNames, index []byte
	at := make(map[uint32]int) // members by the offset of their header
	for off := len(archiveMagic); off < len(data); {
		rest := data[off:]
		if len(rest) < archiveHeader || string(rest[58:60]) != "`\n" {
			return nil, fmt.Errorf("the library is damaged after %d members", len(a.members))
		}
		name := strings.TrimRight(string(rest[:16]), " ")
		size, err := strconv.ParseUint(strings.TrimRight(string(rest[48:58]), " "), 10, 32)
		if err != nil || size > uint64(len(rest)-archiveHeader) {
			return nil, fmt.Errorf("member %s of the library reaches beyond its end", name)
		}
		content := rest[archiveHeader : archiveHeader+size]
		switch name {
		case "/":
			index = content
		case "//":
			longNames = content
		default:
			at[uint32(off)] = len(a.members)
			a.members = append(a.members, archiveMember{memberName(name, longNames), content})
		}
		off += archiveHeader + int(size+size%2) // members start at even offsets
	}
	a.readIndex(index, at)
	return a, nil
}

// readIndex reads the index of symbols: a count, the offset of the member for
// each symbol, big-endian, and the names. A damaged one is left out.
func (a *archive) readIndex(index []byte, at map[uint32]int) {
	if len(index) < 4 {
		return
	}
	count := uint64(binary.BigEndian.Uint32(index))
	if 4+4*count > uint64(len(index)) {
		return
	}
	names := index[4+4*count:]
	symbols := make(map[string]int)
	for i := range count {
		name, rest, ok := bytes.Cut(names, []byte{0})
		member, known := at[binary.BigEndian.Uint32(index[4+4*i:])]
		if !ok || !known {
			return
		}
		if _, again := symbols[string(name)]; !again {
			symbols[string(name)] = member // the first one wins, as in a linker
		}
		names = rest
	}
	a.symbols = symbols
}

// memberName resolves "name/" and "/offset" into the table of long names.
func memberName(name string, longNames []byte) string {
	if off, err := strconv.ParseUint(strings.TrimPrefix(name, "/"), 10, 32); err == nil && strings.HasPrefix(name, "/") {
		if off >= uint64(len(longNames)) {
			return name
		}
		long, _, _ := bytes.Cut(longNames[off:], []byte("\n"))
		name = string(long)
	}
	return strings.TrimSuffix(name, "/")
}
