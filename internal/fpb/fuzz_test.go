package fpb

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// FuzzDemux feeds any bytes, cut anywhere, to a demultiplexer that expects any
// answer: what it gives out is the stream without some of its bytes, and all of it
// if there was no answer.
func FuzzDemux(f *testing.F) {
	for i, x := range exchanges(rand.New(rand.NewPCG(1, 2))) {
		f.Add(uint8(i), uint8(7), []byte("log\n"+x.text+"fl> tick\n"))
	}
	f.Add(uint8(2), uint8(1), []byte("[FLOK] Allocated 300 at 0x2000\n0411\n[FLE\nND]\n"))
	f.Fuzz(func(t *testing.T, which, size uint8, stream []byte) {
		all := exchanges(rand.New(rand.NewPCG(1, 2)))
		e := all[int(which)%len(all)].expect
		var d demux
		d.expect(&e)
		var out []byte
		for p := stream; len(p) > 0; {
			n := min(len(p), 1+int(size))
			out = append(out, d.feed(p[:n])...)
			p = p[n:]
		}
		s := d.state
		d.abandon()
		out = d.flush(out)
		rest := out
		for _, b := range stream {
			if len(rest) > 0 && rest[0] == b {
				rest = rest[1:]
			}
		}
		if len(rest) > 0 {
			t.Errorf("output %q is not in the stream %q", out, stream)
		}
		if s == waiting && len(out) != len(stream) && !strings.Contains(string(stream), e.echo) {
			t.Errorf("no answer, but of %q only %q is left", stream, out)
		}
	})
}

func FuzzParseInfo(f *testing.F) {
	f.Add(infoText)
	f.Add("Slots: 9999/9999\nFPB: v1, 2 code + 2 lit = 4 total, enabled\nSlot[999]: empty (COMP=0x00000000, off)")
	f.Add("FPB: not available")
	f.Fuzz(func(t *testing.T, text string) {
		info, doubt := parseInfo(strings.Split(text, "\n"), 0)
		if doubt == nil && (info.Version == "" || info.FPB.Present && len(info.Slots) == 0 && info.FPB.Code > 0 && strings.Contains(text, "Slots: 0/6")) {
			t.Errorf("%q is believed: %+v", text, info)
		}
	})
}

// FuzzMatcher checks what holds for every match, and that the work is bounded.
func FuzzMatcher(f *testing.F) {
	f.Add("ab\n", []byte("a\nxb\n"))
	f.Add("a%db\n", []byte("a12b\r\n"))
	f.Fuzz(func(t *testing.T, format string, stream []byte) {
		if len(format) == 0 || len(format) > 60 {
			return
		}
		p := compile(format, 2)
		if len(p.elems) == 0 {
			return
		}
		m := newMatcher(p)
		for pos, b := range stream {
			if found, ok := m.step(pos, b); ok {
				if found.end() != pos+1 || found.gaps > 2 || len(found.spans) != found.gaps+1 {
					t.Fatalf("at %d: %+v", pos, found)
				}
				if found.gaps == 0 && !strings.Contains(format, "%") && !strings.Contains(format, "\n") && !bytes.HasSuffix(stream[:pos+1], []byte(format)) {
					t.Fatalf("%q does not end at %d of %q", format, pos, stream)
				}
			}
			if len(m.now) > (len(p.elems)+1)*3*4 {
				t.Fatalf("%d threads", len(m.now))
			}
		}
	})
}
