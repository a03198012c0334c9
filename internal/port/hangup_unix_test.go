//go:build unix

package port_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fpbls/fpbls/internal/port"
)

// hangsUp reports whether the last close of the terminal lowers DTR.
func hangsUp(t *testing.T, name string) bool {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	termios, err := unix.IoctlGetTermios(int(f.Fd()), port.GetTermios)
	if err != nil {
		t.Fatal(err)
	}
	return termios.Cflag&unix.HUPCL != 0
}
