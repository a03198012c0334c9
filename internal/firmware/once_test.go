package firmware

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// onceProject has a function for each way to be entered: the name says whether it
// may be entered again.
const onceProject = `
volatile int input;
void reset(void);
void handler_again(void) { for (;;) input++; }
__attribute__((section(".vectors"), used)) void *const vectors[] = {(void *)0x20001000, reset, 0, handler_again};

#define FUNCTION __attribute__((noinline, noclone))
FUNCTION int deep_once(int x) { return x * input + 1; }
FUNCTION int setup_once(int x) { return deep_once(x) + input; }
FUNCTION int looped_again(int x) { return x * input + 2; }
FUNCTION int both_again(int x) { return x * input + 3; }
FUNCTION int behind_again(int x) { return x * input + 4; }
FUNCTION int pointer_again(int x) { return x * input + 5; }
FUNCTION int recursive_again(int x) { return x > 1 ? recursive_again(x - input) * recursive_again(x - 2 * input) : 6; }
FUNCTION int tail_once(int x) { return x * input + 7; }
FUNCTION int last_once(int x) { input++; return tail_once(x + 1); }
FUNCTION void panic_again(int x) { for (;;) input = x; }
FUNCTION void body_once(void *p) { for (;;) input += looped_again(*(int *)p); }
FUNCTION int worker_again(int x) { if (x) panic_again(1); return x * input + 8; }
int (*const table[])(int) = {pointer_again};
void (*volatile task)(void *);

int main(void)
{
	setup_once(1);
	both_again(1);
	pointer_again(1);
	recursive_again(1);
	task = body_once;
	last_once(1);
	for (;;) {
		both_again(2);
		input = table[input & 0](1) + looped_again(3);
		if (worker_again(input))
			panic_again(2);
		while (input & 1)
			if (behind_again(input))
				break;
	}
}

void reset(void) { main(); }
`

func TestEnteredOnce(t *testing.T) {
	for _, flags := range []string{"-Os", "-O2", "-O0", "-O2 -mpure-code"} {
		t.Run(flags, func(t *testing.T) {
			dir := t.TempDir()
			source, elf := filepath.Join(dir, "once.c"), filepath.Join(dir, "once.elf")
			if err := os.WriteFile(source, []byte(onceProject), 0o644); err != nil {
				t.Fatal(err)
			}
			args := append(strings.Fields(flags), "-mcpu=cortex-m3", "-mthumb", "-nostdlib", "-g", "-Wl,-ereset",
				"-Wl,--section-start=.vectors=0x08000000", "-Wl,-Ttext=0x08001000", "-Wl,-Tdata=0x20000000", "-o", elf, source)
			if out, err := exec.Command("arm-none-eabi-gcc", args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			im, err := Open(elf)
			if err != nil {
				t.Fatal(err)
			}
			functions := 0
			for _, f := range im.Functions() {
				name, _, _ := strings.Cut(f.Name, ".")
				once := strings.HasSuffix(name, "_once") || slices.Contains([]string{"main", "reset"}, name)
				if why := im.EnteredOnce(f); (why != "") != once {
					t.Errorf("%s: %q", f.Name, why)
				}
				functions++
			}
			if functions < 15 {
				t.Errorf("%d functions", functions)
			}
		})
	}
}

func TestBanners(t *testing.T) {
	im, err := Open(filepath.Join("..", "..", "testdata", "firmware", "demo.elf"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := im.Banners(), []string{"[app] fpbls demo firmware, patch me while I run"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for format, want := range map[string]string{
		"boot %d of %s, version 7\n": ", version 7",
		"\r\nhello\r\nthe world\n":   "the world",
		"%-08.3lx and more":          "and more",
		"100%":                       "100",
	} {
		if got := piece(format); got != want {
			t.Errorf("%q: %q, want %q", format, got, want)
		}
	}
}
