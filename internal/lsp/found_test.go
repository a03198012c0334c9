package lsp

import (
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/sim"
)

// The next server says what it finds on the board, and whether it is what the files
// say, also when nothing but the board tells.
func TestFoundOnTheBoard(t *testing.T) {
	t.Parallel()
	b, p := newBench(t, sim.Config{}), demoProject(t)
	first := on(t, b, p)
	text := read(t, p.Source)
	edited := first.change(p.Source, 2, text, "systems nominal", "systems changed")
	for _, f := range []string{"status_text", "clamp"} {
		if err := first.execute(command.Inject, inject(p, f), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.quit(); err != nil {
		t.Fatal(err)
	}

	e := connect(t, Options{Version: "test", UserDir: t.TempDir(), OpenPort: b.open})
	e.initialize(p.Dir, capable, nil)
	e.openFile(p.Source)
	if err := e.execute(command.Connect, nil, nil); err != nil {
		t.Fatal(err)
	}
	said := func(words ...string) {
		t.Helper()
		e.await("it is said what was found", func() bool {
			for _, m := range e.eventsSince(0, "window/showMessage") {
				all := strings.Contains(string(m.Params), "Found on the board: ")
				for _, w := range words {
					all = all && strings.Contains(string(m.Params), w)
				}
				if all {
					return true
				}
			}
			return false
		})
	}
	lens := func(title string) {
		t.Helper()
		e.await(title, func() bool {
			return len(e.lenses(p.Source)) > 0 && strings.Contains(strings.Join(e.lenses(p.Source), "\n"), title)
		})
	}
	said("status_text, other than in status.c", "clamp, as in status.c")
	lens("edited since injected: Update")

	// Connecting again looks again at what was another version.
	if err := e.execute(command.Disconnect, nil, nil); err != nil {
		t.Fatal(err)
	}
	e.edit(p.Source, 2, edited)
	e.change(p.Source, 3, edited, "return low;", "return low + 1;")
	if err := e.execute(command.Connect, nil, nil); err != nil {
		t.Fatal(err)
	}
	said("Found on the board: status_text, as in status.c")
	e.await("status_text is live, clamp edited since", func() bool {
		all := strings.Join(e.lenses(p.Source), "\n")
		return strings.Count(all, "● live") == 2 && strings.Count(all, "edited since injected: Update") == 1
	})
}
