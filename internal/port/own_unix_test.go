//go:build unix

package port

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.bug.st/serial"

	"github.com/fpbls/fpbls/internal/problem"
)

func TestDeniedSaysWhatToDo(t *testing.T) {
	name := filepath.Join(t.TempDir(), "port")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := denied(name, os.ErrPermission)
	if !problem.Has(err, problem.PortDenied) || !strings.Contains(err.Error(), "usermod -aG") {
		t.Errorf("got %v", err)
	}
}

func TestOpenProblems(t *testing.T) {
	_, err := serial.Open("/dev/null", &serial.Mode{BaudRate: 9600})
	if err := openProblem("/dev/null", err); !problem.Has(err, problem.PortMissing) {
		t.Errorf("not a terminal: %v", err)
	}
	if err := openProblem("x", os.ErrNotExist); !problem.Has(err, problem.PortMissing) {
		t.Errorf("not there: %v", err)
	}
}
