package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Each line has the time at which it began; a full file makes room between two lines.
func TestRecord(t *testing.T) {
	name := filepath.Join(t.TempDir(), "board.log")
	r, err := openRecord(name, 50)
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Date(2026, time.May, 4, 10, 11, 12, 0, time.UTC)
	r.now = func() time.Time { clock = clock.Add(time.Second); return clock }
	for _, w := range []struct {
		text string
		gap  int64
	}{{"one\ntw", 0}, {"o\r\n", 0}, {"\x00\xffthree\n", 0}, {"fo", 0}, {"ur\n", 17}, {"five\n", 0}} {
		if err := r.write([]byte(w.text), w.gap); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		".3": "2026-05-04T10:11:13.000Z one\n2026-05-04T10:11:14.000Z two\r\n",
		".2": "2026-05-04T10:11:15.000Z \x00\xffthree\n2026-05-04T10:11:16.000Z fo\n",
		".1": "2026-05-04T10:11:17.000Z [17 bytes were dropped]\n2026-05-04T10:11:18.000Z ur\n",
		"":   "2026-05-04T10:11:19.000Z five\n",
	} {
		got, err := os.ReadFile(name + file)
		if err != nil || string(got) != want {
			t.Errorf("board.log%s: %q, %v", file, got, err)
		}
	}
	// No more than some are kept, and a new record goes on with the last.
	if r, err = openRecord(name, 1); err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		if err := r.write(fmt.Appendf(nil, "%d\n", n), 0); err != nil {
			t.Fatal(err)
		}
	}
	r.close()
	files, err := filepath.Glob(name + "*")
	if err != nil || len(files) != recordsKept+1 {
		t.Errorf("%d files: %v, %v", len(files), files, err)
	}
}
