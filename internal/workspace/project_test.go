package workspace

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/port"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/settings"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tree writes files below a new directory; their ages fall with their place in the
// list, the first is the oldest.
func tree(t *testing.T, files ...[2]string) string {
	t.Helper()
	root := t.TempDir()
	for i, f := range files {
		path := filepath.Join(root, filepath.FromSlash(f[0]))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f[1]), 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-len(files)) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func project(t *testing.T, root string, o Options) *Project {
	t.Helper()
	p := Open(root, o)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// withoutSymbols is the image with its symbol table made something else.
func withoutSymbols(t *testing.T, image []byte) string {
	t.Helper()
	image = bytes.Clone(image)
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	sections := binary.LittleEndian.Uint32(image[32:]) // e_shoff
	for i, s := range f.Sections {
		if s.Type == elf.SHT_SYMTAB {
			binary.LittleEndian.PutUint32(image[int(sections)+40*i+4:], uint32(elf.SHT_PROGBITS))
		}
	}
	return string(image)
}

// x86 is the begin of an ELF file for another machine.
var x86 = "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00\x3e\x00\x01\x00\x00\x00" + strings.Repeat("\x00", 40)

func TestDiscovery(t *testing.T) {
	demo := string(testfirmware.DemoELF)
	for _, tt := range []struct {
		name     string
		files    [][2]string
		elf, why string
		database string
	}{
		{"nothing", nil, "", "", ""},
		{"in the root", [][2]string{{"a.elf", demo}, {"compile_commands.json", "[]"}}, "a.elf", "the only", "compile_commands.json"},
		{
			"the newest in build directories",
			[][2]string{{"build/old.elf", demo}, {"build-arm/zephyr/zephyr.elf", demo}, {"cmake-build-debug/x.axf", demo}, {"out/nuttx", demo}, {"src/not-searched.elf", demo}},
			"out/nuttx", "the newest of 4", "",
		},
		{
			"not what is no firmware",
			[][2]string{{"build/good.elf", demo}, {"build/x86.elf", x86}, {"build/stripped.elf", withoutSymbols(t, testfirmware.DemoELF)}, {"build/script.out", "#!/bin/sh"}, {"build/CMakeFiles/try.elf", demo}, {"build/a/b/c/d/deep.elf", demo}},
			"build/good.elf", "the only", "",
		},
		{
			"the database beside the ELF",
			[][2]string{{"build/a.elf", demo}, {"compile_commands.json", "[]"}, {"build/compile_commands.json", "[]"}, {"out/compile_commands.json", "[]"}},
			"build/a.elf", "the only", "build/compile_commands.json",
		},
		{"a database without an ELF", [][2]string{{"build-x/compile_commands.json", "[]"}, {"out/compile_commands.json", "[]"}}, "", "", "out/compile_commands.json"},
		{
			"what is named",
			[][2]string{{"build/a.elf", demo}, {"other/b.elf", demo}, {"other/db/compile_commands.json", "[]"}, {"fpbls.toml", "elf = \"other/b.elf\"\ncompileCommands = \"other/db\""}},
			"other/b.elf", "named by", "other/db/compile_commands.json",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := tree(t, tt.files...)
			p := project(t, root, Options{})
			found := p.Found(t.Context())
			of := func(what string) Choice {
				i := slices.IndexFunc(found, func(c Choice) bool { return c.What == what })
				if i < 0 {
					return Choice{}
				}
				c := found[i]
				rel, err := filepath.Rel(root, c.Path)
				if err != nil {
					t.Fatal(err)
				}
				c.Path = filepath.ToSlash(rel)
				return c
			}
			if c := of("elf"); c.Path != tt.elf || !strings.HasPrefix(c.Why, tt.why) {
				t.Errorf("ELF %+v, want %s because it is %s", c, tt.elf, tt.why)
			}
			if c := of("compileCommands"); c.Path != tt.database {
				t.Errorf("database %+v, want %s", c, tt.database)
			}
			_, err := p.Image(t.Context())
			if (err == nil) != (tt.elf != "") || err != nil && !problem.Has(err, problem.NoELF) {
				t.Errorf("image: %v", err)
			}
			if p.Loaded() == nil != (tt.elf == "") {
				t.Error("Loaded does not agree with Image")
			}
		})
	}
}

