package port

import "io"

// ParseTrace parses the first connection of a trace and counts its bytes.
func ParseTrace(r io.Reader) (sent, received int, err error) {
	c, err := parseTrace(r, 1)
	if err != nil {
		return 0, 0, err
	}
	for _, p := range c.received {
		received += len(p.data)
	}
	return len(c.sent), received, nil
}
