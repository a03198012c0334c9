// Package command declares what an editor can ask the server to do, beyond what
// LSP has of its own: each command once, with its arguments and result as
// documented types, and the notifications that go with them. The dispatch and the
// published page are made from these declarations.
package command

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/port"
)

// ProtocolVersion is the version of the commands and notifications. It is sent in
// the answer of initialize as capabilities.experimental.fpbls.version, and a client
// may send its own in initializationOptions.protocol. It grows when a client that
// knows the version before would go wrong.
const ProtocolVersion = 1

// Service does what the commands ask for. The comment on a method is the
// documentation of its command.
type Service interface {
	// Compiles functions of a document as it stands in the editor, links them
	// against the firmware that runs, uploads and verifies them, and redirects
	// their calls. Progress shows the stages; cancelling leaves the board as it was.
	Inject(context.Context, InjectArgs) (InjectResult, error)

	// Brings the board in line with a file, or with those that include a header:
	// injects what differs from the firmware, updates what has changed since it was
	// injected, takes back what equals the firmware again, and leaves the rest alone. All
	// of it, or nothing.
	InjectChanged(context.Context, InjectChangedArgs) (InjectResult, error)

	// Takes injected functions back, so that their calls run the firmware's code again.
	Revert(context.Context, SelectArgs) (RevertResult, error)

	// Switches injected functions on that were disabled.
	Enable(context.Context, SelectArgs) (PatchesResult, error)

	// Switches injected functions off, without giving up their slots.
	Disable(context.Context, SelectArgs) (PatchesResult, error)

	// Injects again what a reset of the board has lost, from the documents as they are now.
	Reinject(context.Context, FolderArgs) (InjectResult, error)

	// Compiles and links functions without a board, and tells what would be refused.
	Check(context.Context, CheckArgs) (InjectResult, error)

	// Disassembles a function: as it is in the firmware, and as the document would compile.
	Disassemble(context.Context, DisassembleArgs) (DisassembleResult, error)

	// Rewrites the body of a function in the document, so that it calls the firmware's
	// own: the start of a patch that logs or changes what goes in and out.
	Wrap(context.Context, WrapArgs) (WrapResult, error)

	// Asks the board what is on it: one round trip of the line.
	Info(context.Context, FolderArgs) (board.Info, error)

	// Tells what is known of the board without asking it.
	Status(context.Context, FolderArgs) (BoardStatus, error)

	// Connects to the board, to another port if one is named.
	Connect(context.Context, ConnectArgs) (BoardStatus, error)

	// Lets go of the port. What is injected stays.
	Disconnect(context.Context, FolderArgs) (BoardStatus, error)

	// Lists the ports of this machine, without touching them.
	Ports(context.Context, NoArgs) (PortsResult, error)

	// Switches the stream of the board's output, fpbls/output, on or off.
	Output(context.Context, OutputArgs) (OutputResult, error)

	// Writes text to the firmware's console.
	Send(context.Context, SendArgs) (NoResult, error)

	// Cancels an operation that runs or waits for the board, by the id that the status lists.
	CancelJob(context.Context, CancelJobArgs) (CancelJobResult, error)

	// Looks again for fpbls.toml, the ELF and the compile database.
	Reload(context.Context, FolderArgs) (BoardStatus, error)

	// Collects versions, settings and what was found, without sources, for a bug report.
	Report(context.Context, FolderArgs) (ReportResult, error)
}

// A Command is one command.
type Command struct {
	ID     string // as in workspace/executeCommand
	Title  string // as an editor's menu shows it
	Method string // of Service
	Args   reflect.Type
	Result reflect.Type

	run func(context.Context, Service, []json.RawMessage) (any, error)
}

// All lists the commands, in the order of their declaration.
func All() []Command { return slices.Clone(commands) }

// IDs lists the names of the commands.
func IDs() []string {
	var ids []string
	for _, c := range commands {
		ids = append(ids, c.ID)
	}
	return ids
}

