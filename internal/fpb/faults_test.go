package fpb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fpbls/fpbls/internal/problem"
)

const (
	patched = 0x0800_0A14
	replace = 0x2000_0419
)

// These are the rows of pitfalls.md that concern the client.

func TestFlippedDigitOfAlloc(t *testing.T) {
	setup := func() *model {
		m := newModel()
		m.answer = once("alloc", replaced("0x20000411", "0x20000415"))
		return m
	}
	withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
		base, err := c.Alloc(t.Context(), 100)
		if err != nil || base != 0x2000_0415 {
			t.Fatalf("alloc: 0x%x, %v", base, err)
		}
		if err := c.Upload(t.Context(), base, 3, []byte("code"), nil); !errors.Is(err, ErrAllocationLost) {
			t.Errorf("upload to a wrong base: %v", err)
		}
		if m.sent("write") > 0 {
			t.Error("something was written to the wrong address")
		}
		base, err = c.Alloc(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Upload(t.Context(), base, 3, []byte("code"), nil); err != nil {
			t.Errorf("upload: %v", err)
		}
		if len(m.live) != 1 {
			t.Errorf("%d allocations are alive", len(m.live))
		}
	})
}

func TestLostAnswerOfPatch(t *testing.T) {
	for name, damage := range map[string]func(string) (string, time.Duration){
		"lost":    lost,
		"damaged": replaced("Trampoline", "Tramp\x10line"),
		"late":    func(text string) (string, time.Duration) { return text, 3 * time.Second },
		"an error of another line": func(text string) (string, time.Duration) {
			return "[FLERR] Invalid arguments\n[FLEND]\n" + text, 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			setup := func() *model {
				m := newModel()
				m.answer = once("tpatch", damage)
				return m
			}
			withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
				if _, err := c.Alloc(t.Context(), 100); err != nil {
					t.Fatal(err)
				}
				if err := c.Patch(t.Context(), Trampoline, 2, patched, replace); err != nil {
					t.Fatal(err)
				}
				if n := m.sent("tpatch"); n != 1 {
					t.Errorf("the patch command was sent %d times", n)
				}
				if s := m.slots[2]; s.Orig != patched || s.Size != 100 || m.owned[2] == 0 {
					t.Errorf("slot is %+v", s)
				}
			})
		})
	}
}

func TestLostRequestOfPatch(t *testing.T) {
	setup := func() *model {
		m := newModel()
		first := true
		m.request = func(line string) string {
			if first && commandOf(line) == "tpatch" {
				first = false
				return ""
			}
			return line
		}
		return m
	}
	withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
		if err := c.Patch(t.Context(), Trampoline, 2, patched, replace); err != nil {
			t.Fatal(err)
		}
		if m.slots[2].Orig != patched {
			t.Errorf("slot is %+v", m.slots[2])
		}
	})
}

func TestDamagedInfo(t *testing.T) {
	for name, damage := range map[string]func(string) (string, time.Duration){
		"a slot's mark":           replaced("Slot[0]", "Slo4[0]"),
		"a slot's line is empty":  replaced("Slot[0]: 0x08000A14 -> 0x20000412, 100 bytes (COMP=0x08000A15, remap, on)", "Slot[0]: empty (COMP=0x00000000, off)"),
		"a digit of the original": replaced("Slot[0]: 0x08000A14", "Slot[0]: 0x08000A10"),
		"a digit of the target":   replaced("-> 0x20000412", "-> 0x20000416"),
		"a digit of the size":     replaced(", 100 bytes", ", 900 bytes"),
		"the number of slots":     replaced("Slots: 1/6", "Slots: 1/4"),
		"a lost line":             replaced("Slot[3]: empty (COMP=0x00000000, off)\n", ""),
		"a lost newline":          replaced("Used: 100\n", "Used: 100"),
		"two lines in one slot":   replaced("Slot[1]: empty", "Slot[0]: empty"),
		"a lost end":              replaced("[FLEND]\n", ""),
		"lost":                    lost,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel()
				m.occupy(0, patched)
				m.slots[0].Target = 0x2000_0412
				want := m.slots[0]
				m.answer = once("info", damage)
				c := NewClient(m, Options{})
				defer c.Close()
				info, err := c.Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(info.Slots) != 6 || info.Slots[0] != want {
					t.Errorf("slots are %+v", info.Slots)
				}
			})
		})
	}
}

