package toolchain

import (
	"regexp"
	"strconv"
	"strings"
)

const levels = `(?i:(fatal error|internal compiler error|sorry, unimplemented|error|warning|note|remark))`

var (
	// placedForm is "file:line:column:{ranges}: error: message [-Woption]": GCC,
	// Clang and, without a column, the assembler.
	placedForm = regexp.MustCompile(`^(.+?):(\d+):(?:(\d+):)?(?:((?:\{\d+:\d+-\d+:\d+\})+):)? ` + levels + `: (.*?)(?: \[(-[A-Za-z][^\]\s]*)\])?$`)
	// driverForm is "program: error: message".
	driverForm = regexp.MustCompile(`^(?:[\w.+/\\:-]+: )?` + levels + `: (.+?)(?: \[(-[A-Za-z][^\]\s]*)\])?$`)
	rangeForm  = regexp.MustCompile(`\{(\d+):(\d+)-(\d+):(\d+)\}`)
)

// textDiagnostic reads a line of messages as people read them.
func textDiagnostic(line string, p place) (Diagnostic, bool) {
	if m := placedForm.FindStringSubmatch(line); m != nil {
		d := Diagnostic{Severity: severity(m[5]), Message: p.message(m[6]), Option: option(m[7])}
		var known bool
		if d.File, known = p.locate(m[1]); known {
			d.setRange(number(m[2]), number(m[3]))
			d.widen(m[4])
		} else if strings.HasSuffix(m[1], ".s") || m[1] == "{standard input}" {
			d.Message = "assembler: " + d.Message
		}
		return d, true
	}
	if m := driverForm.FindStringSubmatch(line); m != nil && !isNoise(m[2]) {
		return Diagnostic{File: p.unit, Severity: severity(m[1]), Message: p.message(m[2]), Option: option(m[3])}, true
	}
	return Diagnostic{}, false
}

// widen takes the end of the Clang range that begins at the place. Ends are
// behind the last character there.
func (d *Diagnostic) widen(ranges string) {
	for _, m := range rangeForm.FindAllStringSubmatch(ranges, -1) {
		if number(m[1]) == d.Line && number(m[2]) == d.Col {
			d.setEnd(number(m[3]), number(m[4]))
		}
	}
}

func number(digits string) int {
	n, _ := strconv.Atoi(digits) // 0 is unknown, the largest one too large
	return n
}
