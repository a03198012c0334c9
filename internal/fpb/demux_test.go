package fpb

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	interleavings = flag.Int("fpb.n", 4000, "how many interleavings of answers and output to try")
	seed          = flag.Uint64("fpb.seed", 1, "the seed of the random tests")
)

// decode feeds the stream in pieces and returns what comes of it.
func decode(e expectation, pieces ...string) (out string, s state, a answer) {
	var d demux
	d.lineStart = true
	d.expect(&e)
	var b []byte
	for _, p := range pieces {
		b = append(b, d.feed([]byte(p))...)
	}
	s, a = d.state, d.answer
	d.abandon()
	return string(d.flush(b)), s, a
}

const infoText = `FPBInject v1.5.6
Build: Mar 13 2026 10:11:12
Used: 124
Slots: 1/2
FileTransfer: enabled
FPB: v1, 2 code + 2 lit = 4 total, enabled
FP_REMAP: 0x20000400, base=0x20000400, remap supported
Slot[0]: 0x08000A14 -> 0x20000279, 124 bytes (COMP=0x08000A15, remap, on)
Slot[1]: empty (COMP=0x00000000, off)
[FLOK] Info complete
[FLEND]
`

// readText is the answer to a read.
func readText(addr uint32, data []byte) string {
	return fmt.Sprintf("[FLOK] READ %d bytes crc=0x%04X data=%s\n[FLEND]\n", len(data),
		uint16(newCRC().ints(addr, uint32(len(data))).bytes(data)), base64.StdEncoding.EncodeToString(data))
}

