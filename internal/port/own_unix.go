//go:build unix

package port

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// ownership is a lock on a port, and a descriptor to write to. The library's own
// lock, TIOCEXCL, does not hold against root, and its writes can wait for ever.
type ownership struct{ file int }

// own locks the port.
func own(name string) (ownership, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return ownership{}, denied(name, err)
	case err != nil:
		return ownership{}, missing(name, err)
	case info.Mode()&fs.ModeCharDevice == 0:
		return ownership{}, missing(name, errors.New("it is not a serial port"))
	}
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return ownership{}, denied(name, err)
	case errors.Is(err, unix.EBUSY):
		return ownership{}, busy(name, err)
	case err != nil:
		return ownership{}, missing(name, err)
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		unix.Close(fd)
		return ownership{}, busy(name, errors.New("it is locked"))
	}
	if err := keepLines(fd); err != nil {
		unix.Close(fd)
		return ownership{}, missing(name, fmt.Errorf("it is not a serial port: %w", err))
	}
	return ownership{fd}, nil
}

func (o ownership) release() { unix.Close(o.file) }

// write writes what the driver has room for, which may be nothing.
func (o ownership) write(_ serial.Port, p []byte) (int, error) {
	n, err := unix.Write(o.file, p)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	return max(n, 0), err
}

// unblock ends a write that waits: here none does.
func unblock(serial.Port) {}

// keepLines makes the last close leave DTR and RTS as they are.
func keepLines(fd int) error {
	t, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return err
	}
	if t.Cflag&unix.HUPCL == 0 {
		return nil
	}
	t.Cflag &^= unix.HUPCL
	return unix.IoctlSetTermios(fd, setTermios, t)
}

// deniedHint says how to get the permission.
func deniedHint(name string) string {
	group := "dialout"
	if info, err := os.Stat(name); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Gid != 0 {
			if g, err := user.LookupGroupId(strconv.Itoa(int(st.Gid))); err == nil {
				group = g.Name
			}
		}
	}
	return fmt.Sprintf("add yourself to its group with \"sudo usermod -aG %s $USER\" and log in again, or install a udev rule with TAG+=\"uaccess\"", group)
}
