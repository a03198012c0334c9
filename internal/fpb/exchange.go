package fpb

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/fpbls/fpbls/internal/problem"
)

// damage is why a request has to be repeated: there is no answer, or one that
// cannot be the answer.
type damage struct {
	text string // what there is instead, if anything
}

func (d *damage) Error() string {
	if d.text == "" {
		return "no answer"
	}
	return "damaged answer " + quote([]byte(d.text))
}

const (
	// tries bounds how often a request is repeated while the board goes on to
	// answer others.
	tries = 30
	// noisy is for how many requests a damaged one makes the line a bad one.
	noisy = 8
)

// begin waits for the turn.
func (c *Client) begin(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return c.lineError(ctx, ctx.Err())
	}
}

func (c *Client) end() { <-c.turn }

// do repeats a request that can be repeated until it has its answer.
func (c *Client) do(ctx context.Context, what string, r request) (answer, error) {
	var d *damage
	for n := range tries {
		a, err := c.attempt(ctx, what, r, n)
		if !errors.As(err, &d) {
			return a, err
		}
	}
	return answer{}, garbled(what, d)
}

// attempt makes a request once. What an error of type *damage is about may have
// been carried out or not; any other is final.
func (c *Client) attempt(ctx context.Context, what string, r request, n int) (answer, error) {
	if err := c.sync(ctx); err != nil {
		return answer{}, err
	}
	a, err := c.exchange(ctx, r, c.pace.wait(len(r.line), r.answer, n))
	var refused *refusal
	switch {
	case err == nil:
		c.noise = max(0, c.noise-1)
	case errors.As(err, &refused) && refused.blame != damaged:
		return a, refused.problem(what)
	case refused != nil:
		c.suspect(r)
		return a, &damage{refused.message}
	default:
		c.suspect(r)
	}
	return a, err
}

// suspect notes that more may come in answer to r, and that the line is bad.
func (c *Client) suspect(r request) {
	c.noise = noisy
	c.unsynced = true
	if r.expect.shape != nil {
		c.stale = append(c.stale, r.expect.shape)
	}
	c.stale = append(c.stale, r.expect.lines...)
	c.stale = c.stale[max(0, len(c.stale)-2*len(infoPatterns)):]
}

// exchange sends a request and waits for its answer. The errors are *refusal,
// *damage, and those of lineError.
func (c *Client) exchange(ctx context.Context, r request, wait time.Duration) (answer, error) {
	c.mu.Lock()
	c.demux.expect(&r.expect)
	c.arrivals = arrivals{}
	c.mu.Unlock()
	select {
	case <-c.changed:
	default:
	}
	wctx, cancel := context.WithTimeout(ctx, wait+2*c.opts.Timeout)
	err := c.writeLine(wctx, r.line)
	cancel()
	if err != nil {
		c.abandon()
		c.unsynced = true
		return answer{}, c.lineError(ctx, err)
	}
	out := time.Now()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	late := false // only the rest of the answer is waited for
	for {
		expired := false
		select {
		case <-c.changed:
		case <-timer.C:
			expired = true
		case <-c.done:
		case <-ctx.Done():
			c.abandon()
			c.suspect(r)
			return answer{}, c.lineError(ctx, ctx.Err())
		}
		c.mu.Lock()
		state, a, when := c.demux.state, c.demux.answer, c.arrivals
		err, shell := c.err, c.demux.shell
		c.mu.Unlock()
		switch {
		case state == answered:
			c.pace.answered(out, when.first, when.last, when.total-when.atFirst, when.total)
			c.noteShell(shell)
			return a, nil
		case state == failed:
			return a, refusalOf(a.status)
		case err != nil:
			return answer{}, c.lineError(ctx, err)
		case expired:
			c.abandon()
			if state == headless {
				c.unsynced = true // its end may still come
				return a, nil
			}
			return answer{}, &damage{a.status}
		case state != waiting && !late:
			late = true
			timer.Reset(min(wait, c.pace.rest()))
		}
	}
}

// noteShell adapts to a shell, once it has shown its prompt.
func (c *Client) noteShell(seen bool) {
	if seen && !c.shell {
		c.shell = true
		c.setLineSize(nuttxLine)
	}
}

