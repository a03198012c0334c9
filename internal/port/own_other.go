//go:build !unix

package port

// ownership is a lock on a port. Here the system gives a port to one program
// only.
type ownership struct{}

func own(string) (ownership, error) { return ownership{}, nil }

func (ownership) release() {}

func deniedHint(string) string { return "close the program that uses the port" }
