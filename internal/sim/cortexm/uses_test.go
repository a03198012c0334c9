package cortexm

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/fpbls/fpbls/internal/thumb"
)

// What an instruction is said to read and write, checked by executing it: nothing else
// changes, and nothing depends on anything else.
func TestInstUses(t *testing.T) {
	const count = 60_000
	r := rand.New(rand.NewPCG(*judgeSeed, 5))
	code, data := make([]byte, 1<<16), make([]byte, 1<<16)
	run := func(hw1, hw2 uint16, regs [15]uint32) (after [15]uint32, ok bool) {
		core := New(Config{PriorityBits: 8})
		core.Map(0, code, Read|Write|Exec)
		core.Map(0x20000000, data, Read|Write)
		core.pc = 0x1000
		core.WriteMemory(core.pc, binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, hw1), hw2))
		for i, v := range regs {
			core.SetReg(i, v)
		}
		core.Run(core.Cycles() + 1)
		for i := range after {
			after[i] = core.Reg(i)
		}
		return after, core.XPSR()&0x1ff == 0
	}
	tried, seen := 0, make(map[thumb.Op]bool)
	for range count {
		hw1, hw2 := randomEncoding(r)
		in := thumb.Decode(hw1, hw2)
		reads, writes, known := in.Uses()
		if !known || unpredictable(in, hw1, hw2) || in.Op == thumb.OpSVC || in.Op == thumb.OpBKPT || in.Op == thumb.OpUDF || in.Op == thumb.OpIT {
			continue
		}
		var regs [15]uint32
		for i := range regs {
			regs[i] = randomWord(r)
			if needsPointer(in) {
				regs[i] = 0x20000000 + uint32(r.IntN(1<<12))*4
			}
		}
		regs[thumb.SP] = 0x20000000 + uint32(r.IntN(1<<12))*8 + 1024
		after, ok := run(hw1, hw2, regs)
		if !ok {
			continue // a fault
		}
		tried++
		seen[in.Op] = true
		for i := range uint8(15) {
			if after[i] != regs[i] && !writes.Has(i) {
				t.Errorf("%04x %04x %s: changes r%d", hw1, hw2, in.Format(0x1000), i)
			}
			if reads.Has(i) || i == thumb.SP {
				continue
			}
			other := regs
			other[i] = ^other[i]
			again, ok := run(hw1, hw2, other)
			for k := range uint8(15) {
				if ok && again[k] != after[k] && (k != i || writes.Has(i)) {
					t.Errorf("%04x %04x %s: r%d depends on r%d", hw1, hw2, in.Format(0x1000), k, i)
				}
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d instructions of %d operations, seed %d", tried, len(seen), *judgeSeed)
	if len(seen) < 80 {
		t.Errorf("only %d operations were executed", len(seen))
	}
}
