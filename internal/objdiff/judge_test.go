package objdiff

import (
	"testing"
)

// TestJudge compares firmwares with the objects that they were linked from, as they
// are and with one place changed.
func TestJudge(t *testing.T) {
	chosen := ways()
	perWay := (*many + len(chosen) - 1) / len(chosen)
	t.Logf("seed %d, %d mutations in each of %d firmwares", *seed, perWay, len(chosen))
	for _, w := range chosen {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			b := w.build(t)
			judgeUnchanged(t, b)
			judgeMutations(t, b, perWay)
		})
	}
}

// judgeUnchanged: what was compiled from the firmware's own sources does not differ.
func judgeUnchanged(t *testing.T, b built) {
	count := make(map[Verdict]int)
	for _, u := range b.units {
		report, err := Compare(b.input(t, u))
		if err != nil {
			t.Errorf("%s: %v", u.path, err)
			continue
		}
		for _, f := range report.Functions {
			count[f.Verdict]++
			if f.Verdict != Same && f.Verdict != Absent {
				t.Errorf("%s: %s is %s: %v", u.path, f.Name, f.Verdict, f.Reasons)
			}
		}
	}
	if count[Same] < 20 {
		t.Errorf("only %d functions were compared", count[Same])
	}
	t.Logf("%d functions are the same, %d have no code in the firmware", count[Same], count[Absent])
}