func TestErrorsDuringUpload(t *testing.T) {
	code := bytes.Repeat([]byte("code"), 200)
	for _, test := range []struct {
		name    string
		command string
		damage  func(line string) string
		lost    bool
	}{
		{"checksum of the first line", "upload", func(l string) string { return strings.Replace(l, "--data=Y", "--data=Z", 1) }, true},
		{"base64 of the first line", "upload", func(l string) string { return strings.Replace(l, "--data=Y", "--data=!", 1) }, false},
		{"option of the first line", "upload", func(l string) string { return strings.Replace(l, "--data", "--dat!", 1) }, false},
		{"first line cut short", "upload", func(l string) string { return l[:60] + "\n" }, false},
		{"first line lost", "upload", func(string) string { return "" }, false},
		{"checksum of another line", "write", func(l string) string { return strings.Replace(l, "--crc=0x", "--crc=0x1", 1) }, false},
		{"base64 of another line", "write", func(l string) string { return strings.Replace(l, "--data=", "--data=!", 1) }, false},
		{"another line lost", "write", func(string) string { return "" }, false},
		{"another line without end", "write", func(l string) string { return strings.TrimSpace(l) }, false},
		{"another line split", "write", func(l string) string { return strings.Replace(l, " --data", "\r--data", 1) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			setup := func() *model {
				m := newModel()
				first := true
				m.request = func(line string) string {
					if first && strings.Contains(line, "--cmd="+test.command) {
						first = false
						return test.damage(line)
					}
					return line
				}
				return m
			}
			withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
				base, err := c.Alloc(t.Context(), 1000)
				if err != nil {
					t.Fatal(err)
				}
				progress := 0
				err = c.Upload(t.Context(), base, 7, code, func(done int) {
					if done <= progress {
						t.Errorf("progress from %d to %d", progress, done)
					}
					progress = done
				})
				if test.lost {
					if !errors.Is(err, ErrAllocationLost) {
						t.Fatalf("got %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				got, err := c.ReadMemory(t.Context(), base+7, len(code), nil)
				if err != nil || !bytes.Equal(got, code) || progress != len(code) {
					t.Errorf("read back %d bytes, %v; progress %d", len(got), err, progress)
				}
			})
		})
	}
}

func TestLogInsideSlotLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel()
		m.occupy(0, patched)
		m.answer = func(line, text string) (string, time.Duration) {
			return strings.Replace(text, "Slot[0]: 0x0800", "Slot[0]: 0x0800[INFO] tick\n", 1), 0
		}
		var out output
		c := NewClient(m, Options{Output: out.write})
		defer c.Close()
		info, err := c.Connect(t.Context())
		if err != nil || len(info.Slots) != 6 || info.Slots[0].Orig != patched {
			t.Errorf("%v, slots are %+v", err, info.Slots)
		}
		if strings.Trim(out.String(), "\n") != strings.TrimSpace(strings.Repeat("[INFO] tick\n", m.sent("info"))) {
			t.Errorf("output %q", &out)
		}
	})
}

// Log text in the middle of an answer costs no waiting time.
func TestSplitEndAndForeignErrorAreNotWaitedFor(t *testing.T) {
	for name, edit := range map[string]*strings.Replacer{
		"split end":          strings.NewReplacer("[FLEND]", "[FLEtick\nND]"),
		"foreign error":      strings.NewReplacer("[FLEND]", "[FLERR] not yours\n[FLEND]"),
		"text in the status": strings.NewReplacer("Cleared", "Cltick\neared"),
	} {
		t.Run(name, func(t *testing.T) {
			setup := func() *model {
				m := newModel()
				m.answer = func(line, text string) (string, time.Duration) { return edit.Replace(text), 0 }
				return m
			}
			withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
				start := time.Now()
				if err := c.Unpatch(t.Context(), 3); err != nil {
					t.Fatal(err)
				}
				if d := time.Since(start); d > 0 {
					t.Errorf("it took %v", d)
				}
				if n := m.sent("unpatch"); n != 1 {
					t.Errorf("sent %d times", n)
				}
			})
		})
	}
}

