package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/workspace"
)

// editor is what the editor can do, and wants.
type editor struct {
	name          string // and version
	configuration bool   // workspace/configuration
	registers     bool   // may be told to send workspace/didChangeConfiguration
	lensRefresh   bool
	hintRefresh   bool
	asks          bool // window/showMessageRequest
	shows         bool // window/showDocument
	edits         bool // workspace/applyEdit
	actions       bool // understands code actions, not only commands
	disabled      bool // shows disabled code actions
	related       bool // of diagnostics
	options       command.Options
	settings      json.RawMessage // from initializationOptions
}

// initializeParams are the members of LSP's InitializeParams that the server goes by.
// Any of them may be missing.
type initializeParams struct {
	ClientInfo struct{ Name, Version string }

	WorkspaceFolders []struct{ URI uri.URI }
	RootURI          uri.URI
	RootPath         string

	InitializationOptions json.RawMessage

	Capabilities struct {
		General struct{ PositionEncodings []workspace.Encoding }
		Window  struct {
			WorkDoneProgress bool
			ShowMessage      *struct{}
			ShowDocument     struct{ Support bool }
		}
		Workspace struct {
			ApplyEdit              bool
			Configuration          bool
			DidChangeConfiguration struct{ DynamicRegistration bool }
			CodeLens, InlayHint    struct{ RefreshSupport bool }
		}
		TextDocument struct {
			CodeAction struct {
				CodeActionLiteralSupport *struct{}
				DisabledSupport          bool
			}
			PublishDiagnostics struct{ RelatedInformation bool }
		}
	}
}

// initialize takes part in the table of own methods, as the library refuses to
// decode capabilities with one member of a wrong type, of which editors in use have
// several. Such a member counts as missing.
func (s *server) initialize(params jsonrpc2.RawMessage) (*protocol.InitializeResult, error) {
	var p initializeParams
	var wrong *json.UnmarshalTypeError
	if err := json.Unmarshal(params, &p); errors.As(err, &wrong) {
		s.log.Warn("initialize has a member of a wrong type", "member", wrong.Field, "is", wrong.Value)
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", jsonrpc2.ErrParse, err)
	}
	s.editor = s.readEditor(p)
	s.encoding = chooseEncoding(p.Capabilities.General.PositionEncodings)
	for _, root := range roots(p) {
		s.addFolder(root)
	}
	s.log.Info("initialize", "editor", s.editor.name, "protocol", s.editor.options.Protocol, "encoding", s.encoding)
	experimental, err := json.Marshal(map[string]any{"fpbls": map[string]any{"version": command.ProtocolVersion}})
	if err != nil {
		return nil, err
	}
	return &protocol.InitializeResult{
		ServerInfo: protocol.ServerInfo{Name: "fpbls", Version: protocol.NewOptional(s.options.Version)},
		Capabilities: protocol.ServerCapabilities{
			PositionEncoding: protocol.PositionEncodingKind(s.encoding),
			TextDocumentSync: &protocol.TextDocumentSyncOptions{
				OpenClose: new(true), Change: new(protocol.TextDocumentSyncKindIncremental), Save: protocol.Boolean(true),
			},
			CodeActionProvider:      &protocol.CodeActionOptions{CodeActionKinds: actionKinds},
			CodeLensProvider:        &protocol.CodeLensOptions{},
			HoverProvider:           protocol.Boolean(true),
			InlayHintProvider:       protocol.Boolean(true),
			WorkspaceSymbolProvider: protocol.Boolean(true),
			ExecuteCommandProvider: protocol.ExecuteCommandOptions{
				WorkDoneProgressOptions: protocol.WorkDoneProgressOptions{WorkDoneProgress: new(true)},
				Commands:                command.IDs(),
			},
			Workspace: &protocol.WorkspaceOptions{WorkspaceFolders: &protocol.WorkspaceFoldersServerCapabilities{
				Supported: new(true), ChangeNotifications: protocol.Boolean(true),
			}},
			Experimental: experimental,
		},
	}, nil
}

// readEditor takes from the params what the server goes by.
func (s *server) readEditor(p initializeParams) editor {
	c := p.Capabilities
	s.progress.SetCreates(c.Window.WorkDoneProgress)
	e := editor{
		name:          strings.TrimSpace(p.ClientInfo.Name + " " + p.ClientInfo.Version),
		configuration: c.Workspace.Configuration,
		registers:     c.Workspace.DidChangeConfiguration.DynamicRegistration,
		lensRefresh:   c.Workspace.CodeLens.RefreshSupport,
		hintRefresh:   c.Workspace.InlayHint.RefreshSupport,
		asks:          c.Window.ShowMessage != nil,
		shows:         c.Window.ShowDocument.Support,
		edits:         c.Workspace.ApplyEdit,
		actions:       c.TextDocument.CodeAction.CodeActionLiteralSupport != nil,
		disabled:      c.TextDocument.CodeAction.DisabledSupport,
		related:       c.TextDocument.PublishDiagnostics.RelatedInformation,
	}
	// The options hold the settings and, beside them, what is meant for the server.
	raw := p.InitializationOptions
	var own struct {
		command.Options
		Nested *struct{ command.Options } `json:"fpbls"`
	}
	if len(raw) > 0 && json.Unmarshal(raw, &own) == nil {
		e.options = own.Options
		if own.Nested != nil {
			e.options = own.Nested.Options
		}
	}
	e.settings = withoutOptions(raw)
	if e.options.Protocol > command.ProtocolVersion+1 {
		s.log.Warn("the editor's plugin knows a much newer protocol", "plugin", e.options.Protocol, "server", command.ProtocolVersion)
	}
	return e
}

