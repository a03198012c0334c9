package lsp

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/csource"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/toolchain"
	"github.com/fpbls/fpbls/internal/workspace"
)

// Wrap edits the document: the function's body becomes a call of the firmware's.
func (e executor) Wrap(ctx context.Context, a command.WrapArgs) (command.WrapResult, error) {
	if _, _, err := e.source(ctx, a.URI, a.Version); err != nil {
		return command.WrapResult{}, err
	}
	d := snapshot(ctx).Document(a.URI)
	if d == nil {
		return command.WrapResult{}, problem.New(problem.Usage, "open it first", "%s is not open", a.URI)
	}
	for _, f := range d.Source().Functions {
		if f.Name != a.Function {
			continue
		}
		body, err := callThrough(d, f)
		if err != nil {
			return command.WrapResult{}, err
		}
		result := command.WrapResult{Body: body}
		if !e.server.editor.edits {
			return result, nil
		}
		edits := append(e.server.includeHeader(d), protocol.TextEdit{
			Range: e.server.editorRange(d.Text, f.BodyStart, f.End), NewText: body,
		})
		answer, err := e.server.client.ApplyEdit(ctx, &protocol.ApplyWorkspaceEditParams{
			Label: new("Wrap " + f.Name),
			Edit:  protocol.WorkspaceEdit{Changes: map[uri.URI][]protocol.TextEdit{uri.URI(d.URI): edits}},
		})
		if err != nil {
			return result, err
		}
		result.Applied = answer.Applied
		return result, nil
	}
	return command.WrapResult{}, problem.New(problem.NoSuchFunction, "put the cursor into a function", "%s has no function %s", a.URI, a.Function)
}

// mayWrap reports whether the function can pass a call on as it is. A method needs
// its object, and the source does not say whether it is one.
func mayWrap(f csource.Function) bool {
	_, ok := f.Parameters()
	return ok && !strings.Contains(f.Name, "::")
}

// callThrough is the body that calls the firmware's function, in the document's
// style of line ends and indentation.
func callThrough(d *workspace.Document, f csource.Function) (string, error) {
	if !mayWrap(f) {
		return "", problem.New(problem.Usage, "write the call yourself: FPB_ORIGINAL(C::f)(this, …)",
			"the call of %s cannot be passed on as it is: it is a method, variadic, or has a parameter without a name", f.Name)
	}
	parameters, _ := f.Parameters()
	indent := "    "
	if bytes.Contains(d.Text.Bytes(), []byte("\n\t")) {
		indent = "\t"
	}
	call := fmt.Sprintf("FPB_ORIGINAL(%s)(%s);", f.Name, strings.Join(parameters, ", "))
	if !f.ReturnsVoid() {
		call = "return " + call
	}
	newline := lineEnd(d)
	return "{" + newline + indent + call + newline + "}", nil
}

var includeLine = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include\b.*$`)

// callsOriginal reports whether the document uses what the header declares.
func callsOriginal(d *workspace.Document) bool {
	return bytes.Contains(d.Text.Bytes(), []byte("FPB_ORIGINAL("))
}

// includeHeader is the edit that makes FPB_ORIGINAL known, behind the other
// includes; none if the document has it.
func (s *server) includeHeader(d *workspace.Document) []protocol.TextEdit {
	text, include := d.Text.Bytes(), `#include "`+toolchain.HeaderName+`"`
	at, edit := 0, include+lineEnd(d)
	for _, line := range includeLine.FindAllIndex(text, -1) {
		if bytes.Contains(text[line[0]:line[1]], []byte(toolchain.HeaderName)) {
			return nil
		}
		// The line's own end stays behind what is inserted.
		at = line[0] + len(bytes.TrimRight(text[line[0]:line[1]], "\r"))
		edit = lineEnd(d) + include
	}
	return []protocol.TextEdit{{Range: s.editorRange(d.Text, at, at), NewText: edit}}
}

// lineEnd is how the document ends its lines.
func lineEnd(d *workspace.Document) string {
	if bytes.Contains(d.Text.Bytes(), []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}