func TestOutputAroundAnswers(t *testing.T) {
	ping := ask("fl --cmd=ping", "PONG", "")
	write := writeRequest(0x20000400, make([]byte, 28))
	alloc := allocRequest(100)
	late := ping // after a request for the slots that was given up
	late.expect.stale = append(slices.Clone(infoPatterns), infoRequest().expect.shape)
	for _, test := range []struct {
		name   string
		r      request
		stream string
		out    string
		state  state
		status string
	}{
		{"an answer alone", ping, "[FLOK] PONG\n[FLEND]\n", "", answered, "PONG"},
		{"a driver that adds carriage returns", ping, "[FLOK] PONG\r\n[FLEND]\r\n", "", answered, "PONG"},
		{"lines before, between and behind", ping, "a\n[FLOK] PONG\nb\n[FLEND]\nc\n", "a\nb\nc\n", answered, "PONG"},
		{"an unfinished line before", ping, "temp=[FLOK] PONG\n[FLEND]\n25\n", "temp=25\n", answered, "PONG"},
		{"colours", ping, "\x1b[32mok\x1b[0m[FLOK] PO\x1b[1mNG\nNG\n[FLEND]\n\x1b[0m", "\x1b[32mok\x1b[0m\x1b[1mNG\n\x1b[0m", answered, "PONG"},
		{"text inside the status line", ping, "[FLOK] POtick 5\nNG\n[FLEND]\n", "tick 5\n", answered, "PONG"},
		{"text before the line's end", ping, "[FLOK] PONGhello\n[FLEND]\n", "hello", answered, "PONG"},
		{"text inside the mark", ping, "[FLtick\nOK] PONG\n[FLEND]\n", "tick\n", answered, "PONG"},
		{"text inside the end", ping, "[FLOK] PONG\n[FLEtick 5\nND]\n", "tick 5\n", answered, "PONG"},
		{"text inside both", ping, "[FLOK] PONtick 5\nG\n[FLEtick 6\nND]\n", "tick 5\ntick 6\n", answered, "PONG"},
		{"a foreign error before", ping, "[FLERR] boom\n[FLOK] PONG\n[FLEND]\n", "[FLERR] boom\n", answered, "PONG"},
		{"a foreign error before the end", ping, "[FLOK] PONG\n[FLERR] boom\n[FLEND]\n", "[FLERR] boom\n", answered, "PONG"},
		{"a foreign error inside", ping, "[FLOK] PO[FLERR] boom\nNG\n[FLEND]\n", "[FLERR] boom\n", answered, "PONG"},
		{"an error", ping, "a\n[FLERR] Invalid arguments\n[FLEND]\nb\n", "a\nb\n", failed, "Invalid arguments"},
		{"text behind an error", ping, "[FLERR] Invalid arguments\nb\n[FLEND]\n", "b\n", failed, "Invalid arguments"},
		{"an error with a split end", ping, "[FLERR] Invalid arguments\n[FLb\nEND]\n", "b\n", failed, "Invalid arguments"},
		{"an error that no loader knows", ping, "[FLERR] boom\n[FLEND]\n", "[FLERR] boom\n[FLEND]\n", undecided, "boom"},
		{"no end", ping, "[FLOK] PONG\nlog\n", "log\n", headless, "PONG"},
		{"an echo", ping, "fl --cmd=ping\r\n[FLOK] PONG\r\n[FLEND]\r\n", "", answered, "PONG"},
		{"an echo and a prompt", ping, "fl --cmd=ping\r\n[FLOK] PONG\r\n[FLEND]\r\nfl> ", "", answered, "PONG"},
		{"a prompt that is none", ping, "[FLOK] PONG\n[FLEND]\nfl>x", "fl>x", answered, "PONG"},
		{"half an answer", ping, "[FLOK] PO", "[FLOK] PO", waiting, ""},
		{"another answer", ping, "[FLOK] PANG\n[FLEND]\n", "[FLOK] PANG\n[FLEND]\n", undecided, ""},
		{"what was asked", write, "[FLOK] WRITE 28 bytes to 0x20000400\n[FLEND]\n", "", answered, "WRITE 28 bytes to 0x20000400"},
		{"another address", write, "[FLOK] WRITE 28 bytes to 0x20000420\n[FLEND]\n", "[FLOK] WRITE 28 bytes to 0x20000420\n[FLEND]\n", undecided, "[FLOK] WRITE 28 bytes to 0x20000420"},
		{"another length", write, "[FLOK] WRITE 128 bytes to 0x20000400\n[FLEND]\n", "[FLOK] WRITE 128 bytes to 0x20000400\n[FLEND]\n", undecided, "[FLOK] WRITE 128 bytes to 0x20000400"},
		{"another address that a log line completes", write,
			"[FLOK] WRITE 28 bytes to 0x20000433\ncount=00\n[FLEND]\n",
			"[FLOK] WRITE 28 bytes to 0x20000433\ncount=00\n[FLEND]\n", undecided, "[FLOK] WRITE 28 bytes to 0x20000433"},
		{"a late answer before", write, "[FLOK] PONG\n[FLEND]\n[FLOK] WRITE 28 bytes to 0x20000400\n[FLEND]\n", "[FLOK] PONG\n[FLEND]\n", answered, "WRITE 28 bytes to 0x20000400"},
		{"a late list of slots before", late, infoText + "[FLOK] PONG\n[FLEND]\n", "", answered, "PONG"},
		{"lines behind those of a late list", late, strings.Replace(infoText, "off)\n", "off)\n[app] tick, 5\n", 1) + "[FLOK] PONG\n[FLEND]\n", "[app] tick, 5\n", answered, "PONG"},
		{"text inside a known number", write, "[FLOK] WRITE 2tick 5\n8 bytes to 0x20000400\n[FLEND]\n", "tick 5\n", answered, "WRITE 28 bytes to 0x20000400"},
		{"an address to be read", alloc, "[FLOK] Allocated 100 at 0x20000411\n[FLEND]\n", "", answered, "Allocated 100 at 0x20000411"},
		{"text inside it", alloc, "[FLOK] Allocated 100 at 0x2000tick\n0411\n[FLEND]\n", "[FLOK] Allocated 100 at 0x2000tick\n0411\n[FLEND]\n", undecided, ""},
		{"text before it", alloc, "[FLOK] Alloctick\nated 100 at 0x20000411\n[FLEND]\n", "[FLOK] Alloctick\nated 100 at 0x20000411\n[FLEND]\n", undecided, ""},
		{"text behind it", alloc, "[FLOK] Allocated 100 at 0x20000411\ntick\n[FLEND]\n", "tick\n", answered, "Allocated 100 at 0x20000411"},
		{"text with digits inside it", alloc, "[FLOK] Allocated 100 at 0x2000AD 5\n0411\n[FLEND]\n", "[FLOK] Allocated 100 at 0x2000AD 5\n0411\n[FLEND]\n", undecided, ""},
		{"allocated something else", alloc, "[FLOK] Allocated 900 at 0x20000411\n[FLEND]\n", "[FLOK] Allocated 900 at 0x20000411\n[FLEND]\n", undecided, "[FLOK] Allocated 900 at 0x20000411\n[FLEND]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, pieces := range [][]string{{test.stream}, strings.Split(test.stream, "")} {
				out, s, a := decode(test.r.expect, pieces...)
				if out != test.out || s != test.state || a.status != test.status {
					t.Errorf("got output %q, state %d, status %q", out, s, a.status)
				}
			}
		})
	}
}

