package board

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// banners finds in the output what the firmware prints when it starts.
type banners struct {
	seen chan struct{} // has a token after one was printed

	mu    sync.Mutex
	texts [][]byte
	tail  []byte // end of the output, shorter than the longest text; used by look only
}

func newBanners() *banners { return &banners{seen: make(chan struct{}, 1)} }

// expect sets what to look for.
func (n *banners) expect(texts []string) {
	var all [][]byte
	for _, t := range texts {
		all = append(all, []byte(t))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.texts = all
}

// look takes the next output. It never blocks.
func (n *banners) look(p []byte) {
	n.mu.Lock()
	texts := n.texts
	n.mu.Unlock()
	n.tail = append(n.tail, p...)
	longest := 1
	for _, t := range texts {
		longest = max(longest, len(t))
		if bytes.Contains(n.tail, t) {
			n.tail = n.tail[:0]
			select {
			case n.seen <- struct{}{}:
			default:
			}
		}
	}
	n.tail = append(n.tail[:0], n.tail[max(0, len(n.tail)-longest+1):]...)
}

// resetPause is how long the firmware gets to start, and the least time between two
// looks: what it prints may be printed at other times, too.
const resetPause = 300 * time.Millisecond

// watchResets asks for the board's state when the firmware seems to have started
// again, so that lost patches are noticed although nobody asks.
func (b *Board) watchResets(ctx context.Context, s *session) {
	for {
		select {
		case <-s.banners.seen:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(resetPause):
		case <-ctx.Done():
			return
		}
		if len(b.Status().Patches) == 0 {
			continue
		}
		// An error is for whoever asks next: ending the connection waits for this goroutine.
		_ = b.queue.do(ctx, "Look after a reset", func(ctx context.Context) error {
			if b.session != s {
				return nil
			}
			return b.refresh(ctx, s)
		})
	}
}
