package thumb

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
)

// FuzzDecode checks that every pair of halfwords decodes to something that can
// be printed and whose registers an interpreter may use as indexes.
func FuzzDecode(f *testing.F) {
	f.Add(uint16(0xBF00), uint16(0))
	f.Add(uint16(0xF7FF), uint16(0xFFFE))
	f.Add(uint16(0xE8BD), uint16(0x8FF0))
	f.Fuzz(func(t *testing.T, hw1, hw2 uint16) { checkDecode(t, hw1, hw2) })
}

func TestDecodeIsTotal(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for hw1 := range 0x10000 {
		for range 4 {
			checkDecode(t, uint16(hw1), uint16(r.Uint32()))
		}
	}
}

func checkDecode(t *testing.T, hw1, hw2 uint16) {
	t.Helper()
	i := Decode(hw1, hw2)
	want := uint8(2)
	if Is32(hw1) {
		want = 4
	}
	if i.Size != want || i.Op == 0 || i.Op >= NumOps || i.Rd|i.Rn|i.Rm|i.Ra > 15 || i.Cond > AL {
		t.Errorf("%04x %04x: %+v", hw1, hw2, i)
	}
	if i.Format(0x1000) == "" {
		t.Errorf("%04x %04x: no text", hw1, hw2)
	}
	_, direct := i.BranchTarget(0x1000)
	if direct && i.Imm&1 != 0 {
		t.Errorf("%04x %04x: odd branch offset %#x", hw1, hw2, i.Imm)
	}
}

// FuzzDisassemble checks that a listing covers the code exactly.
func FuzzDisassemble(f *testing.F) {
	f.Add([]byte{0x0C, 0xBF, 0x01, 0x20, 0x00, 0x20, 0x70, 0x47})
	f.Add([]byte{0xFF, 0xF7})
	f.Fuzz(func(t *testing.T, code []byte) {
		at := uint32(0x08000000)
		for l := range Disassemble(at, code, func(uint32) string { return "f" }) {
			if l.Addr != at || len(l.Bytes) != int(l.Inst.Size) || l.Text == "" {
				t.Fatalf("line %+v, expected address %#x", l, at)
			}
			at += uint32(len(l.Bytes))
		}
		if int(at-0x08000000) != len(code)&^1 {
			t.Fatalf("%d bytes listed of %d", at-0x08000000, len(code))
		}
	})
}

func TestBranchRoundTrip(t *testing.T) {
	templates := map[Branch]uint32{
		BranchCall: 0xD000F000, BranchJump24: 0x9000F000, BranchJump19: 0x8000F000, BranchJump11: 0xE000, BranchJump8: 0xD100,
	}
	r := rand.New(rand.NewPCG(3, 4))
	for b, word := range templates {
		lo, hi := b.Reach()
		offsets := []int32{lo, lo + 2, -2, 0, 2, hi}
		for range 1000 {
			offsets = append(offsets, (lo+r.Int32N(hi-lo))&^1)
		}
		for _, offset := range offsets {
			place := binary.LittleEndian.AppendUint32(nil, word)[:b.Size()]
			if err := PutBranch(place, b, offset); err != nil {
				t.Fatalf("form %d, offset %d: %v", b, offset, err)
			}
			if got, err := GetBranch(place, b); err != nil || got != offset {
				t.Fatalf("form %d: wrote %d, read %d, %v", b, offset, got, err)
			}
			if again, was := decodeAt(place), decodeAt(binary.LittleEndian.AppendUint32(nil, word)); again.Cond != was.Cond {
				t.Fatalf("form %d, offset %d: condition changed from %d to %d", b, offset, was.Cond, again.Cond)
			}
		}
		place := binary.LittleEndian.AppendUint32(nil, word)[:b.Size()]
		for _, offset := range []int32{lo - 2, hi + 2, 1} {
			if err := PutBranch(place, b, offset); !errors.Is(err, ErrRange) {
				t.Errorf("form %d, offset %d: %v, want ErrRange", b, offset, err)
			}
		}
		for _, wrong := range [][]byte{nil, {0x00}, {0x70, 0x47}, {0x70, 0x47, 0x70, 0x47}} {
			if _, err := GetBranch(wrong, b); !errors.Is(err, ErrPlace) {
				t.Errorf("form %d at % x: %v, want ErrPlace", b, wrong, err)
			}
		}
	}
}

func TestEncodeBranch(t *testing.T) {
	for _, c := range []struct {
		encode   func(from, to uint32) (uint32, error)
		from, to uint32
		want     uint32
	}{
		{EncodeBL, 0x08000000, 0x08000000, 0xFFFEF7FF}, // bl .
		{EncodeBL, 0x08000000, 0x08000105, 0xF880F000}, // the Thumb bit is ignored
		{EncodeBW, 0x08000000, 0x08000004, 0xB800F000}, // b.w .+4
	} {
		got, err := c.encode(c.from, c.to)
		if err != nil || got != c.want {
			t.Errorf("from %#x to %#x: %#08x, %v; want %#08x", c.from, c.to, got, err, c.want)
		}
	}
	if _, err := EncodeBL(0x08000000, 0x20000000); !errors.Is(err, ErrRange) {
		t.Errorf("flash to RAM: %v, want ErrRange", err)
	}
}

func TestImm16RoundTrip(t *testing.T) {
	for _, word := range []uint32{0x0000F240, 0x0C00F2C0} {
		for _, v := range []uint16{0, 1, 0x800, 0x1234, 0xF0F0, 0xFFFF} {
			place := binary.LittleEndian.AppendUint32(nil, word)
			if err := PutImm16(place, v); err != nil {
				t.Fatal(err)
			}
			if got, err := GetImm16(place); err != nil || got != v {
				t.Errorf("wrote %#x, read %#x, %v", v, got, err)
			}
		}
	}
	if err := PutImm16([]byte{0x70, 0x47, 0, 0}, 1); !errors.Is(err, ErrPlace) {
		t.Errorf("BX as MOVW: %v, want ErrPlace", err)
	}
}

func TestEndsFlow(t *testing.T) {
	for text, c := range map[string]struct {
		hw1, hw2 uint16
		want     bool
	}{
		"bx lr": {0x4770, 0, true}, "pop {pc}": {0xBD00, 0, true}, "b.n": {0xE7FE, 0, true}, "beq.n": {0xD0FE, 0, false},
		"bl": {0xF7FF, 0xFFFE, false}, "ldr.w pc": {0xF8DF, 0xF000, true}, "mov pc, lr": {0x46F7, 0, true},
		"mov lr, pc": {0x46FE, 0, false}, "tbb": {0xE8DF, 0xF000, true}, "pop {r4}": {0xBC10, 0, false}, "udf": {0xDE00, 0, true},
	} {
		if got := Decode(c.hw1, c.hw2).EndsFlow(); got != c.want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
