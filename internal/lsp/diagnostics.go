package lsp

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/toolchain"
	"github.com/fpbls/fpbls/internal/workspace"
)

// diagnostics holds what is published, so that each source of it can be replaced
// by itself. The compiler's and the linker's findings stay until the unit builds
// again; meanwhile edits move them along, and remove those that they touch.
//
// Its methods may be called at the same time. Those that the reader calls only mark
// what has to be sent, since a write may wait for the editor to read.
type diagnostics struct {
	server  *server
	changed *latest // sends

	mu        sync.Mutex
	published map[uri.URI]map[origin][]protocol.Diagnostic
	unitFiles map[origin][]uri.URI // where an origin has published
	dirty     map[uri.URI]bool     // to be sent

	sending sync.Mutex // keeps what is sent for a file in order
}

// An origin is who found something: a unit that was built, or the settings.
type origin struct{ kind, of string }

func newDiagnostics(s *server) *diagnostics {
	d := &diagnostics{
		server:    s,
		dirty:     make(map[uri.URI]bool),
		published: make(map[uri.URI]map[origin][]protocol.Diagnostic),
		unitFiles: make(map[origin][]uri.URI),
	}
	d.changed = newLatest(func(context.Context) { d.send() })
	return d
}

// replace marks what the origin has found now, in place of what it had found before.
func (d *diagnostics) replace(o origin, found map[uri.URI][]protocol.Diagnostic) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, u := range d.unitFiles[o] {
		if _, again := found[u]; !again {
			d.setLocked(u, o, nil)
		}
	}
	delete(d.unitFiles, o)
	for u, list := range found {
		d.setLocked(u, o, list)
		d.unitFiles[o] = append(d.unitFiles[o], u)
	}
}

func (d *diagnostics) setLocked(u uri.URI, o origin, list []protocol.Diagnostic) {
	if d.published[u] == nil {
		d.published[u] = make(map[origin][]protocol.Diagnostic)
	}
	if len(list) == 0 {
		if _, ok := d.published[u][o]; !ok {
			return // nothing to take back
		}
		delete(d.published[u], o)
	} else {
		d.published[u][o] = list
	}
	d.markLocked(u)
}

func (d *diagnostics) markLocked(u uri.URI) {
	d.dirty[u] = true
	d.changed.poke()
}

// send publishes what has changed.
func (d *diagnostics) send() {
	d.sending.Lock()
	defer d.sending.Unlock()
	d.mu.Lock()
	messages := make(map[uri.URI][]protocol.Diagnostic)
	for u := range d.dirty {
		messages[u] = d.allLocked(u)
	}
	clear(d.dirty)
	d.mu.Unlock()
	for u, all := range messages {
		_ = d.server.client.PublishDiagnostics(context.WithoutCancel(d.server.ctx), &protocol.PublishDiagnosticsParams{URI: u, Diagnostics: all})
	}
}

// allLocked lists what everybody has found in a file, from its top to its end.
func (d *diagnostics) allLocked(u uri.URI) []protocol.Diagnostic {
	all := []protocol.Diagnostic{} // not nil: an empty list takes back what was sent
	for _, list := range d.published[u] {
		all = append(all, list...)
	}
	slices.SortStableFunc(all, func(a, b protocol.Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Range.Start.Line, b.Range.Start.Line),
			cmp.Compare(a.Range.Start.Character, b.Range.Start.Character),
			cmp.Compare(a.Severity, b.Severity))
	})
	if len(d.published[u]) == 0 {
		delete(d.published, u)
	}
	return all
}

// edited moves what stands in the document along with the changes.
func (d *diagnostics) edited(id string, changes []workspace.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := uri.URI(id)
	touched := false
	for o, list := range d.published[u] {
		if o.kind == originSettings {
			continue // fpbls.toml is read again when it is saved
		}
		kept := make([]protocol.Diagnostic, 0, len(list))
		for _, diagnostic := range list {
			if r, ok := moved(diagnostic.Range, changes); ok {
				touched = touched || r != diagnostic.Range
				diagnostic.Range = r
				kept = append(kept, diagnostic)
			} else {
				touched = true
			}
		}
		if len(kept) == 0 {
			delete(d.published[u], o)
		} else {
			d.published[u][o] = kept
		}
	}
	if touched {
		d.markLocked(u)
	}
}