var commands = []Command{
	bind(Inject, "Inject functions into the board", "Inject", Service.Inject),
	bind(InjectChanged, "Inject what changed", "InjectChanged", Service.InjectChanged),
	bind(Revert, "Revert injected functions", "Revert", Service.Revert),
	bind(Enable, "Enable injected functions", "Enable", Service.Enable),
	bind(Disable, "Disable injected functions", "Disable", Service.Disable),
	bind(Reinject, "Re-inject what a reset has lost", "Reinject", Service.Reinject),
	bind(Check, "Check functions without a board", "Check", Service.Check),
	bind(Disassemble, "Show disassembly", "Disassemble", Service.Disassemble),
	bind(Wrap, "Wrap a function around the firmware's", "Wrap", Service.Wrap),
	bind(Info, "Ask the board what is on it", "Info", Service.Info),
	bind(Status, "Show what is known of the board", "Status", Service.Status),
	bind(Connect, "Connect to the board", "Connect", Service.Connect),
	bind(Disconnect, "Disconnect from the board", "Disconnect", Service.Disconnect),
	bind(Ports, "List ports", "Ports", Service.Ports),
	bind(Output, "Show the board's output", "Output", Service.Output),
	bind(Send, "Send text to the firmware", "Send", Service.Send),
	bind(CancelJob, "Cancel an operation on the board", "CancelJob", Service.CancelJob),
	bind(Reload, "Look for firmware and configuration again", "Reload", Service.Reload),
	bind(Report, "Collect facts for a bug report", "Report", Service.Report),
}

// The names of the commands.
const (
	Inject        = "fpbls.inject"
	InjectChanged = "fpbls.injectChanged"
	Revert        = "fpbls.revert"
	Enable        = "fpbls.enable"
	Disable       = "fpbls.disable"
	Reinject      = "fpbls.reinject"
	Check         = "fpbls.check"
	Disassemble   = "fpbls.disassemble"
	Wrap          = "fpbls.wrap"
	Info          = "fpbls.info"
	Status        = "fpbls.status"
	Connect       = "fpbls.connect"
	Disconnect    = "fpbls.disconnect"
	Ports         = "fpbls.ports"
	Output        = "fpbls.output"
	Send          = "fpbls.send"
	CancelJob     = "fpbls.cancelJob"
	Reload        = "fpbls.reload"
	Report        = "fpbls.report"
)

// NoArgs are the arguments of a command that takes none.
type NoArgs struct{}

// NoResult is the result of a command that only succeeds or fails.
type NoResult struct{}

// FolderArgs choose a workspace folder.
type FolderArgs struct {
	// A file or folder in the workspace folder whose board is meant. Not needed
	// where there is one folder.
	URI string `json:"uri,omitempty"`
}

// InjectArgs name functions of a document.
type InjectArgs struct {
	// The source file. If it is open, its text is compiled as it stands in the
	// editor, else as it is on disk.
	URI string `json:"uri"`

	// The functions, as they are named in the source.
	Functions []string `json:"functions,omitempty"`

	// Short for functions with one element.
	Function string `json:"function,omitempty"`

	// The version of the document that is meant. If the document has gone on, the
	// command fails instead of injecting something else.
	Version *int32 `json:"version,omitempty"`

	// auto, trampoline, direct or debugmon; the setting mode if not given.
	Mode string `json:"mode,omitempty"`

	// Inject also what runs already and is never entered again, instead of asking or
	// refusing.
	Anyway bool `json:"anyway,omitempty"`
}

// Names lists the functions that are named in either way.
func (a InjectArgs) Names() []string {
	if a.Function == "" || slices.Contains(a.Functions, a.Function) {
		return a.Functions
	}
	return append([]string{a.Function}, a.Functions...)
}

// InjectChangedArgs name documents.
type InjectChangedArgs struct {
	// A source file, or a header, which stands for the files that include it. If it is
	// open, its text is compiled as it stands in the editor, a header as it is on disk.
	URI string `json:"uri"`

	// More of them, to be injected together.
	More []string `json:"more,omitempty"`

	// The version of the document uri that is meant. If the document has gone on, the
	// command fails instead of injecting something else.
	Version *int32 `json:"version,omitempty"`

	// auto, trampoline, direct or debugmon; the setting mode if not given.
	Mode string `json:"mode,omitempty"`

	// Inject also what runs already and is never entered again.
	Anyway bool `json:"anyway,omitempty"`
}

