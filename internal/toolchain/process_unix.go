//go:build unix

package toolchain

import (
	"errors"
	"os/exec"
	"syscall"
)

// killGroup makes a cancelled context end the compiler driver and what it
// started.
func killGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// running reports whether there is such a process.
func running(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
