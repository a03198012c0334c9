package linker

import (
	"path/filepath"
	"testing"

	"github.com/fpbls/fpbls/internal/thumb"
)

// Code that the compiler has made with what it knows of its callees is told from code
// that keeps to the rules of calls.
func TestCountsOnCallees(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, `
volatile int input;
void log_line(const char *format, ...);
#define FUNCTION __attribute__((noinline, noclone))
FUNCTION static int leaf(int x) { return x * 3 + input; }
FUNCTION static void quiet(void) { input = 1; }
FUNCTION int plain(int x) { return leaf(x) + 1; }
FUNCTION int saves(int x, int (*f)(int)) { return f(x) + x; }
FUNCTION int keeps(int x) { int y = x + 7; return leaf(x) * y; }
FUNCTION int argument(int a, int b) { quiet(); log_line("%d", b); return 1; }
FUNCTION int passes(int a, int b) { log_line("%d", b); quiet(); return a; }
FUNCTION int result(int a) { quiet(); return a + 1; }
FUNCTION void log_line(const char *format, ...) { input = *format; }
int main(void) { return plain(1) + keeps(2) + argument(1, 2) + result(3) + saves(1, plain) + passes(1, 2); }
void reset(void) { main(); }
`, dir, "a.c")
	calls := map[string]Calling{
		"leaf": {Arguments: 1, Result: 1}, "log_line": {Arguments: 1, May: 0xf}, "quiet": {},
		"plain": {Arguments: 1, Result: 1}, "keeps": {Arguments: 1, Result: 1}, "result": {Arguments: 1, Result: 1},
		"argument": {Arguments: 3, Result: 1}, "passes": {Arguments: 3, Result: 1}, "saves": {Arguments: 3, Result: 1},
	}
	for _, test := range []struct {
		flag string
		want map[string]bool
	}{
		{"-fipa-ra", map[string]bool{"plain": false, "saves": false, "keeps": true, "argument": true, "result": true}},
		{"-fno-ipa-ra", map[string]bool{"plain": false, "saves": false, "keeps": false, "argument": false, "passes": false, "result": false}},
	} {
		object := compiler{"gcc", gcc, []string{"-O2", test.flag}}.compile(t, dir, "a.c", sections...)
		image := openImage(t, link(t, filepath.Join("testdata", "app", "image.ld"), object))
		for function, want := range test.want {
			p, err := Prepare(input(t, parseObject(t, object), image, "a.c", function))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.CountsOnCallees(func(name string) Calling {
				c, ok := calls[name]
				if !ok {
					return Calling{May: 0xf, Result: thumb.Set(0, 1)}
				}
				return c
			}); got != want {
				t.Errorf("%s: %s counts on its callees: %t", test.flag, function, got)
			}
		}
	}
}
