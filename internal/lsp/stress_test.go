package lsp

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"

	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
)

var (
	stressN    = flag.Int("stress.n", 3000, "how many requests TestMixedRequests sends")
	stressSeed = flag.Uint64("stress.seed", 1, "its seed")
)

// Every request gets one answer, computed on the version of the document that it was
// sent behind, whatever is edited and cancelled around it.
func TestMixedRequests(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	random := rand.New(rand.NewPCG(*stressSeed, 0))
	t.Logf("%d requests, seed %d", *stressN, *stressSeed)
	text := read(t, p.Source)
	document := map[string]any{"uri": uri.File(p.Source)}
	type expected struct {
		id, kind  string
		line      int
		cancelled bool
	}
	var sent []expected
	version, lines := 1, 0
	base := strings.Count(text[:strings.Index(text, "status_text")], "\n")
	for len(sent) < *stressN {
		if random.IntN(3) == 0 {
			version++
			lines += 1 + random.IntN(2)
			e.edit(p.Source, version, strings.Repeat("\n", lines)+text)
		}
		x := expected{line: base + lines}
		at := map[string]any{"line": x.line, "character": 12}
		switch random.IntN(6) {
		case 0:
			x.kind, x.id = "hover", e.start("textDocument/hover", map[string]any{"textDocument": document, "position": at})
		case 1:
			x.kind, x.id = "lens", e.start("textDocument/codeLens", map[string]any{"textDocument": document})
		case 2:
			x.kind, x.id = "action", e.start("textDocument/codeAction", map[string]any{
				"textDocument": document, "range": map[string]any{"start": at, "end": at}, "context": map[string]any{"diagnostics": []any{}}})
		case 3:
			x.kind, x.id = "symbol", e.start("workspace/symbol", map[string]any{"query": "status"})
		case 4:
			x.kind, x.id = "status", e.start("workspace/executeCommand", map[string]any{"command": command.Status, "arguments": []any{}})
		case 5:
			if random.IntN(20) > 0 {
				continue // it costs a round trip of the line
			}
			x.kind, x.id = "info", e.start("workspace/executeCommand", map[string]any{"command": command.Info, "arguments": []any{}})
		}
		if random.IntN(4) == 0 {
			x.cancelled = true
			e.notify("$/cancelRequest", map[string]any{"id": json.RawMessage(x.id)})
		}
		sent = append(sent, x)
	}
	for _, x := range sent {
		m := e.finish(x.id)
		if m.Error != nil {
			if !x.cancelled || m.Error.Code != -32800 {
				t.Errorf("%s %s: %v", x.kind, x.id, m.Error)
			}
			continue
		}
		switch x.kind {
		case "hover":
			var h struct {
				Range struct{ Start struct{ Line int } }
			}
			if err := json.Unmarshal(m.Result, &h); err != nil || h.Range.Start.Line != x.line {
				t.Errorf("hover %s at line %d, want %d", x.id, h.Range.Start.Line, x.line)
			}
		case "lens":
			var l []struct {
				Range struct{ Start struct{ Line int } }
			}
			if err := json.Unmarshal(m.Result, &l); err != nil || len(l) == 0 || l[0].Range.Start.Line != x.line {
				t.Errorf("lens %s: %.100s, want line %d", x.id, m.Result, x.line)
			}
		case "action":
			if !strings.Contains(string(m.Result), "Inject `status_text`") {
				t.Errorf("action %s: %.100s", x.id, m.Result)
			}
		}
	}
	if err := e.quit(); err != nil {
		t.Error(err)
	}
}
