package sim

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fpbls/fpbls/internal/sim/cortexm"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// driven runs f with the demo board in a bubble of driven time.
func driven(t *testing.T, cfg Config, f func(t *testing.T, b *Board, c *Conn)) {
	t.Helper()
	drivenWith(t, cfg, testfirmware.DemoELF, f)
}

func drivenWith(t *testing.T, cfg Config, elf []byte, f func(t *testing.T, b *Board, c *Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, err := New(cfg, elf)
		if err != nil {
			t.Fatal(err)
		}
		c := b.Conn() // before the first byte is sent
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			b.Run(ctx)
		}()
		defer func() {
			cancel()
			<-ended
		}()
		f(t, b, c)
	})
}

// build builds the program and returns the path of its ELF, and what is in it.
func build(t *testing.T, p testfirmware.Program) (path string, elf []byte) {
	t.Helper()
	project, err := p.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := project.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	elf, err = os.ReadFile(project.ELF)
	if err != nil {
		t.Fatal(err)
	}
	return project.ELF, elf
}

// expect reads until the text has come and returns all that was read.
func expect(t *testing.T, c *Conn, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all []byte
	buf := make([]byte, 512)
	for !bytes.Contains(all, []byte(text)) {
		n, err := c.Read(ctx, buf)
		if err != nil {
			t.Fatalf("waiting for %q: %v; read so far:\n%s", text, err, all)
		}
		all = append(all, buf[:n]...)
	}
	return string(all)
}

func TestDemoFirmwareRuns(t *testing.T) {
	driven(t, Config{}, func(t *testing.T, b *Board, c *Conn) {
		expect(t, c, "[app] all systems nominal  count=1 ")
		start, cycles := time.Now(), b.Cycles()
		expect(t, c, "count=11 ")
		if d := time.Since(start); d < 1900*time.Millisecond || d > 2100*time.Millisecond {
			t.Errorf("ten reports took %v, want 2 s", d)
		}
		if n := b.Cycles() - cycles; n < 130_000_000 || n > 160_000_000 {
			t.Errorf("2 s were %d cycles, want 144 million", n)
		}
		if h := b.Health(); h.Locked || h.Fault != nil {
			t.Errorf("health: %v", h)
		}
	})
}

func TestLoaderAnswers(t *testing.T) {
	driven(t, Config{}, func(t *testing.T, b *Board, c *Conn) {
		expect(t, c, "count=1 ")
		for _, test := range []struct{ request, want string }{
			{"fl -c ping", "[FLOK] PONG\n[FLEND]\n"},
			{"x --cmd=ping", "[FLOK] PONG\n[FLEND]\n"},
			{"fl -c echo -d 31323334", "[FLOK] ECHO 4 Bytes, CRC 0x"},
			{"fl -c info", "FPBInject v1.5.6\n"},
			{"fl -c info", "FPB: v1, 6 code + 2 lit = 8 total, enabled\n"},
			{"fl -c info", "Slot[5]: empty (COMP=0x00000000, off)\n[FLOK] Info complete\n[FLEND]\n"},
			{"fl -c alloc -s 40", "[FLOK] Allocated 40 at 0x2000"},
			{"fl -c alloc -s 100000", "[FLERR] Alloc failed\n[FLEND]\n"},
			{"fl -c upload -a 0 -d QUJD", "[FLERR] No allocation, call alloc first\n"},
			{"fl -c read -a 0 -l 4", "[FLERR] Invalid address range 0x00000000+4 (use --force to override)\n"},
			{"fl -c echoback -l 3", "[FLOK] ECHOBACK 3 bytes crc=0x"},
			{"fl -c unpatch --comp=9", "[FLERR] Invalid comp 9\n"},
			{"fl -c fopen --path=/a -m r", "[FLERR] File context not initialized\n"},
			{"fl -c nonsense", "[FLERR] Unknown: nonsense\n"},
			{"fl --nonsense", "[FLERR] Invalid arguments\n"},
			{"fl", "[FLERR] Missing --cmd\n"},
			{"fl -c hello", "[FLOK] HELLO from original fl_hello(0x0800"},
		} {
			if err := c.Write(t.Context(), []byte(test.request+"\n")); err != nil {
				t.Fatal(err)
			}
			if got := expect(t, c, "[FLEND]\n"); !strings.Contains(got, test.want) {
				t.Errorf("%s: got\n%s\nwant %q", test.request, got, test.want)
			}
		}
	})
}

func TestAllocationsAreOdd(t *testing.T) {
	driven(t, Config{}, func(t *testing.T, b *Board, c *Conn) {
		expect(t, c, "count=1 ")
		c.Write(t.Context(), []byte("fl -c alloc -s 24\n"))
		got := expect(t, c, "[FLEND]\n")
		if !strings.Contains(got, "1\n[FLEND]") {
			t.Errorf("first allocation: %s, want an address that ends in 1", got)
		}
	})
}

func TestIntegerOptionWithoutValueCrashes(t *testing.T) {
	driven(t, Config{}, func(t *testing.T, b *Board, c *Conn) {
		expect(t, c, "count=1 ")
		c.Write(t.Context(), []byte("fl -c read -l\n"))
		time.Sleep(time.Second)
		h := b.Health()
		if h.Fault == nil || !strings.Contains(h.String(), "0x080") {
			t.Errorf("health: %v", h)
		}
		b.Reset(cortexm.PowerOn)
		expect(t, c, "patch me while I run")
		if h := b.Health(); h.Fault != nil {
			t.Errorf("health after power-on: %v", h)
		}
	})
}

// A paced line takes ten bits a byte, in both directions.
func TestPacedLine(t *testing.T) {
	driven(t, Config{Baud: 9600}, func(t *testing.T, b *Board, c *Conn) {
		expect(t, c, "count=1 ")
		expect(t, c, "\n")
		start := time.Now()
		request := "fl -c echo -d " + strings.Repeat("00", 96) + "\n"
		c.Write(t.Context(), []byte(request))
		got := expect(t, c, "[FLEND]\n")
		least := time.Duration(len(request)+len("[FLOK] ECHO 96 Bytes, CRC 0x0000\n[FLEND]\n")) * 10 * time.Second / 9600
		if d := time.Since(start); d < least || d > least+500*time.Millisecond {
			t.Errorf("request and answer took %v, want a little over %v; got %q", d, least, got)
		}
	})
}

func TestUnplug(t *testing.T) {
	driven(t, Config{}, func(t *testing.T, b *Board, c *Conn) {
		expect(t, c, "count=1 ")
		b.Unplug()
		if err := c.Write(t.Context(), []byte("x")); err == nil {
			t.Error("writing to an unplugged line worked")
		}
		for {
			if _, err := c.Read(t.Context(), make([]byte, 512)); err != nil {
				break
			}
		}
		expect(t, b.Conn(), "count=") // the board did not notice
	})
}

func TestRefusedFirmware(t *testing.T) {
	if _, err := New(Config{}, []byte("no ELF")); err == nil {
		t.Error("text was taken for a firmware")
	}
	if _, err := New(Config{Board: "mps2-an385"}, testfirmware.DemoELF); err == nil {
		t.Error("a firmware for another board was taken")
	}
	if _, err := New(Config{Board: "toaster"}, testfirmware.DemoELF); err == nil {
		t.Error("there is no board toaster")
	}
}

func FuzzNew(f *testing.F) {
	f.Add(testfirmware.DemoELF)
	f.Fuzz(func(t *testing.T, image []byte) {
		New(Config{}, image)
	})
}
