package board

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
)

func TestOutputIsExactOrSaysHowMuchIsMissing(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	var o Output
	r := o.Reader()
	var written []byte
	var offset int64 // of the next byte the reader has to account for
	total := 0
	for total < 6*outputCapacity {
		p := make([]byte, rng.IntN(200_000))
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
		o.Write(p)
		written = append(written, p...)
		total += len(p)
		if rng.IntN(12) != 0 {
			continue // the reader falls behind
		}
		for offset < int64(len(written)) {
			got, gap, err := r.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			offset += gap
			if want := written[offset : offset+int64(len(got))]; !bytes.Equal(got, want) {
				t.Fatalf("bytes at offset %d differ", offset)
			}
			offset += int64(len(got))
		}
		if len(o.kept) > 2*outputCapacity {
			t.Fatalf("%d bytes are kept, want at most %d", len(o.kept), 2*outputCapacity)
		}
	}
	t.Logf("seed %d: %d bytes written", seed, total)
}

func TestOutputReaderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o Output
		o.Write([]byte("before"))
		late, all := o.Reader(), o.ReaderFromStart()
		got := make(chan string, 1)
		go func() {
			p, _, _ := late.Next(t.Context())
			got <- string(p)
		}()
		synctest.Wait()
		o.Write([]byte("after"))
		if s := <-got; s != "after" {
			t.Errorf("reader of what comes got %q", s)
		}
		if p, gap, _ := all.Next(t.Context()); string(p) != "beforeafter" || gap != 0 {
			t.Errorf("reader from the start got %q after a gap of %d", p, gap)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := all.Next(ctx); err != context.Canceled {
			t.Errorf("cancelled reader: %v", err)
		}
	})
}
