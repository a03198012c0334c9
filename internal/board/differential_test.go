package board

import (
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
	"github.com/fpbls/fpbls/internal/toolchain"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

var (
	differentialEdits = flag.Int("edits.n", 16, "how many random edits to compare with rebuilt firmware")
	differentialSeed  = flag.Uint64("edits.seed", 1, "the seed of the first random edit")
)

// Random edits: a board that is patched prints what one prints that runs the
// rebuilt firmware. The cases begin with their first round after the patch, so
// that both start from the same state.
func TestEditsLikeRebuiltFirmware(t *testing.T) {
	levels := []string{"-Os", "-O2"}
	accepted, skipped, refused := 0, 0, make(map[problem.Code]int)
	kinds := make(map[string]int)
	for l, level := range levels {
		n := (*differentialEdits + l) / len(levels)
		if testing.Short() {
			n = 1
		}
		program := testfirmware.Cases().With(level, "-DSTART=5000")
		f, err := buildProgram(t.TempDir(), program)
		if err != nil {
			t.Fatal(err)
		}
		d := &differ{fixture: f, program: program}
		d.base = d.sources(t)
		for i := range n {
			seed := *differentialSeed + uint64(i)
			t.Run(fmt.Sprintf("%s seed %d", level, seed), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, uint64(l)))
				for { // until there is one that compiles
					m := d.mutate(random)
					rebuilt, err := d.rebuild(t, m)
					if err != nil {
						skipped++
						continue
					}
					err = d.compare(t, m, rebuilt)
					var p *problem.Problem
					switch {
					case errors.As(err, &p):
						refused[p.Code]++
						if !justified(t, p, d.ELF) {
							t.Errorf("%s\nrefused without reason: %v", m, err)
						}
					case err != nil:
						t.Errorf("%s\n%v", m, err)
					default:
						accepted++
						kinds[m.kind]++
					}
					return
				}
			})
		}
	}
	total := accepted
	for _, n := range refused {
		total += n
	}
	t.Logf("seed %d: %d edits, %d accepted %v, refused %v; %d did not compile", *differentialSeed, total, accepted, kinds, refused, skipped)
	if total >= 100 && accepted*10 < total*9 {
		t.Errorf("only %d of %d edits were accepted", accepted, total)
	}
}

// justified reports whether what the refusal says of a function holds by the symbol
// table alone.
func justified(t *testing.T, p *problem.Problem, path string) bool {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[uint64]int)
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			count[s.Value]++
		}
	}
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) != elf.STT_FUNC || !regexp.MustCompile(`\b`+regexp.QuoteMeta(s.Name)+`\b`).MatchString(p.Error()) {
			continue
		}
		at := s.Value &^ 1
		switch p.Code {
		case problem.SharedAddress:
			if count[s.Value] > 1 {
				return true
			}
		case problem.UnalignedEntry:
			if at%4 == 2 {
				return true
			}
		case problem.TooShort:
			if s.Size < 4 || at%4 == 2 && s.Size < 6 {
				return true
			}
		case problem.OutOfReach:
			if at >= 0x2000_0000 {
				return true
			}
		}
	}
	return false
}

// A differ compares edits of one build.
type differ struct {
	*fixture
	program testfirmware.Program
	base    map[string]string // the cases' sources, by file name
}

func (d *differ) path(file string) string { return filepath.Join(d.Dir, "cases", file) }

func (d *differ) sources(t *testing.T) map[string]string {
	t.Helper()
	found, err := filepath.Glob(d.path("*.c*"))
	if err != nil {
		t.Fatal(err)
	}
	sources := make(map[string]string)
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources[filepath.Base(path)] = string(text)
	}
	return sources
}

// A mutation is a random edit of one file.
type mutation struct {
	file, kind, text string
	old, by          string // the line, for messages
}

func (m mutation) String() string {
	return fmt.Sprintf("%s: %s\n\t- %s\n\t+ %s", m.file, m.kind, strings.TrimSpace(m.old), strings.TrimSpace(m.by))
}

var (
	// Numbers and operators are changed where no choice is undefined.
	mutable   = regexp.MustCompile(`(?m)^.*(?:return|[-+*^]?=|print).*;.*$`)
	immutable = regexp.MustCompile(`\bfor\b|\bwhile\b|\[|va_|ICSR|0xE000|static_cast|^\s*static .*=|^\w.*=|\w_ = |&filter`)
	number    = regexp.MustCompile(`\b\d+\b`)
	operator  = regexp.MustCompile(` (\+|-|\*|\^|<|>|<=|>=) `)
	text      = regexp.MustCompile(`"[a-z ]+[:"]`)
	returned  = regexp.MustCompile(`return ([^;{}"?]+);`)
	assigned  = regexp.MustCompile(`(?m)^    \w+ [-+^]?= [^;\[]*;\n`)
	function  = regexp.MustCompile(`(?m)^(?:NOINLINE )?int (\w+)\((?:int n|void)\)\s*\{`)
)

