package port_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/port"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, url string) fpb.Conn {
	t.Helper()
	c, err := port.Open(t.Context(), url, port.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// read reads n bytes.
func read(t *testing.T, c fpb.Conn, n int) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var got []byte
	for len(got) < n {
		b := make([]byte, 3)
		k, err := c.Read(ctx, b[:min(3, n-len(got))])
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, b[:k]...)
	}
	return got
}

func TestURLs(t *testing.T) {
	for url, code := range map[string]problem.Code{
		"":                         problem.PortMissing,
		"/dev/ttyNothing":          problem.PortMissing,
		"http://host:1":            problem.PortMissing,
		"tcp://":                   problem.PortMissing,
		"tcp://localhost":          problem.PortMissing,
		"tcp://127.0.0.1:1":        problem.PortMissing,
		"sim:":                     problem.NoELF,
		"sim:/no/such/file.elf":    problem.NoELF,
		"sim:port_test.go":         problem.BadELF,
		filepath.Join(t.TempDir()): problem.PortMissing,
	} {
		_, err := port.Open(t.Context(), url, port.Options{})
		if got := problem.CodeOf(err); got != code {
			t.Errorf("%q: %v (%s), want %s", url, err, got, code)
		}
	}
}

func TestCancelledOpen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, url := range []string{"/dev/null", "tcp://127.0.0.1:1", "sim:"} {
		if _, err := port.Open(ctx, url, port.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// serveOnce accepts one connection and hands it to f.
func serveOnce(t *testing.T, f func(net.Conn)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			defer c.Close()
			f(c)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "tcp://" + l.Addr().String()
}

func TestTCP(t *testing.T) {
	got := make(chan []byte, 1)
	url := serveOnce(t, func(c net.Conn) {
		c.Write([]byte("busybox v1\n\x00\xff"))
		b := make([]byte, 5)
		n, _ := c.Read(b)
		got <- b[:n]
	})
	c := open(t, url)
	if b := read(t, c, 13); string(b) != "busybox v1\n\x00\xff" {
		t.Errorf("read %q", b)
	}
	expired, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Read(expired, make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("read with a cancelled context: %v", err)
	}
	if err := c.Write(t.Context(), []byte("hello")); err != nil {
		t.Error(err)
	}
	if b := <-got; string(b) != "hello" {
		t.Errorf("the server got %q", b)
	}
	if _, err := c.Read(t.Context(), make([]byte, 1)); !errors.Is(err, fpb.ErrGone) {
		t.Errorf("read after the server hung up: %v", err)
	}
}

// A Read that is cancelled must not disturb the next one.
func TestTCPCancelledReads(t *testing.T) {
	const n = 200
	url := serveOnce(t, func(c net.Conn) {
		for range n {
			c.Write([]byte("x"))
			time.Sleep(100 * time.Microsecond)
		}
		c.Read(make([]byte, 1))
	})
	c := open(t, url)
	for got := 0; got < n; {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Microsecond)
		k, err := c.Read(ctx, make([]byte, 1))
		cancel()
		if got += k; err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("after %d bytes: %v", got, err)
		}
	}
}

func TestTCPClose(t *testing.T) {
	url := serveOnce(t, func(c net.Conn) { c.Read(make([]byte, 1)) })
	c := open(t, url)
	ended := make(chan error, 1)
	go func() { _, err := c.Read(t.Context(), make([]byte, 1)); ended <- err }()
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-ended; !errors.Is(err, fpb.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if err := c.Write(t.Context(), []byte("x")); !errors.Is(err, fpb.ErrClosed) {
		t.Errorf("write: %v", err)
	}
}

func TestTCPBusy(t *testing.T) {
	for _, text := range []string{sim.Busy, "Port already in use\r\n", "port is already in use\n"} {
		url := serveOnce(t, func(c net.Conn) { c.Write([]byte(text)) })
		_, err := port.Open(t.Context(), url, port.Options{})
		if !problem.Has(err, problem.PortBusy) {
			t.Errorf("%q: %v", text, err)
		}
	}
	url := serveOnce(t, func(net.Conn) {})
	if _, err := port.Open(t.Context(), url, port.Options{}); !problem.Has(err, problem.BoardLost) {
		t.Errorf("closed at once: %v", err)
	}
}

func TestSimulatorIsBusy(t *testing.T) {
	board, err := sim.New(sim.Config{}, testfirmware.DemoELF)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- board.Run(ctx) }()
	go func() { ended <- sim.Serve(ctx, board, l) }()
	t.Cleanup(func() { cancel(); <-ended; <-ended })

	url := "tcp://" + l.Addr().String()
	first := open(t, url)
	read(t, first, 20) // it is served
	if _, err := port.Open(t.Context(), url, port.Options{}); !problem.Has(err, problem.PortBusy) {
		t.Errorf("second client: %v", err)
	}
	first.Close()
}

func TestSim(t *testing.T) {
	firmware := func() ([][]byte, error) { return [][]byte{testfirmware.DemoELF}, nil }
	c, err := port.Open(t.Context(), "sim:", port.Options{Firmware: firmware})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, c, 100); !strings.Contains(string(got), "[app]") {
		t.Errorf("got %q", got)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	for err == nil { // what had come before
		_, err = c.Read(t.Context(), make([]byte, 4096))
	}
	if !errors.Is(err, fpb.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
}
