//go:build unix

package port_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/port"
	"github.com/fpbls/fpbls/internal/problem"
)

// device opens a pseudo-terminal and returns the device's end and its name.
func device(t *testing.T) (*os.File, string) {
	t.Helper()
	m, s, err := pty.Open()
	if err != nil {
		t.Fatal("no pseudo-terminals:", err)
	}
	t.Cleanup(func() { m.Close(); s.Close() })
	if _, err := term.MakeRaw(int(s.Fd())); err != nil {
		t.Fatal(err)
	}
	return m, s.Name()
}

// plugged is a device whose only other end is the open port.
func plugged(t *testing.T) (*os.File, fpb.Conn) {
	t.Helper()
	m, s, err := pty.Open()
	if err != nil {
		t.Fatal("no pseudo-terminals:", err)
	}
	c := open(t, s.Name())
	s.Close()
	t.Cleanup(func() { m.Close() })
	return m, c
}

// pending starts a Read that waits.
func pending(c fpb.Conn) <-chan error {
	ended := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		close(started)
		_, err := c.Read(context.Background(), make([]byte, 8))
		ended <- err
	}()
	<-started
	return ended
}

func TestSerialBytes(t *testing.T) {
	m, c := plugged(t)
	expired, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Read(expired, make([]byte, 8)); !errors.Is(err, context.Canceled) {
		t.Errorf("read with a cancelled context: %v", err)
	}
	want := []byte("\x00\xff\x11\x13\r\n\x03late")
	m.Write(want)
	if got := read(t, c, len(want)); !bytes.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	want = bytes.Repeat([]byte("\x03\x04\r\n\x11\x00\xff"), 100)
	got := make([]byte, len(want))
	done := make(chan error, 1)
	go func() { done <- c.Write(t.Context(), want) }()
	for n := 0; n < len(got); {
		k, err := m.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	if err := <-done; err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, the device got %q", err, got)
	}
}

func TestSerialDropsStaleBytes(t *testing.T) {
	m, name := device(t)
	m.Write([]byte("stale"))
	c := open(t, name)
	m.Write([]byte("fresh"))
	if got := read(t, c, 5); string(got) != "fresh" {
		t.Errorf("got %q", got)
	}
}

func TestSerialUnplugged(t *testing.T) {
	m, c := plugged(t)
	ended := pending(c)
	m.Close()
	if err := <-ended; !errors.Is(err, fpb.ErrGone) {
		t.Errorf("read: %v", err)
	}
	if err := c.Write(t.Context(), []byte("x")); !errors.Is(err, fpb.ErrGone) {
		t.Errorf("write: %v", err)
	}
}

func TestSerialClosed(t *testing.T) {
	_, c := plugged(t)
	ended := pending(c)
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

// A device that takes nothing: the driver's buffer is full and the library's
// Write cannot be interrupted.
func TestSerialDeafDevice(t *testing.T) {
	_, c := plugged(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Write(ctx, make([]byte, 1<<20)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Write(context.Background(), make([]byte, 1<<20)) }()
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-ended; !errors.Is(err, fpb.ErrClosed) {
		t.Errorf("write ended by close: %v", err)
	}
}

func TestSerialBusy(t *testing.T) {
	_, name := device(t)
	c := open(t, name)
	if _, err := port.Open(t.Context(), name, port.Options{}); !problem.Has(err, problem.PortBusy) {
		t.Errorf("second opening: %v", err)
	}
	c.Close()
	open(t, name)
}

func TestSerialSymlink(t *testing.T) {
	m, name := device(t)
	link := t.TempDir() + "/board"
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	c := open(t, link)
	m.Write([]byte("hello"))
	if got := read(t, c, 5); string(got) != "hello" {
		t.Errorf("got %q", got)
	}
}

func TestSerialKeepsLinesOnClose(t *testing.T) {
	_, name := device(t)
	c := open(t, name)
	c.Close()
	if hangsUp(t, name) {
		t.Error("closing the port will lower DTR")
	}
}
