// Package problem holds the errors that a person or a script is told about.
//
// A [Problem] says what happened (on which function, address, file or line),
// what to do next, and carries a [Code] that scripts and editors decide on. The
// codes are the published list in [Codes].
package problem

import (
	"errors"
	"fmt"
	"slices"
)

// A Problem is an error as its reader needs it.
type Problem struct {
	Code    Code
	Message string // what happened and to what; lower case, no full stop
	Hint    string // what to do next; may be empty
	Err     error  // the cause, if there is one; Message already tells it
}

// New returns a Problem. The message is formatted as by [fmt.Errorf], %w included.
// A Problem in the tree of an error among args loses its hint in the message: the new
// one takes its place.
func New(code Code, hint, format string, args ...any) *Problem {
	args = slices.Clone(args)
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			message, _ := Describe(err)
			args[i] = cause{message, err}
		}
	}
	err := fmt.Errorf(format, args...)
	return &Problem{Code: code, Message: err.Error(), Hint: hint, Err: errors.Unwrap(err)}
}

// A cause is an error inside the message of a Problem.
type cause struct {
	message string
	error
}

func (c cause) Error() string { return c.message }
func (c cause) Unwrap() error { return c.error }

func (p *Problem) Error() string {
	if p.Hint == "" {
		return p.Message
	}
	return p.Message + ": " + p.Hint
}

func (p *Problem) Unwrap() error { return p.Err }

// Is lets errors.Is(err, &Problem{Code: c}) ask for a code.
func (p *Problem) Is(target error) bool {
	t, ok := target.(*Problem)
	return ok && t.Message == "" && t.Code == p.Code
}

// CodeOf returns the code of the first Problem in err's tree, or [Internal] if
// there is none.
func CodeOf(err error) Code {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return Internal
}

// Has reports whether err's tree holds a Problem with the code.
func Has(err error, code Code) bool { return errors.Is(err, &Problem{Code: code}) }