func TestInfoLines(t *testing.T) {
	lines := strings.SplitAfter(infoText, "\n")
	want := strings.Split(infoText, "\n")[:9]
	with := func(at int, text string) string {
		return strings.Join(slices.Insert(slices.Clone(lines), at, text), "")
	}
	for _, test := range []struct{ name, stream, out string }{
		{"alone", infoText, ""},
		{"text between", with(7, "tick 5\n"), "tick 5\n"},
		{"text inside a slot's line", strings.Replace(infoText, "0A14 ->", "tick 5\n0A14 ->", 1), "tick 5\n"},
		{"text inside several lines", strings.NewReplacer("Used", "Ustick 5\ned", "base=", "batick 6\nse=", "->", "-tick 7\n>").Replace(infoText),
			"tick 5\ntick 6\ntick 7\n"},
		{"a line like one of the loader's", with(9, "Used: 5 percent\n"), "Used: 5 percent\n"},
		{"a line that is one of the loader's", "Used: 5\n" + infoText, "Used: 5\n"},
		{"a line of the loader's behind", with(9, "x\nBuild: today\n"), "x\nBuild: today\n"},
		{"file transfer at the end", strings.Join(slices.Concat(lines[:4], lines[5:9], lines[4:5], lines[9:]), ""), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, s, a := decode(infoRequest().expect, test.stream)
			got := slices.Clone(a.lines)
			if i := slices.IndexFunc(got, func(l string) bool { return strings.HasPrefix(l, "FileTransfer") }); i > 4 {
				got = slices.Insert(slices.Delete(got, i, i+1), 4, a.lines[i])
			}
			if out != test.out || s != answered || !slices.Equal(got, want) {
				t.Errorf("output %q, state %d, lines %s", out, s, cmp.Diff(want, got))
			}
		})
	}
	// The end of a number of unknown length cannot be told from text.
	split := strings.Replace(infoText, "124 bytes", "12tick 5\n4 bytes", 1)
	_, s, a := decode(infoRequest().expect, split)
	if _, doubt := parseInfo(a.lines, 0); s == answered && doubt == nil {
		t.Errorf("a slot's line that cannot be read was believed: %q", a.lines)
	}
}

