//go:build !unix

package sim

import "context"

// OpenPTY offers the board's line as a pseudo-terminal, where there are any.
func OpenPTY(ctx context.Context, b *Board) (name string, done <-chan struct{}, err error) {
	return "", nil, ErrNoPTY
}