// InjectResult is what an injection did.
type InjectResult struct {
	patch.Result

	// One line for people.
	Summary string `json:"summary"`
}

// CheckArgs name functions of a document.
type CheckArgs struct {
	InjectArgs

	// The version of the Flash Patch unit to check for, 1 or 2; that of the board
	// if it is connected, else 1.
	FPB int `json:"fpb,omitempty"`
}

// WrapArgs name a function of an open document.
type WrapArgs struct {
	// The source file.
	URI string `json:"uri"`

	// The function, as it is named in the source.
	Function string `json:"function"`

	// The version of the document that is meant.
	Version *int32 `json:"version,omitempty"`
}

// WrapResult is what becomes of the function.
type WrapResult struct {
	// The new body, braces included. It needs #include "fpbls.h".
	Body string `json:"body"`

	// Whether the editor has put it, and the include, into the document
	// (workspace/applyEdit).
	Applied bool `json:"applied"`
}

// SelectArgs choose injected functions: exactly one of function, slot and all.
type SelectArgs struct {
	FolderArgs

	// The function's name, or the address of the original.
	Function string `json:"function,omitempty"`

	// The loader's slot.
	Slot *int `json:"slot,omitempty"`

	// Everything that is injected.
	All bool `json:"all,omitempty"`
}

// RevertResult lists what was taken back.
type RevertResult struct {
	// What the patches were.
	Reverted []patch.Record `json:"reverted"`

	// One line for people.
	Summary string `json:"summary"`
}

// PatchesResult lists patches as they are now.
type PatchesResult struct {
	// Those that were chosen.
	Patches []patch.Record `json:"patches"`

	// One line for people.
	Summary string `json:"summary"`
}

// DisassembleArgs name a function.
type DisassembleArgs struct {
	FolderArgs

	// The function's name.
	Function string `json:"function"`

	// Open the listing in the editor, if it can show documents.
	Show bool `json:"show,omitempty"`
}

// DisassembleResult is a listing.
type DisassembleResult struct {
	// The firmware's code, one instruction a line.
	Before string `json:"before"`

	// The code that the document compiles to; empty if no document was named.
	After string `json:"after,omitempty"`
}

// ConnectArgs choose a port.
type ConnectArgs struct {
	FolderArgs

	// The port to use from now on, in place of the setting.
	Port string `json:"port,omitempty"`
}

// PortsResult lists ports.
type PortsResult struct {
	// Stable names first, where the system has them.
	Ports []port.Port `json:"ports"`
}

// OutputArgs switch the output stream.
type OutputArgs struct {
	FolderArgs

	// Whether fpbls/output is to be sent.
	On bool `json:"on"`

	// Begin with what the server has kept of the output so far.
	History bool `json:"history,omitempty"`

	// How many messages may be under way before the client has confirmed them with
	// fpbls/outputAck; then the server waits, and what its memory cannot hold
	// meanwhile is told as lost. 0: the client confirms nothing, only the transport
	// holds the server back.
	Window int `json:"window,omitempty"`
}

// OutputResult tells whether the stream is on.
type OutputResult struct {
	// Whether the stream is on now.
	On bool `json:"on"`
}

// SendArgs are text for the firmware.
type SendArgs struct {
	FolderArgs

	// The text, sent as it is: a line end has to be part of it.
	Text string `json:"text"`
}

// CancelJobArgs name an operation.
type CancelJobArgs struct {
	FolderArgs

	// The id, from the jobs of the status.
	ID int `json:"id"`
}

// CancelJobResult tells whether the operation was still there.
type CancelJobResult struct {
	// False if the operation had ended before.
	Cancelled bool `json:"cancelled"`
}

// ReportResult is a text for a bug report.
type ReportResult struct {
	// Markdown.
	Text string `json:"text"`
}
