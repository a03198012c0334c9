package fpb

import (
	"context"
	"errors"
)

// A Conn is a line to a board: a stream of bytes without message borders.
//
// One goroutine reads and any number write at the same time. Close may be
// called from any goroutine, more than once, and ends a Read in progress.
type Conn interface {
	// Read waits for at least one byte, or for ctx. Its errors are ctx's,
	// [ErrClosed] after Close, and [ErrGone]; they may be wrapped.
	Read(ctx context.Context, p []byte) (int, error)
	// Write writes all of p.
	Write(ctx context.Context, p []byte) error
	Close() error
}

// A Seeder is a line that decides on the client's random numbers, so that a
// recorded one can be played again.
type Seeder interface{ Seed() uint32 }

var (
	// ErrClosed reports that this side closed the line.
	ErrClosed = errors.New("the line is closed")
	// ErrGone reports that the other end went away: unplugged, hung up.
	ErrGone = errors.New("the other end of the line is gone")
)
