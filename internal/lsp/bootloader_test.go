package lsp

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/settings"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// A folder with a bootloader and the application behind it: what stands above a function,
// is injected and told of it, is about the program that its file belongs to.
func TestBootloader(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]testfirmware.Program{"app": testfirmware.Application(), "boot": testfirmware.Bootloader()} {
		p, err := program.Write(filepath.Join(dir, name))
		if err == nil {
			err = p.Build(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, settings.FileName),
		"port = \"sim:\"\nelf = \"app/build/firmware.elf\"\nbootloader = \"boot/build/firmware.elf\"\n")
	e := connect(t, Options{Version: "test", UserDir: dir + ".user"})
	e.initialize(dir, capable, nil)
	boot, app := filepath.Join(dir, "boot", "boot", "boot.c"), filepath.Join(dir, "app", "app", "status.c")
	e.openFile(boot)
	e.openFile(app)
	for _, file := range []string{boot, app} {
		if got := e.lenses(file); !slices.ContainsFunc(got, func(l string) bool { return strings.HasSuffix(l, ": Inject") }) {
			t.Errorf("lenses of %s: %q", file, got)
		}
		var result command.InjectResult
		if err := e.execute(command.Inject, command.InjectArgs{URI: string(uri.File(file)), Function: "clamp"}, &result); err != nil {
			t.Fatal(err)
		}
		if at := uint32(result.Patches[0].Original); (at < 0x0800_4000) != (file == boot) {
			t.Errorf("clamp of %s was found at %#x", file, at)
		}
		if got := e.lenses(file); !slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, "live, slot ") }) {
			t.Errorf("lenses of %s: %q", file, got)
		}
	}
	var symbols []struct{ ContainerName string } // address and size
	e.call("workspace/symbol", map[string]any{"query": "clamp"}, &symbols)
	if len(symbols) != 2 || symbols[0].ContainerName == symbols[1].ContainerName {
		t.Errorf("functions of that name: %+v", symbols)
	}
}
