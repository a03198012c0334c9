package cortexm

import (
	"bytes"
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/fpbls/fpbls/internal/thumb"
)

var (
	judgeCount = flag.Int("judge.n", 4000, "random instructions to compare with QEMU")
	judgeSeed  = flag.Uint64("judge.seed", 1, "seed of the random instructions")
)

// TestJudgeQEMU executes random programs on this core and on QEMU, one
// instruction at a time, and compares registers and flags after each and the
// memory at the end of each program.
func TestJudgeQEMU(t *testing.T) {
	const perProgram = 250
	t.Logf("at least %d instructions, seed %d", *judgeCount, *judgeSeed)
	qemu := startQEMU(t)
	core := New(Config{PriorityBits: 8})
	code, data := make([]byte, 4<<20), make([]byte, 1<<20)
	core.Map(0, code, Read|Write|Exec)
	core.Map(0x20000000, data, Read|Write|Exec)
	seen := map[thumb.Op]int{}
	total := 0
	for program := uint64(0); total < *judgeCount; program++ {
		r := rand.New(rand.NewPCG(*judgeSeed, program))
		g := &generator{r: r, core: core, seen: seen}
		begin := g.start(t, qemu)
		for len(g.list) < perProgram {
			g.next()
		}
		if !g.replay(t, qemu, begin, program) {
			return
		}
		total += len(g.list)
	}
	executable := 0
	for op := thumb.Op(1); op < thumb.NumOps; op++ {
		if seen[op] > 0 {
			executable++
		} else if *judgeCount >= 100_000 && !neverJudged[op] {
			t.Errorf("operation %d was never executed: %s", op, thumb.Inst{Op: op, Size: 4}.Format(0))
		}
	}
	t.Logf("%d instructions agree, %d of %d operations", total, executable, int(thumb.NumOps)-1)
}

// neverJudged are the operations whose effect QEMU cannot show by stepping.
var neverJudged = map[thumb.Op]bool{
	thumb.OpUndefined: true, thumb.OpWFE: true, thumb.OpWFI: true,
	thumb.OpYIELD: true, // QEMU's step executes the next instruction too
	thumb.OpBKPT:  true, thumb.OpDBG: true,
}

// start gives both sides the same random registers, memory and trap settings.
func (g *generator) start(t *testing.T, qemu *remote) machine {
	t.Helper()
	vectors := make([]byte, 64)
	for i := range 16 {
		binary.LittleEndian.PutUint32(vectors[4*i:], codeBase+uint32(i)*0x1000+0x40001)
	}
	binary.LittleEndian.PutUint32(vectors, dataBase+dataSize/2)
	g.core.WriteMemory(0, vectors)
	g.core.Reset(PowerOn)
	data := make([]byte, dataSize)
	for i := 0; i < len(data); i += 4 {
		binary.LittleEndian.PutUint32(data[i:], randomWord(g.r))
	}
	g.core.WriteMemory(dataBase, data)
	ccr := uint32(ccrStackAlign)
	if g.r.IntN(2) == 0 {
		ccr |= ccrDivTrap
	}
	if g.r.IntN(3) == 0 {
		ccr |= ccrUnalignTrap
	}
	shcsr := g.r.Uint32() & (7 << 16)
	begin := machine{XPSR: g.r.Uint32()&0xF8000000 | 1<<24}
	for i := range begin.R {
		begin.R[i] = randomWord(g.r)
	}
	begin.R[thumb.SP] = dataBase + dataSize/2 + uint32(g.r.IntN(64))*4
	begin.R[thumb.PC] = codeBase
	g.end = codeBase

	for i, v := range begin.R {
		g.core.SetReg(i, v)
	}
	g.core.setXPSR(begin.XPSR)

	for _, err := range []error{
		qemu.write(0, vectors),
		qemu.reset(),
		qemu.write(0, vectors),
		qemu.write(dataBase, data),
		qemu.setState(begin),
	} {
		if err != nil {
			t.Fatalf("preparing QEMU: %v", err)
		}
	}
	// QEMU's gdb server does not write registers of devices.
	for _, w := range [][2]uint32{{scsBase + 0xD14, ccr}, {scsBase + 0xD24, shcsr}} {
		g.set(0, w[0])
		g.set(1, w[1])
		g.emit(0x6001, 0) // str r1, [r0]
	}
	g.set(0, randomWord(g.r))
	g.set(1, randomWord(g.r))
	return begin
}

// replay steps QEMU through the program.
func (g *generator) replay(t *testing.T, qemu *remote, before machine, program uint64) bool {
	t.Helper()
	for k, e := range g.list {
		// Not earlier: literals may be loaded from what is still the code of
		// the program before.
		if err := qemu.write(e.addr, e.code); err != nil {
			t.Fatal(err)
		}
		if err := qemu.step(); err != nil {
			t.Fatalf("seed %d, program %d, instruction %d: %v", *judgeSeed, program, k, err)
		}
		theirs, err := qemu.state()
		if err != nil {
			t.Fatal(err)
		}
		if ours := e.after; ours != theirs {
			raw := append(e.code, 0, 0)
			in := thumb.Decode(binary.LittleEndian.Uint16(raw), binary.LittleEndian.Uint16(raw[2:]))
			t.Errorf("seed %d, program %d, instruction %d: % x %s\nbefore %08x\nours   %08x\nqemu   %08x",
				*judgeSeed, program, k, raw[:in.Size], in.Format(e.addr), before, ours, theirs)
			return false
		}
		before = theirs
	}
	for _, area := range []struct{ addr, size uint32 }{{dataBase, dataSize}, {scsBase + 0xD28, 8}} {
		theirs, err := qemu.read(area.addr, area.size)
		if err != nil {
			t.Fatal(err)
		}
		ours := make([]byte, area.size)
		if area.addr == dataBase {
			g.core.ReadMemory(area.addr, ours)
		} else {
			binary.LittleEndian.PutUint32(ours, g.core.scb.cfsr)
			binary.LittleEndian.PutUint32(ours[4:], g.core.scb.hfsr)
		}
		if !bytes.Equal(ours, theirs) {
			for i := range ours {
				if ours[i] != theirs[i] {
					t.Errorf("seed %d, program %d: byte at 0x%08x is %02x here, %02x in QEMU", *judgeSeed, program, area.addr+uint32(i), ours[i], theirs[i])
				}
			}
			return false
		}
	}
	return true
}
