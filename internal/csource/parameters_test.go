package csource

import (
	"strings"
	"testing"
)

func TestParameters(t *testing.T) {
	for _, test := range []struct {
		source, want string // "-" where they cannot be passed on
		void         bool
	}{
		{"void f(void) {}", "", true},
		{"int f() {}", "", false},
		{"void *f(int a) {}", "a", false},
		{"static __attribute__((noinline)) int f(int a, const char *b) {}", "a b", false},
		{"int f(int a[3], int (*compare)(int, int), void (*const hook)(void)) {}", "a compare hook", false},
		{"int f(struct point p, unsigned long long n) {}", "p n", false},
		{"int ns::C::f(std::map<int, char> m, T &&r) const {}", "m r", false},
		{"int print(const char *format, ...) {}", "-", false},
		{"int f(int, int b) {}", "-", false},
		{"int f(unsigned int) {}", "-", false},
		{"int f(a, b) int a; int b; {}", "-", false},
	} {
		functions := Parse([]byte(test.source)).Functions
		if len(functions) != 1 {
			t.Errorf("%s: %d functions", test.source, len(functions))
			continue
		}
		got := "-"
		if names, ok := functions[0].Parameters(); ok {
			got = strings.Join(names, " ")
		}
		if got != test.want || functions[0].ReturnsVoid() != test.void {
			t.Errorf("%s: %q, void %t", test.source, got, functions[0].ReturnsVoid())
		}
	}
}
