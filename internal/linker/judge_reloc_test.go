package linker

import (
	"debug/elf"
	"slices"
	"testing"
)

// GNU ld agrees on every relocation, as the assembler writes them.
func TestJudgeRelocations(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, "int data[16] = { 1 }; int called(int n) { return n + data[1]; } int all(void) { return called(2); }", dir, "image.c")
	c := compiler{"gcc", gcc, append([]string{"-O1"}, sections...)}
	image := openImage(t, link(t, "testdata/app/image.ld", c.compile(t, dir, "image.c")))
	path := c.compile(t, "testdata", "relocs.s")
	f := fixture{parseObject(t, path), path, "image.c", image}

	var used []elf.R_ARM
	for _, s := range f.object.Sections {
		if s.IsAlloc() {
			for _, r := range s.Relocs {
				used = append(used, r.Type)
			}
		}
	}
	for typ := range elf.R_ARM(256) {
		if width(typ) > 0 && !slices.Contains(used, typ) {
			t.Errorf("relocs.s has no %s", relocationName(typ))
		}
	}
	for _, base := range []uint32{0x2000_1000, 0x0801_0000, 0x0700_0000} {
		if !judgeLD(t, f, "all", base) {
			t.Error("not judged")
		}
	}
}
