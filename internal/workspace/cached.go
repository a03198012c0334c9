package workspace

import (
	"context"
	"os"
	"sync"
	"time"
)

// A Choice is a file that was found or named.
type Choice struct {
	What string `json:"what"` // elf, compileCommands, bootloader
	Path string `json:"path"`
	Why  string `json:"why"`
}

// cached is a file that is found, loaded and kept until it changes. Attempts run
// on their own goroutine; a newer one supersedes an older.
type cached[T any] struct {
	find    func() (Choice, error)
	load    func(path string) (T, error)
	changed func()

	mu      sync.Mutex
	current *attempt[T]
	closed  bool
	running sync.WaitGroup
}

// A file is a cached one, whatever it holds.
type file interface {
	start()
	refresh()
	search()
	close()
	choice(context.Context) (Choice, error)
}

// An attempt is one search and load. Its fields may be read once the channel
// before them is closed.
type attempt[T any] struct {
	found  chan struct{}
	choice Choice
	stamp  stamp

	done  chan struct{}
	value T
	err   error
}

// stamp tells versions of a file apart.
type stamp struct {
	modified time.Time
	size     int64
}

func stampOf(path string) stamp {
	st, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{st.ModTime(), st.Size()}
}

func newCached[T any](find func() (Choice, error), load func(string) (T, error), changed func()) *cached[T] {
	return &cached[T]{find: find, load: load, changed: changed}
}

// start begins a new attempt.
func (c *cached[T]) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.startLocked()
}

func (c *cached[T]) startLocked() {
	if c.closed {
		return
	}
	previous := c.current
	a := &attempt[T]{found: make(chan struct{}), done: make(chan struct{})}
	c.current = a
	c.running.Go(func() {
		a.run(c.find, c.load, previous)
		c.changed()
	})
}

func (a *attempt[T]) run(find func() (Choice, error), load func(string) (T, error), previous *attempt[T]) {
	defer close(a.done)
	a.choice, a.err = find()
	if a.err == nil {
		// Before loading: a file that changes meanwhile is loaded again.
		a.stamp = stampOf(a.choice.Path)
	}
	close(a.found)
	if a.err != nil {
		return
	}
	if previous != nil {
		<-previous.done
		if previous.err == nil && previous.choice.Path == a.choice.Path && previous.stamp == a.stamp {
			a.value = previous.value // whoever compares pointers sees that nothing changed
			return
		}
	}
	if a.choice.Path != "" { // else nothing is chosen, and that is right
		a.value, a.err = load(a.choice.Path)
	}
}

// get waits for the latest attempt.
func (c *cached[T]) get(ctx context.Context) (T, error) {
	for {
		a := c.latest()
		select {
		case <-a.done:
			if a == c.latest() {
				return a.value, a.err
			}
		case <-ctx.Done():
			var zero T
			return zero, ctx.Err()
		}
	}
}

// choice waits until the latest attempt has found its file.
func (c *cached[T]) choice(ctx context.Context) (Choice, error) {
	a := c.latest()
	select {
	case <-a.found:
	case <-ctx.Done():
		return Choice{}, ctx.Err()
	}
	if a.choice.Path != "" {
		return a.choice, nil // even if it could not be loaded
	}
	<-a.done
	return a.choice, a.err
}

func (c *cached[T]) latest() *attempt[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// refresh begins a new attempt if the file has changed, or if the last one failed.
func (c *cached[T]) refresh() {
	a := c.latest()
	select {
	case <-a.done:
	default:
		return // it is being loaded
	}
	if a.err != nil || stampOf(a.choice.Path) != a.stamp {
		c.restart(a)
	}
}

// search begins a new attempt: another file may be the one to choose now.
func (c *cached[T]) search() { c.restart(c.latest()) }

// restart begins a new attempt if a is still the latest.
func (c *cached[T]) restart(a *attempt[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == a {
		c.startLocked()
	}
}

// close waits for what is running; nothing is started any more.
func (c *cached[T]) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.running.Wait()
}
