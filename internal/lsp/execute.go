package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/port"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/settings"
)

// ExecuteCommand runs one of the commands that package command declares.
func (s *server) ExecuteCommand(ctx context.Context, p *protocol.ExecuteCommandParams) (protocol.LSPAny, error) {
	args := make([]json.RawMessage, 0, len(p.Arguments))
	for _, a := range p.Arguments {
		args = append(args, json.RawMessage(a))
	}
	result, err := command.Run(ctx, executor{s, p.WorkDoneToken}, p.Command, args)
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

func (s *server) WorkDoneProgressCancel(_ context.Context, p *protocol.WorkDoneProgressCancelParams) error {
	s.progress.Cancel(p.Token)
	return nil
}

// An executor runs one command.
type executor struct {
	server *server
	token  protocol.ProgressToken // that the editor sent along, or nil
}

var _ command.Service = executor{}

// work runs f with a progress that names title and ends with the line that f returns.
func (e executor) work(ctx context.Context, title string, f func(context.Context) (string, error)) error {
	ctx, work := e.server.progress.Start(ctx, e.token, title)
	line, err := f(context.WithValue(ctx, workKey{}, work))
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // whatever the core has made of the cancellation
		line = "cancelled"
	} else if err != nil {
		line = err.Error()
	}
	work.End(line)
	return err
}

func (e executor) Revert(ctx context.Context, a command.SelectArgs) (command.RevertResult, error) {
	records, summary, err := e.selected(ctx, a, "Reverting", "reverted", func(ctx context.Context, b *board.Board, sel patch.Selector) ([]patch.Record, error) {
		return b.Revert(ctx, sel)
	})
	return command.RevertResult{Reverted: records, Summary: summary}, err
}

func (e executor) Enable(ctx context.Context, a command.SelectArgs) (command.PatchesResult, error) {
	records, summary, err := e.selected(ctx, a, "Enabling", "enabled", func(ctx context.Context, b *board.Board, sel patch.Selector) ([]patch.Record, error) {
		return b.Enable(ctx, sel, true)
	})
	return command.PatchesResult{Patches: records, Summary: summary}, err
}

func (e executor) Disable(ctx context.Context, a command.SelectArgs) (command.PatchesResult, error) {
	records, summary, err := e.selected(ctx, a, "Disabling", "disabled", func(ctx context.Context, b *board.Board, sel patch.Selector) ([]patch.Record, error) {
		return b.Enable(ctx, sel, false)
	})
	return command.PatchesResult{Patches: records, Summary: summary}, err
}

// selected runs an operation on the chosen patches.
func (e executor) selected(ctx context.Context, a command.SelectArgs, doing, done string, f func(context.Context, *board.Board, patch.Selector) ([]patch.Record, error)) (records []patch.Record, summary string, err error) {
	chosen := 0
	for _, c := range []bool{a.Function != "", a.Slot != nil, a.All} {
		if c {
			chosen++
		}
	}
	if chosen != 1 {
		return nil, "", problem.New(problem.Usage, "name a function, a slot or all", "%d of function, slot and all were given, instead of one", chosen)
	}
	folder, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return nil, "", err
	}
	sel := patch.Selector{Function: a.Function, Slot: a.Slot, All: a.All}
	what := a.Function
	switch {
	case a.All:
		what = "all functions"
	case a.Slot != nil:
		what = fmt.Sprintf("slot %d", *a.Slot)
	}
	err = e.work(ctx, doing+" "+what, func(ctx context.Context) (string, error) {
		var err error
		if records, err = f(ctx, folder.project.Board(), sel); err != nil {
			return "", err
		}
		summary = summarize(records, done)
		return summary, nil
	})
	if err != nil {
		return nil, "", err
	}
	e.server.message(protocol.MessageTypeInfo, "%s", summary)
	return nonNil(records), summary, nil
}

func summarize(records []patch.Record, done string) string {
	switch len(records) {
	case 0:
		return "nothing to be " + done
	case 1:
		return fmt.Sprintf("%s %s (%s)", records[0].Name(), done, records[0].Place())
	}
	return fmt.Sprintf("%d functions %s", len(records), done)
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (e executor) Info(ctx context.Context, a command.FolderArgs) (board.Info, error) {
	f, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return board.Info{}, err
	}
	info, err := f.project.Board().Info(ctx)
	info.Patches, info.Slots = nonNil(info.Patches), nonNil(info.Slots)
	return info, err
}

