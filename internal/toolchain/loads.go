package toolchain

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// loaders are options that make a compiler run code, or other programs, of
// somebody's choice. A value follows in the same word or the next.
var loaders = []string{
	"-fplugin", "-fpass-plugin", "-load", "-plugin", "-add-plugin", "-iplugindir", // libraries
	"-wrapper", "-B", "-prefix", "-gcc-toolchain", "-gcc-install-dir", "-ccc-install-dir", "-ccc-gcc-name", // programs
	"-fmodule-mapper",                                                       // a program, in GCC
	"-specs", "-config", "-config-system-dir", "-config-user-dir", "-cc1as", // files of options
}

// harmlessVariables may stand in front of a compiler. Others can make it load
// code, as LD_PRELOAD, COMPILER_PATH and CCC_OVERRIDE_OPTIONS do.
var harmlessVariables = []string{
	"SOURCE_DATE_EPOCH", "LANG", "LANGUAGE", "TZ", "TERM", "PWD", "GCC_COLORS", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH",
}

// harmlessSpecs are shipped with the compilers; a bare name is looked up among
// the compiler's own files first.
var harmlessSpecs = []string{"nano.specs", "nosys.specs", "rdimon.specs", "rdpmon.specs", "picolibc.specs", "picolibcpp.specs", "redboot.specs", "pid.specs", "iq80310.specs", "linux.specs", "aprofile-ve.specs", "aprofile-validation.specs"}

// foreignCode lists what in the command can make a known compiler run code that
// is not its own: options with their values, and variables.
func (c Command) foreignCode() []string {
	var found []string
	for _, v := range c.Env {
		name, _, _ := strings.Cut(v, "=")
		if !slices.Contains(harmlessVariables, name) && !strings.HasPrefix(name, "LC_") {
			found = append(found, v)
		}
	}
	for i := 1; i < len(c.Args); i++ {
		word := c.Args[i]
		pieces := []string{word}
		if _, list, ok := passedOn(word); ok {
			pieces = list
		}
		for n, piece := range pieces {
			name, joined, loads := loadsCode(piece)
			if !loads {
				continue
			}
			value := ""
			if !joined && n == len(pieces)-1 {
				value = c.value(i)
			}
			specs, _ := strings.CutPrefix(strings.TrimLeft(piece, "-"), "specs=")
			if name == "-specs" && len(pieces) == 1 && c.shipsSpecs(specs, value) {
				continue
			}
			if value != "" {
				word += " " + value
			}
			found = append(found, word)
			break
		}
	}
	return found
}

// value returns the word that the option at the index takes: the next one, or
// the next that is handed on.
func (c Command) value(i int) string {
	if i++; i+1 < len(c.Args) {
		if _, ok := carriers[c.Args[i]]; ok {
			i++
		}
	}
	if i < len(c.Args) {
		return c.Args[i]
	}
	return ""
}

// loadsCode reports whether the word makes the compiler load code, the option's
// name with one dash, and whether its value is part of the word.
func loadsCode(word string) (name string, joined, loads bool) {
	if strings.HasPrefix(word, "@") && len(word) > 1 {
		return "@", true, true // read by who gets it, with options that were never looked at
	}
	if strings.HasPrefix(word, "-B") {
		return "-B", len(word) > 2, true
	}
	name, _, joined = strings.Cut(word, "=")
	if long, ok := strings.CutPrefix(name, "--"); ok {
		// To GCC, --name is -fname as well (opts-common.cc, option_map).
		if slices.Contains(loaders, "-f"+long) {
			return "-f" + long, joined, true
		}
		name = "-" + long
	}
	return name, joined, slices.Contains(loaders, name)
}

// shipsSpecs reports whether the specs file, named in the option's word or the
// next, is one of the compiler's own.
func (c Command) shipsSpecs(inWord, next string) bool {
	name := next
	if next == "" {
		name = inWord
	}
	if !slices.Contains(harmlessSpecs, name) {
		return false
	}
	_, err := os.Lstat(filepath.Join(c.Dir, name)) // would be read if the compiler has none
	return errors.Is(err, fs.ErrNotExist)
}
