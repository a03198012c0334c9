package cortexm

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// remote is a client of the GDB remote protocol, just enough to drive QEMU. It
// is used by one goroutine.
type remote struct {
	w io.Writer
	r *bufio.Reader
}

// startQEMU starts a stopped mps2-an385 whose gdb server talks over pipes.
func startQEMU(t *testing.T) *remote {
	t.Helper()
	cmd := exec.Command("qemu-system-arm", "-M", "mps2-an385", "-nodefaults", "-display", "none",
		"-serial", "none", "-monitor", "none", "-S", "-gdb", "stdio")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting qemu-system-arm: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("qemu: %s", stderr.Bytes())
		}
	})
	g := &remote{w: stdin, r: bufio.NewReader(stdout)}
	// Asking for the target description makes QEMU leave out the registers of
	// the FPA in the answer to "g".
	for _, c := range []string{"QStartNoAckMode", "qXfer:features:read:target.xml:0,fff"} {
		if _, err := g.call("%s", c); err != nil {
			t.Fatalf("gdb remote %s: %v", c, err)
		}
	}
	return g
}

// call sends one packet and returns the answer.
func (g *remote) call(format string, args ...any) (string, error) {
	body := fmt.Sprintf(format, args...)
	var sum byte
	for i := range len(body) {
		sum += body[i]
	}
	if _, err := fmt.Fprintf(g.w, "$%s#%02x", body, sum); err != nil {
		return "", err
	}
	for {
		if _, err := g.r.ReadString('$'); err != nil {
			return "", err
		}
		answer, err := g.r.ReadString('#')
		if err != nil {
			return "", err
		}
		if _, err := g.r.Discard(2); err != nil {
			return "", err
		}
		answer = strings.TrimSuffix(answer, "#")
		if strings.HasPrefix(answer, "O") && answer != "OK" {
			continue // console output of a monitor command
		}
		if strings.HasPrefix(answer, "E") {
			return "", fmt.Errorf("%.20s: %s", body, answer)
		}
		return answer, nil
	}
}

// machine is what both sides are compared by.
type machine struct {
	R    [16]uint32
	XPSR uint32
}

func (g *remote) state() (machine, error) {
	var m machine
	answer, err := g.call("g")
	if err != nil {
		return m, err
	}
	b, err := hex.DecodeString(answer)
	if err != nil {
		return m, err
	}
	if len(b) != 17*4 {
		return m, fmt.Errorf("%d bytes of registers", len(b))
	}
	for i := range m.R {
		m.R[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	m.XPSR = binary.LittleEndian.Uint32(b[64:])
	return m, nil
}

func (g *remote) setState(m machine) error {
	b := make([]byte, 0, 68)
	for _, v := range m.R {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, m.XPSR)
	_, err := g.call("G%x", b)
	return err
}

func (g *remote) step() error {
	_, err := g.call("s")
	return err
}

const packetBytes = 1024

func (g *remote) write(addr uint32, p []byte) error {
	for len(p) > 0 {
		n := min(len(p), packetBytes)
		if _, err := g.call("M%x,%x:%x", addr, n, p[:n]); err != nil {
			return err
		}
		addr, p = addr+uint32(n), p[n:]
	}
	return nil
}

func (g *remote) read(addr, n uint32) ([]byte, error) {
	var out []byte
	for n > 0 {
		k := min(n, packetBytes)
		answer, err := g.call("m%x,%x", addr, k)
		if err != nil {
			return nil, err
		}
		b, err := hex.DecodeString(answer)
		if err != nil {
			return nil, err
		}
		if len(b) == 0 {
			return nil, errors.New("empty answer")
		}
		out, addr, n = append(out, b...), addr+uint32(len(b)), n-uint32(len(b))
	}
	return out, nil
}

// reset resets the whole machine; it stays stopped.
func (g *remote) reset() error {
	_, err := g.call("qRcmd,%x", "system_reset")
	return err
}
