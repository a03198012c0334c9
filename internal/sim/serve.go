package sim

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Busy is what a second client is told before its connection is closed.
const Busy = "busy: another client is connected\n"

// Serve offers the board's line on l, to one client after another, until ctx is
// done; it closes l. While a client is connected, another one is told [Busy].
// The board itself must be running.
func Serve(ctx context.Context, b *Board, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()

	turn := make(chan struct{}, 1)
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		clients.Go(func() {
			defer c.Close()
			select {
			case turn <- struct{}{}:
				defer func() { <-turn }()
				pump(ctx, b, c)
			default:
				c.SetDeadline(time.Now().Add(time.Second))
				io.WriteString(c, Busy)
			}
		})
	}
}

// pump moves bytes between the board and rw until either ends or ctx is done.
// It closes rw.
func pump(ctx context.Context, b *Board, rw io.ReadWriteCloser) {
	conn := b.Conn()
	ctx, cancel := context.WithCancel(ctx)
	var both sync.WaitGroup
	defer both.Wait()
	defer conn.Close()
	closeOnce := sync.OnceFunc(func() { rw.Close() })
	defer context.AfterFunc(ctx, closeOnce)()
	defer closeOnce()

	both.Go(func() {
		defer cancel()
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(ctx, buf)
			if err != nil {
				return
			}
			if _, err := rw.Write(buf[:n]); err != nil {
				return
			}
		}
	})
	defer cancel()
	buf := make([]byte, 4096)
	for {
		n, err := rw.Read(buf)
		if n > 0 {
			if werr := conn.Write(ctx, buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// ErrNoPTY reports that this system has no pseudo-terminals.
var ErrNoPTY = errors.New("this system has no pseudo-terminals")
