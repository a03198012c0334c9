package sim

// uart is the board's serial port, of whatever make.
type uart interface {
	reset()
	update(now uint64)
	next() (cycle uint64, ok bool)
}

const (
	// freeCycles is the time of a byte on an unpaced line: enough for an
	// interrupt handler to take it.
	freeCycles  = 96
	bitsPerByte = 10
)

// wire is the part that serial ports have in common: shift registers with one
// byte of buffer, and their timing in core cycles.
type wire struct {
	line *line
	byte uint64 // cycles
	free bool   // unpaced: sending takes no time, and receiving waits for the firmware

	// Receiver.
	incoming []byte // on their way from the host
	arrival  uint64 // when the first of them is complete
	received bool   // data holds a byte that was not read yet
	overrun  bool   // a byte was lost because data was still full
	data     byte

	// Transmitter.
	shifting bool
	shift    byte
	done     uint64 // when the byte in shift is out
	waiting  bool
	buffer   byte
}

func (b *Board) newWire() *wire {
	w := &wire{line: &b.line, byte: freeCycles, free: true}
	if b.cfg.Baud > 0 {
		w.byte, w.free = b.desc.hz*bitsPerByte/uint64(b.cfg.Baud), false
	}
	return w
}

func (w *wire) reset() {
	*w = wire{line: w.line, byte: w.byte, free: w.free, incoming: w.incoming, arrival: w.arrival}
}

// advance moves bytes that are due at the cycle.
func (w *wire) advance(now uint64, listening bool) {
	for w.shifting && now >= w.done {
		w.line.toHost(w.shift)
		if w.shifting = w.waiting; w.waiting {
			w.shift, w.waiting = w.buffer, false
			w.done += w.byte
		}
	}
	if more := w.line.fromHost(); len(more) > 0 {
		if len(w.incoming) == 0 {
			w.arrival = max(w.arrival, now+w.byte)
		}
		w.incoming = append(w.incoming, more...)
	}
	for len(w.incoming) > 0 && now >= w.arrival && !(w.free && w.received) {
		switch b := w.incoming[0]; {
		case !listening:
		case w.received:
			w.overrun = true
		default:
			w.data, w.received = b, true
		}
		w.incoming = w.incoming[1:]
		w.arrival += w.byte
	}
}

// next is when advance has something to do without new input.
func (w *wire) next() (uint64, bool) {
	cycle, ok := uint64(0), false
	if w.shifting {
		cycle, ok = w.done, true
	}
	if len(w.incoming) > 0 && !(w.free && w.received) && (!ok || w.arrival < cycle) {
		cycle, ok = w.arrival, true
	}
	return cycle, ok
}

// take reads the data register.
func (w *wire) take(now uint64) byte {
	w.received = false
	if w.free {
		w.arrival = max(w.arrival, now+w.byte)
	}
	return w.data
}

// send writes the data register. A byte that is still buffered is overwritten,
// as in hardware.
func (w *wire) send(now uint64, b byte) {
	switch {
	case w.free:
		w.line.toHost(b)
	case w.shifting:
		w.buffer, w.waiting = b, true
	default:
		w.shift, w.shifting, w.done = b, true, now+w.byte
	}
}
