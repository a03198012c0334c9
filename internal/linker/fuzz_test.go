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
			Image: image, ImageDebug: imageDebug,
			Live:    []LiveSymbol{{Name: "hidden", Unit: "/src/a.c", Kind: KindVariable, Addr: 0x2000_4000, Size: 4, Block: "b"}},
			Library: func() ([]byte, error) { return library, nil },
		}
		debug, _ := dwarf.ForObject(o)
		for _, roots := range [][]Root{{{Name: "f"}}, {{Name: "g"}}, {{Name: "h"}}, {{Name: "f"}, {Name: "g", Inner: true}}} {
			in.Units = []Unit{{Object: o, Debug: debug, Path: "/src/a.c", Roots: roots}}
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

func BenchmarkPrepareAndLink(b *testing.B) {
	for _, p := range programs(b) {
		b.Run(p.name, func(b *testing.B) {
			fixtures := p.build(b, compiler{"gcc", gcc, append([]string{"-Os"}, sections...)})
			var inputs []Input
			for _, f := range fixtures {
				for _, name := range f.functions() {
					inputs = append(inputs, input(b, f.object, f.image, f.unit, name))
				}
			}
			for n := 0; b.Loop(); n++ {
				p, err := Prepare(inputs[n%len(inputs)])
				if err != nil {
					b.Fatal(err)
				}
				if _, err := p.Link(0x2000_1000 &^ (p.Align - 1)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzArchive(f *testing.F) {
	f.Add([]byte(archiveMagic))
	f.Add([]byte(archiveMagic +
		"/               0           0     0     0       14        `\n\x00\x00\x00\x01\x00\x00\x00\xa0name\x00\x00" +
		"//                                              12        `\nlong_name.o/\n" +
		"/0              0           0     0     644     3         `\nabc\n" +
		"short.o/        0           0     0     644     2         `\nde"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := readArchive(data)
		if err != nil {
			return
		}
		total := 0
		for _, m := range a.members {
			total += len(m.data)
			if !bytes.Contains(data, m.data) {
				t.Errorf("member %q is not in the archive", m.name)
			}
		}
		if total > len(data) {
			t.Errorf("%d bytes of members in %d of archive", total, len(data))
		}
		for name, i := range a.symbols {
			if i < 0 || i >= len(a.members) {
				t.Errorf("symbol %q is in member %d of %d", name, i, len(a.members))
			}
		}
	})
}

func TestArchive(t *testing.T) {
	data, err := libgcc()
	if err != nil {
		t.Fatal(err)
	}
	a, err := readArchive(data)
	if err != nil || len(a.members) < 100 {
		t.Fatalf("%v, or too few members in libgcc", err)
	}
	indexed := &library{a, make(map[int]*unit)}
	searched := &library{&archive{members: a.members}, make(map[int]*unit)}
	for name, member := range map[string]string{
		"__aeabi_uldivmod": "_aeabi_uldivmod.o", "__udivmoddi4": "_udivmoddi4.o", "__aeabi_dadd": "_arm_addsubdf3.o", "nothing": "",
	} {
		for _, l := range []*library{indexed, searched} {
			u, s, err := l.find(name)
			if err != nil || (s == nil) != (member == "") || s != nil && (u.name != member || s.Name != name) {
				t.Errorf("%s: %+v in %+v, %v", name, s, u, err)
			}
		}
	}
	for _, damaged := range []string{"", "!<arch>", archiveMagic + "x", string(data[:100])} {
		if _, err := readArchive([]byte(damaged)); err == nil {
			t.Errorf("an archive of %d bytes was accepted", len(damaged))
		}
	}
}