func TestFirstDebugMonitorPatchClearsComparators(t *testing.T) {
	setup := func() *model { m := newModel(); m.occupy(0, 0x0800_1000); return m }
	withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
		if err := c.Patch(t.Context(), DebugMonitor, 1, patched, replace); err != nil {
			t.Fatal(err)
		}
		info, err := c.Info(t.Context())
		if err != nil || info.Slots[0].On || info.Slots[0].Free {
			t.Errorf("%v, slot 0 is %+v", err, info.Slots[0])
		}
	})
}

func TestDebugMonitorOnVersion2(t *testing.T) {
	for _, v1Bits := range []bool{false, true} {
		t.Run(fmt.Sprint(v1Bits), func(t *testing.T) {
			setup := func() *model { m := newModel(); m.unit, m.v1Bits = 2, v1Bits; return m }
			withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
				err := c.Patch(t.Context(), DebugMonitor, 1, patched, replace)
				switch {
				case !v1Bits && err != nil:
					t.Errorf("got %v", err)
				case v1Bits && !problem.Has(err, problem.ModeUnavailable):
					t.Errorf("a comparator that does not match was accepted: %v", err)
				case v1Bits && !m.slots[1].Free:
					t.Errorf("it was left armed: %+v", m.slots[1])
				}
			})
		})
	}
}

// Every single-bit flip of a request, in the worst dialect: either the right slot
// is changed and no other, or the caller is told.
func TestEveryFlippedBitOfRequests(t *testing.T) {
	silent, told := 0, 0
	line := unpatchRequest(3).line + "\n"
	for bit := range 8 * len(line) {
		setup := func() *model {
			m := newModel()
			for i := range m.slots {
				m.occupy(i, uint32(0x0800_1000+i*0x100))
			}
			m.request = flipOnce(bit, "unpatch")
			return m
		}
		withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
			err := c.Unpatch(t.Context(), 3)
			if m.crashed {
				t.Fatalf("bit %d crashes the device", bit)
			}
			if !m.slots[3].Free {
				t.Errorf("bit %d: slot 3 was not cleared: %v", bit, err)
			}
			for i, s := range m.slots {
				switch {
				case i == 3 || !s.Free:
				case err == nil:
					t.Errorf("bit %d: slot %d was cleared without a word", bit, i)
					silent++
				default:
					told++
				}
			}
		})
	}
	t.Logf("of %d bits, %d clear another slot as well; the caller is told of all but %d", 8*len(line), told, silent)

	told = 0
	r := patchRequest(Trampoline, 3, patched, replace, true)
	for bit := range 8 * len(r.line) {
		setup := func() *model { m := newModel(); m.request = flipOnce(bit, "tpatch"); return m }
		withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
			if _, err := c.Alloc(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
			err := c.Patch(t.Context(), Trampoline, 3, patched, replace)
			if m.crashed {
				t.Fatalf("bit %d crashes the device", bit)
			}
			for i, s := range m.slots {
				// One bit makes dpatch of tpatch, with the same checksum.
				if i == 3 && problem.Has(err, problem.VerifyFailed) && s.Free {
					told++
					continue
				}
				if s.Free != (i != 3) || i == 3 && (s.Orig != patched || s.Target != replace || s.Size != 100) {
					t.Errorf("bit %d: %v, slot %d is %+v", bit, err, i, s)
				}
			}
		})
	}
}

// Every lost character of the request that arms: it is carried out as it was meant, or
// not at all. A loader that does not know quotes within words gets it plain.
func TestEveryLostCharacterOfPatch(t *testing.T) {
	r := patchRequest(Trampoline, 3, patched, replace, true)
	for at := range len(r.line) + 1 {
		setup := func() *model {
			m := newModel()
			lost := false
			m.request = func(line string) string {
				if lost || commandOf(line) != "tpatch" {
					return line
				}
				lost = true
				return line[:at] + line[min(at+1, len(line)):]
			}
			return m
		}
		withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
			if _, err := c.Alloc(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
			err := c.Patch(t.Context(), Trampoline, 3, patched, replace)
			if m.crashed || err != nil {
				t.Errorf("character %d: crashed %v, %v", at, m.crashed, err)
			}
		})
	}
	withModel(t, func() *model { m := newModel(); m.noQuotes = true; return m }, func(t *testing.T, m *model, c *Client, _ *output) {
		for slot := range 2 {
			if _, err := c.Alloc(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
			if err := c.Patch(t.Context(), Trampoline, slot, patched+uint32(slot)*16, replace); err != nil {
				t.Errorf("without quotes: %v", err)
			}
		}
		if n := m.sent("tpatch"); n != 3 {
			t.Errorf("tpatch was sent %d times", n)
		}
	})
}

