package board

import (
	"context"
	"sync"
)

// outputCapacity is how many bytes of the board's output are kept for readers
// that are behind.
const outputCapacity = 1 << 20

// Output is what the firmware prints: an exact byte stream, with the loader's
// answers cut out, of which the last bytes are kept. A reader that falls behind
// is told how much it missed. The zero value is ready for use; all methods may
// be called at the same time.
type Output struct {
	mu      sync.Mutex
	kept    []byte        // the last bytes, in order
	end     int64         // bytes written so far; kept ends here
	written chan struct{} // closed by the next Write; nil if nobody waits
}

// Write appends p. It never blocks on readers.
func (o *Output) Write(p []byte) {
	if len(p) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end += int64(len(p))
	o.kept = append(o.kept, p...)
	// Let it grow to twice the capacity, so that dropping is cheap on average.
	if len(o.kept) > 2*outputCapacity {
		o.kept = append([]byte(nil), o.kept[len(o.kept)-outputCapacity:]...)
	}
	if o.written != nil {
		close(o.written)
		o.written = nil
	}
}

// Reader returns a reader of what is printed from now on.
func (o *Output) Reader() *OutputReader {
	o.mu.Lock()
	defer o.mu.Unlock()
	return &OutputReader{output: o, next: o.end}
}

// ReaderFromStart returns a reader that begins with what is still kept.
func (o *Output) ReaderFromStart() *OutputReader {
	o.mu.Lock()
	defer o.mu.Unlock()
	return &OutputReader{output: o, next: o.start()}
}

func (o *Output) start() int64 { return o.end - int64(len(o.kept)) }

// An OutputReader reads an [Output]. One goroutine may use it at a time.
type OutputReader struct {
	output *Output
	next   int64
}

// maxChunk bounds what Next returns at once, so that one reader's message stays small.
const maxChunk = 64 << 10

// Next waits for output that was not returned yet and returns up to 64 KiB of
// it. gap is how many bytes before it were dropped because the reader was too
// slow. The only error is ctx's.
func (r *OutputReader) Next(ctx context.Context) (p []byte, gap int64, err error) {
	o := r.output
	for {
		o.mu.Lock()
		if start := o.start(); r.next < start {
			gap, r.next = start-r.next, start
		}
		if r.next < o.end {
			p = o.kept[len(o.kept)-int(o.end-r.next):]
			p = append([]byte(nil), p[:min(len(p), maxChunk)]...)
			r.next += int64(len(p))
			o.mu.Unlock()
			return p, gap, nil
		}
		if o.written == nil {
			o.written = make(chan struct{})
		}
		written := o.written
		o.mu.Unlock()
		select {
		case <-written:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}
