package dwarf

import (
	"bytes"
	"debug/elf"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// What chunks of any size hold is what the whole holds.
func TestChunks(t *testing.T) {
	open := func() (*elf.File, func(), error) {
		f, err := elf.NewFile(bytes.NewReader(testfirmware.DemoELF))
		return f, func() {}, err
	}
	f, _, err := open()
	if err != nil {
		t.Fatal(err)
	}
	want, err := chunks{open: open, parts: []chunk{{}}}.read(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.functions) < 50 || len(want.statics) == 0 || len(want.inlined) == 0 {
		t.Fatalf("%d functions, %d statics, %d inlined", len(want.functions), len(want.statics), len(want.inlined))
	}
	for _, least := range []int64{1, 5000, chunkSize} {
		c, err := split(f, least)
		if err != nil {
			t.Fatal(err)
		}
		c.open = open
		got, err := c.read(f)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d chunks of at least %d bytes", len(c.parts), least)
		options := []cmp.Option{
			cmp.AllowUnexported(Info{}, Function{}, unitCode{}, location{}),
			cmpopts.IgnoreFields(Info{}, "mu", "chunks", "passed"),
			cmpopts.IgnoreFields(Function{}, "chunk", "entry"),
			cmpopts.IgnoreFields(unitCode{}, "chunk", "unit"),
		}
		if diff := cmp.Diff(want, got, options...); diff != "" {
			t.Errorf("chunks of at least %d bytes (-whole +chunks):\n%s", least, diff)
		}
		for _, fn := range want.functions {
			if a, b := want.ArgumentRegisters(fn.Linkage, fn.Low), got.ArgumentRegisters(fn.Linkage, fn.Low); a != b {
				t.Errorf("%s takes %d argument registers, %d in chunks", fn.Name, a, b)
			}
			file, line, _ := want.LineOf(fn.Low)
			if inChunks, n, _ := got.LineOf(fn.Low); inChunks != file || n != line {
				t.Errorf("%s stands at %s:%d, in chunks at %s:%d", fn.Name, file, line, inChunks, n)
			}
		}
	}
}

// FuzzAbbreviations reads damaged tables of abbreviations.
func FuzzAbbreviations(f *testing.F) {
	f.Add([]byte{1, 0x11, 1, 0x25, 0x0e, 0, 0, 0})
	f.Add([]byte{1, 0x11, 1, 0x31, 0x10, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) { refersAcross(data) })
}
