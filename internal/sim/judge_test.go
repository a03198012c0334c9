package sim

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"testing"
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
				path, elf := build(t, testfirmware.Conformance().With(level))
				theirs, ours := conformanceOnQEMU(t, path), ""
				drivenWith(t, Config{Board: "mps2-an385"}, elf, func(t *testing.T, b *Board, c *Conn) {
					ours = expect(t, c, testfirmware.ConformanceEnd)
					t.Logf("%d instructions, %d lines", b.Cycles(), strings.Count(ours, "\n"))
				})
				compareLines(t, ours, theirs)
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
