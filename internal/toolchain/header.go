package toolchain

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

// Header is fpbls.h: how a patch calls the original of a function. The linker
// knows the symbols that it makes up.
//
//go:embed fpbls.h
var Header []byte

// HeaderName is what sources include.
const HeaderName = "fpbls.h"

// serveHeader puts the header where the compiler looks last, so that a copy in
// the project comes first, and returns the flags.
func serveHeader(scratch string) ([]string, error) {
	dir := filepath.Join(scratch, "include")
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, HeaderName), Header, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("making %s available: %w", HeaderName, err)
	}
	return []string{"-idirafter", dir}, nil
}
