package port

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/problem"
)

// A tcpConn is a line over TCP.
type tcpConn struct {
	url  string
	conn net.Conn
	head []byte // came while Open looked for a busy server

	mu     sync.Mutex
	closed bool
}

const (
	dialTimeout = 5 * time.Second
	// greetingTime is added to the round trip when waiting for a server to say
	// that it is busy.
	greetingTime = 25 * time.Millisecond
)

// keepAlive notices a peer that vanished, after about half a minute.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

func dial(ctx context.Context, url, address string) (fpb.Conn, error) {
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		return nil, problem.New(problem.PortMissing, "write it as tcp://host:port", "%s is not an address: %w", url, err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	start := time.Now()
	conn, err := (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext(ctx, "tcp", address)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, err
		}
		return nil, problem.New(problem.PortMissing, "check the address, and that the server (ser2net, \"fpbls sim\") runs",
			"nothing answers at %s: %w", url, err)
	}
	c := &tcpConn{url: url, conn: conn}
	if err := c.greet(2*time.Since(start) + greetingTime); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// greet waits a moment for a server that serves somebody else to say so. It
// must be heard before anything is written: the answer to that would be a reset,
// which discards what the server has said.
func (c *tcpConn) greet(d time.Duration) error {
	c.conn.SetReadDeadline(time.Now().Add(d))
	defer c.conn.SetReadDeadline(time.Time{})
	buf := make([]byte, 512)
	for len(c.head) < len(buf) {
		n, err := c.conn.Read(buf[:len(buf)-len(c.head)])
		c.head = append(c.head, buf[:n]...)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil && isBusy(c.head):
			return problem.New(problem.PortBusy, "close the program that uses it, or use another port",
				"the port %s is busy: the server says %q", c.url, bytes.TrimSpace(c.head))
		case err != nil:
			return problem.New(problem.BoardLost, "look at the server's log", "%s has closed the connection at once: %w", c.url, err)
		case !couldBeBusy(c.head):
			return nil
		}
	}
	return nil
}

// busyTexts are how servers begin to say that a port serves somebody else: our
// simulator and ser2net.
var busyTexts = []string{"busy:", "port already in use", "port is already in use"}

func isBusy(head []byte) bool {
	text := strings.ToLower(strings.TrimSpace(string(head)))
	for _, t := range busyTexts {
		if strings.HasPrefix(text, t) {
			return true
		}
	}
	return false
}

func couldBeBusy(head []byte) bool {
	text := strings.ToLower(strings.TrimSpace(string(head)))
	for _, t := range busyTexts {
		if strings.HasPrefix(t, text) || strings.HasPrefix(text, t) {
			return true
		}
	}
	return false
}

func (c *tcpConn) Read(ctx context.Context, p []byte) (int, error) {
	if n := copy(p, c.head); n > 0 {
		c.head = c.head[n:]
		return n, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	release := obey(ctx, c.conn.SetReadDeadline)
	n, err := c.conn.Read(p)
	release()
	if n > 0 {
		return n, nil
	}
	return 0, c.explain(ctx, err)
}

func (c *tcpConn) Write(ctx context.Context, p []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	release := obey(ctx, c.conn.SetWriteDeadline)
	_, err := c.conn.Write(p)
	release()
	if err == nil {
		return nil
	}
	return c.explain(ctx, err)
}

// obey lets ctx end an operation through its deadline, until release.
func obey(ctx context.Context, setDeadline func(time.Time) error) (release func()) {
	expired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		setDeadline(time.Unix(1, 0))
		close(expired)
	})
	return func() {
		if !stop() {
			<-expired // or it would end the next operation
			setDeadline(time.Time{})
		}
	}
}

// explain gives err as the contract wants it.
func (c *tcpConn) explain(ctx context.Context, err error) error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	switch {
	case closed:
		return fpb.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: %s: %w", fpb.ErrGone, c.url, err)
}

func (c *tcpConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return c.conn.Close()
}
