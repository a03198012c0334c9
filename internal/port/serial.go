package port

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.bug.st/serial"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/problem"
)

// A serialConn is an open serial port. It adds to go.bug.st/serial:
//
//   - A Read obeys its context. The library has one timeout per port, reports its
//     expiry as zero bytes and no error, and races if it is changed during a Read.
//   - A Write obeys its context, and nothing is written after Close. The library
//     would write to whatever file the descriptor number belongs to by then.
//   - A device that went away gives [fpb.ErrGone], told apart from a port that
//     we closed. The library reports both as PortClosed.
//
// One goroutine reads from the port until Close; each Write has one of its own,
// which does not outlive it.
type serialConn struct {
	name string
	port serial.Port
	lock ownership

	in      chan []byte   // what the reader got
	ended   chan struct{} // closed when the reader stops
	endErr  error         // why; set before ended is closed
	rest    []byte        // received but not yet returned; used by Read only
	closing chan struct{} // closed by Close

	// writing is held while bytes are written, so that Close cannot free the
	// descriptor under that.
	writing chan struct{}
	once    sync.Once
	err     error // of Close
}

// openSerial opens the port in raw mode and drops what the device sent before.
func openSerial(name string, baud int) (fpb.Conn, error) {
	lock, err := own(name)
	if err != nil {
		return nil, err
	}
	// InitialStatusBits stays nil: setting modem lines fails on a
	// pseudo-terminal, and resets boards.
	p, err := serial.Open(name, &serial.Mode{BaudRate: baud})
	if err != nil {
		lock.release()
		return nil, openProblem(name, err)
	}
	if err := p.ResetInputBuffer(); err != nil {
		p.Close()
		lock.release()
		return nil, openProblem(name, err)
	}
	c := &serialConn{
		name: name, port: p, lock: lock,
		in: make(chan []byte, 64), ended: make(chan struct{}),
		closing: make(chan struct{}), writing: make(chan struct{}, 1),
	}
	go c.receive()
	return c, nil
}

// openProblem explains why the library could not open the port.
func openProblem(name string, err error) error {
	var p *serial.PortError
	if errors.As(err, &p) {
		switch p.Code() {
		case serial.PortBusy:
			return busy(name, err)
		case serial.PortNotFound, serial.InvalidSerialPort:
			return missing(name, err)
		case serial.PermissionDenied:
			return denied(name, err)
		case serial.InvalidSpeed:
			return problem.New(problem.Config, "115200 is what most firmware uses", "%s does not run at this baud rate: %w", name, err)
		}
	}
	return missing(name, err)
}

// busy is the problem of a port that another process has open.
func busy(name string, cause error) error {
	who := "another program has it open"
	if holder := holderOf(name); holder != "" {
		who = holder + " has it open"
	}
	return problem.New(problem.PortBusy, "close that program (a monitor, ModemManager, brltty, another fpbls), or use another port",
		"the port %s is busy, %s: %w", name, who, cause)
}

// denied is the problem of a port that this user may not open.
func denied(name string, cause error) error {
	return problem.New(problem.PortDenied, deniedHint(name), "no permission to open %s: %w", name, cause)
}

// receive owns the port's read side: with no timeout set, Close is what ends a
// read in progress.
func (c *serialConn) receive() {
	defer close(c.ended)
	for {
		buf := make([]byte, 4096)
		n, err := c.port.Read(buf)
		if n > 0 {
			select {
			case c.in <- buf[:n]:
			case <-c.closing:
				c.endErr = fpb.ErrClosed
				return
			}
		}
		if err != nil {
			select {
			case <-c.closing:
				c.endErr = fpb.ErrClosed
			default:
				c.endErr = fmt.Errorf("%w: %s: %w", fpb.ErrGone, c.name, err)
			}
			return
		}
	}
}

func (c *serialConn) Read(ctx context.Context, b []byte) (int, error) {
	if len(c.rest) == 0 {
		select {
		case c.rest = <-c.in: // also when ctx is done: nothing that came is lost
		default:
			select {
			case c.rest = <-c.in:
			case <-c.ended:
				select {
				case c.rest = <-c.in: // what came last before the end
				default:
					return 0, c.endErr
				}
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// piece is how much is written at once: where a write waits for the device, it
// can end between two.
const piece = 256

func (c *serialConn) Write(ctx context.Context, b []byte) error {
	select {
	case c.writing <- struct{}{}:
	case <-c.closing:
		return fpb.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	b = append([]byte(nil), b...) // the caller may reuse it if ctx ends first
	stop := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		err := c.pieces(b, stop)
		<-c.writing
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	close(stop)
	for {
		unblock(c.port)
		select {
		case <-done:
			return ctx.Err()
		case <-c.closing:
			return ctx.Err() // Close goes on with it
		case <-time.After(retryInterval):
		}
	}
}

const (
	retryInterval = 5 * time.Millisecond
	// unblockTime is how long Close tries to end a write.
	unblockTime = 2 * time.Second
)

// pieces writes b until stop or Close. The caller holds writing.
func (c *serialConn) pieces(b []byte, stop chan struct{}) error {
	for len(b) > 0 {
		select {
		case <-stop:
			return nil
		case <-c.closing:
			return fpb.ErrClosed
		default:
		}
		n, err := c.lock.write(c.port, b[:min(len(b), piece)])
		if err != nil {
			return fmt.Errorf("%w: %s: %w", fpb.ErrGone, c.name, err)
		}
		if b = b[n:]; n == 0 {
			select {
			case <-stop:
			case <-c.closing:
			case <-time.After(retryInterval):
			}
		}
	}
	return nil
}

// Close closes the port. Reads and writes in progress end.
func (c *serialConn) Close() error {
	c.once.Do(func() {
		close(c.closing)
		deadline := time.After(unblockTime)
		for waiting := true; waiting; {
			select {
			case c.writing <- struct{}{}:
				waiting = false
			case <-deadline:
				// A driver that never returns. Its descriptor must not become
				// another file's, so it is not given back.
				c.err = fmt.Errorf("%s: a write does not end", c.name)
				return
			case <-time.After(retryInterval):
				unblock(c.port)
			}
		}
		c.err = c.port.Close()
		<-c.ended
		c.lock.release()
	})
	return c.err
}
