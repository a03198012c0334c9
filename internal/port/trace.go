package port

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/problem"
)

// A Recorder writes a trace: what crosses the lines that are opened with it. The
// port replay:FILE plays it again to the same commands. The format is text, a
// line for each piece of data:
//
//	1 0.000000 = tcp://127.0.0.1:4000 0x9e3779b9
//	1 0.000210 > "fl\n"
//	1 0.001893 < "fl> "
//
// which are the number of the connection, seconds since it was opened, > for what was
// sent to the board and < for what came from it, and the bytes as a Go string. The first line
// of a connection, with =, names the port and the seed of the client's random numbers; one
// with # tells why it ended.
type Recorder struct {
	mu          sync.Mutex // held while a line is written
	w           io.Writer
	connections int
}

// NewRecorder returns a Recorder that writes to w.
func NewRecorder(w io.Writer) *Recorder { return &Recorder{w: w} }

// record wraps a line that was just opened.
func (r *Recorder) record(url string, conn fpb.Conn) fpb.Conn {
	r.mu.Lock()
	r.connections++
	c := &recordedConn{Conn: conn, recorder: r, number: r.connections, opened: time.Now(), seed: rand.Uint32()}
	r.mu.Unlock()
	c.note('=', fmt.Sprintf("%s 0x%08x", url, c.seed))
	return c
}

// A recordedConn is a line that a Recorder listens to.
type recordedConn struct {
	fpb.Conn
	recorder *Recorder
	number   int
	opened   time.Time
	seed     uint32
}

var _ fpb.Seeder = (*recordedConn)(nil)

func (c *recordedConn) Seed() uint32 { return c.seed }

func (c *recordedConn) Read(ctx context.Context, p []byte) (int, error) {
	n, err := c.Conn.Read(ctx, p)
	if n > 0 {
		c.note('<', strconv.QuoteToASCII(string(p[:n])))
	}
	if err != nil && ctx.Err() == nil {
		c.note('#', err.Error())
	}
	return n, err
}

func (c *recordedConn) Write(ctx context.Context, p []byte) error {
	c.note('>', strconv.QuoteToASCII(string(p)))
	return c.Conn.Write(ctx, p)
}

// note writes a line. A trace that cannot be written must not stop the work.
func (c *recordedConn) note(mark rune, text string) {
	seconds := time.Since(c.opened).Seconds()
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	fmt.Fprintf(c.recorder.w, "%d %.6f %c %s\n", c.number, seconds, mark, text)
}

// A recording is one connection of a trace.
type recording struct {
	seed     uint32
	sent     []byte
	received []received
}

// received is a piece that came from the board.
type received struct {
	gap   time.Duration // since the piece before, or since the last of after was sent
	after int           // bytes that had been sent by then
	data  []byte
}

// maxTrace bounds what is kept of a trace.
const maxTrace = 64 << 20

var errTrace = errors.New("not a line of a trace")

// parseTrace reads one connection of a trace.
func parseTrace(r io.Reader, connection int) (*recording, error) {
	var c *recording
	var last time.Duration
	lines := bufio.NewScanner(io.LimitReader(r, maxTrace))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		fields := strings.SplitN(lines.Text(), " ", 4)
		if len(fields) < 4 {
			return nil, fmt.Errorf("line %d: %w", n, errTrace)
		}
		if fields[0] != strconv.Itoa(connection) {
			continue
		}
		seconds, err := strconv.ParseFloat(fields[1], 64)
		if err != nil || !(seconds >= 0 && seconds < 1e6) {
			return nil, fmt.Errorf("line %d: %w", n, errTrace)
		}
		switch mark, text := fields[2], fields[3]; {
		case mark == "=" && c == nil:
			seed, err := strconv.ParseUint(text[strings.LastIndexByte(text, ' ')+1:], 0, 32)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, errTrace)
			}
			c = &recording{seed: uint32(seed)}
		case (mark == "<" || mark == ">") && c != nil:
			data, err := strconv.Unquote(text)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, errTrace)
			}
			at := time.Duration(seconds * float64(time.Second))
			if mark == ">" {
				c.sent = append(c.sent, data...)
			} else {
				c.received = append(c.received, received{max(at-last, 0), len(c.sent), []byte(data)})
			}
			last = at
		case mark == "#":
		default:
			return nil, fmt.Errorf("line %d: %w", n, errTrace)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fmt.Errorf("it has no connection %d", connection)
	}
	return c, nil
}