func TestImageFollowsTheFile(t *testing.T) {
	root := tree(t, [2]string{"a.elf", string(testfirmware.DemoELF)}, [2]string{"compile_commands.json", "[]"})
	path := filepath.Join(root, "a.elf")
	p := project(t, root, Options{})
	first, err := p.Builder(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	p.Reload()
	if again, err := p.Builder(t.Context(), path); err != nil || again.Image != first.Image || again.Database != first.Database {
		t.Errorf("what did not change was loaded again: %v", err)
	}
	if err := os.WriteFile(path, testfirmware.DemoELF[:100], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Builder(t.Context(), path); err == nil {
		t.Error("a truncated ELF was taken")
	}
	if err := os.WriteFile(path, testfirmware.DemoELF, 0o644); err != nil {
		t.Fatal(err)
	}
	if b, err := p.Builder(t.Context(), path); err != nil || b.Image == nil {
		t.Errorf("after a failure: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Builder(t.Context(), path); !problem.Has(err, problem.NoELF) {
		t.Errorf("without the file: %v", err)
	}
}

func TestWaitingCanBeCancelled(t *testing.T) {
	release := make(chan struct{})
	c := newCached(func() (Choice, error) { <-release; return Choice{Path: "x"}, nil }, func(string) (int, error) { return 1, nil }, func() {})
	c.start()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.get(ctx); err != context.Canceled {
		t.Error(err)
	}
	close(release)
	if v, err := c.get(t.Context()); v != 1 || err != nil {
		t.Error(v, err)
	}
	c.close()
}

func TestBoardFollowsTheSettings(t *testing.T) {
	root := tree(t)
	opened := make(chan string, 10)
	layer, _ := settings.FromText(root, map[string]string{"port": "one", "baud": "9600"})
	changes := make(chan struct{}, 100)
	p := project(t, root, Options{
		Layers:  []settings.Layer{layer},
		Changed: func() { changes <- struct{}{} },
		OpenPort: func(_ context.Context, url string, o port.Options) (fpb.Conn, error) {
			opened <- url
			if url == "one" && o.Baud != 9600 || strings.HasPrefix(url, "sim:") && o.Baud != 0 {
				t.Errorf("%s at %d", url, o.Baud)
			}
			return nil, problem.New(problem.PortMissing, "", "no %s", url)
		},
	})
	b := p.Board()
	if b != p.Board() {
		t.Error("two boards for one port")
	}
	if err := b.Connect(t.Context()); !problem.Has(err, problem.PortMissing) || <-opened != "one" {
		t.Error(err)
	}
	for len(changes) > 0 {
		<-changes
	}
	other, _ := settings.FromText(root, map[string]string{"port": "sim:"})
	p.SetLayer(other)
	<-changes
	if p.Board() == b {
		t.Fatal("the board is still that of the port before")
	}
	p.Board().Connect(t.Context())
	if url := <-opened; url != "sim:" {
		t.Errorf("opened %s", url)
	}
	none, _ := settings.FromText(root, nil)
	p.SetLayer(none)
	if err := p.Board().Connect(t.Context()); !problem.Has(err, problem.PortMissing) || !strings.Contains(err.Error(), "no port is set") {
		t.Error(err)
	}
}

func TestFindRoot(t *testing.T) {
	root := tree(t, [2]string{"fpbls.toml", ""}, [2]string{"a/b/x.c", ""})
	if got := FindRoot(filepath.Join(root, "a", "b")); got != root {
		t.Errorf("from below: %s", got)
	}
	lone := t.TempDir()
	if got := FindRoot(lone); got != lone {
		t.Errorf("without a file: %s", got)
	}
}

func TestWatch(t *testing.T) {
	root := tree(t, [2]string{"fpbls.toml", ""})
	changed := make(chan struct{}, 1000)
	p := project(t, root, Options{Changed: func() { changed <- struct{}{} }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.Watch(ctx) }()
	until := func(what string, holds func() bool) {
		t.Helper()
		deadline := time.After(time.Minute)
		for !holds() {
			select {
			case <-changed:
			case <-time.After(50 * time.Millisecond):
			case <-deadline:
				t.Fatalf("waited in vain until %s", what)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(root, "fpbls.toml"), []byte("port = \"sim:\""), 0o644); err != nil {
		t.Fatal(err)
	}
	until("the settings are read", func() bool { return p.Settings().Port == "sim:" })
	// A build makes its directory, and the ELF in several steps.
	if err := os.Mkdir(filepath.Join(root, "build"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{10, 1000, len(testfirmware.DemoELF)} {
		if err := os.WriteFile(filepath.Join(root, "build", "a.elf"), testfirmware.DemoELF[:n], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	until("the firmware is loaded", func() bool { return p.Loaded() != nil })
	cancel()
	<-done
}