func TestReadData(t *testing.T) {
	data := bytes.Repeat([]byte("\x00\x01\x02\xfe\xff"), 20)
	r := readRequest(0x20000400, len(data)).expect
	text := readText(0x20000400, data)
	for _, test := range []struct {
		name, stream, out string
		state             state
	}{
		{"alone", text, "", answered},
		{"text in the middle", text[:80] + "tick 5\n" + text[80:], "tick 5\n", answered},
		{"marked text in the middle", text[:80] + "[12] tick 5" + text[80:], "[12] tick 5", answered},
		{"text before the line's end", strings.Replace(text, "\n", "tick 5\n\n", 1), "tick 5\n", answered},
		{"text that could be data", text[:80] + "tick" + text[80:], text[:80] + "tick" + text[80:], undecided},
		{"text in two places", text[:80] + "tick 5\n" + text[80:90] + "tick 6\n" + text[90:],
			text[:80] + "tick 5\n" + text[80:90] + "tick 6\n" + text[90:], undecided},
		{"a flipped bit", strings.Replace(text, "data=AA", "data=AE", 1), strings.Replace(text, "data=AA", "data=AE", 1), undecided},
		{"a lost byte", text[:80] + text[81:], text[:80] + text[81:], undecided},
		{"another address", readText(0x20000404, data), readText(0x20000404, data), undecided},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, s, a := decode(r, test.stream)
			if out != test.out || s != test.state {
				t.Errorf("output %q, state %d", out, s)
			}
			if s == answered && !bytes.Equal(a.data, data) {
				t.Errorf("data %x", a.data)
			}
		})
	}
}

// An exchange is a request and its answer.
type exchange struct {
	name    string
	expect  expectation
	text    string
	status  string
	lines   []string
	data    []byte
	unknown bool // has numbers that are not known in advance
}

func exchanges(rng *rand.Rand) []exchange {
	data := make([]byte, 1+rng.IntN(200))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	ok := func(name string, r request, status string) exchange {
		return exchange{name: name, expect: r.expect, text: "[FLOK] " + status + "\n[FLEND]\n", status: status}
	}
	read := exchange{name: "read", expect: readRequest(0x08000400, len(data)).expect, text: readText(0x08000400, data), data: data}
	read.status = strings.TrimPrefix(strings.SplitN(read.text, "\n", 2)[0], "[FLOK] ")
	info := exchange{name: "info", expect: infoRequest().expect, text: infoText, status: "Info complete", lines: strings.Split(infoText, "\n")[:9], unknown: true}
	alloc := ok("alloc", allocRequest(300), "Allocated 300 at 0x20000411")
	alloc.unknown = true
	return []exchange{
		read, info, alloc,
		ok("write", writeRequest(0x20000400, data), fmt.Sprintf("WRITE %d bytes to 0x20000400", len(data))),
		ok("unpatch", unpatchRequest(3), "Cleared slot 3"),
		ok("tpatch", patchRequest(Trampoline, 1, 0x08000A14, 0x20000279, true), "Trampoline 1: 0x08000A14 -> tramp(0x08001000) -> 0x20000279"),
		ok("echo", syncRequest(rng.Uint32()), ""),
	}
}

var logTexts = []string{
	"tick 5\n", "[INFO] temp=25\r\n", "\x1b[32mok\x1b[0m\n", "\x1b[1m", "[FLERR] foreign\n", "[FLOK", "[FLEND", "[FL", "[",
	"CPU Used: 55\n", "partial text", "\n", "\r\n", "Slot machine\n", "x", "[FLOK] OK\n", "COMP=1, on)\n", "bytes to 0x20000400\n",
	"state: \xff\x00\x01\n", "fl> help\n", "PONG\n",
}

// digits are texts that begin like a number. Where they cut into a number that is
// not known in advance, nothing on the wire tells the two apart.
var digits = []string{"12\n", "0411\n", "AD 5\n", "00"}

