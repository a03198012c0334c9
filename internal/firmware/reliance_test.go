package firmware

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// relianceProject has callers for whom GCC makes use of what leaf and quiet leave
// alone, and some who need nothing of it.
const relianceProject = `
volatile int input;
void log_line(const char *format, ...);
#define FUNCTION __attribute__((noinline, noclone))
FUNCTION static int leaf(int x) { return x * 3 + input; }
FUNCTION static void quiet(void) { input = 1; }
FUNCTION int plain(int x) { return leaf(x) + 1; }
FUNCTION int keeps(int x) { int y = x + 7; return leaf(x) * y; }
FUNCTION int argument(int a, int b) { quiet(); log_line("%d", b); return 1; }
FUNCTION int result(int a) { quiet(); return a + 1; }
FUNCTION int between(int x) { return leaf(x + 1) + 2; }
FUNCTION int above(int x, int z) { return between(x) + z; }
FUNCTION int saved(int x, int z) { log_line("%d", x); return leaf(z) + x; }
FUNCTION void log_line(const char *format, ...) { input = *format; }
int main(void)
{
	for (;;)
		input = plain(input) + keeps(input) + argument(1, input) + result(input) + above(input, input) + saved(input, input);
}
`

func TestReliedOn(t *testing.T) {
	for _, test := range []struct {
		flags                string
		leaf, quiet, logLine []string
	}{
		{"-O2", []string{"above", "keeps", "main", "saved"}, []string{"argument", "result"}, []string{"saved"}}, // "main" by way of above
		{"-Os", []string{"above", "keeps", "saved"}, []string{"argument", "result"}, []string{"saved"}},
		{"-O2 -fno-ipa-ra", nil, nil, nil},
		{"-O0", nil, nil, nil},
	} {
		t.Run(test.flags, func(t *testing.T) {
			dir := t.TempDir()
			source, elf := filepath.Join(dir, "a.c"), filepath.Join(dir, "a.elf")
			if err := os.WriteFile(source, []byte(relianceProject), 0o644); err != nil {
				t.Fatal(err)
			}
			args := append(strings.Fields(test.flags),
				"-mcpu=cortex-m3", "-mthumb", "-nostdlib", "-g", "-Wl,-emain", "-Wl,-Ttext=0x08001000", "-Wl,-Tdata=0x20000000", "-o", elf, source)
			if out, err := exec.Command("arm-none-eabi-gcc", args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			im, err := Open(elf)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string][]string{"leaf": test.leaf, "quiet": test.quiet, "log_line": test.logLine, "main": nil} {
				var got []string
				for _, r := range im.ReliedOn(im.Lookup(name)[0]) {
					got = append(got, r.Caller.Name)
				}
				if slices.Sort(got); !slices.Equal(got, want) {
					t.Errorf("%s keeps registers for %q, want %q", name, got, want)
				}
			}
		})
	}
}