// abandon ends the request in the demultiplexer; the reader gives out what was
// held back for it.
func (c *Client) abandon() {
	c.mu.Lock()
	c.demux.abandon()
	c.abandoned = true
	if c.wake != nil {
		c.wake()
	}
	c.mu.Unlock()
}

// sync makes sure that no answer to an earlier request is still to come, by a
// request whose answer cannot be mistaken for another.
func (c *Client) sync(ctx context.Context) error {
	c.mu.Lock()
	raw := c.sentRaw
	c.sentRaw = false
	c.mu.Unlock()
	if !raw && !c.unsynced {
		return nil
	}
	c.unsynced = true
	return c.resync(ctx, nil)
}

// resync asks until a request is answered. between, if set, runs after every
// failed one.
func (c *Client) resync(ctx context.Context, between func(n int) error) error {
	start, before := time.Now(), c.received.Load()
	// One wait for the answer, and more than that for a board that opening the
	// port has reset and that lost what came while it started.
	silence := 5 * c.opts.Timeout / 2
	wait := firstWait
	for n := 0; ; n++ {
		c.nonce = c.nonce*1664525 + 1013904223 // any sequence without short cycles
		r := syncRequest(c.nonce)
		r.expect.drain = true
		r.expect.stale = c.stale
		if n > 0 || len(c.stale) > 0 {
			// The board may have got part of a line: end it.
			c.writing.Lock()
			c.midLine = true
			c.writing.Unlock()
		}
		silent := c.received.Load() == before
		onWire := time.Duration(len(r.line)+r.answer) * slowest
		if silent {
			wait = max(firstWait, min(wait, silence-time.Since(start)-onWire))
		}
		_, err := c.exchange(ctx, r, wait+onWire)
		var d *damage
		switch {
		case err == nil:
			c.unsynced, c.stale = false, nil
			return nil
		case !errors.As(err, &d):
			return err
		}
		c.noise = noisy
		c.stale = append(c.stale, r.expect.shape)
		c.stale = c.stale[max(0, len(c.stale)-2*len(infoPatterns)):]
		silent = c.received.Load() == before
		if asked := time.Since(start); silent && asked >= silence || asked > 6*c.opts.Timeout {
			return c.mute(before)
		}
		if wait < c.opts.Timeout {
			wait *= 2
		}
		if between != nil {
			if err := between(n); err != nil {
				return err
			}
		}
	}
}

// firstWait is how long the first of several requests waits that do no harm if
// they are late.
const firstWait = 300 * time.Millisecond

// mute is the problem of a board that answers nothing. before is how many bytes
// had come from it when it was asked.
func (c *Client) mute(before int64) error {
	if c.received.Load() == before {
		return problem.New(problem.BoardSilent,
			"check that the port and the baud rate are the firmware's, that its function loader runs, and power-cycle the board if it hangs",
			"the board does not answer")
	}
	c.mu.Lock()
	recent := string(c.recent)
	c.mu.Unlock()
	return problem.New(problem.BoardGarbled,
		"check the baud rate, and that this firmware contains the function loader and calls it in its main loop",
		"what comes from the port is not a function loader's answer: %s", quote([]byte(recent)))
}

// garbled is the problem of a request that was tried often enough.
func garbled(what string, d *damage) error {
	return problem.New(problem.BoardGarbled, "check the cable and the ground connection, or lower the baud rate",
		"%s: the line damages too much: %w", what, d)
}

// quote shows the end of what came.
func quote(p []byte) string {
	const most = 72
	if len(p) > most {
		return "…" + strconv.QuoteToASCII(string(p[len(p)-most:]))
	}
	return strconv.QuoteToASCII(string(p))
}

// lineError is err as the caller is told it.
func (c *Client) lineError(ctx context.Context, err error) error {
	c.mu.Lock()
	ended := c.err
	c.mu.Unlock()
	switch {
	case ended != nil:
		err = ended
	case context.Cause(ctx) != nil && errors.Is(err, context.Canceled):
		return err
	}
	switch {
	case errors.Is(err, ErrClosed):
		return problem.New(problem.BoardLost, "", "the connection was closed: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return problem.New(problem.BoardSilent, "power-cycle the board if it hangs", "the board did not answer in time: %w", err)
	}
	return problem.New(problem.BoardLost, "plug the board in again", "the connection to the board was lost: %w", fmt.Errorf("%w", err))
}
