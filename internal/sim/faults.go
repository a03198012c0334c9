package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/fpbls/fpbls/internal/sim/cortexm"
)

// Faults is what goes wrong on the line: at random, by rates per byte, and at
// given places. The seed decides everything that is random. [Board.Faults] tells
// what has happened in the form of At, so that a run can be repeated without
// chance.
type Faults struct {
	Seed                      uint64
	Flip, Drop, Double, Noise float64
	At                        []Fault
}

// A Fault happens to one byte.
type Fault struct {
	Direction Direction
	Offset    int64 // of the byte in its direction, from SetFaults on
	Kind      FaultKind
	Bit       uint8         // Flip: which
	Text      string        // Insert: what comes before the byte
	For       time.Duration // Stall: how long the byte and all behind it wait; ResetLoop
}

// FaultKind is what happens.
type FaultKind string

const (
	Flip      FaultKind = "flip"
	Drop      FaultKind = "drop"
	Double    FaultKind = "double"
	Insert    FaultKind = "insert"     // noise, a line of somebody's log, an old answer, another's request
	Stall     FaultKind = "stall"      // an answer that comes late, a request in two parts
	ResetWarm FaultKind = "reset-warm" // the board is reset and the byte is lost
	PowerOff  FaultKind = "power-off"  // likewise, and RAM and the debug domain are cleared
	ResetLoop FaultKind = "reset-loop" // a reset every 100 ms for a time
	Gone      FaultKind = "unplug"     // the host ends lose the line
)

const resetInterval = 100 * time.Millisecond

// SetFaults replaces what goes wrong from now on. Offsets count from here.
func (b *Board) SetFaults(f Faults) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.line.faults = &faulty{
		Faults: f,
		rng:    rand.New(rand.NewPCG(f.Seed, 0)),
		board:  b,
	}
}

// Faults lists what has gone wrong since SetFaults.
func (b *Board) Faults() []Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.line.faults == nil {
		return nil
	}
	return slices.Clone(b.line.faults.happened)
}

// faulty applies Faults; the board's goroutine only, or under its lock.
type faulty struct {
	Faults
	rng      *rand.Rand
	board    *Board
	offsets  [2]int64
	happened []Fault
	until    [2]time.Time // when a stall ends
	held     [2][]byte    // what waits for that
	reset    *cortexm.ResetKind
	unplug   bool
}

func index(d Direction) int {
	if d == ToHost {
		return 1
	}
	return 0
}

// pass returns what arrives of the byte, and holds back what is stalled.
func (f *faulty) pass(d Direction, b byte) []byte {
	i := index(d)
	arrives := f.damage(d, f.offsets[i], b)
	f.offsets[i]++
	if f.until[i].IsZero() {
		return arrives
	}
	f.held[i] = append(f.held[i], arrives...)
	return f.release(d)
}

// release returns what a stall that is over has held back.
func (f *faulty) release(d Direction) []byte {
	i := index(d)
	if f.until[i].IsZero() || time.Now().Before(f.until[i]) {
		return nil
	}
	p := f.held[i]
	f.until[i], f.held[i] = time.Time{}, nil
	return p
}

func (f *faulty) damage(d Direction, offset int64, b byte) []byte {
	arrives := []byte{b}
	for _, at := range f.At {
		if at.Direction == d && at.Offset == offset {
			arrives = f.apply(at, arrives)
		}
	}
	fault := Fault{Direction: d, Offset: offset}
	switch r := f.rng.Float64(); {
	case r < f.Flip:
		fault.Kind, fault.Bit = Flip, uint8(f.rng.IntN(8))
	case r < f.Flip+f.Drop:
		fault.Kind = Drop
	case r < f.Flip+f.Drop+f.Double:
		fault.Kind = Double
	case r < f.Flip+f.Drop+f.Double+f.Noise:
		fault.Kind, fault.Text = Insert, string([]byte{byte(f.rng.Uint32())})
	default:
		return arrives
	}
	return f.apply(fault, arrives)
}

func (f *faulty) apply(at Fault, p []byte) []byte {
	f.happened = append(f.happened, at)
	switch at.Kind {
	case Flip:
		for i := range p {
			p[i] ^= 1 << (at.Bit % 8)
		}
	case Drop:
		return nil
	case Double:
		return append(p, p...)
	case Insert:
		return append([]byte(at.Text), p...)
	case Stall:
		f.until[index(at.Direction)] = time.Now().Add(at.For)
		time.AfterFunc(at.For, f.board.line.kick)
	case ResetWarm:
		f.reset = new(cortexm.Warm)
		return nil
	case PowerOff:
		f.reset = new(cortexm.PowerOn)
		return nil
	case ResetLoop:
		f.reset = new(cortexm.Warm)
		for after := resetInterval; after < at.For; after += resetInterval {
			time.AfterFunc(after, func() { f.board.Reset(cortexm.Warm) })
		}
		return nil
	case Gone:
		f.unplug = true
		return nil
	}
	return p
}

// settle does to the board what the bytes that passed have brought about, and
// gives out what a stall has held back. The caller holds the board's lock.
func (f *faulty) settle() {
	if f.reset != nil {
		f.board.reset(*f.reset)
		f.reset = nil
	}
	if f.unplug {
		f.unplug = false
		f.board.Unplug()
	}
	f.board.line.out = append(f.board.line.out, f.release(ToHost)...)
}
