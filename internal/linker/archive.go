package linker

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

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
// write. Members that are not files, the symbol index and the table of long
// names, are left out.
func readArchive(data []byte) ([]archiveMember, error) {
	rest, ok := bytes.CutPrefix(data, []byte(archiveMagic))
	if !ok {
		return nil, fmt.Errorf("the library is not an archive")
	}
	var members []archiveMember
	var longNames []byte
	for len(rest) > 0 {
		if len(rest) < archiveHeader || string(rest[58:60]) != "`\n" {
			return nil, fmt.Errorf("the library is damaged after %d members", len(members))
		}
		name := strings.TrimRight(string(rest[:16]), " ")
		size, err := strconv.ParseUint(strings.TrimRight(string(rest[48:58]), " "), 10, 32)
		if err != nil || size > uint64(len(rest)-archiveHeader) {
			return nil, fmt.Errorf("member %s of the library reaches beyond its end", name)
		}
		content := rest[archiveHeader : archiveHeader+size]
		rest = rest[archiveHeader+size:]
		if size%2 != 0 && len(rest) > 0 {
			rest = rest[1:] // members start at even offsets
		}
		switch {
		case name == "/" || name == "/SYM64/":
		case name == "//":
			longNames = content
		default:
			members = append(members, archiveMember{memberName(name, longNames), content})
		}
	}
	return members, nil
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
