package patch

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/thumb"
)

// What a PUSH pushed, its undoing pops: the same registers, LR back into LR.
func TestPopUndoesPush(t *testing.T) {
	for _, test := range []struct {
		regs uint16
		want string
	}{
		{1 << 7, "pop {r7}"},
		{1<<4 | 1<<5, "pop {r4, r5}"},
		{1<<4 | 1<<thumb.LR, "ldmia.w sp!, {r4, lr}"},
		{1<<3 | 1<<4 | 1<<5 | 1<<thumb.LR, "ldmia.w sp!, {r3, r4, r5, lr}"},
		{1 << thumb.LR, "ldr lr, [sp], #4"},
	} {
		var got []string
		for line := range thumb.Disassemble(0, pop(test.regs), nil) {
			got = append(got, strings.ReplaceAll(line.Text, "\t", " "))
		}
		if s := strings.Join(got, "; "); s != test.want {
			t.Errorf("registers %#x: %q, want %q", test.regs, s, test.want)
		}
	}
}

func TestStub(t *testing.T) {
	e := entry{undo: pop(1<<4 | 1<<thumb.LR)}
	code, err := e.stub(0x2000_0100, 0x2000_0200)
	if err != nil || uint32(len(code)) != e.stubSize() {
		t.Fatalf("%x, %v, want %d bytes", code, err, e.stubSize())
	}
	jump := thumb.Decode(binary.LittleEndian.Uint16(code[4:]), binary.LittleEndian.Uint16(code[6:]))
	if to, ok := jump.BranchTarget(0x2000_0104); !ok || to != 0x2000_0200 || jump.Op != thumb.OpB {
		t.Errorf("the stub goes to 0x%08x", to)
	}
	if n := (entry{undo: []byte{}}).stubSize(); n != 0 {
		t.Errorf("nothing to undo takes %d bytes", n)
	}
}
