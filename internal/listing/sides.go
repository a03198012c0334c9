package listing

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// SideBySide writes a comparison for a terminal: the firmware's code on the left, the
// patch's on the right, the source line above the code that it became, and between them
// "|" where they differ, "<" and ">" where only one side has something.
func SideBySide(rows []Row) string {
	const indent = "  "
	widest := 0
	for _, r := range rows {
		widest = max(widest, utf8.RuneCountInString(column(r.Before)))
	}
	var b strings.Builder
	last := ""
	for _, r := range rows {
		if at := position(r); at != "" && at != last {
			fmt.Fprintf(&b, "%s\n", at)
			last = at
		}
		left := column(r.Before)
		fill := strings.Repeat(" ", widest-utf8.RuneCountInString(left))
		line := indent + left + fill + " " + r.Mark() + " " + column(r.After)
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	return b.String()
}

// Mark is what stands between the sides.
func (r Row) Mark() string {
	switch {
	case !r.Differ:
		return " "
	case r.After == nil:
		return "<"
	case r.Before == nil:
		return ">"
	}
	return "|"
}

// Differences counts the rows that differ.
func Differences(rows []Row) int {
	n := 0
	for _, r := range rows {
		if r.Differ {
			n++
		}
	}
	return n
}

func column(l *Line) string {
	if l == nil {
		return ""
	}
	return fmt.Sprintf("%08x  %s", l.Addr, strings.ReplaceAll(l.Text, "\t", " "))
}

// position is the source line of the patch's side, which the user has before their eyes.
func position(r Row) string {
	for _, l := range []*Line{r.After, r.Before} {
		if l != nil && l.Line > 0 {
			return fmt.Sprintf("%s:%d", path.Base(strings.ReplaceAll(l.File, `\`, "/")), l.Line)
		}
	}
	return ""
}