// flipOnce flips a bit of the first line that has the command.
func flipOnce(bit int, cmd string) func(string) string {
	done := false
	return func(line string) string {
		if done || commandOf(line) != cmd {
			return line
		}
		done = true
		p := []byte(line)
		p[bit/8] ^= 1 << (bit % 8)
		return string(p)
	}
}

func TestLateAnswerIsNotTheNextOnes(t *testing.T) {
	setup := func() *model {
		m := newModel()
		m.store(0x2000_0000, []byte("old!"))
		m.answer = once("read", func(text string) (string, time.Duration) { return text, 5 * time.Second })
		return m
	}
	withModel(t, setup, func(t *testing.T, m *model, c *Client, out *output) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := c.ReadMemory(ctx, 0x2000_0000, 4, nil)
		cancel()
		if !problem.Has(err, problem.BoardSilent) {
			t.Errorf("a read that takes too long: %v", err)
		}
		m.mu.Lock()
		m.store(0x2000_0000, []byte("new!"))
		m.mu.Unlock()
		got, err := c.ReadMemory(t.Context(), 0x2000_0000, 4, nil)
		if err != nil || string(got) != "new!" {
			t.Errorf("read %q, %v", got, err)
		}
		if strings.Contains(out.String(), "READ") {
			t.Errorf("the late answer is in the output: %q", out)
		}
	})
}

func TestDoubledAnswer(t *testing.T) {
	setup := func() *model {
		m := newModel()
		m.answer = once("read", func(text string) (string, time.Duration) { return text + text, 0 })
		return m
	}
	withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
		for _, want := range []string{"one!", "two!", "six!"} {
			m.mu.Lock()
			m.store(0x2000_0000, []byte(want))
			m.mu.Unlock()
			got, err := c.ReadMemory(t.Context(), 0x2000_0000, 4, nil)
			if err != nil || string(got) != want {
				t.Errorf("read %q, %v, want %q", got, err, want)
			}
		}
	})
}

func TestCancelledRequest(t *testing.T) {
	setup := func() *model {
		m := newModel()
		m.answer = once("read", lost)
		m.before = func(string) string { return "before\n" }
		return m
	}
	withModel(t, setup, func(t *testing.T, m *model, c *Client, out *output) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		if _, err := c.ReadMemory(ctx, 0x2000_0000, 4, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if _, err := c.Info(t.Context()); err != nil {
			t.Error(err)
		}
		if n := strings.Count(out.String(), "before\n"); n != len(m.lines) {
			t.Errorf("%d of %d lines of output", n, len(m.lines))
		}
	})
}

// A board whose driver keeps 128 characters while its main loop is busy: long
// lines arrive cut short. The client learns what gets through.
func TestLinesAdaptToTheBoard(t *testing.T) {
	setup := func() *model { m := newModel(); m.ring = 128; return m }
	withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
		code := bytes.Repeat([]byte("code"), 100)
		base, err := c.Alloc(t.Context(), 500)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Upload(t.Context(), base, 0, code, nil); err != nil {
			t.Fatal(err)
		}
		got, err := c.ReadMemory(t.Context(), base, len(code), nil)
		if err != nil || !bytes.Equal(got, code) {
			t.Errorf("read back %d bytes, %v", len(got), err)
		}
	})
}

func TestLongLines(t *testing.T) {
	for _, nuttx := range []bool{false, true} {
		setup := func() *model { m := newModel(); m.nuttx = nuttx; return m }
		withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
			if err := c.WriteMemory(t.Context(), 0x2000_0000, make([]byte, 3000)); err != nil {
				t.Fatal(err)
			}
			longest, limit := 0, 511
			if nuttx {
				limit = 1023
			}
			for _, l := range m.lines {
				longest = max(longest, len(l))
			}
			if longest > limit || longest < limit*9/10 {
				t.Errorf("the longest line has %d characters of %d", longest, limit)
			}
		})
	}
}