// Any interleaving of an answer and output gives the right answer or none, and
// loses no byte.
func TestAnyInterleaving(t *testing.T) {
	rng := rand.New(rand.NewPCG(*seed, 0))
	decided := make(map[string][2]int)
	for range *interleavings {
		all := exchanges(rng)
		x := all[rng.IntN(len(all))]
		if x.name == "echo" { // its answer follows from its request
			nonce := rng.Uint32()
			x.expect = syncRequest(nonce).expect
			x.status = fmt.Sprintf("ECHO 4 Bytes, CRC 0x%04X", uint16(newCRC().bytes(fmt.Appendf(nil, "%08X", nonce))))
			x.text = "[FLOK] " + x.status + "\n[FLEND]\n"
		}
		texts := logTexts
		if !x.unknown {
			texts = slices.Concat(texts, digits)
		}
		// Where the output cuts in, in order.
		var at []int
		between := rng.IntN(2) == 0 // only whole lines, between lines
		for range rng.IntN(4) {
			p := rng.IntN(len(x.text) + 1)
			if between {
				p = 1 + strings.LastIndex(x.text[:p], "\n")
			}
			at = append(at, p)
		}
		slices.Sort(at)
		var stream, log strings.Builder
		last := 0
		for _, p := range at {
			stream.WriteString(x.text[last:p])
			last = p
			for range 1 + rng.IntN(2) {
				text := texts[rng.IntN(len(texts))]
				if between && (!strings.HasSuffix(text, "\n") || strings.HasPrefix(text, "[FLOK]")) {
					continue
				}
				stream.WriteString(text)
				log.WriteString(text)
			}
		}
		stream.WriteString(x.text[last:])

		s := stream.String()
		var pieces []string
		for rest := s; rest != ""; {
			n := 1 + rng.IntN(len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		out, state, a := decode(x.expect, pieces...)
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("%s: %s\nstream %q\noutput %q\nlog    %q\nanswer %+v, state %d", x.name, fmt.Sprintf(format, args...), s, out, log.String(), a, state)
		}
		count := decided[x.name]
		switch state {
		case answered, headless:
			count[0]++
			if a.status != x.status || !bytes.Equal(a.data, x.data) {
				fail("wrong answer")
			}
			if x.lines != nil {
				got, doubt := parseInfo(a.lines, 0)
				want, _ := parseInfo(x.lines, 0)
				for i := range got.Slots {
					if got.Slots[i].Free {
						got.Slots[i].Comp = 0 // of no consequence
					}
				}
				if doubt == nil && !cmp.Equal(got, want) {
					fail("wrong lines believed")
				}
				if doubt != nil && between {
					fail("doubt: %v", doubt)
				}
			}
			taken := x.text
			if state == headless {
				taken = strings.TrimSuffix(taken, "[FLEND]\n")
			}
			// A \r before an answer's \n is taken for a part of its line end.
			bare := strings.NewReplacer("\r", "")
			if slices.Equal(a.lines, x.lines) && !isShuffle(bare.Replace(s), taken, bare.Replace(out)) {
				fail("output is not what is left")
			}
			if between && out != log.String() {
				fail("output is not the log")
			}
		default:
			count[1]++
			if out != s {
				fail("bytes were lost")
			}
			if between && x.name != "alloc" { // a number at the end of a line could be the address's
				fail("no answer")
			}
		}
		decided[x.name] = count
	}
	t.Logf("%d interleavings, seed %d; answered and not: %v", *interleavings, *seed, decided)
}

// isShuffle reports whether s is a and b, each in order.
func isShuffle(s, a, b string) bool {
	if len(s) != len(a)+len(b) {
		return false
	}
	reach := make([]bool, len(b)+1) // of a[:i] and b[:j]
	for i := range len(a) + 1 {
		for j := range len(b) + 1 {
			ok := i == 0 && j == 0
			if i > 0 && reach[j] && a[i-1] == s[i+j-1] {
				ok = true
			}
			if j > 0 && reach[j-1] && b[j-1] == s[i+j-1] {
				ok = true
			}
			reach[j] = ok
		}
	}
	return reach[len(b)]
}
