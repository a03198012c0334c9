package linker

import (
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/dwarf"
)

// shownCallers bounds a list in a message.
const shownCallers = 4

// callers lists the functions that the function was inlined into, for a hint:
// " (f, g)", or nothing if that is not known.
func (b *binder) callers(debug *dwarf.Info, function string) string {
	if debug == nil {
		return ""
	}
	var names []string
	for _, site := range debug.InlinedAt(function) {
		if name := display(site.Caller); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0:
		return ""
	case len(names) > shownCallers:
		names = append(names[:shownCallers], "…")
	}
	return " (" + strings.Join(names, ", ") + ")"
}
