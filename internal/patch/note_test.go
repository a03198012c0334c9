package patch

import "testing"

func TestCompilerOfProducer(t *testing.T) {
	for producer, want := range map[string]string{
		"GNU C17 12.2.1 20221205 -mcpu=cortex-m3 -mthumb -Os -g": "GNU 12.2.1 20221205",
		"GNU C++14 12.2.1 20221205 -mcpu=cortex-m3":              "GNU 12.2.1 20221205",
		"Debian clang version 14.0.6":                            "Debian clang version 14.0.6",
		"":                                                       "",
	} {
		if got := compiler(producer); got != want {
			t.Errorf("%q: %q, want %q", producer, got, want)
		}
	}
}
