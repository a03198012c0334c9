// Package port opens the line to a board by its URL: a serial port, a TCP
// connection, or the simulated board inside the process.
package port

import (
	"context"
	"errors"

	"github.com/fpbls/fpbls/internal/fpb"
)

// Options say what a URL leaves open.
type Options struct {
	// Baud is the speed of a serial port, and of the simulated board's line. Zero:
	// 115200, and a simulated line without a speed limit.
	Baud int
	// Firmware gives the firmware of "sim:", which names none itself.
	Firmware func() (name string, elf []byte, err error)
}

// A Port is a port that is there.
type Port struct {
	Name        string `json:"name"`                  // what Open takes; a stable name where there is one
	Device      string `json:"device,omitempty"`      // the device behind a stable name
	Description string `json:"description,omitempty"` // the USB product, if known
}

var errSkeleton = errors.New("port: body follows")

// Open opens /dev/tty…, COM3, tcp://host:port, sim: or sim:path.elf.
func Open(ctx context.Context, url string, o Options) (fpb.Conn, error) { return nil, errSkeleton }

// List lists the serial ports, without touching them.
func List() ([]Port, error) { return nil, errSkeleton }
