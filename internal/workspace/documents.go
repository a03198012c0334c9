package workspace

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/fpbls/fpbls/internal/csource"
)

// A Document is one version of a file that is open in the editor. It is
// immutable.
type Document struct {
	URI     string // as the editor names it
	Path    string // absolute; empty if it is not a file
	Version int32
	Text    *Text

	source func() *csource.File
}

func newDocument(uri, path string, version int32, text *Text) *Document {
	return &Document{
		URI: uri, Path: path, Version: version, Text: text,
		source: sync.OnceValue(func() *csource.File { return csource.Parse(text.Bytes()) }),
	}
}

// Source returns the functions and markers of the document, scanned once.
func (d *Document) Source() *csource.File { return d.source() }

// A Snapshot is every open document at one moment. It is immutable.
type Snapshot struct{ documents map[string]*Document }

// Document returns the open document with the URI, or nil.
func (s *Snapshot) Document(uri string) *Document {
	if s == nil {
		return nil
	}
	return s.documents[uri]
}

// ByPath returns the open document of the file, or nil.
func (s *Snapshot) ByPath(path string) *Document {
	if s == nil {
		return nil
	}
	for _, d := range s.documents {
		if d.Path == path {
			return d
		}
	}
	return nil
}

// Documents holds the open documents. Readers take a [Snapshot] and never wait;
// writers, of which an editor's connection has one, come one after another.
type Documents struct {
	mu      sync.Mutex // serializes writers
	current atomic.Pointer[Snapshot]
}

// Snapshot returns the documents as they are now.
func (d *Documents) Snapshot() *Snapshot { return d.current.Load() }

// Open adds a document, or replaces it.
func (d *Documents) Open(uri, path string, version int32, text string) {
	d.edit(func(m map[string]*Document) {
		m[uri] = newDocument(uri, path, version, NewText([]byte(text)))
	})
}

// A Change replaces a range of the text, or with a nil Range all of it.
type Change struct {
	Range *Range
	Text  string
}

// Change makes the version out of the current one by applying the changes one
// after another, each to what the one before it left.
func (d *Documents) Change(uri string, version int32, e Encoding, changes []Change) error {
	old := d.Snapshot().Document(uri)
	if old == nil {
		return fmt.Errorf("change of %s, which is not open", uri)
	}
	text := old.Text
	for _, c := range changes {
		if c.Range == nil {
			text = NewText([]byte(c.Text))
		} else {
			text = text.Replace(*c.Range, e, c.Text)
		}
	}
	d.edit(func(m map[string]*Document) { m[uri] = newDocument(uri, old.Path, version, text) })
	return nil
}

// Close removes the document.
func (d *Documents) Close(uri string) {
	d.edit(func(m map[string]*Document) { delete(m, uri) })
}

func (d *Documents) edit(f func(map[string]*Document)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := make(map[string]*Document)
	if old := d.current.Load(); old != nil {
		maps.Copy(next, old.documents)
	}
	f(next)
	d.current.Store(&Snapshot{next})
}