// openReplay opens a trace as if it were the board: FILE or FILE#2, the second
// connection.
func openReplay(file string) (fpb.Conn, error) {
	connection := 1
	if name, number, ok := strings.Cut(file, "#"); ok {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return nil, problem.New(problem.PortMissing, "write replay:FILE#2 for the second connection", "there is no connection %q in a trace", number)
		}
		file, connection = name, n
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, problem.New(problem.PortMissing, "check the path", "cannot open the trace: %w", err)
	}
	defer f.Close()
	c, err := parseTrace(f, connection)
	if err != nil {
		return nil, problem.New(problem.PortMissing, "record one with --wire-trace", "cannot replay %s: %w", file, err)
	}
	return newReplay(c), nil
}

// A replay answers as the board did: what came from it comes again, as much later
// as it did then, once everything has been sent that had been sent before. It
// has no goroutines.
type replay struct {
	recording *recording
	closed    chan struct{}
	close     sync.Once

	mu      sync.Mutex
	wrote   chan struct{} // closed and replaced when sent grows
	sent    int           // bytes
	next    int           // in recording.received
	partial int           // bytes of it that were read
	last    time.Time     // when the piece before next came, or what it waits for was sent
}

var _ fpb.Seeder = (*replay)(nil)

func newReplay(c *recording) *replay {
	return &replay{recording: c, closed: make(chan struct{}), wrote: make(chan struct{}), last: time.Now()}
}

func (r *replay) Seed() uint32 { return r.recording.seed }

func (r *replay) Close() error {
	r.close.Do(func() { close(r.closed) })
	return nil
}

func (r *replay) Write(ctx context.Context, p []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	rest := r.recording.sent[r.sent:]
	if want := rest[:min(len(p), len(rest))]; string(want) != string(p) {
		return fmt.Errorf("the replay leaves the trace at byte %d: %.80q is sent where the trace has %.80q", r.sent, p, want)
	}
	if r.sent += len(p); r.next < len(r.recording.received) {
		if after := r.recording.received[r.next].after; r.sent >= after && r.sent-len(p) < after {
			r.last = time.Now()
		}
	}
	close(r.wrote)
	r.wrote = make(chan struct{})
	return nil
}

func (r *replay) Read(ctx context.Context, p []byte) (int, error) {
	for {
		n, wait, wrote := r.take(p)
		if n > 0 {
			return n, nil
		}
		if err := r.pause(ctx, wait, wrote); err != nil {
			return 0, err
		}
	}
}

// take reads what is due now; or says how long to wait, for ever if something
// must be sent first.
func (r *replay) take(p []byte) (n int, wait time.Duration, wrote chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	const forever = 1<<63 - 1
	if r.next == len(r.recording.received) {
		return 0, forever, r.wrote
	}
	piece := r.recording.received[r.next]
	if r.sent < piece.after {
		return 0, forever, r.wrote
	}
	if wait := time.Until(r.last.Add(piece.gap)); wait > 0 && r.partial == 0 {
		return 0, wait, r.wrote
	}
	n = copy(p, piece.data[r.partial:])
	if r.partial += n; r.partial == len(piece.data) {
		r.next++
		r.partial = 0
		r.last = time.Now()
	}
	return n, 0, nil
}

func (r *replay) pause(ctx context.Context, wait time.Duration, wrote chan struct{}) error {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.closed:
		return fpb.ErrClosed
	case <-wrote:
	case <-t.C:
	}
	return nil
}
