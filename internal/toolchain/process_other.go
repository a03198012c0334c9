//go:build !unix

package toolchain

import (
	"os"
	"os/exec"
)

// killGroup leaves it at killing the compiler driver: its children end when
// their pipes close.
func killGroup(*exec.Cmd) {}

// running reports whether there is such a process.
func running(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	p.Release()
	return true
}
