//go:build unix

package sim

import (
	"context"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// OpenPTY offers the board's line as a pseudo-terminal and returns its name. It
// exists until ctx is done; done is closed when it is gone.
func OpenPTY(ctx context.Context, b *Board) (name string, done <-chan struct{}, err error) {
	controller, terminal, err := pty.Open()
	if err != nil {
		return "", nil, err
	}
	// Raw, or the terminal would echo and edit what crosses it.
	if _, err := term.MakeRaw(int(terminal.Fd())); err != nil {
		controller.Close()
		terminal.Close()
		return "", nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Kept open, so that the terminal outlives its clients.
		defer terminal.Close()
		pump(ctx, b, controller)
	}()
	return terminal.Name(), ended, nil
}
