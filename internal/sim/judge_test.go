package sim

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// The conformance firmware prints the same on this board and on QEMU's, byte
// for byte, however it was compiled. The levels agree with each other, too: what
// it prints depends on nothing but the language and the architecture.
func TestJudgeConformance(t *testing.T) {
	outputs := make(chan string, 5)
	t.Run("levels", func(t *testing.T) {
		for _, level := range []string{"-O0", "-O1", "-O2", "-O3", "-Os"} {
			t.Run(level, func(t *testing.T) {
				t.Parallel()
				project, err := testfirmware.Conformance().With(level).Write(t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				if err := project.Build(t.Context()); err != nil {
					t.Fatal(err)
				}
				theirs := conformanceOnQEMU(t, project.ELF)
				ours, instructions := conformanceHere(t, project.ELF)
				compareLines(t, ours, theirs)
				t.Logf("%d instructions, %d lines", instructions, strings.Count(ours, "\n"))
				outputs <- ours
			})
		}
	})
	close(outputs)
	first := <-outputs
	for other := range outputs {
		compareLines(t, other, first)
	}
}

func compareLines(t *testing.T, ours, theirs string) {
	t.Helper()
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a) || i >= len(b):
			t.Errorf("%d lines here, %d there", len(a), len(b))
			return
		case a[i] != b[i]:
			t.Errorf("line %d:\n\t%s\nthere:\n\t%s", i+1, a[i], b[i])
		}
	}
}

// conformanceHere runs the firmware on the simulated board, in driven time.
func conformanceHere(t *testing.T, path string) (output string, instructions uint64) {
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		b, err := New(Config{Board: "mps2-an385"}, image)
		if err != nil {
			t.Fatal(err)
		}
		c := b.Conn()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			b.Run(ctx)
		}()
		output = expect(t, c, testfirmware.ConformanceEnd)
		cancel()
		<-ended
		instructions = b.Cycles()
	})
	return output, instructions
}

// conformanceOnQEMU runs it on QEMU.
func conformanceOnQEMU(t *testing.T, path string) string {
	cmd := exec.Command("qemu-system-arm", "-M", "mps2-an385", "-display", "none", "-monitor", "none",
		"-serial", "stdio", "-icount", "shift=5,sleep=off", "-kernel", path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A firmware that hangs is ended here, and shows what it printed before.
	hung := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer func() {
		hung.Stop()
		cmd.Process.Kill()
		cmd.Wait()
	}()
	var output strings.Builder
	for r := bufio.NewReader(stdout); !strings.HasSuffix(output.String(), testfirmware.ConformanceEnd); {
		line, err := r.ReadString('\n')
		output.WriteString(line)
		if err != nil {
			t.Fatalf("QEMU: %v %s; the firmware had printed\n%s", err, stderr.Bytes(), output.String())
		}
	}
	return output.String()
}
