package lsp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
)

func TestWrongInput(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	outside := filepath.Join(t.TempDir(), "x.c")
	source := string(uri.File(p.Source))
	for _, tt := range []struct {
		command string
		args    any
		code    int
		says    string
	}{
		{"fpbls.nope", nil, -32602, `there is no command "fpbls.nope"`},
		{command.Inject, nil, -32602, "uri is missing"},
		{command.Inject, 7, -32602, "a number instead of an object"},
		{command.Inject, map[string]any{"uri": 7}, -32602, "uri cannot be a number"},
		{command.Inject, map[string]any{"uri": source}, -32602, "no function was named"},
		{command.Inject, map[string]any{"uri": source, "function": "status_text", "mode": "best"}, -32602, "there is no mode"},
		{command.Inject, map[string]any{"uri": source, "function": "status_text", "version": 99}, -32801, "was edited meanwhile"},
		{command.Inject, map[string]any{"uri": source, "function": "status_txt"}, -32803, "did you mean status_text"},
		{command.Inject, map[string]any{"uri": "untitled:Untitled-1", "function": "f"}, -32602, "is not a file"},
		{command.Inject, map[string]any{"uri": uri.File(outside), "function": "f"}, -32602, "lies outside of the open folders"},
		{command.Inject, map[string]any{"uri": uri.File(p.Source + "x.c"), "function": "status_text"}, -32803, "x.c"},
		{command.Revert, map[string]any{}, -32602, "0 of function, slot and all were given"},
		{command.Revert, map[string]any{"slot": 1, "all": true}, -32602, "2 of function, slot and all were given"},
		{command.Revert, map[string]any{"function": "status_text"}, -32803, "status_text is not injected"},
		{command.Disassemble, map[string]any{"uri": source, "function": "nothing_like_it"}, -32803, "has no function nothing_like_it"},
		{command.Output, map[string]any{"on": true, "window": -1}, -32602, "window cannot be -1"},
	} {
		err := e.execute(tt.command, tt.args, nil)
		we, _ := err.(*wireError)
		if we == nil || we.Code != tt.code || !strings.Contains(we.Message, tt.says) {
			t.Errorf("%s %v: %v, want %d %s", tt.command, tt.args, err, tt.code, tt.says)
		}
	}
	if got := e.onBoard(); got != "" {
		t.Errorf("the board was changed: %s", got)
	}
}

func TestStrangeDocuments(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	text := read(t, p.Source)
	for name, text := range map[string]string{
		"byte order mark":  "\ufeff" + text,
		"CRLF":             strings.ReplaceAll(text, "\n", "\r\n"),
		"tabs":             strings.ReplaceAll(text, "    ", "\t"),
		"beyond the BMP":   "/* 😀 */ " + text,
		"large":            text + strings.Repeat("/* nothing to see here, move along, please */\n", 100_000),
		"many functions":   text + strings.Repeat("\nint f(int a) { return a; }\n", 2_000),
		"half a function":  text + "\nint g(int a) { if (a",
		"not C at all":     "\x00\x01\x02 }}}}))) \"" + text,
		"an unknown macro": "FOO(bar)\n" + text,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(p.Dir, "app", "status.c")
			e.edit(path, 1, text)
			e.lenses(path)
			actions := e.actions(path, text, "status_text")
			if name != "not C at all" && (len(actions) == 0 || actions[0].Title != "Inject `status_text`") {
				t.Errorf("actions %+v", actions)
			}
		})
	}
	// What the compiler sees is the document, however strange.
	strange := "\ufeff/* 😀 */ " + strings.ReplaceAll(text, "\n", "\r\n")
	e.edit(p.Source, 9, strange)
	if err := e.execute(command.Inject, inject(p, "status_text"), nil); err != nil {
		t.Error(err)
	}
	e.edit(p.Source, 10, strings.Replace(strange, "return \"all", "😀; return \"all", 1))
	if err := e.execute(command.Inject, inject(p, "status_text"), nil); err == nil {
		t.Error("it compiled")
	}
	if list := e.published(p.Source); len(list) == 0 || list[0].Range.Start.Line != 5 {
		t.Errorf("diagnostics %+v", list)
	}

	// A file that is gone, but still open.
	e.edit(p.Source, 11, text)
	if err := os.Remove(p.Source); err != nil {
		t.Fatal(err)
	}
	if len(e.lenses(p.Source)) == 0 {
		t.Error("no lenses in an open document without a file")
	}
	e.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": uri.File(p.Source)}})
	if len(e.lenses(p.Source)) != 0 {
		t.Error("lenses in a document that is not open")
	}
}
