package toolchain

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestIncluding(t *testing.T) {
	dir := t.TempDir()
	archive := txtar.Parse([]byte(`
-- src/direct.c --
#include "shared.h"
-- src/through.c --
 #  include <lib/through.h>
-- src/not.c --
// #include "shared.h"
#include "../other/shared.h"
#include <stdio.h>
-- src/conditional.c --
#ifdef NEVER
#include <shared.h>
#endif
-- inc/shared.h --
#include "round.h"
-- inc/round.h --
#include "shared.h"
-- inc/lib/through.h --
#include "../shared.h"
-- other/shared.h --
-- compile_commands.json --
[{"directory": "DIR", "file": "src/direct.c", "arguments": ["arm-none-eabi-gcc", "-iquote", "inc", "-c", "src/direct.c"]},
 {"directory": "DIR", "file": "src/through.c", "arguments": ["arm-none-eabi-gcc", "-Iinc", "-c", "src/through.c"]},
 {"directory": "DIR", "file": "src/not.c", "arguments": ["arm-none-eabi-gcc", "-Iinc", "-c", "src/not.c"]},
 {"directory": "DIR", "file": "src/conditional.c", "arguments": ["arm-none-eabi-gcc", "-isystem", "inc", "-c", "src/conditional.c"]}]
`))
	for _, f := range archive.Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(f.Data), "DIR", filepath.ToSlash(dir))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	db, err := LoadDatabase(filepath.Join(dir, "compile_commands.json"))
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string][]string{
		"inc/shared.h":      {"conditional.c", "direct.c", "through.c"},
		"inc/lib/through.h": {"through.c"},
		"other/shared.h":    {"not.c"},
		"inc/nosuch.h":      nil,
	} {
		var got []string
		for _, file := range db.Including(filepath.Join(dir, filepath.FromSlash(header))) {
			got = append(got, filepath.Base(file))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is included by %q, want %q", header, got, want)
		}
	}
}
