package port_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/port"
	"github.com/fpbls/fpbls/internal/problem"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// session is what a client does with a board, and what it learns.
func session(ctx context.Context, conn fpb.Conn) (info fpb.Info, output string, err error) {
	var out bytes.Buffer
	c := fpb.NewClient(conn, fpb.Options{Output: func(p []byte) { out.Write(p) }})
	if _, err = c.Connect(ctx); err == nil {
		var at uint32
		if at, err = c.Alloc(ctx, 64); err == nil {
			err = c.Upload(ctx, at, 3, bytes.Repeat([]byte{0x70, 0x47}, 25), nil)
		}
	}
	if err == nil {
		info, err = c.Info(ctx)
	}
	return info, out.String(), errors.Join(err, c.Close())
}

// What was recorded plays again: the client does the same, and hears the same.
func TestReplay(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "wire.trace")
	synctest.Test(t, func(t *testing.T) {
		f, err := os.Create(trace)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		o := port.Options{
			Baud:     115200,
			Firmware: func() ([][]byte, error) { return [][]byte{testfirmware.DemoELF}, nil },
			Recorder: port.NewRecorder(f),
		}
		conn, err := port.Open(t.Context(), "sim:", o)
		if err != nil {
			t.Fatal(err)
		}
		recorded, heard, err := session(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		again, err := port.Open(t.Context(), "replay:"+trace, port.Options{})
		if err != nil {
			t.Fatal(err)
		}
		replayed, output, err := session(t.Context(), again)
		if err != nil {
			t.Fatal(err)
		}
		if replayed.Version != recorded.Version || len(replayed.Slots) != len(recorded.Slots) || replayed.Used != recorded.Used {
			t.Errorf("replayed %+v, recorded %+v", replayed, recorded)
		}
		if output == "" || !strings.HasPrefix(heard, output) && !strings.HasPrefix(output, heard) {
			t.Errorf("the replay printed %q, the board %q", output, heard)
		}
		if time.Since(start) < 10*time.Millisecond {
			t.Errorf("the replay took %v, much less than the line did", time.Since(start))
		}
	})
}

func TestReplayOfSomethingElse(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"no trace", "hello\n", "line 1"},
		{"an empty one", "", "no connection 1"},
		{"another connection", "2 0.0 = sim: 0x1\n", "no connection 1"},
		{"bad text", "1 0.0 = sim: 0x1\n1 0.1 < fl\n", "line 2"},
		{"bad time", "1 0.0 = sim: 0x1\n1 NaN < \"fl\"\n", "line 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "trace")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := port.Open(t.Context(), "replay:"+path, port.Options{})
			if !problem.Has(err, problem.PortMissing) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	t.Run("other requests", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "trace")
		if err := os.WriteFile(path, []byte("1 0.0 = sim: 0x1\n1 0.1 > \"hello\\n\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		conn, err := port.Open(t.Context(), "replay:"+path, port.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.Write(t.Context(), []byte("hel")); err != nil {
			t.Error(err)
		}
		if err := conn.Write(t.Context(), []byte("p")); err == nil || !strings.Contains(err.Error(), "leaves the trace at byte 3") {
			t.Errorf("got %v", err)
		}
	})
}

func FuzzParseTrace(f *testing.F) {
	f.Add("1 0.000000 = sim: 0x1\n1 0.5 > \"fl\\n\"\n1 0.7 < \"\\x00fl> \"\n1 0.8 # gone\n")
	f.Fuzz(func(t *testing.T, text string) {
		sent, received, err := port.ParseTrace(strings.NewReader(text))
		if err == nil && sent+received > 3*len(text) { // what is no UTF-8 becomes a longer replacement
			t.Errorf("%d + %d bytes out of %d", sent, received, len(text))
		}
	})
}
