package rpc

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.lsp.dev/jsonrpc2"
)

// maxMessage bounds a message. The largest is a didOpen with a whole document.
const maxMessage = 64 << 20

// frames stands between the transport and the library. Of what comes in it passes
// on only well-formed messages: the library ends the connection on any other. It
// tells the server when either direction has ended, and writes the trace.
type frames struct {
	rwc    io.ReadWriteCloser
	in     *bufio.Reader
	log    *slog.Logger
	trace  *trace
	failed func(error) // called at least once, with the first error of either direction

	answered func() // called after each answer of the library's

	pending []byte // rest of a message that Read has begun to hand over

	writeMu sync.Mutex // an error answer must not land inside a message of the library's
}

func newFrames(rwc io.ReadWriteCloser, o Options) *frames {
	f := &frames{rwc: rwc, in: bufio.NewReader(rwc), log: o.Log, failed: func(error) {}, answered: func() {}}
	if o.Trace != nil {
		f.trace = &trace{w: o.Trace}
	}
	return f
}

// Read hands over one message at a time. It is called by one goroutine.
func (f *frames) Read(p []byte) (int, error) {
	for len(f.pending) == 0 {
		body, err := f.next()
		if err != nil {
			f.failed(fmt.Errorf("reading from the editor: %w", err))
			return 0, err
		}
		f.trace.write("in", body)
		if _, err := jsonrpc2.DecodeMessage(body); err != nil || !json.Valid(body) {
			f.refuse(body)
			continue
		}
		f.pending = append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(body)), body...)
	}
	n := copy(p, f.pending)
	f.pending = f.pending[n:]
	return n, nil
}

// next reads one message, without its header (LSP § Base Protocol).
func (f *frames) next() ([]byte, error) {
	length := -1
	for {
		line, err := f.in.ReadSlice('\n')
		if errors.Is(err, io.EOF) && (len(line) > 0 || length >= 0) {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		field := strings.TrimRight(string(line), "\r\n")
		if field == "" {
			if length >= 0 {
				break
			}
			continue // blank lines between messages do no harm
		}
		name, value, ok := strings.Cut(field, ":")
		if !ok {
			return nil, fmt.Errorf("%w: %.60q", jsonrpc2.ErrInvalidHeader, field)
		}
		if !strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			continue
		}
		length, err = strconv.Atoi(strings.TrimSpace(value))
		if err != nil || length <= 0 || length > maxMessage {
			return nil, fmt.Errorf("%w: %.60q", jsonrpc2.ErrInvalidHeader, field)
		}
	}
	// Grown as it comes: a header alone must not cost memory.
	var body bytes.Buffer
	if n, err := io.CopyN(&body, f.in, int64(length)); err != nil {
		if n < int64(length) && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return body.Bytes(), nil
}

// refuse answers what is not a message (JSON-RPC 2.0 § 5.1). A batch is refused
// too: LSP does not have them.
func (f *frames) refuse(body []byte) {
	code, what := jsonrpc2.ParseError, "not JSON"
	if json.Valid(body) {
		code, what = jsonrpc2.InvalidRequest, "not a JSON-RPC 2.0 message"
	}
	f.log.Warn("message dropped: "+what, "begin", fmt.Sprintf("%.80q", body))
	answer := fmt.Sprintf(`{"jsonrpc":"2.0","id":null,"error":{"code":%d,"message":%q}}`, code, what)
	_, _ = f.write(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n%s", len(answer), answer))
}

// Write sends p, which is one whole message with its header.
func (f *frames) Write(p []byte) (int, error) {
	n, err := f.write(p)
	if _, body, ok := bytes.Cut(p, []byte("\r\n\r\n")); ok {
		if m, err := jsonrpc2.DecodeMessage(body); err == nil {
			if _, ok := m.(*jsonrpc2.Response); ok {
				f.answered()
			}
		}
	}
	return n, err
}

func (f *frames) write(p []byte) (int, error) {
	f.writeMu.Lock()
	defer f.writeMu.Unlock()
	if _, body, ok := bytes.Cut(p, []byte("\r\n\r\n")); ok {
		f.trace.write("out", body)
	}
	n, err := f.rwc.Write(p)
	if err != nil {
		f.failed(fmt.Errorf("writing to the editor: %w", err))
	}
	return n, err
}

func (f *frames) Close() error { return f.rwc.Close() }

// A trace records messages for bug reports, one line each:
// {"at":"2026-01-02T15:04:05.000Z","direction":"in","message":{…}}. A nil trace
// records nothing.
type trace struct {
	mu sync.Mutex
	w  io.Writer
}

type traceLine struct {
	At        time.Time       `json:"at"`
	Direction string          `json:"direction"` // in: from the editor; out: to it
	Message   json.RawMessage `json:"message,omitempty"`
	Garbage   []byte          `json:"garbage,omitempty"` // a message that is not JSON, in base64
}

func (t *trace) write(direction string, body []byte) {
	if t == nil {
		return
	}
	line := traceLine{At: time.Now().UTC(), Direction: direction, Message: body}
	if !json.Valid(body) {
		line.Message, line.Garbage = nil, body
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = json.NewEncoder(t.w).Encode(line) // a full disk must not stop the server
}
