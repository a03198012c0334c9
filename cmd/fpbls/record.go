package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/fpbls/fpbls/internal/problem"
)

const (
	recordTime  = "2006-01-02T15:04:05.000Z07:00 " // before each line
	recordsKept = 5                                // beside the one that is written
)

// A record is a file of the board's output: its bytes as they came, with the time
// in front of each line. When it has grown to limit bytes, between two lines, it becomes
// FILE.1, what was that becomes FILE.2, and so on.
type record struct {
	name  string
	limit int64
	now   func() time.Time

	file    *os.File
	size    int64
	midLine bool
}

func openRecord(name string, limit int64) (*record, error) {
	r := &record{name: name, limit: limit, now: time.Now}
	return r, r.open()
}

// open goes on with the file if there is one.
func (r *record) open() error {
	f, err := os.OpenFile(r.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		r.file = f
		r.size, err = f.Seek(0, 2)
	}
	if err != nil {
		return problem.New(problem.Usage, "name a file that can be written", "cannot record: %w", err)
	}
	return nil
}

func (r *record) write(p []byte, gap int64) error {
	if gap > 0 {
		mark := fmt.Appendf(nil, "[%d bytes were dropped]\n", gap)
		if r.midLine {
			mark = append([]byte("\n"), mark...)
		}
		if err := r.write(mark, 0); err != nil {
			return err
		}
	}
	for line := range bytes.Lines(p) {
		if !r.midLine {
			if err := r.rotate(); err != nil {
				return err
			}
			if err := r.append([]byte(r.now().Format(recordTime))); err != nil {
				return err
			}
		}
		if err := r.append(line); err != nil {
			return err
		}
		r.midLine = !bytes.HasSuffix(line, []byte("\n"))
	}
	return nil
}

func (r *record) append(p []byte) error {
	n, err := r.file.Write(p)
	r.size += int64(n)
	return err
}

// rotate begins a new file if this one is full.
func (r *record) rotate() error {
	if r.limit <= 0 || r.size < r.limit {
		return nil
	}
	if err := r.file.Close(); err != nil {
		return err
	}
	for i := recordsKept; i > 0; i-- {
		from := fmt.Sprintf("%s.%d", r.name, i-1)
		if i == 1 {
			from = r.name
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", r.name, i)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return r.open()
}

func (r *record) close() error { return r.file.Close() }
