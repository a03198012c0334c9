package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/toolchain"
	"github.com/fpbls/fpbls/internal/workspace"
)

// The kinds are our own: nothing here is a fix, a refactoring or preferred, so no
// editor ever runs one by itself.
const (
	kindInject      protocol.CodeActionKind = "fpbls.inject"
	kindChanged     protocol.CodeActionKind = "fpbls.injectChanged"
	kindRevert      protocol.CodeActionKind = "fpbls.revert"
	kindEnable      protocol.CodeActionKind = "fpbls.enable"
	kindDisable     protocol.CodeActionKind = "fpbls.disable"
	kindCheck       protocol.CodeActionKind = "fpbls.check"
	kindDisassemble protocol.CodeActionKind = "fpbls.disassemble"
	kindWrap        protocol.CodeActionKind = "fpbls.wrap"
	kindInclude     protocol.CodeActionKind = "fpbls.include"
	kindConnect     protocol.CodeActionKind = "fpbls.connect"
)

var actionKinds = []protocol.CodeActionKind{kindInject, kindChanged, kindRevert, kindEnable, kindDisable, kindCheck, kindDisassemble, kindWrap, kindInclude, kindConnect}

// CodeAction lists what can be done with the function at the cursor.
func (s *server) CodeAction(ctx context.Context, p *protocol.CodeActionParams) ([]protocol.CommandOrCodeAction, error) {
	d := snapshot(ctx).Document(string(p.TextDocument.URI))
	if d == nil || d.Path == "" {
		return []protocol.CommandOrCodeAction{}, nil
	}
	v, err := s.view(ctx, d)
	if err != nil {
		return []protocol.CommandOrCodeAction{}, ctx.Err()
	}
	list := actionList{server: s, only: p.Context.Only, actions: []protocol.CommandOrCodeAction{}}
	if f, ok := v.at(s.offset(d, p.Range.Start)); ok {
		list.function(v, f)
	}
	list.include(d)
	if title := v.changedTitle(); title != "" {
		list.add(kindChanged, title, command.InjectChanged, command.InjectChangedArgs{URI: d.URI, Version: new(d.Version)}, nil)
	}
	if !v.status.Connected {
		title := "Connect to " + v.status.Port
		if v.status.Port == "" {
			title = "Connect to a board…"
		}
		list.add(kindConnect, title, command.Connect, command.ConnectArgs{FolderArgs: inFolder(d.URI)}, nil)
	}
	return list.actions, nil
}

type actionList struct {
	server  *server
	only    []protocol.CodeActionKind
	actions []protocol.CommandOrCodeAction
}

// function adds the actions for one function, what is wanted most first.
func (l *actionList) function(v *view, f function) {
	uri := v.document.URI
	inject := command.InjectArgs{URI: uri, Function: f.Name, Version: new(v.document.Version)}
	selected := command.SelectArgs{FolderArgs: inFolder(uri), Function: f.Name}
	if f.symbol != nil {
		selected.Function = f.symbol.Name
	}
	refusal := v.refusal(f)
	switch f.state {
	case stateLive, stateEdited, stateDisabled:
		title := "Update `%s`"
		if f.state == stateEdited {
			title = "Update `%s` (edited since injected)"
		}
		l.add(kindInject, fmt.Sprintf(title, f.Name), command.Inject, inject, refusal)
		l.add(kindRevert, fmt.Sprintf("Revert `%s`", f.Name), command.Revert, selected, nil)
		if f.state == stateDisabled {
			l.add(kindEnable, fmt.Sprintf("Enable `%s`", f.Name), command.Enable, selected, nil)
		} else {
			l.add(kindDisable, fmt.Sprintf("Disable `%s`", f.Name), command.Disable, selected, nil)
		}
	case stateLost:
		l.add(kindInject, fmt.Sprintf("Re-inject `%s` (lost by reset)", f.Name), command.Inject, inject, refusal)
	default:
		l.add(kindInject, fmt.Sprintf("Inject `%s`", f.Name), command.Inject, inject, refusal)
	}
	if refusal != nil && f.symbol == nil {
		return
	}
	l.add(kindCheck, fmt.Sprintf("Check `%s` without a board", f.Name), command.Check, command.CheckArgs{InjectArgs: inject}, nil)
	l.add(kindDisassemble, fmt.Sprintf("Show disassembly of `%s`", f.Name), command.Disassemble,
		command.DisassembleArgs{FolderArgs: inFolder(uri), Function: f.Name, Show: true}, nil)
	if l.server.editor.edits && mayWrap(f.Function) {
		l.add(kindWrap, fmt.Sprintf("Wrap `%s` around the firmware's", f.Name), command.Wrap,
			command.WrapArgs{URI: uri, Function: f.Name, Version: new(v.document.Version)}, nil)
	}
}

// include adds the action that makes FPB_ORIGINAL known where it is used and is not.
func (l *actionList) include(d *workspace.Document) {
	if !l.server.editor.actions || !wanted(kindInclude, l.only) || !callsOriginal(d) {
		return
	}
	if edits := l.server.includeHeader(d); len(edits) > 0 {
		l.actions = append(l.actions, &protocol.CodeAction{
			Title: fmt.Sprintf("Include %q for FPB_ORIGINAL", toolchain.HeaderName), Kind: new(kindInclude),
			Edit: &protocol.WorkspaceEdit{Changes: map[uri.URI][]protocol.TextEdit{uri.URI(d.URI): edits}},
		})
	}
}

// add adds an action that runs the command, unless its kind is not asked for. With
// a reason why it cannot, it is shown as disabled where the editor can do that.
func (l *actionList) add(kind protocol.CodeActionKind, title, id string, args any, reason error) {
	if !wanted(kind, l.only) || reason != nil && !l.server.editor.disabled {
		return
	}
	c := protocol.Command{Title: title, Command: id, Arguments: arguments(args)}
	if !l.server.editor.actions {
		l.actions = append(l.actions, &c)
		return
	}
	action := &protocol.CodeAction{Title: title, Kind: &kind}
	if reason != nil {
		action.Disabled = protocol.CodeActionDisabled{Reason: reason.Error()}
	} else {
		action.Command = c
	}
	l.actions = append(l.actions, action)
}

// wanted reports whether the kind, or one that contains it, is asked for. Kinds are
// a hierarchy with dots (LSP § Code Action Request).
func wanted(kind protocol.CodeActionKind, only []protocol.CodeActionKind) bool {
	for _, o := range only {
		if o == kind || o == "" || strings.HasPrefix(string(kind), string(o)+".") {
			return true
		}
	}
	return len(only) == 0
}

func inFolder(uri string) command.FolderArgs { return command.FolderArgs{URI: uri} }

// arguments are what a command is run with.
func arguments(args any) []protocol.LSPAny {
	raw, err := json.Marshal(args)
	if err != nil {
		return nil
	}
	return []protocol.LSPAny{raw}
}
