package linker

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
)

// A full run is "go test ./internal/linker -run Judge -v -judge.n=100000".
var (
	judgeCount = flag.Int("judge.n", 8, "how many functions GNU ld judges for each program and compiler")
	judgeSeed  = flag.Uint64("judge.seed", 1, "which ones")
)

// Two judges that nobody here wrote look at every function of the fixtures, by
// GCC and by Clang: the bytes of the linked image, and GNU ld.
func TestJudge(t *testing.T) {
	for _, p := range programs(t) {
		for _, c := range compilers(sections...) {
			t.Run(p.name+" "+c.String(), func(t *testing.T) {
				t.Parallel()
				subjects := p.subjects(t, c)
				for _, s := range subjects {
					judgeImage(t, s.fixture, s.function)
				}
				random := rand.New(rand.NewPCG(*judgeSeed, 0))
				random.Shuffle(len(subjects), func(i, j int) { subjects[i], subjects[j] = subjects[j], subjects[i] })
				judged, left := 0, 0
				for i, s := range subjects[:min(len(subjects), *judgeCount)] {
					// In RAM, as on a board, and where branches reach the image.
					if judgeLD(t, s.fixture, s.function, []uint32{0x2000_1000, 0x0810_0000}[i%2]) {
						judged++
					} else {
						left++
					}
				}
				t.Logf("%d functions by their bytes; %d by GNU ld, seed %d, and %d not, which it cannot take out of their section",
					len(subjects), judged, *judgeSeed, left)
				if judged == 0 {
					t.Error("GNU ld judged no function")
				}
			})
		}
		// Without sections of their own, functions and variables are cut out.
		for _, c := range compilers() {
			if *judgeCount < len(p.units) && !slices.Contains(c.flags, "-Os") {
				continue // a sample of the larger program
			}
			t.Run(p.name+" "+c.String(), func(t *testing.T) {
				t.Parallel()
				subjects := p.subjects(t, c)
				for _, s := range subjects {
					judgeImage(t, s.fixture, s.function)
				}
				t.Logf("%d functions by their bytes", len(subjects))
			})
		}
	}
}

// A subject is a function to judge.
type subject struct {
	fixture
	function string
}

func (p program) subjects(t *testing.T, c compiler) []subject {
	t.Helper()
	var all []subject
	for _, f := range p.build(t, c) {
		for _, name := range f.functions() {
			all = append(all, subject{f, name})
		}
	}
	if len(all) < 40 {
		t.Errorf("only %d functions in %s", len(all), p.name)
	}
	return all
}
