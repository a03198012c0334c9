package toolchain

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// compileArgs returns the arguments without the compiler and without what
// decides on outputs, and the index of the source among them, -1 if it is not
// there. A compile of ours writes one object to a place of its own and leaves
// the build tree alone; everything else stays as it is and in order.
func (c Command) compileArgs() (args []string, source int) {
	var skip [readers]int // words that belong to one that was dropped
	keep := func(r reader, word string) bool {
		if skip[r] > 0 {
			skip[r]--
			return false
		}
		drop, values := writes(r, word)
		skip[r] = values
		return !drop
	}
	for i := 1; i < len(c.Args); i++ {
		a := c.Args[i]
		if skip[driver] > 0 {
			skip[driver]--
			continue
		}
		if r, pieces, ok := passedOn(a); ok {
			kept := slices.DeleteFunc(pieces, func(p string) bool { return !keep(r, p) })
			if len(kept) > 0 {
				args = append(args, a[:len("-Wx,")]+strings.Join(kept, ","))
			}
			continue
		}
		if r, ok := carriers[a]; ok && i+1 < len(c.Args) {
			if i++; keep(r, c.Args[i]) {
				args = append(args, a, c.Args[i])
			}
			continue
		}
		if a != "--" && keep(driver, a) {
			args = append(args, a)
		}
	}
	source = c.findSource(args)
	return c.onlySource(args, source)
}

// onlySource drops the other inputs of a command that compiles several files or
// links as well: missing ones would be errors, and two objects have no place.
func (c Command) onlySource(args []string, source int) ([]string, int) {
	var kept []string
	at := -1
	for i, a := range args {
		switch {
		case i == source:
			at = len(kept)
		case isInput(a) && (i == 0 || !slices.Contains(fileOptions, args[i-1])):
			continue
		}
		kept = append(kept, a)
	}
	return kept, at
}

// fileOptions take a file of any name as the next word.
var fileOptions = []string{"-include", "-imacros", "-T", "-x", "-D", "-U", "-I", "-isystem", "-iquote", "-idirafter", "-Xlinker", "-mllvm", "-Xclang", "-Xpreprocessor", "-Xassembler"}

// isInput reports whether the word names a file that a compiler driver takes in.
func isInput(word string) bool {
	if strings.HasPrefix(word, "-") {
		return false
	}
	switch filepath.Ext(word) {
	case ".o", ".obj", ".lo", ".a", ".lib", ".so", ".ld", ".lds", ".s", ".S", ".asm", ".i", ".ii":
		return true
	}
	return language(word) != ""
}

// reader is the program that reads a word of the command.
type reader uint8

const (
	driver reader = iota
	preprocessor
	assembler
	frontend // Clang's
	linker   // does not run
	readers
)

// carriers hand the next word on.
var carriers = map[string]reader{
	"-Xpreprocessor": preprocessor, "-Xassembler": assembler, "-Xclang": frontend, "-Xlinker": linker, "-mllvm": linker,
}

// passedOn splits -Wp,a,b and -Wa,a,b.
func passedOn(word string) (reader, []string, bool) {
	if list, ok := strings.CutPrefix(word, "-Wp,"); ok {
		return preprocessor, strings.Split(list, ","), true
	}
	if list, ok := strings.CutPrefix(word, "-Wa,"); ok {
		return assembler, strings.Split(list, ","), true
	}
	return driver, nil, false
}

// Options that decide on what is written or printed, with the number of words
// that follow as values. (GCC manual, Overall Options, Preprocessor Options,
// Developer Options; Clang command line reference.)
var outputOptions = map[string]int{
	"-c": 0, "-S": 0, "-E": 0, "-o": 1, "--output": 1, "--compile": 0, "--assemble": 0, "--preprocess": 0, "-fsyntax-only": 0, "-emit-llvm": 0, "-emit-ast": 0,
	"-M": 0, "-MM": 0, "-MD": 0, "-MMD": 0, "-MP": 0, "-MG": 0, "-MV": 0, "-MF": 1, "-MT": 1, "-MQ": 1, "-MJ": 1,
	"--dependencies": 0, "--user-dependencies": 0, "--write-dependencies": 0, "--write-user-dependencies": 0, "--print-missing-file-dependencies": 0,
	"-dumpdir": 1, "-dumpbase": 1, "-dumpbase-ext": 1, "-aux-info": 1, "-time": 0, "-gsplit-dwarf": 0,
	"-v": 0, "--verbose": 0, "-###": 0, "-Q": 0, "-H": 0, "--trace-includes": 0,
	"--serialize-diagnostics": 1, "-serialize-diagnostics": 1, "-index-store-path": 1, "-gen-cdb-fragment-path": 1,
	"-fcolor-diagnostics": 0, "-fansi-escape-codes": 0, "-fdiagnostics-plain-output": 0, "-fdiagnostics-generate-patch": 0, "-fdiagnostics-parseable-fixits": 0,
}

// outputPrefixes begin options whose value is part of the word.
var outputPrefixes = []string{
	"-o", "--output=", "-MF", "-MT", "-MQ", "-MJ", "-save-temps", "--save-temps", "-save-stats", "-time=", "-aux-info=", "-gsplit-dwarf=",
	"-fdump-", "-fopt-info", "-ftime-trace", "-fsave-optimization-record", "-foptimization-record-file=", "-fprofile-note=", "-fmodule-output",
	"-fcrash-diagnostics", "-fdiagnostics-format", "-fdiagnostics-color", "-fdiagnostics-add-output=", "-fdiagnostics-set-output=", "-fmessage-length",
}

// frontendOutputs are options of Clang's own frontend, behind -Xclang.
var frontendOutputs = map[string]int{
	"-dependency-file": 1, "-dependency-dot": 1, "-module-dependency-dir": 1, "-serialize-diagnostic-file": 1, "-diagnostic-log-file": 1,
	"-header-include-file": 1, "-split-dwarf-output": 1, "-split-dwarf-file": 1, "-emit-obj": 0, "-emit-llvm-bc": 0, "-emit-llvm-only": 0,
}

// assemblerOutputs are the assembler's listings, dependencies and objects.
var assemblerOutputs = regexp.MustCompile(`^(-a[a-z]*(=.*)?|--MD=.*|-o.+)$`)

// writes reports whether the word is dropped, and how many of those that the
// same reader gets next.
func writes(r reader, word string) (drop bool, values int) {
	switch r {
	case linker:
		return false, 0
	case assembler:
		if word == "-o" || word == "--MD" || word == "-MD" {
			return true, 1
		}
		return assemblerOutputs.MatchString(word), 0
	case frontend:
		if n, ok := frontendOutputs[word]; ok {
			return true, n
		}
	case preprocessor:
		if word == "-MD" || word == "-MMD" {
			return true, 1 // to the preprocessor itself they come with the file's name
		}
	}
	if n, ok := outputOptions[word]; ok {
		return true, n
	}
	return slices.ContainsFunc(outputPrefixes, func(p string) bool { return strings.HasPrefix(word, p) }), 0
}
