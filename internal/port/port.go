// Package port opens the line to a board by its URL: a serial port, a TCP
// connection, or the simulated board inside the process.
package port

import (
	"context"
	"strings"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/problem"
)

// Options say what a URL leaves open.
type Options struct {
	// Baud is the speed of a serial port, and of the simulated board's line. Zero:
	// 115200, and a simulated line without a speed limit.
	Baud int
	// Firmware gives the firmware of "sim:", which names none itself.
	Firmware func() (elf [][]byte, err error)
	// Recorder gets what crosses the line; nil: nobody does.
	Recorder *Recorder
}

const defaultBaud = 115200

// Open opens /dev/tty…, COM3, tcp://host:port, sim:, sim:path.elf, or replay:path,
// which a [Recorder] has written.
//
// Opening a serial port without resetting the board: many boards are wired so
// that a change of DTR or RTS resets them, and every system raises both lines when a
// closed port is opened. They are not touched beyond that, and on Unix the port is
// told not to lower them when it is closed, so that only the first opening after
// plugging in can reset the board. Where even that must not be, set the port up once
// with "stty -F PORT -hupcl" or disconnect the line.
func Open(ctx context.Context, url string, o Options) (fpb.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := open(ctx, url, o)
	if err != nil || o.Recorder == nil {
		return conn, err
	}
	return o.Recorder.record(url, conn), nil
}

func open(ctx context.Context, url string, o Options) (fpb.Conn, error) {
	if path, ok := strings.CutPrefix(url, "sim:"); ok {
		return openSim(path, o)
	}
	if address, ok := strings.CutPrefix(url, "tcp://"); ok {
		return dial(ctx, url, address)
	}
	if path, ok := strings.CutPrefix(url, "replay:"); ok {
		return openReplay(path)
	}
	if scheme, _, ok := strings.Cut(url, "://"); ok {
		return nil, problem.New(problem.PortMissing, "ports are /dev/tty…, COM3, tcp://host:port, sim: and sim:path.elf",
			"unknown kind of port %q", scheme+"://")
	}
	baud := o.Baud
	if baud == 0 {
		baud = defaultBaud
	}
	return openSerial(url, baud)
}

// A Port is a serial port that is there.
type Port struct {
	Name        string `json:"name"`                  // what Open takes; a stable name where there is one
	Device      string `json:"device,omitempty"`      // the device behind a stable name
	Description string `json:"description,omitempty"` // the USB product, if known
}

// missing is the problem of a serial port that is not there.
func missing(name string, cause error) error {
	hint := "no serial port was found: plug the board in, or use tcp://host:port or sim:"
	if ports, err := List(); err == nil && len(ports) > 0 {
		var names []string
		for _, p := range ports {
			names = append(names, p.Name)
		}
		hint = "there are: " + strings.Join(names, ", ")
	}
	return problem.New(problem.PortMissing, hint, "there is no serial port %s: %w", name, cause)
}