func (e executor) Status(_ context.Context, a command.FolderArgs) (command.BoardStatus, error) {
	f, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return command.BoardStatus{}, err
	}
	return f.boardStatus(), nil
}

func (e executor) Connect(ctx context.Context, a command.ConnectArgs) (command.BoardStatus, error) {
	f, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return command.BoardStatus{}, err
	}
	if a.Port == "" && f.project.Settings().Port == "" {
		if a.Port, err = e.choosePort(ctx); err != nil {
			return command.BoardStatus{}, err
		}
	}
	if a.Port != "" {
		layer, issues := settings.FromText(f.project.Root(), map[string]string{"port": a.Port})
		if len(issues) > 0 {
			return command.BoardStatus{}, issues[0].Problem
		}
		f.project.SetLayer(layer.Over(e.server.options.Flags))
	}
	err = e.work(ctx, "Connecting to "+f.project.Settings().Port, func(ctx context.Context) (string, error) {
		if err := f.project.Board().Connect(ctx); err != nil {
			return "", err
		}
		return f.boardStatus().Text, nil
	})
	return f.boardStatus(), err
}

// choosePort asks the user for a port, where none is set. Without an answer it stays
// so, and connecting says what to do.
func (e executor) choosePort(ctx context.Context) (string, error) {
	if !e.server.editor.asks {
		return "", nil
	}
	ports, err := port.List()
	if err != nil {
		return "", err
	}
	answers := []string{}
	for _, p := range ports {
		answers = append(answers, p.Name)
	}
	return e.server.ask(ctx, "Which port is the board on? (sim: is a simulated one)", append(answers, "sim:")...), nil
}

func (e executor) Disconnect(ctx context.Context, a command.FolderArgs) (command.BoardStatus, error) {
	f, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return command.BoardStatus{}, err
	}
	err = f.project.Board().Disconnect(ctx)
	return f.boardStatus(), err
}

func (e executor) Ports(context.Context, command.NoArgs) (command.PortsResult, error) {
	ports, err := port.List()
	return command.PortsResult{Ports: nonNil(ports)}, err
}

func (e executor) Send(ctx context.Context, a command.SendArgs) (command.NoResult, error) {
	f, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return command.NoResult{}, err
	}
	return command.NoResult{}, f.project.Board().Send(ctx, []byte(a.Text))
}

func (e executor) CancelJob(_ context.Context, a command.CancelJobArgs) (command.CancelJobResult, error) {
	f, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return command.CancelJobResult{}, err
	}
	return command.CancelJobResult{Cancelled: f.project.Board().Cancel(a.ID)}, nil
}

func (e executor) Reload(_ context.Context, a command.FolderArgs) (command.BoardStatus, error) {
	f, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return command.BoardStatus{}, err
	}
	f.project.Reload()
	return f.boardStatus(), nil
}

// source finds the file of a command, as the request's snapshot has it.
func (e executor) source(ctx context.Context, id string, version *int32) (*folder, patch.Unit, error) {
	f, err := e.server.chosenFolder(id)
	if err != nil {
		return nil, patch.Unit{}, err
	}
	unit := patch.Unit{Path: pathOf(uri.URI(id))}
	d := snapshot(ctx).Document(id)
	if d == nil {
		d = snapshot(ctx).ByPath(unit.Path)
	}
	if d == nil {
		if version != nil {
			return nil, unit, stale("%s is not open any more", unit.Path)
		}
		return f, unit, nil
	}
	if version != nil && *version != d.Version {
		return nil, unit, stale("%s was edited meanwhile; do it again", unit.Path)
	}
	unit.Text = d.Text.Bytes()
	return f, unit, nil
}

// modes are what inject and check accept.
var modes = []string{"", "auto", "trampoline", "direct", "debugmon"}

func checkMode(mode string) error {
	if !slices.Contains(modes, mode) {
		return problem.New(problem.Usage, "the modes are auto, trampoline, direct, debugmon", "there is no mode %.60q", mode)
	}
	return nil
}
