package sim

import (
	"context"
	"time"

	"github.com/fpbls/fpbls/internal/sim/cortexm"
)

const (
	// slice is how far virtual time may run ahead of the clock, and how long
	// the board is locked at a time.
	slice = time.Millisecond
	// backlog is how far it may fall behind before the lost time is forgotten:
	// a host that was suspended must not make the board hurry for minutes.
	backlog = 20 * time.Millisecond
)

// Run executes the board until ctx is done, which is its only error. Virtual
// time follows time.Now: a core that sleeps costs nothing, one that works runs
// as fast as the host can until it has caught up.
func (b *Board) Run(ctx context.Context) error {
	pace := pace{hz: b.desc.hz, start: time.Now(), cycles: b.Cycles()}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait := b.execute(&pace)
		if wait <= 0 {
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-b.line.wake:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// pace relates cycles to the clock.
type pace struct {
	hz     uint64
	start  time.Time
	cycles uint64 // at start
}

// now is the cycle that the clock has reached.
func (p *pace) now() uint64 {
	d := time.Since(p.start)
	// Seconds and the rest apart, so that days of run time do not overflow.
	return p.cycles + uint64(d/time.Second)*p.hz + uint64(d%time.Second)*p.hz/uint64(time.Second)
}

func (p *pace) duration(cycles uint64) time.Duration {
	return time.Duration(cycles/p.hz)*time.Second + time.Duration(cycles%p.hz*uint64(time.Second)/p.hz) + 1
}

func (p *pace) cyclesOf(d time.Duration) uint64 { return uint64(d) * p.hz / uint64(time.Second) }

// execute runs the core up to the clock and returns how long nothing will
// happen without input from the host.
func (b *Board) execute(p *pace) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.line.flush()
	clock := p.now()
	if behind := p.cyclesOf(backlog); b.core.Cycles()+behind < clock && !b.stop.Asleep {
		p.start, p.cycles = time.Now(), b.core.Cycles()
		clock = p.cycles
	}
	end := clock + p.cyclesOf(slice)
	if b.stop.Asleep {
		b.core.Skip(min(clock, b.wakeUp())) // input that came meanwhile comes now
	}
	for {
		now := b.core.Cycles()
		b.uart.update(now)
		if b.line.faults != nil {
			b.line.faults.settle()
		}
		if now >= end {
			return p.duration(now - clock)
		}
		limit := end
		if event, ok := b.uart.next(); ok {
			limit = min(limit, max(event, now+1))
		}
		b.stop = b.core.Run(limit)
		switch {
		case b.stop.ResetRequested:
			b.reset(cortexm.Warm)
		case b.stop.Lockup, b.stop.Halted:
			b.core.Skip(limit) // time goes on, the line stays alive
		case b.stop.Asleep:
			wake := b.wakeUp()
			if wake > clock {
				if wake == never {
					return time.Hour
				}
				return p.duration(wake - clock)
			}
			b.core.Skip(wake)
		}
	}
}

const never = 1<<64 - 1

// wakeUp is the cycle of the next event that a sleeping core may wait for.
func (b *Board) wakeUp() uint64 {
	wake := uint64(never)
	if at, ok := b.core.NextWake(); ok {
		wake = at
	}
	if at, ok := b.uart.next(); ok {
		wake = min(wake, at)
	}
	return wake
}