// mutate makes an edit of one of the kinds.
func (d *differ) mutate(random *rand.Rand) mutation {
	// By how much there is to change in them.
	files := []string{"plain.c", "plain.c", "plain.c", "optimised.c", "optimised.c", "optimised.c", "optimised.c", "objects.cc", "objects.cc",
		"objects.cc", "statics_a.c", "statics_a.c", "statics_b.c", "live.c", "live.c", "names.c", "override.c", "places.c"}
	pick := func(n int) int { return random.IntN(n) }
	for kind := pick(8); ; {
		m := mutation{file: files[pick(len(files))]}
		source := d.base[m.file]
		replace := func(from, to int, by string) {
			m.text = source[:from] + by + source[to:]
			start := strings.LastIndexByte(source[:from], '\n') + 1
			m.old, _, _ = strings.Cut(source[start:], "\n")
			m.by, _, _ = strings.Cut(m.text[start:], "\n")
		}
		// within replaces a match of the pattern in a line that may be changed.
		within := func(pattern *regexp.Regexp, by func(string) string) {
			lines := mutable.FindAllStringIndex(source, -1)
			if len(lines) == 0 {
				return
			}
			line := lines[pick(len(lines))]
			if immutable.MatchString(source[line[0]:line[1]]) {
				return
			}
			if found := pattern.FindAllStringIndex(source[line[0]:line[1]], -1); len(found) > 0 {
				at := found[pick(len(found))]
				from, to := line[0]+at[0], line[0]+at[1]
				replace(from, to, by(source[from:to]))
			}
		}
		small := func() string { return fmt.Sprint(1 + pick(9)) }
		switch kind {
		case 0:
			m.kind = "number"
			within(number, func(string) string { return small() })
		case 1:
			m.kind = "operator"
			within(operator, func(string) string { return []string{" + ", " - ", " * ", " < ", " > ", " ^ "}[pick(6)] })
		case 2:
			m.kind = "string"
			within(text, func(s string) string { return s[:1] + "now" + small() + " " + s[1:] })
		case 3:
			m.kind = "statement removed"
			if found := assigned.FindAllStringIndex(source, -1); len(found) > 0 {
				at := found[pick(len(found))]
				replace(at[0], at[1], "")
			}
		case 4, 5, 6, 7:
			found := function.FindAllStringSubmatchIndex(source, -1)
			if len(found) == 0 {
				continue
			}
			at := found[pick(len(found))]
			head, body := source[at[0]:at[1]], at[1]
			end := body + strings.Index(source[body:], "}")
			ret := returned.FindStringSubmatchIndex(source[body:end])
			name := fmt.Sprintf("fresh_%d", pick(1000))
			switch {
			case ret == nil:
			case strings.Contains(head, "int n") && pick(3) == 0:
				m.kind = "statement added"
				replace(body, body, " n = n * "+small()+" + "+small()+"; ")
			case pick(2) == 0:
				m.kind = "new static"
				value := source[body+ret[2] : body+ret[3]]
				replace(body+ret[0], body+ret[1], "{ static int "+name+" = "+small()+"; "+name+" += "+small()+"; return ("+value+") + "+name+"; }")
			default:
				m.kind = "new function"
				value := source[body+ret[2] : body+ret[3]]
				helper := "static __attribute__((noinline)) int " + name + "(int v) { return v * " + small() + " + " + small() + "; }\n"
				replace(body+ret[0], body+ret[1], "return "+name+"("+value+");")
				m.text = m.text[:at[0]] + helper + m.text[at[0]:]
			}
		}
		if m.text != "" && m.text != source {
			return m
		}
	}
}

// rebuild builds the edited firmware; an error is the compiler's or linker's.
func (d *differ) rebuild(t *testing.T, m mutation) ([]byte, error) {
	t.Helper()
	project, err := d.program.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(project.Dir, "cases", m.file), []byte(m.text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := project.Rebuild(t.Context(), filepath.Join(d.Dir, "build"), "cases/"+m.file); err != nil {
		return nil, err
	}
	return os.ReadFile(project.ELF)
}

// compare patches the running firmware and compares what it prints with what
// the rebuilt one does.
func (d *differ) compare(t *testing.T, m mutation, rebuilt []byte) (failed error) {
	t.Helper()
	if err := os.WriteFile(d.path(m.file), []byte(m.text), 0o644); err != nil {
		t.Fatal(err)
	}
	defer os.WriteFile(d.path(m.file), []byte(d.base[m.file]), 0o644)
	var got, want []round
	runOn(t, d.fixture, sim.Config{}, func(t *testing.T, b *bench) {
		_, failed = b.board.Inject(t.Context(), Request{
			Builder: &patch.Builder{
				Image: b.image, Database: b.database,
				Toolchain: toolchain.New(toolchain.Config{Workspace: []string{b.Dir}, Env: os.Environ()}),
			},
			Unit:    patch.Unit{Path: d.path(m.file), Text: []byte(m.text)},
			Changed: true,
		}, nil)
		if failed == nil {
			got = b.rounds(4)
		}
	})
	if failed != nil {
		return failed
	}
	elfPath := filepath.Join(t.TempDir(), "rebuilt.elf")
	if err := os.WriteFile(elfPath, rebuilt, 0o644); err != nil {
		t.Fatal(err)
	}
	other := *d.fixture
	other.ELF = elfPath
	runOn(t, &other, sim.Config{}, func(t *testing.T, b *bench) { want = b.rounds(4) })
	for n := range want {
		for _, key := range slices.Sorted(maps.Keys(want[n])) {
			if got[n][key] != want[n][key] {
				return fmt.Errorf("round %d: %s=%s, rebuilt %s", n+1, key, got[n][key], want[n][key])
			}
		}
		if len(got[n]) != len(want[n]) {
			return fmt.Errorf("round %d has %d results, rebuilt %d", n+1, len(got[n]), len(want[n]))
		}
	}
	return nil
}
