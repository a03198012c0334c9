//go:build unix

package sim

import (
	"bufio"
	"context"
	"os"
	"strings"
	"testing"

	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

func TestPTY(t *testing.T) {
	b, err := New(Config{}, testfirmware.DemoELF)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	running := make(chan error)
	go func() { running <- b.Run(ctx) }()
	name, done, err := OpenPTY(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.Contains(s.Text(), "[FLOK] PONG") {
			break
		}
		// What comes before the firmware has set its port up is lost.
		if strings.Contains(s.Text(), "count=") {
			if _, err := f.WriteString("fl -c ping\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	// It ends although it waits for a client's input.
	cancel()
	<-done
	<-running
}
