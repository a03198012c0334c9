package toolchain

import (
	"regexp"
	"runtime"
	"strings"
)

// splitCommand splits the "command" of a compile database entry. Only quotes
// and backslashes are special there (Clang, JSON Compilation Database Format);
// nothing is ever expanded.
func splitCommand(line string) []string { return split(line, splitStyle(line)) }

// splitResponse splits a response file: a backslash takes the next character as
// it is, within quotes of either kind, too (GCC manual, Overall Options, @file).
func splitResponse(text string) []string { return split(text, responseFile) }

// style is what a backslash means.
type style uint8

const (
	posix        style = iota // as to a POSIX shell (XCU 2.2)
	windows                   // part of a path, but in front of a double quote
	responseFile              // always the next character
)

// windowsProgram is a command's first word that only Windows has.
var windowsProgram = regexp.MustCompile(`^\s*("?[A-Za-z]:[\\/]|"[^"]*\.(exe|EXE)"|\S+\.(exe|EXE)(\s|$))`)

func splitStyle(command string) style {
	if runtime.GOOS == "windows" || windowsProgram.MatchString(command) {
		return windows
	}
	return posix
}

func split(line string, s style) []string {
	var words []string
	var word strings.Builder
	inWord, quote := false, byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && i+1 < len(line) && escapes(s, quote, line[i+1]):
			i++
			if s == posix && line[i] == '\n' {
				continue // joins lines
			}
			word.WriteByte(line[i])
			inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '"', c == '\'' && s != windows:
			quote, inWord = c, true
		case c == ' ', c == '\t', c == '\n', c == '\r', c == '\v', c == '\f':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

// escapes reports whether a backslash, within the quote if there is one, takes
// next as it is and disappears itself.
func escapes(s style, quote, next byte) bool {
	switch {
	case s == responseFile:
		return true
	case s == windows:
		return next == '"'
	case quote == '\'':
		return false
	case quote == '"':
		return strings.IndexByte("\"\\$`\n", next) >= 0 // XCU 2.2.3
	}
	return true
}
