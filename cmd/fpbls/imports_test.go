package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/fpbls/fpbls/"

// TestImportsGoDownwards keeps the invariants of the README's architecture map.
func TestImportsGoDownwards(t *testing.T) {
	deps := dependencies(t)
	forbid := func(pkg, reason string, matches func(dep string) bool) {
		t.Helper()
		for _, dep := range deps[module+pkg] {
			if matches(dep) {
				t.Errorf("%s depends on %s: %s", pkg, dep, reason)
			}
		}
	}
	own := func(names ...string) func(string) bool {
		return func(dep string) bool { return slices.Contains(names, strings.TrimPrefix(dep, module+"internal/")) }
	}
	const core = "internal/"
	for _, pkg := range []string{
		"board", "patch", "csource", "toolchain", "objdiff", "linker", "listing", "fpb", "object", "firmware", "dwarf", "thumb",
		"problem", "port", "sim", "sim/cortexm", "settings", "workspace",
	} {
		if _, ok := deps[module+core+pkg]; !ok {
			t.Errorf("there is no package %s", pkg)
		}
		forbid(core+pkg, "only lsp, rpc and command know the protocol", func(dep string) bool {
			return strings.HasPrefix(dep, "go.lsp.dev/")
		})
		forbid(core+pkg, "imports go downwards", own("lsp", "rpc", "command"))
	}
	for _, pkg := range []string{
		"patch", "csource", "toolchain", "objdiff", "linker", "listing", "fpb", "object", "firmware", "dwarf", "thumb", "problem",
	} {
		forbid(core+pkg, "imports go downwards", own("board", "workspace", "settings", "port", "sim", "sim/cortexm"))
		forbid(core+pkg, "the core does not log", func(dep string) bool { return dep == "log" || dep == "log/slog" })
	}
	forbid(core+"board", "it is given what opens the port", own("port", "sim", "sim/cortexm", "workspace", "settings"))
	for _, pkg := range []string{"object", "firmware", "dwarf", "thumb"} {
		forbid(core+pkg, "images and objects know nothing of patches", own("patch", "linker", "fpb", "toolchain", "csource"))
	}
	for _, pkg := range []string{"thumb", "object", "objdiff", "linker", "listing", "csource"} {
		forbid(core+pkg, "it is pure", func(dep string) bool { return dep == "os/exec" || dep == "net" })
	}
}

// dependencies lists what each package of the module depends on, itself
// excluded.
func dependencies(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.ImportPath}} {{join .Deps \" \"}}", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		deps[fields[0]] = fields[1:]
	}
	return deps
}
