package lsp

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
)

func (e *testEditor) outputs() []command.OutputParams {
	e.t.Helper()
	var all []command.OutputParams
	for _, m := range e.eventsSince(0, command.NotifyOutput) {
		var p command.OutputParams
		if err := json.Unmarshal(m.Params, &p); err != nil {
			e.t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// printed is all output that has come.
func (e *testEditor) printed() string {
	var b strings.Builder
	for _, p := range e.outputs() {
		b.WriteString(p.Text)
	}
	return b.String()
}

func TestOutputStream(t *testing.T) {
	t.Parallel()
	p := demoProject(t)
	e := open(t, p)
	if err := e.execute(command.Connect, nil, nil); err != nil {
		t.Fatal(err)
	}
	if len(e.outputs()) > 0 {
		t.Error("output that nobody asked for")
	}
	if err := e.execute(command.Output, command.OutputArgs{On: true, Window: 2, History: true}, nil); err != nil {
		t.Fatal(err)
	}
	e.await("two messages come", func() bool { return len(e.outputs()) == 2 })
	e.onBoard() // some time passes, in which the firmware prints
	if n := len(e.outputs()); n != 2 {
		t.Errorf("%d messages though none was confirmed", n)
	}
	e.notify(command.NotifyOutputAck, command.OutputAckParams{Folder: string(uri.File(p.Dir)), Seq: 99})
	e.notify(command.NotifyOutputAck, command.OutputAckParams{Folder: string(uri.File(p.Dir)), Seq: 2})
	e.await("the next ones come", func() bool { return len(e.outputs()) == 4 })
	for i, o := range e.outputs() {
		if o.Seq != i+1 || o.Lost != 0 {
			t.Errorf("message %d is %+v", i, o)
		}
	}
	if err := e.execute(command.Output, command.OutputArgs{On: false}, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(e.printed(), "all systems nominal") {
		t.Errorf("printed %q", e.printed())
	}
}

func FuzzWholeCharacters(f *testing.F) {
	f.Add([]byte("aé😀"), 3)
	f.Add([]byte("\xf0\x9f\x98"), 1)
	f.Add([]byte("\xff\xfe"), 1)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		if at < 0 || at > len(data) {
			return
		}
		// Cut anywhere, the text is the same as in one piece.
		first, rest := wholeCharacters(data[:at:at])
		second, rest := wholeCharacters(append(rest, data[at:]...))
		whole, wholeRest := wholeCharacters(data)
		if string(rest) != string(wholeRest) || len(rest) >= utf8.UTFMax {
			t.Errorf("rest %q, want %q", rest, wholeRest)
		}
		if utf8.Valid(data[:len(data)-len(rest)]) && first+second != whole {
			t.Errorf("%q + %q is not %q", first, second, whole)
		}
	})
}
