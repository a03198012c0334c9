package objdiff

import (
	"bytes"
	"slices"
	"time"
)

// The forms of __DATE__ and __TIME__ (C11 6.10.8.1).
const (
	dateForm = "Jan _2 2006"
	timeForm = "15:04:05"
)

// dated returns the content with the image's dates in the place of the
// object's.
func (c *comparer) dated(here, there []byte) []byte {
	if c.Date.IsZero() {
		return here
	}
	for _, form := range []string{dateForm, timeForm} {
		ours := []byte(c.Date.UTC().Format(form))
		for from := 0; ; {
			i := bytes.Index(here[from:], ours)
			if i < 0 {
				break
			}
			from += i
			to := from + len(ours)
			if _, err := time.Parse(form, string(there[from:to])); err == nil {
				here = slices.Concat(here[:from], there[from:to], here[to:])
			}
			from = to
		}
	}
	return here
}