func TestShell(t *testing.T) {
	for name, change := range map[string]func(*model){
		"options work": func(*model) {},
		"mode first":   func(m *model) { m.strict = true },
		"asleep":       func(m *model) { m.asleep = 2 },
		"inside":       func(m *model) { m.inside = true },
		"1.6":          func(m *model) { m.v16 = true },
	} {
		t.Run(name, func(t *testing.T) {
			setup := func() *model { m := newModel(); m.nuttx = true; change(m); return m }
			withModel(t, setup, func(t *testing.T, m *model, c *Client, out *output) {
				out.Reset()
				m.mu.Lock()
				m.before = func(string) string { return "log\r\n" }
				m.mu.Unlock()
				if _, err := c.Alloc(t.Context(), 1<<20); !problem.Has(err, problem.PatchTooLarge) {
					t.Errorf("alloc: %v", err)
				}
				if _, err := c.ReadMemory(t.Context(), 0x2000_0000, 500, nil); err != nil {
					t.Error(err)
				}
				if err := c.Patch(t.Context(), Trampoline, 1, patched, replace); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if got, want := out.String(), strings.Repeat("log\r\n", len(m.lines)); got != want {
					t.Errorf("output %q, want %q", got, want)
				}
			})
		})
	}
}

func TestSendBetweenRequests(t *testing.T) {
	withModel(t, newModel, func(t *testing.T, m *model, c *Client, out *output) {
		if err := c.Send(t.Context(), []byte("he")); err != nil { // a line that is not finished
			t.Fatal(err)
		}
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m.lines[0] != "he" {
			t.Errorf("lines are %q", m.lines)
		}
		if err := c.Send(t.Context(), []byte("x --cmd=echo\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !strings.Contains(out.String(), "[FLOK] ECHO 0 Bytes, CRC 0xFFFF\n[FLEND]\n") {
			t.Errorf("the answer to the user's own command is not shown: %q", out)
		}
		if err := c.Unpatch(t.Context(), 2); err != nil {
			t.Error(err)
		}
	})
}

func TestReadsKeepToTheStallBudget(t *testing.T) {
	withModel(t, newModel, func(t *testing.T, m *model, c *Client, _ *output) {
		for _, test := range []struct {
			baud, proven int // characters of the list of slots
			least, most  int
		}{
			{9600, 0, 16, 16},
			{9600, 560, 300, 400},
			{115200, 0, 100, 200},
			{115200, 560, 300, 400},
			{1000000, 560, 700, 768},
		} {
			c.pace.measured, c.pace.perByte, c.pace.proven = true, 10*time.Second/time.Duration(test.baud), test.proven
			if n := c.pace.readSize(defaultStall); n < test.least || n > test.most {
				t.Errorf("at %d baud %d bytes are read at once, after a list of %d characters", test.baud, n, test.proven)
			}
		}
	})
}

func TestSpeedIsLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel()
		slow := func(line, text string) (string, time.Duration) {
			go func() {
				for _, b := range text {
					time.Sleep(time.Millisecond)
					m.out <- []byte(string(b))
				}
			}()
			return "", 0
		}
		m.answer = slow
		c := NewClient(m, Options{})
		if _, err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := c.pace.perByte; d < 900*time.Microsecond || d > 1100*time.Microsecond {
			t.Errorf("a byte takes %v", d)
		}
		c.Close()
		synctest.Wait()
	})
}

func TestBoardsThatDoNotAnswer(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(line, text string) (string, time.Duration)
		code   problem.Code
		says   string
	}{
		{"silent", func(string, string) (string, time.Duration) { return "", 0 }, problem.BoardSilent, "does not answer"},
		{"wrong baud rate", func(string, string) (string, time.Duration) { return "\xfe\x00\x81\xff", 0 }, problem.BoardGarbled, `\xfe\x00\x81\xff`},
		{"no loader", func(string, string) (string, time.Duration) { return "hello world\n", 0 }, problem.BoardGarbled, "hello world"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel()
				m.answer = test.answer
				c := NewClient(m, Options{})
				defer c.Close()
				start := time.Now()
				_, err := c.Connect(t.Context())
				if !problem.Has(err, test.code) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %v", err)
				}
				limit := 20 * time.Second
				if test.code == problem.BoardSilent {
					limit = 5500 * time.Millisecond
				}
				if d := time.Since(start); d > limit {
					t.Errorf("it took %v", d)
				}
			})
		})
	}
}