// withoutOptions removes from initializationOptions what is no setting.
func withoutOptions(raw json.RawMessage) json.RawMessage {
	var tree map[string]json.RawMessage
	if json.Unmarshal(raw, &tree) != nil {
		return raw // settings.FromJSON says what is wrong with it
	}
	if nested, ok := tree["fpbls"]; ok {
		tree = nil
		if json.Unmarshal(nested, &tree) != nil {
			return raw
		}
	}
	delete(tree, "protocol")
	delete(tree, "status")
	out, err := json.Marshal(tree)
	if err != nil {
		return raw
	}
	return out
}

// chooseEncoding takes bytes where they are offered, as clangd does: editors warn
// when two servers of a buffer differ.
func chooseEncoding(offered []workspace.Encoding) workspace.Encoding {
	for _, e := range []workspace.Encoding{workspace.UTF8, workspace.UTF16, workspace.UTF32} {
		if slices.Contains(offered, e) {
			return e
		}
	}
	return workspace.UTF16
}

// roots lists the folders that the editor has open, as new and old clients say it.
func roots(p initializeParams) []string {
	var paths []string
	for _, f := range p.WorkspaceFolders {
		if path := pathOf(f.URI); path != "" {
			paths = append(paths, path)
		}
	}
	if len(paths) > 0 {
		return paths
	}
	if path := pathOf(p.RootURI); path != "" {
		return []string{path}
	}
	if filepath.IsAbs(p.RootPath) {
		return []string{p.RootPath}
	}
	return nil
}

func (s *server) Initialized(context.Context, *protocol.InitializedParams) error {
	s.listen()
	s.start(func(ctx context.Context) {
		if s.editor.registers {
			// Without this some editors do not tell that their settings have changed.
			err := s.client.RegisterCapability(ctx, &protocol.RegistrationParams{Registrations: []protocol.Registration{
				{ID: "fpbls-configuration", Method: protocol.MethodWorkspaceDidChangeConfiguration, RegisterOptions: protocol.LSPAny(`{"section":"fpbls"}`)},
			}})
			if err != nil {
				s.log.Warn("registering for configuration", "err", err)
			}
		}
		s.pullConfiguration(ctx)
	})
	return nil
}

// Shutdown promises the editor that nothing will be started any more.
func (s *server) Shutdown(context.Context) error { return nil }

// pullConfiguration asks the editor for each folder's settings.
func (s *server) pullConfiguration(ctx context.Context) {
	if !s.editor.configuration {
		return
	}
	folders := s.allFolders()
	if len(folders) == 0 {
		return
	}
	var p protocol.ConfigurationParams
	for _, f := range folders {
		p.Items = append(p.Items, protocol.ConfigurationItem{ScopeURI: new(uri.File(f.project.Root())), Section: new("fpbls")})
	}
	answers, err := s.client.Configuration(ctx, &p)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			s.log.Warn("asking for the configuration", "err", err)
		}
		return
	}
	for i, f := range folders {
		if i < len(answers) {
			s.configure(f, json.RawMessage(answers[i]))
		}
	}
}

func (s *server) DidChangeConfiguration(_ context.Context, p *protocol.DidChangeConfigurationParams) error {
	if s.editor.configuration {
		s.start(s.pullConfiguration)
		return nil
	}
	raw := json.RawMessage(p.Settings)
	s.start(func(context.Context) {
		for _, f := range s.allFolders() {
			s.configure(f, raw)
		}
	})
	return nil
}

// refreshEditor has the editor ask for lenses and hints again.
func (s *server) refreshEditor(ctx context.Context) {
	// An editor that never answers must not stop later refreshes.
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if s.editor.lensRefresh {
		_ = s.client.CodeLensRefresh(ctx)
	}
	if s.editor.hintRefresh {
		_ = s.client.InlayHintRefresh(ctx)
	}
}

// message shows a line in the editor.
func (s *server) message(typ protocol.MessageType, format string, args ...any) {
	_ = s.client.ShowMessage(context.WithoutCancel(s.ctx), &protocol.ShowMessageParams{Type: typ, Message: fmt.Sprintf(format, args...)})
}

// ask lets the user choose one of the answers. An editor that cannot ask, or a user
// who closes the question, answers "".
func (s *server) ask(ctx context.Context, question string, answers ...string) string {
	if !s.editor.asks {
		return ""
	}
	p := &protocol.ShowMessageRequestParams{Type: protocol.MessageTypeWarning, Message: question}
	for _, a := range answers {
		p.Actions = append(p.Actions, protocol.MessageActionItem{Title: a})
	}
	item, err := s.client.ShowMessageRequest(ctx, p)
	if err != nil || item == nil {
		return ""
	}
	return item.Title
}
