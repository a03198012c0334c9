//go:build !linux

package port

import (
	"slices"
	"strings"

	"go.bug.st/serial"
)

// List lists the serial ports.
func List() ([]Port, error) {
	names, err := serial.GetPortsList()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var ports []Port
	for _, n := range names {
		// On macOS the tty. twin of a cu. port waits for a modem's carrier.
		if !strings.HasPrefix(n, "/dev/tty.") {
			ports = append(ports, Port{Name: n})
		}
	}
	return ports, nil
}
