package testfirmware

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite demo.elf from the sources")

// The committed ELF serves tests that have no compiler; it must be what the
// sources say.
func TestDemoELFIsBuiltFromTheSources(t *testing.T) {
	built := build(t, Demo())
	if *update {
		if err := os.WriteFile("demo.elf", built, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(built, DemoELF) {
		t.Errorf("demo.elf (%d bytes) is not what the sources build (%d bytes): run go test ./testdata/firmware -update", len(DemoELF), len(built))
	}
}
