package lsp

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.lsp.dev/jsonrpc2"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/problem"
)

// outputPause is how long output is gathered into one message.
const outputPause = 20 * time.Millisecond

// An outputStream sends what a board prints to the editor, on a goroutine of its
// own. The board keeps what the editor has not confirmed yet, as far as it can.
type outputStream struct {
	folder *folder
	window int // messages that may be under way; 0: any number

	mu     sync.Mutex
	sent   int
	acked  int
	room   chan struct{}      // closed when acked has grown; nil: nobody waits
	cancel context.CancelFunc // of the goroutine
}

func (e executor) Output(_ context.Context, a command.OutputArgs) (command.OutputResult, error) {
	f, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return command.OutputResult{}, err
	}
	if a.Window < 0 {
		return command.OutputResult{}, problem.New(problem.Usage, "0 or more", "window cannot be %d", a.Window)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.output != nil {
		f.output.stop()
		f.output = nil
	}
	if a.On {
		f.output = &outputStream{folder: f, window: a.Window}
		b := f.project.Board()
		reader := b.Output().Reader()
		if a.History {
			reader = b.Output().ReaderFromStart()
		}
		f.output.run(reader)
	}
	return command.OutputResult{On: a.On}, nil
}

// follow goes on with another board.
func (o *outputStream) follow(b *board.Board) {
	o.stop()
	o.run(b.Output().ReaderFromStart())
}

func (o *outputStream) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cancel != nil {
		o.cancel()
	}
}

func (o *outputStream) run(reader *board.OutputReader) {
	ctx, cancel := context.WithCancel(o.folder.server.ctx)
	o.mu.Lock()
	o.cancel = cancel
	o.mu.Unlock()
	if !o.folder.server.start(func(context.Context) { o.send(ctx, reader) }) {
		cancel()
	}
}

func (o *outputStream) send(ctx context.Context, reader *board.OutputReader) {
	var rest []byte // begin of a character whose end is still to come
	for {
		if !o.waitForRoom(ctx) {
			return
		}
		p, lost, err := reader.Next(ctx)
		if err != nil {
			return
		}
		if lost > 0 {
			rest = nil
		}
		text, cut := wholeCharacters(append(rest, p...))
		rest = cut
		if text == "" && lost == 0 {
			continue
		}
		o.mu.Lock()
		o.sent++
		seq := o.sent
		o.mu.Unlock()
		params := command.OutputParams{Folder: string(o.folder.uri), Seq: seq, Lost: lost, Text: text}
		if o.folder.server.client.Notify(ctx, command.NotifyOutput, params) != nil {
			return // the editor has gone
		}
		select {
		case <-time.After(outputPause):
		case <-ctx.Done():
			return
		}
	}
}

// waitForRoom waits until the window allows another message.
func (o *outputStream) waitForRoom(ctx context.Context) bool {
	for {
		o.mu.Lock()
		if o.window == 0 || o.sent-o.acked < o.window {
			o.mu.Unlock()
			return ctx.Err() == nil
		}
		if o.room == nil {
			o.room = make(chan struct{})
		}
		room := o.room
		o.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
	}
}

// wholeCharacters returns the text without a character that is cut off at its end,
// and what was cut off.
func wholeCharacters(p []byte) (text string, rest []byte) {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		last := p[len(p)-n:]
		if utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				rest = append(rest, last...)
				p = p[:len(p)-n]
			}
			break
		}
	}
	return strings.ToValidUTF8(string(p), "\ufffd"), rest
}

// outputAck handles fpbls/outputAck.
func (s *server) outputAck(params jsonrpc2.RawMessage) error {
	var ack command.OutputAckParams
	if err := json.Unmarshal(params, &ack); err != nil {
		return err
	}
	for _, f := range s.allFolders() {
		if string(f.uri) != ack.Folder {
			continue
		}
		f.mu.Lock()
		o := f.output
		f.mu.Unlock()
		if o != nil {
			o.ack(ack.Seq)
		}
	}
	return nil
}

func (o *outputStream) ack(seq int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if seq <= o.acked || seq > o.sent {
		return
	}
	o.acked = seq
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}
