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
	p, err := WriteProject(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	built, err := os.ReadFile(p.ELF)
	if err != nil {
		t.Fatal(err)
	}
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
