package linker

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
)

var update = flag.Bool("update", false, "rewrite what testdata/spec expects")

// The specification of bindings and refusals is testdata/spec: archives with
// the files of a firmware, one edited file, and what the linker makes of it.
//
// The comment says "roots: f g", and may say "flags:" for both compilations,
// "flags.firmware:" or "flags.edited:" for one, "compiler: clang", and "live:"
// with the symbols of an earlier patch as name, unit or -, kind, size.
func TestSpecification(t *testing.T) {
	files, err := filepath.Glob("testdata/spec/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no specification")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := runSpec(t, archive)
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
			if i < 0 {
				archive.Files = append(archive.Files, txtar.File{Name: "want"})
				i = len(archive.Files) - 1
			}
			if want := string(archive.Files[i].Data); got != want && !*update {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
			if *update {
				archive.Files[i].Data = []byte(got)
				writeFile(t, string(txtar.Format(archive)), file)
			}
		})
	}
}

// spec is an archive, compiled.
type spec struct {
	settings map[string]string
	image    *firmware.Image
	input    Input
}

func runSpec(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	s := compileSpec(t, archive)
	p, err := Prepare(s.input)
	if err != nil {
		text, hint := fmt.Sprintf("%s: %v", problem.CodeOf(err), err), ""
		return text + hint + "\n"
	}
	return s.describe(t, p)
}

func compileSpec(t *testing.T, archive *txtar.Archive) spec {
	t.Helper()
	s := spec{settings: make(map[string]string)}
	for line := range strings.Lines(string(archive.Comment)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.Contains(key, " ") {
			s.settings[key] = value
		}
	}
	c := compiler{"gcc", gcc, nil}
	if s.settings["compiler"] == "clang" {
		c = compiler{"clang", clang, nil}
	}
	flags := append([]string{"-Os", "-ffunction-sections", "-fdata-sections"}, strings.Fields(s.settings["flags"])...)
	dirs := map[string]string{"firmware": t.TempDir(), "edited": t.TempDir()}
	var objects, edited, units []string
	for _, f := range archive.Files {
		dir, name, ok := strings.Cut(f.Name, "/")
		if !ok {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dirs[dir], name)), 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, string(f.Data), dirs[dir], name)
		if filepath.Ext(name) == ".h" {
			continue
		}
		out := c.compile(t, dirs[dir], name, append(slices.Clone(flags), strings.Fields(s.settings["flags."+dir])...)...)
		if dir == "edited" {
			edited = append(edited, out)
			units = append(units, "/project/src/"+name)
		} else {
			objects = append(objects, out)
		}
	}
	s.image = openImage(t, link(t, filepath.Join("testdata", "app", "image.ld"), objects...))
	for i, path := range edited {
		// A root is of the file that defines it; "~f" is one without a comparator.
		o, roots := parseObject(t, path), []Root(nil)
		for _, name := range strings.Fields(s.settings["roots"]) {
			name, inner := strings.CutPrefix(name, "~")
			defined := slices.ContainsFunc(o.Symbols, func(s *object.Symbol) bool { return s.Section != nil && s.Name == name })
			if len(edited) == 1 || defined {
				roots = append(roots, Root{Name: name, Inner: inner})
			}
		}
		in := input(t, o, s.image, units[i])
		in.Units[0].Roots = roots
		in.Units = append(s.input.Units, in.Units...)
		s.input = in
	}
	for i, live := range strings.Split(s.settings["live"], ",") {
		f := strings.Fields(live)
		if len(f) != 4 {
			continue
		}
		size, err := strconv.ParseUint(f[3], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		s.input.Live = append(s.input.Live, LiveSymbol{
			Name: f[0], Unit: strings.TrimPrefix(f[1], "-"), Kind: Kind(f[2]), Size: uint32(size),
			Addr: 0x2000_2000 + 64*uint32(i), Block: "block",
		})
	}
	return s
}

// describe lists what is carried and what it refers to.
func (s spec) describe(t *testing.T, p *Patch) string {
	t.Helper()
	var out strings.Builder
	replaced := make(map[*piece]bool)
	for _, r := range p.roots {
		replaced[r.piece] = true
	}
	escapes := make(map[*piece]string)
	for _, d := range p.defines {
		if d.AddressEscapes {
			escapes[d.piece] = ", may be kept by the firmware"
		}
	}
	for _, q := range p.order {
		what := [...]string{code: "carries function", constant: "carries constant", variable: "carries variable", zeroed: "carries zeroed variable"}[q.class]
		if replaced[q] {
			what = "replaces"
		}
		fmt.Fprintf(&out, "%s %s%s\n", what, q, escapes[q])
		var lines []string
		for _, r := range q.refs {
			if line := "\t" + r.to.name + ": " + s.where(r) + "\n"; !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
		out.WriteString(strings.Join(lines, ""))
	}
	for _, id := range p.Needs {
		fmt.Fprintf(&out, "needs %s\n", id)
	}
	for _, note := range p.Notes {
		fmt.Fprintf(&out, "note: %s\n", note)
	}
	return out.String()
}

// where says what the reference is bound to.
func (s spec) where(r reference) string {
	switch {
	case r.to.null:
		return "nothing"
	case r.to.piece != nil:
		return "here"
	}
	addr := r.to.addr + uint32(r.addend)
	if isBranch(r.typ) {
		addr = r.destination()
	}
	for _, live := range s.input.Live {
		if addr >= live.Addr && addr-live.Addr < live.Size {
			return "live " + live.Name
		}
	}
	for _, sym := range s.image.Symbols() {
		if addr >= sym.Addr && addr-sym.Addr < max(sym.Size, 1) {
			where := "image's " + sym.Display
			if sym.File != "" {
				where = "image's " + filepath.Base(sym.File) + ":" + sym.Display
			}
			if addr != sym.Addr {
				where += fmt.Sprintf("+%d", addr-sym.Addr)
			}
			return where
		}
	}
	if text := stringAt(s.image.Bytes, addr); text != "" {
		return fmt.Sprintf("image's %q", strings.TrimRight(text, "\x00"))
	}
	return hex(addr)
}
