package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/problem"
)

func (a *app) monitorCommand() *cobra.Command {
	var m monitor
	cmd := &cobra.Command{
		Use:   "monitor",
		Short: "Print what the board prints, until interrupted",
		Long: `Print what the board prints, byte for byte, until interrupted. The loader's
answers are not part of it. With --json each line is an object.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.project()
			if err != nil {
				return err
			}
			defer p.Close()
			return m.run(cmd.Context(), a, p.Board())
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&m.send, "send", nil, "send a `line` to the board first; can be repeated")
	flags.BoolVarP(&m.interactive, "interactive", "i", false, "send the lines of standard input to the board")
	flags.IntVarP(&m.lines, "lines", "n", 0, "end after `N` lines")
	flags.DurationVar(&m.duration, "for", 0, "end after a `time` such as 10s")
	flags.StringVar(&m.record, "record", "", "write it to a `file` as well, with the time in front of each line")
	flags.IntVar(&m.rotate, "rotate", 10, "begin a new file after `N` MB, and keep the last five; 0: never")
	return cmd
}

type monitor struct {
	send        []string
	interactive bool
	lines       int
	duration    time.Duration
	record      string
	rotate      int // MB
}

// errEnough ends a monitor that has shown what was asked for.
var errEnough = errors.New("enough")

func (m *monitor) run(ctx context.Context, a *app, b *board.Board) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := b.Connect(ctx); err != nil {
		return err
	}
	if m.duration > 0 {
		timer := time.AfterFunc(m.duration, func() { cancel(errEnough) })
		defer timer.Stop()
	}
	// Nothing is printed any more once the port is gone.
	stop := b.Watch(func(s board.Status) {
		if !s.Connected {
			cancel(problem.New(problem.BoardLost, "look at the cable, then start again", "the board's port went away"))
		}
	})
	defer stop()
	for _, line := range m.send {
		if err := b.Send(ctx, []byte(line+"\n")); err != nil {
			return err
		}
	}
	if m.interactive {
		// It may wait for standard input for as long as the process lives.
		go forward(ctx, a.in, b)
	}
	var recorded *record
	if m.record != "" {
		var err error
		if recorded, err = openRecord(a.path(m.record), int64(m.rotate)<<20); err != nil {
			return err
		}
		defer recorded.close()
	}
	w := &monitorWriter{app: a, left: m.lines}
	r := b.Output().ReaderFromStart()
	for {
		p, gap, err := r.Next(ctx)
		if err != nil {
			break
		}
		if recorded != nil {
			if err := recorded.write(p, gap); err != nil {
				cancel(problem.New(problem.Usage, "make room, or name another file", "cannot record: %w", err))
				break
			}
		}
		if err := w.write(p, gap); err != nil {
			cancel(err)
			break
		}
	}
	w.flush()
	// To be interrupted is how a monitor ends.
	if cause := context.Cause(ctx); !errors.Is(cause, errEnough) && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// forward sends the lines of standard input to the board.
func forward(ctx context.Context, in io.Reader, b *board.Board) {
	for s := bufio.NewScanner(in); s.Scan(); {
		if b.Send(ctx, append(s.Bytes(), '\n')) != nil {
			return // the monitor tells that the board is gone
		}
	}
}

// A monitorWriter prints the board's output: as it is, or a line at a time.
type monitorWriter struct {
	app  *app
	left int // lines to print; 0 is without limit
	line []byte
}

// maxLine bounds a line of the JSON stream.
const maxLine = 64 << 10

func (w *monitorWriter) write(p []byte, gap int64) error {
	if gap > 0 {
		w.flush()
		if err := w.app.print(gapLine{gap}); err != nil {
			return err
		}
	}
	for line := range bytes.Lines(p) {
		whole := bytes.HasSuffix(line, []byte("\n"))
		if err := w.part(line, whole); err != nil {
			return err
		}
		if whole && w.left > 0 {
			if w.left--; w.left == 0 {
				return errEnough
			}
		}
	}
	return nil
}

// part prints the rest of a line, or a part that its end may follow.
func (w *monitorWriter) part(p []byte, whole bool) error {
	if !w.app.json {
		_, err := w.app.out.Write(p)
		return err
	}
	w.line = append(w.line, p...)
	if whole || len(w.line) >= maxLine {
		return w.flush()
	}
	return nil
}

// flush prints what has no end yet.
func (w *monitorWriter) flush() error {
	if len(w.line) == 0 {
		return nil
	}
	line := bytes.TrimRight(w.line, "\r\n")
	w.line = w.line[:0]
	return w.app.print(newMonitorLine(line))
}

type monitorLine struct {
	Text string `json:"text"`           // what is not UTF-8 is replaced
	Data string `json:"data,omitempty"` // base64, where Text is not exact
}

func newMonitorLine(line []byte) monitorLine {
	l := monitorLine{Text: string(bytes.ToValidUTF8(line, []byte("\uFFFD")))}
	if !utf8.Valid(line) {
		l.Data = base64.StdEncoding.EncodeToString(line)
	}
	return l
}

func (l monitorLine) text(w io.Writer) { fmt.Fprintln(w, l.Text) }

// A gapLine stands where output was dropped because nobody read it in time.
type gapLine struct {
	Gap int64 `json:"gap"` // bytes
}

func (g gapLine) text(w io.Writer) { fmt.Fprintf(w, "\n[%d bytes were dropped]\n", g.Gap) }
