package settings

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestSchemaIsDocumented(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range Schema() {
		if f.Doc == "" {
			t.Errorf("%s has no comment", f.Key)
		}
		if f.Key == "" || strings.HasSuffix(f.Key, ".") || seen[f.Key] {
			t.Errorf("key %q", f.Key)
		}
		seen[f.Key] = true
		if _, err := f.convert(asDecoded(f.Default)); err != nil && f.Default != "" {
			t.Errorf("%s: its default is refused: %v", f.Key, err)
		}
		if !strings.Contains(Reference(), "`"+f.Key+"`") {
			t.Errorf("the reference does not name %s", f.Key)
		}
	}
	if !seen["port"] || !seen["lenses.state"] {
		t.Errorf("keys are %v", seen)
	}
}

func asDecoded(v any) any {
	if n, ok := v.(int); ok {
		return int64(n)
	}
	return v
}

func TestPackageJSON(t *testing.T) {
	raw, err := PackageJSON()
	if err != nil {
		t.Fatal(err)
	}
	var properties map[string]struct {
		Type    []string
		Default any
		Enum    []any
		Scope   string
	}
	if err := json.Unmarshal(raw, &properties); err != nil {
		t.Fatal(err)
	}
	if len(properties) != len(Schema()) {
		t.Errorf("%d properties of %d settings", len(properties), len(Schema()))
	}
	for key, p := range properties {
		if p.Default != nil {
			t.Errorf("%s: default %v would win over fpbls.toml", key, p.Default)
		}
	}
	if p := properties["fpbls.mode"]; fmt.Sprint(p.Enum) != "[auto trampoline direct debugmon <nil>]" {
		t.Errorf("mode: %v", p.Enum)
	}
	if p := properties["fpbls.port"]; p.Scope != "machine-overridable" {
		t.Errorf("port has scope %s", p.Scope)
	}
}

func TestPrecedence(t *testing.T) {
	file, issues := ParseFile("/w/fpbls.toml", []byte("baud = 1\nmode = \"direct\"\nport = \"COM1\"\n\n[lenses]\nstate = false\n"))
	wantIssues(t, issues)
	editor, issues := FromJSON("/w", []byte(`{"mode":"trampoline","port":"COM2","elf":null,"lenses":{"lost":false}}`))
	wantIssues(t, issues)
	command, issues := FromText("/w", map[string]string{"port": "COM3", "baud": ""})
	wantIssues(t, issues)

	got, origins := Merge(file, editor, command)
	want := Defaults()
	want.Baud, want.Mode, want.Port, want.Lenses.State, want.Lenses.Lost = 1, "trampoline", "COM3", false, false
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for key, want := range map[string]string{
		"baud": "/w/fpbls.toml:1", "mode": "editor", "port": "command", "elf": "default",
		"lenses.state": "/w/fpbls.toml:6", "lenses.lost": "editor", "lenses.inject": "default",
	} {
		if got := origins[key].String(); got != want {
			t.Errorf("%s comes from %s, want %s", key, got, want)
		}
	}
	if text, ok := got.Get("lenses.state"); text != "false" || !ok {
		t.Errorf("Get: %q, %v", text, ok)
	}
}

func TestPathsStartFromTheirSource(t *testing.T) {
	file, _ := ParseFile(filepath.FromSlash("/w/fpbls.toml"), []byte("elf = \"build/a.elf\"\ncompileCommands = \"/abs/c.json\"\nport = \"sim:build/b.elf\""))
	s, _ := Merge(file)
	if s.ELF != filepath.FromSlash("/w/build/a.elf") || s.CompileCommands != "/abs/c.json" || s.Port != "sim:"+filepath.FromSlash("/w/build/b.elf") {
		t.Errorf("file: %+v", s)
	}
	for _, port := range []string{"/dev/ttyACM0", "COM3", "tcp://localhost:1", "sim:"} {
		l, _ := FromText("/here", map[string]string{"port": port})
		if s, _ := Merge(l); s.Port != port {
			t.Errorf("port %s became %s", port, s.Port)
		}
	}
}

func TestIssues(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		want         []string
	}{
		{"unknown key", "prot = \"COM1\"", []string{`f.toml:1:1: there is no setting prot: the settings are port, baud, elf, bootloader, compileCommands, mode, injectOnSave, afterReset, lenses, inlayHints`}},
		{"other spelling", "\n\ncompile-commands = \"x\"", []string{`f.toml:3:1: there is no setting compile-commands: did you mean compileCommands?`}},
		{"wrong type", "baud = \"fast\"\nport = 3", []string{`f.toml:1:1: setting baud cannot be "fast": it must be a whole number`, `f.toml:2:1: setting port cannot be 3: it must be text in quotes`}},
		{"out of range", "baud = 0", []string{`f.toml:1:1: setting baud cannot be 0: it must be a number from 1 to 12000000`}},
		{"not one of", "\n mode = \"fast\"", []string{`f.toml:2:2: setting mode cannot be "fast": it must be one of auto, trampoline, direct, debugmon`}},
		{"in a table", "[lenses]\n\nstate = 1\nlots = true", []string{`f.toml:4:1: there is no setting lenses.lots: the settings are port, baud, elf, bootloader, compileCommands, mode, injectOnSave, afterReset, lenses, inlayHints`, `f.toml:3:1: setting lenses.state cannot be 1: it must be true or false`}},
		{"inline table", `lenses = { state = "x" }`, []string{`f.toml:1:12: setting lenses.state cannot be "x": it must be true or false`}},
		{"dotted", "lenses.state = []", []string{`f.toml:1:1: setting lenses.state cannot be a list: it must be true or false`}},
		{"group as value", "lenses = true", []string{`f.toml:1:1: lenses is a group of settings, not a value: write it as a table: lenses.inject, lenses.state, lenses.update, lenses.lost`}},
		{"value as group", "[port]\nx = 1", []string{`f.toml:1:2: setting port cannot be a table: it must be text in quotes`}},
		{"syntax", "baud = 9600\nport = ", []string{`f.toml:2:7: `}},
		{"byte order mark", "\ufeffbaud = 0", []string{`f.toml:1:1: setting baud`}},
		{"fine", "baud = 9600", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			layer, issues := ParseFile("f.toml", []byte(tt.source))
			wantIssues(t, issues, tt.want...)
			for _, key := range layer.Keys() {
				for _, i := range issues {
					if i.Key == key {
						t.Errorf("%s is refused and used", key)
					}
				}
			}
		})
	}
}

