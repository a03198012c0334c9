package settings

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the settings in the VS Code extension's package.json")

// TestExtensionSettings keeps the settings page of the VS Code extension what
// [PackageJSON] makes of the schema. The extension's own settings are in another
// section of the page.
func TestExtensionSettings(t *testing.T) {
	path := filepath.Join("..", "..", "editors", "vscode", "package.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Contributes struct {
			Configuration []struct{ Properties json.RawMessage }
		}
		Capabilities struct {
			UntrustedWorkspaces struct{ RestrictedConfigurations []string }
		}
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	properties, err := PackageJSON()
	if err != nil {
		t.Fatal(err)
	}
	// As it stands in the file, eight columns to the right.
	want := bytes.ReplaceAll(properties, []byte("\n"), []byte("\n        "))
	got := []byte(manifest.Contributes.Configuration[0].Properties)
	if !bytes.Equal(got, want) {
		if !*update {
			t.Fatalf("%s differs from the schema: go test ./internal/settings -run ExtensionSettings -update", path)
		}
		if err := os.WriteFile(path, bytes.Replace(data, got, want, 1), 0o666); err != nil {
			t.Fatal(err)
		}
	}

	// A workspace that is not trusted must not choose what runs or is written to.
	for _, key := range []string{"path", "port", "elf", "compileCommands", "injectOnSave", "afterReset"} {
		if !slices.Contains(manifest.Capabilities.UntrustedWorkspaces.RestrictedConfigurations, "fpbls."+key) {
			t.Errorf("fpbls.%s is not restricted in untrusted workspaces", key)
		}
	}
}
