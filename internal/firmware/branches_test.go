package firmware

import (
	"math/rand/v2"
	"testing"

	"github.com/fpbls/fpbls/internal/thumb"
)

// What is passed over without being decoded is not what was looked for.
func TestPassedOver(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for hw1 := range 1 << 16 {
		for range 50 {
			hw2 := uint16(random.Uint32())
			inst := thumb.Decode(uint16(hw1), hw2)
			if _, ok := inst.BranchTarget(0); ok && !mayBranch(uint16(hw1)) {
				t.Fatalf("%04x %04x: %s is a branch", hw1, hw2, inst.Format(0))
			}
			if (inst.Op == thumb.OpMOVW || inst.Op == thumb.OpMOVT) && !isMove(uint16(hw1)) {
				t.Fatalf("%04x %04x: %s is a move", hw1, hw2, inst.Format(0))
			}
		}
	}
}
