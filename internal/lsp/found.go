package lsp

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.lsp.dev/protocol"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/csource"
	"github.com/fpbls/fpbls/internal/patch"
)

// findings collects the patches that were on the board when it was connected. It
// looks at every status: the next one may show what was injected since.
type findings struct {
	mu        sync.Mutex
	connected bool
	fresh     []patch.Record // not looked at yet
}

func (n *findings) note(st board.Status) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if st.Connected && !n.connected && st.Match == board.Matches {
		n.fresh = slices.DeleteFunc(slices.Clone(st.Patches), func(r patch.Record) bool { return r.State == patch.Held })
	}
	n.connected = st.Connected
}

func (n *findings) take() []patch.Record {
	n.mu.Lock()
	defer n.mu.Unlock()
	fresh := n.fresh
	n.fresh = nil
	return fresh
}

// verify tells what was found on the board: whether it is what the files say now.
// It links the functions again, those of a group together.
func (f *folder) verify(ctx context.Context, found []patch.Record) {
	groups := make(map[string][]patch.Record)
	for _, r := range found {
		if !f.knows(r.Original) {
			key := r.Group
			if key == "" {
				key = r.Original.String()
			}
			groups[key] = append(groups[key], r)
		}
	}
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		lines = append(lines, f.verifyGroup(ctx, groups[key]))
	}
	if len(lines) > 0 && ctx.Err() == nil {
		f.server.message(protocol.MessageTypeInfo, "Found on the board: %s", strings.Join(lines, "; "))
		f.server.refresh.poke()
	}
}

// knows reports whether the text that lives at the address is known.
func (f *folder) knows(original patch.Address) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, was := range f.injected {
		if was.original == original && was.text != [sha256.Size]byte{} {
			return true
		}
	}
	return false
}

// verifyGroup looks at patches that were injected together, and says what they are.
func (f *folder) verifyGroup(ctx context.Context, group []patch.Record) string {
	var names, keys []string
	path := ""
	images, err := f.project.Images(ctx)
	for _, r := range group {
		names = append(names, r.Name())
		if err != nil {
			continue
		}
		if image, symbol := images.At(uint32(r.Original)); symbol != nil {
			keys = append(keys, symbol.Display)
			path = f.sourceOf(image, symbol)
		}
	}
	what := strings.Join(names, ", ")
	if path == "" || len(keys) != len(group) {
		return what + ", from an unknown file"
	}
	builder, err := f.project.Builder(ctx, path)
	if err != nil {
		return fmt.Sprintf("%s, not compared with %s: %v", what, filepath.Base(path), err)
	}
	builder.Anyway, builder.Text = true, textOf(f.server.documents.Snapshot())
	unit := patch.Unit{Path: path}
	if d := f.server.documents.Snapshot().ByPath(path); d != nil {
		unit.Text = d.Text.Bytes()
	}
	same, err := f.project.Board().Verify(ctx, board.Request{Builder: builder, Unit: unit, Functions: keys})
	if err != nil {
		return fmt.Sprintf("%s, not compared with %s: %v", what, filepath.Base(path), err)
	}
	text := unit.Text
	if text == nil {
		text, _ = os.ReadFile(path)
	}
	for i, name := range keys {
		was := injected{original: group[i].Original} // of other text: edited since injected
		for _, s := range csource.Parse(text).Functions {
			if same && s.Name == name {
				was.text = sha256.Sum256(text[s.Start:s.End])
			}
		}
		f.mu.Lock()
		f.injected[functionKey{path, name}] = was
		f.mu.Unlock()
	}
	if same {
		return fmt.Sprintf("%s, as in %s", what, filepath.Base(path))
	}
	return fmt.Sprintf("%s, other than in %s", what, filepath.Base(path))
}
