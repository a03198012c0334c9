package problem

import (
	"errors"
	"strings"
)

// Describe splits what an error says into what happened and what to do next.
func Describe(err error) (message, hint string) {
	message = err.Error()
	var p *Problem
	if !errors.As(err, &p) || p.Hint == "" {
		return message, ""
	}
	// A Problem's text ends in its hint, also where it was wrapped.
	return strings.Replace(message, ": "+p.Hint, "", 1), p.Hint
}
