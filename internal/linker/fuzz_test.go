package linker

import (
	"bytes"
	"testing"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/object"
)

// Whatever an object holds, Prepare and Link end with an answer, and the block's
// size does not depend on the address.
func FuzzPrepare(f *testing.F) {
	dir := f.TempDir()
	writeFile(f, `
		int value = 3; static int hidden; const char *name = "name";
		static const int table[] = { 1, 2, 3, 4 };
		extern void missing(void) __attribute__((weak));
		__attribute__((noinline)) int g(int n) { static int calls; hidden += n; return table[n & 3] + calls++; }
		int f(int n) { missing(); name = "other"; return g(n) + value + f(n - 1); }
		unsigned long long h(unsigned long long a) { return a / value; }`, dir, "a.c")
	for _, c := range append(compilers(sections...), compilers()...) {
		f.Add(readFile(f, c.compile(f, dir, "a.c")))
	}
	f.Add(readFile(f, compiler{"gcc", gcc, nil}.compile(f, "testdata", "relocs.s")))
	c := compiler{"gcc", gcc, sections}
	image := openImage(f, link(f, "testdata/app/image.ld", c.compile(f, dir, "a.c")))
	imageDebug, err := image.Debug()
	if err != nil {
		f.Fatal(err)
	}
	library, err := libgcc()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := object.Parse(data)
		if err != nil {
			return
		}
		in := Input{
			Object: o, Image: image, ImageDebug: imageDebug, Unit: "/src/a.c", Roots: []string{"f", "g"},
			Live:    []LiveSymbol{{Name: "hidden", Unit: "/src/a.c", Kind: KindVariable, Addr: 0x2000_4000, Size: 4, Block: "b"}},
			Library: func() ([]byte, error) { return library, nil },
		}
		in.ObjectDebug, _ = dwarf.ForObject(o)
		for _, roots := range [][]string{{"f"}, {"g"}, {"h"}, {"f", "g"}} {
			in.Roots = roots
			p, err := Prepare(in)
			if err != nil {
				continue
			}
			for _, base := range []uint32{0x2000_0000, 0x0800_0000, 0xe000_0000} {
				l, err := p.Link(base &^ (p.Align - 1))
				if err == nil && (len(l.Data) != int(p.Size) || l.CodeSize > p.Size || len(l.Functions) != len(roots)) {
					t.Errorf("at %s: %d bytes, %d of them code, of %d; %d functions", hex(base), len(l.Data), l.CodeSize, p.Size, len(l.Functions))
				}
			}
		}
	})
}

func FuzzArchive(f *testing.F) {
	f.Add([]byte(archiveMagic))
	f.Add([]byte(archiveMagic +
		"//                                              12        `\nlong_name.o/\n" +
		"/0              0           0     0     644     3         `\nabc\n" +
		"short.o/        0           0     0     644     2         `\nde"))
	f.Fuzz(func(t *testing.T, data []byte) {
		members, err := readArchive(data)
		total := 0
		for _, m := range members {
			total += len(m.data)
			if !bytes.Contains(data, m.data) {
				t.Errorf("member %q is not in the archive", m.name)
			}
		}
		if err == nil && total > len(data) {
			t.Errorf("%d bytes of members in %d of archive", total, len(data))
		}
	})
}

func TestArchive(t *testing.T) {
	library, err := libgcc()
	if err != nil {
		t.Fatal(err)
	}
	members, err := readArchive(library)
	if err != nil || len(members) < 100 {
		t.Fatalf("libgcc has %d members: %v", len(members), err)
	}
	names := make(map[string]bool)
	for _, m := range members {
		names[m.name] = true
		if !bytes.HasPrefix(m.data, []byte("\x7fELF")) {
			t.Errorf("member %s is no ELF", m.name)
		}
	}
	if !names["_udivmoddi4.o"] || !names["_arm_addsubdf3.o"] {
		t.Errorf("members: %v", names)
	}
	for _, damaged := range []string{"", "!<arch>", archiveMagic + "x", string(library[:1000])} {
		if _, err := readArchive([]byte(damaged)); err == nil {
			t.Errorf("an archive of %d bytes was accepted", len(damaged))
		}
	}
}
