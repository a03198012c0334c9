//go:build unix

package sim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// OpenPTY offers the board's line as a pseudo-terminal and returns its name. It
// exists until ctx is done; done is closed when it is gone.
func OpenPTY(ctx context.Context, b *Board) (name string, done <-chan struct{}, err error) {
	controller, terminal, err := pty.Open()
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrNoPTY, err) // a container without /dev/pts
	}
	end, err := newPTYEnd(controller)
	if err == nil {
		// Raw, or the terminal would echo and edit what crosses it.
		_, err = term.MakeRaw(int(terminal.Fd()))
	}
	if err != nil {
		controller.Close()
		terminal.Close()
		return "", nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Kept open, so that the terminal outlives its clients.
		defer terminal.Close()
		pump(ctx, b, end)
	}()
	return terminal.Name(), ended, nil
}

// A ptyEnd is the board's end of a pseudo-terminal.
type ptyEnd struct{ *os.File }

// newPTYEnd takes over the controller. The pty package leaves its descriptor
// blocking, so that closing it would not end a Read.
func newPTYEnd(controller *os.File) (ptyEnd, error) {
	fd, err := unix.FcntlInt(controller.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return ptyEnd{}, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return ptyEnd{}, err
	}
	return ptyEnd{os.NewFile(uintptr(fd), controller.Name())}, controller.Close()
}

// patience is how long output waits for a client to take it.
const patience = time.Second

// Write drops what nobody reads, as a line does: whoever opens the terminal later
// must not be shown the past.
func (e ptyEnd) Write(p []byte) (int, error) {
	if err := e.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	n, err := e.File.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return len(p), nil
	}
	return n, err
}
