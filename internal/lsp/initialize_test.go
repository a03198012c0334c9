package lsp

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
)

// The files in testdata/initialize are what editors send, recorded with "fpbls serve
// --trace" (paths and process replaced): VS Code 1.139.1, Neovim 0.10.4 and 0.12.4, Helix 25.01.1,
// Eglot 1.17.30 of Emacs 30.1. careless.json has the mistakes that editors have made.
func TestEditors(t *testing.T) {
	t.Parallel()
	for name, encoding := range map[string]string{
		"vscode": "utf-16", "neovim-0.10": "utf-16", "neovim-0.12": "utf-8", "helix": "utf-8", "eglot": "utf-8", "careless": "utf-16",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := demoProject(t)
			e := connect(t, Options{Version: "1.2.3"})
			e.on("workspace/configuration", func(message) (any, bool) { return []any{nil}, true })
			params := strings.NewReplacer("$PATH", p.Dir, "$URI", string(uri.File(p.Dir))).Replace(read(t, filepath.Join("testdata", "initialize", name+".json")))
			var result struct {
				ServerInfo   struct{ Name, Version string }
				Capabilities struct {
					PositionEncoding string
					Experimental     struct{ Fpbls struct{ Version int } }
				}
			}
			e.call("initialize", json.RawMessage(params), &result)
			if result.ServerInfo.Name != "fpbls" || result.ServerInfo.Version != "1.2.3" ||
				result.Capabilities.PositionEncoding != encoding || result.Capabilities.Experimental.Fpbls.Version != command.ProtocolVersion {
				t.Errorf("result %+v", result)
			}
			e.notify("initialized", map[string]any{})
			e.openFile(p.Source)

			// The first line is longer in bytes than in characters.
			text := e.change(p.Source, 2, read(t, p.Source), "/* What", "/* 😀é */ /* What")
			var list []struct{ Title string }
			at := e.placeOf(text, "status_text")
			e.call("textDocument/codeAction", map[string]any{
				"textDocument": map[string]any{"uri": uri.File(p.Source)}, "range": map[string]any{"start": at, "end": at},
				"context": map[string]any{"diagnostics": []any{}},
			}, &list)
			if len(list) == 0 || list[0].Title != "Inject `status_text`" {
				t.Errorf("actions %+v", list)
			}
			var result2 command.InjectResult
			if err := e.execute(command.Inject, inject(p, "status_text"), &result2); err != nil || len(result2.Patches) != 1 {
				t.Errorf("%+v %v", result2, err)
			}
			for _, m := range e.eventsSince(0, "window/showMessage", "window/showMessageRequest") {
				if !strings.Contains(string(m.Params), result2.Summary) {
					t.Errorf("it complains: %s", m.Params)
				}
			}
			if err := e.quit(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestProtocolVersions(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	for _, version := range []int{0, command.ProtocolVersion - 1, command.ProtocolVersion, command.ProtocolVersion + 1, 99} {
		e := connect(t, Options{})
		e.initialize(p.Dir, capable, map[string]any{"protocol": version, "status": true})
		e.openFile(p.Source)
		if st := status(e, ""); st.Port != "sim:" {
			t.Errorf("a client of version %d gets %+v", version, st)
		}
		if err := e.quit(); err != nil {
			t.Error(err)
		}
	}
}