// moved returns where the range is after the changes; false if one of them touched
// its lines.
func moved(r protocol.Range, changes []workspace.Change) (protocol.Range, bool) {
	for _, c := range changes {
		if c.Range == nil {
			return r, false
		}
		first, last := uint32(c.Range.Start.Line), uint32(c.Range.End.Line)
		lines := uint32(strings.Count(c.Text, "\n"))
		switch {
		case last < r.Start.Line || last == r.Start.Line && c.Range.End.Character == 0 && first < last:
			r.Start.Line += lines - (last - first) // modulo 2³², so it may shrink
			r.End.Line += lines - (last - first)
		case first > r.End.Line:
		default:
			return r, false
		}
	}
	return r, true
}

// closed forgets nothing: what is wrong with a file is wrong with it whether or not
// it is open. But edits that were not saved are gone, and with them the places.
func (d *diagnostics) closed(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for o := range d.published[uri.URI(id)] {
		if o.kind != originSettings {
			d.setLocked(uri.URI(id), o, nil)
		}
	}
}

const (
	originUnit     = "unit"
	originSettings = "settings"
)

// settings publishes what is wrong with fpbls.toml.
func (d *diagnostics) settings(p *workspace.Project) {
	found := make(map[uri.URI][]protocol.Diagnostic)
	for _, i := range p.Issues() {
		at := protocol.Position{Line: uint32(max(i.Line-1, 0)), Character: uint32(max(i.Column-1, 0))}
		end := at
		end.Character += uint32(max(i.Length, 1))
		u := uri.File(i.File)
		found[u] = append(found[u], protocol.Diagnostic{
			Range: protocol.Range{Start: at, End: end}, Severity: protocol.DiagnosticSeverityWarning,
			Code: protocol.String(i.Problem.Code), Source: protocol.NewOptional("fpbls"), Message: protocol.String(i.Problem.Error()),
		})
	}
	d.replace(origin{originSettings, p.Root()}, found)
}

// A build is what making a patch from a source file has brought up.
type build struct {
	folder    *folder
	snapshot  *workspace.Snapshot
	path      string
	functions []string
	messages  []toolchain.Diagnostic // of the compiler
	notes     []patch.Note           // of the core
	err       error
}

// unit publishes what a build has brought up, which may be nothing.
func (d *diagnostics) unit(b build) {
	r := renderer{server: d.server, snapshot: b.snapshot, texts: make(map[string]*workspace.Text)}
	found := make(map[uri.URI][]protocol.Diagnostic)
	for _, m := range b.messages {
		u := r.uri(m.File)
		found[u] = append(found[u], r.compiler(m))
	}
	u := r.uri(b.path)
	if at, ok := errors.AsType[*patch.LayoutError](b.err); ok {
		found[r.uri(at.File)] = append(found[r.uri(at.File)], r.compiler(toolchain.Diagnostic{
			Severity: toolchain.SeverityError, File: at.File, Line: at.Line, Message: at.Error(), Option: string(problem.LayoutChanged),
		}))
	} else if b.err != nil && len(b.messages) == 0 && aboutFunction(b.err) {
		found[u] = append(found[u], r.tool(b.path, b.first(), protocol.DiagnosticSeverityError, string(problem.CodeOf(b.err)), b.err.Error()))
	}
	for _, note := range b.notes {
		at := u
		if note.Unit != "" {
			at = r.uri(note.Unit)
		}
		found[at] = append(found[at], r.note(b, note))
	}
	d.replace(origin{originUnit, b.path}, found)
	d.send() // before the command is answered
}

// first is the function that is named first; empty if none was.
func (b build) first() string {
	if len(b.functions) == 0 {
		return ""
	}
	return b.functions[0]
}

// note shows a note of the core at the function that it is about.
func (r renderer) note(b build, n patch.Note) protocol.Diagnostic {
	severity := protocol.DiagnosticSeverityWarning
	if n.Code == patch.NoteBuild || n.Code == patch.NoteGroup || n.Code == patch.NoteLeftOut {
		severity = protocol.DiagnosticSeverityInformation
	}
	path, name := b.path, b.first()
	if n.Function != "" && n.Unit != "" {
		path, name = n.Unit, patch.SourceName(n.Function)
	}
	out := r.tool(path, name, severity, string(n.Code), n.Text)
	if r.server.editor.related {
		for _, site := range n.Inlined {
			at := protocol.Position{Line: uint32(max(site.Line-1, 0))}
			out.RelatedInformation = append(out.RelatedInformation, protocol.DiagnosticRelatedInformation{
				Location: protocol.Location{URI: r.uri(b.folder.absolute(site.Unit)), Range: protocol.Range{Start: at, End: at}},
				Message:  "inlined into " + site.Caller,
			})
		}
	}
	return out
}