// A main loop that is busy for seconds answers everything at once.
func TestBusyMainLoop(t *testing.T) {
	for _, delay := range []time.Duration{500 * time.Millisecond, 1900 * time.Millisecond, 4 * time.Second} {
		t.Run(delay.String(), func(t *testing.T) {
			setup := func() *model {
				m := newModel()
				m.answer = func(_, text string) (string, time.Duration) { return text, delay / 4 }
				return m
			}
			withModel(t, setup, func(t *testing.T, m *model, c *Client, out *output) {
				for range 3 {
					if _, err := c.ReadMemory(t.Context(), 0x2000_0000, 10, nil); err != nil {
						t.Fatal(err)
					}
				}
				if err := c.Patch(t.Context(), Trampoline, 2, patched, replace); err != nil {
					t.Fatal(err)
				}
				if n := m.sent("tpatch"); n != 1 {
					t.Errorf("the patch command was sent %d times", n)
				}
			})
		})
	}
}

func TestConnectionLost(t *testing.T) {
	setup := func() *model { m := newModel(); m.answer = once("info", lost); return m }
	withModel(t, setup, func(t *testing.T, m *model, c *Client, _ *output) {
		time.AfterFunc(10*time.Millisecond, func() { close(m.gone) })
		if _, err := c.Info(t.Context()); !problem.Has(err, problem.BoardLost) || !errors.Is(err, ErrGone) {
			t.Errorf("while waiting: %v", err)
		}
		<-c.Done()
		if _, err := c.Info(t.Context()); !problem.Has(err, problem.BoardLost) {
			t.Errorf("afterwards: %v", err)
		}
	})
	withModel(t, newModel, func(t *testing.T, m *model, c *Client, _ *output) {
		c.Close()
		if _, err := c.Info(t.Context()); !problem.Has(err, problem.BoardLost) || !errors.Is(err, ErrClosed) {
			t.Errorf("after close: %v", err)
		}
	})
}

func TestRequestsTakeTurns(t *testing.T) {
	withModel(t, newModel, func(t *testing.T, m *model, c *Client, _ *output) {
		results := make(chan error)
		for range 4 {
			go func() { _, err := c.ReadMemory(t.Context(), 0x2000_0000, 100, nil); results <- err }()
		}
		for range 4 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	withModel(t, newModel, func(t *testing.T, m *model, c *Client, _ *output) {
		ctx := t.Context()
		check := func(what string, err error, code problem.Code) {
			t.Helper()
			if !problem.Has(err, code) {
				t.Errorf("%s: %v, want %s", what, err, code)
			}
		}
		_, err := c.Alloc(ctx, 1<<20)
		check("too large", err, problem.PatchTooLarge)
		_, err = c.Alloc(ctx, 0)
		check("nothing", err, problem.PatchTooLarge)
		_, err = c.ReadMemory(ctx, 0, 4, nil)
		check("address 0", err, problem.Usage)
		_, err = c.ReadMemory(ctx, 0xFFFF_FFFF, 4, nil)
		check("wrap-around", err, problem.Usage)
		check("write to 0", c.WriteMemory(ctx, 0, nil), problem.Usage)
		check("even target", c.Patch(ctx, Trampoline, 0, patched, replace&^1), problem.Internal)
		check("out of reach", c.Patch(ctx, Direct, 0, patched, replace), problem.OutOfReach)
		check("no such slot", c.Patch(ctx, Trampoline, 6, patched, replace), problem.Usage)
		check("no such slot", c.Unpatch(ctx, -1), problem.Usage)
		check("empty slot", c.Enable(ctx, 1, true), problem.NotInjected)
		if err := c.Patch(ctx, Trampoline, 0, patched, replace); err != nil {
			t.Fatal(err)
		}
		check("occupied slot", c.Patch(ctx, Trampoline, 0, patched, replace), problem.Internal)
		_, err = c.Alloc(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		check("too much", c.Upload(ctx, 0x2000_0411, 4, make([]byte, 7), nil), problem.Internal)
		if err := c.UnpatchAll(ctx); err != nil {
			t.Error(err)
		}
	})
}
