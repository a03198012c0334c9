//go:build !unix

package port

import "go.bug.st/serial"

// ownership is a lock on a port. Here the system gives a port to one program
// only.
type ownership struct{}

func own(string) (ownership, error) { return ownership{}, nil }

func (ownership) release() {}

func (ownership) write(p serial.Port, b []byte) (int, error) { return p.Write(b) }

// unblock drops what the driver holds, which ends a write that waits for room.
func unblock(p serial.Port) { p.ResetOutputBuffer() }

func deniedHint(string) string { return "close the program that uses the port" }