// sourceProblems are the problems of the source, as opposed to those of the board,
// the port, the set-up or the user's wish.
var sourceProblems = []problem.Code{
	problem.NoSuchFunction, problem.NotInImage, problem.AmbiguousName, problem.UndefinedSymbol, problem.BadRelocation,
	problem.CannotLink, problem.PatchTooLarge, problem.UnalignedEntry, problem.BranchIntoEntry, problem.TooShort,
	problem.SharedAddress, problem.OutOfReach, problem.LoaderPath, problem.SignatureChanged, problem.LayoutChanged, problem.CallerRelies, problem.NeverEntered,
}

func aboutFunction(err error) bool { return slices.Contains(sourceProblems, problem.CodeOf(err)) }

// A renderer turns findings into diagnostics, with the texts that they are about.
type renderer struct {
	server   *server
	snapshot *workspace.Snapshot
	texts    map[string]*workspace.Text
}

// uri is the editor's own name of the file, if it is open.
func (r renderer) uri(path string) uri.URI {
	if d := r.snapshot.ByPath(path); d != nil {
		return uri.URI(d.URI)
	}
	return uri.File(path)
}

// text is what the compiler has seen, or nil.
func (r renderer) text(path string) *workspace.Text {
	if t, ok := r.texts[path]; ok {
		return t
	}
	var t *workspace.Text
	if d := r.snapshot.ByPath(path); d != nil {
		t = d.Text
	} else if data, err := os.ReadFile(path); err == nil {
		t = workspace.NewText(data)
	}
	r.texts[path] = t
	return t
}

// place turns the compiler's place into a range.
func (r renderer) place(m toolchain.Diagnostic) protocol.Range {
	line := uint32(max(m.Line-1, 0))
	t := r.text(m.File)
	if t == nil || m.Line < 1 {
		return protocol.Range{Start: protocol.Position{Line: line}, End: protocol.Position{Line: line}}
	}
	start, end := t.Line(m.Line - 1)
	from := min(start+max(m.Col-1, 0), end)
	to := from
	if m.EndLine > 0 {
		endStart, endEnd := t.Line(m.EndLine - 1)
		to = max(from, min(endStart+max(m.EndCol-1, 0), endEnd))
	}
	if to == from { // the name or the character there
		if _, stop := identifier(t.Bytes(), from); stop > from {
			to = min(stop, end)
		} else {
			to = min(from+1, end)
		}
	}
	return r.server.editorRange(t, from, to)
}

func (r renderer) compiler(m toolchain.Diagnostic) protocol.Diagnostic {
	out := protocol.Diagnostic{
		Range: r.place(m), Severity: severity(m.Severity), Source: protocol.NewOptional("fpbls"), Message: protocol.String(m.Message),
		Code: protocol.String(problem.CompileFailed),
	}
	if m.Option != "" {
		out.Code = protocol.String(m.Option)
	}
	for _, note := range m.Related {
		if r.server.editor.related {
			out.RelatedInformation = append(out.RelatedInformation, protocol.DiagnosticRelatedInformation{
				Location: protocol.Location{URI: r.uri(note.File), Range: r.place(note)}, Message: note.Message,
			})
		} else {
			out.Message = protocol.String(string(out.Message.(protocol.String)) + "\nnote: " + note.Message)
		}
	}
	return out
}

// tool shows at the function's name what this program knows.
func (r renderer) tool(path, name string, severity protocol.DiagnosticSeverity, code, text string) protocol.Diagnostic {
	out := protocol.Diagnostic{
		Severity: severity, Source: protocol.NewOptional("fpbls"), Code: protocol.String(code), Message: protocol.String(text),
	}
	if d := r.snapshot.ByPath(path); d != nil {
		if f, ok := functionNamed(d, name); ok {
			out.Range = r.server.editorRange(d.Text, f.NameStart, f.NameEnd)
		}
	}
	return out
}

func severity(s toolchain.Severity) protocol.DiagnosticSeverity {
	switch s {
	case toolchain.SeverityError:
		return protocol.DiagnosticSeverityError
	case toolchain.SeverityWarning:
		return protocol.DiagnosticSeverityWarning
	}
	return protocol.DiagnosticSeverityInformation
}

// compilerMessages are what the compiler said when it rejected the source.
func compilerMessages(err error) []toolchain.Diagnostic {
	var ce *toolchain.CompileError
	if errors.As(err, &ce) {
		return ce.Diagnostics
	}
	return nil
}