func TestEditorSettings(t *testing.T) {
	for _, tt := range []struct {
		source string
		want   func(*Settings)
		issues []string
	}{
		{``, nil, nil},
		{`null`, nil, nil},
		{`{}`, nil, nil},
		{`[]`, nil, nil},
		{`{"fpbls":{"baud":9600}}`, func(s *Settings) { s.Baud = 9600 }, nil},
		{`{"lenses.state":false,"lenses":{"lost":false}}`, func(s *Settings) { s.Lenses.State, s.Lenses.Lost = false, false }, nil},
		{`{"port":""}`, nil, nil},
		{`{"baud":9600.5}`, nil, []string{"editor: setting baud cannot be 9600.5: it must be a whole number"}},
		{`{"baud":1e300}`, nil, []string{"editor: setting baud cannot be 1e+300: it must be a whole number"}},
		{`[1]`, nil, []string{"editor: the editor's settings are not an object"}},
		{`{`, nil, []string{"editor: the editor's settings are not JSON"}},
	} {
		layer, issues := FromJSON("/w", []byte(tt.source))
		wantIssues(t, issues, tt.issues...)
		want := Defaults()
		if tt.want != nil {
			tt.want(&want)
		}
		if got, _ := Merge(layer); got != want {
			t.Errorf("%s: %+v", tt.source, got)
		}
	}
}

func TestCommandSettings(t *testing.T) {
	layer, issues := FromText("/w", map[string]string{"baud": "9600", "inlayHints": "false", "mode": "x", "nope": "1", "lenses.lost": "maybe"})
	wantIssues(t, issues,
		`command: setting lenses.lost cannot be "maybe"`,
		`command: setting mode cannot be "x"`,
		`command: there is no setting nope`)
	s, _ := Merge(layer)
	if s.Baud != 9600 || s.InlayHints {
		t.Errorf("%+v", s)
	}
}

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	if l, issues := LoadFile(path); len(issues) != 0 || len(l.Keys()) != 0 {
		t.Errorf("missing file: %v %v", l, issues)
	}
	if err := os.WriteFile(path, []byte("port = \"sim:\""), 0o644); err != nil {
		t.Fatal(err)
	}
	l, issues := LoadFile(path)
	wantIssues(t, issues)
	if s, _ := Merge(l); s.Port != "sim:" {
		t.Errorf("port %q", s.Port)
	}
	_, issues = LoadFile(dir)
	wantIssues(t, issues, dir+":1:1: cannot read the configuration")
	if err := os.WriteFile(path, make([]byte, maxFile+1), 0o644); err != nil {
		t.Fatal(err)
	}
	_, issues = LoadFile(path)
	wantIssues(t, issues, path+":1:1: the configuration is longer")
}

// wantIssues compares the beginnings of the issues' texts.
func wantIssues(t *testing.T, issues []Issue, want ...string) {
	t.Helper()
	var got []string
	for _, i := range issues {
		got = append(got, i.Error())
	}
	ok := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		ok = ok && strings.HasPrefix(got[i], want[i])
	}
	if !ok {
		t.Errorf("issues:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add("port = \"sim:\"\n[lenses]\nstate = true")
	f.Add("lenses = { state = 1, 'lost' = { x = [1, {y = 2}] } }\n[[a.\"b\"]]\nc.d = 1979-05-27")
	f.Fuzz(func(t *testing.T, source string) {
		layer, issues := ParseFile("f.toml", []byte(source))
		lines := 1 + strings.Count(source, "\n")
		for _, i := range issues {
			if i.Line < 1 || i.Line > lines || i.Column < 1 {
				t.Errorf("issue at %d:%d of %d lines: %v", i.Line, i.Column, lines, i)
			}
		}
		Merge(layer)
	})
}

func FuzzFromJSON(f *testing.F) {
	f.Add(`{"fpbls":{"baud":9600,"lenses":{"state":null}}}`)
	f.Add(`{"lenses.state":true,"lenses":[]}`)
	f.Fuzz(func(t *testing.T, source string) {
		layer, _ := FromJSON("/w", []byte(source))
		s, _ := Merge(layer)
		for _, field := range Schema() {
			if got := reflect.ValueOf(s).FieldByIndex(field.index).Interface(); field.Kind != Switch {
				if _, err := field.convert(asDecoded(got)); err != nil && got != "" {
					t.Errorf("%s became %v: %v", field.Key, got, err)
				}
			}
		}
	})
}
