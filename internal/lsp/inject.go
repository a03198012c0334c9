package lsp

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/csource"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/rpc"
	"github.com/fpbls/fpbls/internal/workspace"
)

func (e executor) Inject(ctx context.Context, a command.InjectArgs) (command.InjectResult, error) {
	if err := checkMode(a.Mode); err != nil {
		return command.InjectResult{}, err
	}
	f, unit, err := e.source(ctx, a.URI, a.Version)
	if err != nil {
		return command.InjectResult{}, err
	}
	job := injection{folder: f, snapshot: snapshot(ctx), unit: unit, functions: a.Names(), mode: a.Mode, anyway: a.Anyway}
	result, err := job.run(ctx, e)
	if err != nil {
		return command.InjectResult{}, err
	}
	e.server.message(protocol.MessageTypeInfo, "%s", result.Summary)
	return result, nil
}

func (e executor) InjectChanged(ctx context.Context, a command.InjectChangedArgs) (command.InjectResult, error) {
	if err := checkMode(a.Mode); err != nil {
		return command.InjectResult{}, err
	}
	f, unit, err := e.source(ctx, a.URI, a.Version)
	if err != nil {
		return command.InjectResult{}, err
	}
	job := injection{folder: f, snapshot: snapshot(ctx), unit: unit, changed: true, mode: a.Mode, anyway: a.Anyway}
	for _, id := range a.More {
		other, unit, err := e.source(ctx, id, nil)
		if err != nil {
			return command.InjectResult{}, err
		}
		if other != f {
			return command.InjectResult{}, problem.New(problem.Usage, "inject them one after another", "%s belongs to another board", unit.Path)
		}
		job.more = append(job.more, unit)
	}
	result, err := job.run(ctx, e)
	if err != nil {
		return command.InjectResult{}, err
	}
	e.server.message(protocol.MessageTypeInfo, "%s", result.Summary)
	return result, nil
}

// stale says that a command was meant for another version of a document.
func stale(format string, args ...any) error {
	return jsonrpc2.Errorf(protocol.CodeContentModified, format, args...)
}

// An injection is one run of inject, from a command or from a save.
type injection struct {
	folder    *folder
	snapshot  *workspace.Snapshot
	unit      patch.Unit
	more      []patch.Unit // with changed
	functions []string
	changed   bool // instead of functions: all that differ from the firmware
	mode      string
	marked    bool // chosen by their markers, on save
	anyway    bool // also what is never entered again
}

// run injects with progress, keeps the diagnostics of the unit, and remembers what
// was injected.
func (j injection) run(ctx context.Context, e executor) (command.InjectResult, error) {
	if len(j.functions) == 0 && !j.changed {
		return command.InjectResult{}, problem.New(problem.Usage, "name it as function, or several as functions", "no function was named")
	}
	var result patch.Result
	what := strings.Join(j.functions, ", ")
	if j.changed {
		what = "what changed in " + filepath.Base(j.unit.Path)
	}
	err := e.work(ctx, "Injecting "+what, func(ctx context.Context) (string, error) {
		var err error
		result, err = j.attempt(ctx, e)
		return result.Summary(), err
	})
	if err != nil {
		return command.InjectResult{}, err
	}
	result.Patches = nonNil(result.Patches)
	return command.InjectResult{Result: result, Summary: result.Summary()}, nil
}

// attempt injects, and once more if the user consents to what was refused.
func (j injection) attempt(ctx context.Context, e executor) (patch.Result, error) {
	result, err := j.once(ctx)
	if problem.Has(err, problem.CompilerRefused) && j.consent(ctx, e, err) {
		result, err = j.once(ctx)
	}
	if problem.Has(err, problem.NeverEntered) && !j.marked {
		const anyway = "Inject anyway"
		message, _ := problem.Describe(err)
		if e.server.ask(ctx, message, anyway, "Cancel") == anyway {
			j.anyway = true
			result, err = j.once(ctx)
		}
	}
	for {
		crowded, ok := errors.AsType[*patch.CrowdedError](err)
		if !ok || j.marked || !j.makeRoom(ctx, e, crowded) {
			break
		}
		result, err = j.once(ctx)
	}
	if ctx.Err() != nil && err != nil {
		return result, err // cancelled: nothing was learned
	}
	found := build{
		snapshot: j.snapshot, path: j.unit.Path, functions: j.functions,
		folder: j.folder, messages: result.Diagnostics, notes: result.Notes, err: err,
	}
	if err != nil {
		found.messages = compilerMessages(err)
	}
	e.server.diagnostics.unit(found)
	if err == nil {
		j.remember(result)
	}
	return result, err
}

func (j injection) once(ctx context.Context) (patch.Result, error) {
	builder, err := j.folder.project.Builder(ctx, j.unit.Path)
	if err != nil {
		return patch.Result{}, err
	}
	builder.Anyway, builder.Text = j.anyway, textOf(j.snapshot)
	mode := j.mode
	if mode == "" {
		mode = j.folder.project.Settings().Mode
	}
	request := board.Request{Builder: builder, Unit: j.unit, More: j.more, Functions: j.functions, Changed: j.changed, Mode: mode}
	return j.folder.project.Board().Inject(ctx, request, report(ctx))
}

// makeRoom asks which group may go, and takes it back. Nothing happens without an
// answer.
func (j injection) makeRoom(ctx context.Context, e executor, crowded *patch.CrowdedError) bool {
	var answers []string
	for _, group := range crowded.Live {
		var names []string
		for _, p := range group {
			names = append(names, p.Name())
		}
		answers = append(answers, "Revert "+strings.Join(names, ", "))
	}
	message, _ := problem.Describe(crowded)
	i := slices.Index(answers, e.server.ask(ctx, message, append(slices.Clone(answers), "Cancel")...))
	if i < 0 {
		return false
	}
	_, err := j.folder.project.Board().Revert(ctx, patch.Selector{Slot: new(crowded.Live[i][0].Slot)})
	return err == nil
}

// textOf gives the texts of a snapshot's documents by their paths.
func textOf(snapshot *workspace.Snapshot) func(path string) []byte {
	return func(path string) []byte {
		if d := snapshot.ByPath(path); d != nil {
			return d.Text.Bytes()
		}
		return nil
	}
}

// consent asks the user whether the compiler may run, and keeps the answer.
func (j injection) consent(ctx context.Context, e executor, refused error) bool {
	const allow = "Allow"
	if e.server.ask(ctx, refused.Error(), allow, "Not now") != allow {
		return false
	}
	builder, err := j.folder.project.Builder(ctx, j.unit.Path)
	if err != nil {
		return false
	}
	c, err := builder.Database.Command(j.unit.Path)
	if err != nil {
		return false
	}
	if err := builder.Toolchain.Allow(c); err != nil {
		e.server.log.Warn("keeping the consent", "err", err)
		return false
	}
	return true
}

// remember keeps the text of what was injected, to tell later whether it was edited.
func (j injection) remember(result patch.Result) {
	names := make(map[patch.Address]string)
	for name, original := range result.Named {
		names[original] = name
	}
	j.folder.mu.Lock()
	defer j.folder.mu.Unlock()
	for key, was := range j.folder.injected {
		if slices.ContainsFunc(result.Reverted, func(p patch.Record) bool { return p.Original == was.original }) {
			delete(j.folder.injected, key)
		}
	}
	for _, p := range result.Patches {
		d := j.snapshot.ByPath(p.Unit)
		if d == nil {
			continue
		}
		name, named := names[p.Original]
		if !named {
			name = patch.SourceName(p.Name()) // it belongs to the group
		}
		if f, ok := functionNamed(d, name); ok {
			j.folder.injected[functionKey{p.Unit, name}] = injected{
				text: textSum(d, f), original: p.Original, marked: j.marked && named,
			}
		}
	}
	j.folder.server.refresh.poke()
}

func functionNamed(d *workspace.Document, name string) (csource.Function, bool) {
	for _, f := range d.Source().Functions {
		if f.Name == name {
			return f, true
		}
	}
	return csource.Function{}, false
}

// shares is how far along an injection is when a stage begins, in percent. Compiling
// and uploading take the time.
var shares = map[patch.Stage][2]uint32{
	patch.StageResolve:  {0, 2},
	patch.StageCompile:  {2, 40},
	patch.StageLink:     {40, 43},
	patch.StageAllocate: {43, 46},
	patch.StageUpload:   {46, 80},
	patch.StageVerify:   {80, 96},
	patch.StageActivate: {96, 100},
}

type workKey struct{}

// report renders events as the progress that ctx carries.
func report(ctx context.Context) func(patch.Event) {
	work, _ := ctx.Value(workKey{}).(*rpc.Work)
	if work == nil {
		return func(patch.Event) {}
	}
	return func(e patch.Event) {
		share := shares[e.Stage]
		percent, text := share[0], string(e.Stage)
		if e.Total > 0 {
			percent += uint32(uint64(share[1]-share[0]) * uint64(min(e.Done, e.Total)) / uint64(e.Total))
			text = fmt.Sprintf("%s %d/%d B", e.Stage, e.Done, e.Total)
		}
		if e.Function != "" {
			text += " (" + e.Function + ")"
		}
		// From its commit point on an injection does not heed a cancel.
		work.Report(text, percent, e.Stage != patch.StageActivate)
	}
}

func (e executor) Check(ctx context.Context, a command.CheckArgs) (command.InjectResult, error) {
	f, unit, err := e.source(ctx, a.URI, a.Version)
	if err != nil {
		return command.InjectResult{}, err
	}
	names := a.Names()
	if len(names) == 0 {
		return command.InjectResult{}, problem.New(problem.Usage, "name it as function, or several as functions", "no function was named")
	}
	version := a.FPB
	if version == 0 {
		version = max(f.project.Board().Status().FPB.Version, 1)
	}
	var result patch.Result
	err = e.work(ctx, "Checking "+strings.Join(names, ", "), func(ctx context.Context) (string, error) {
		builder, err := f.project.Builder(ctx, unit.Path)
		if err != nil {
			return "", err
		}
		builder.Anyway, builder.Text = true, textOf(snapshot(ctx))
		found := build{snapshot: snapshot(ctx), path: unit.Path, functions: names, folder: f}
		built, err := builder.Build(ctx, unit, names, report(ctx))
		if err == nil {
			result, err = built.Check(version)
			found.messages, found.notes = result.Diagnostics, result.Notes
		} else {
			found.messages = compilerMessages(err)
		}
		if found.err = err; ctx.Err() == nil {
			e.server.diagnostics.unit(found)
		}
		return checked(result), err
	})
	if err != nil {
		return command.InjectResult{}, err
	}
	result.Patches = nonNil(result.Patches)
	e.server.message(protocol.MessageTypeInfo, "%s", checked(result))
	return command.InjectResult{Result: result, Summary: checked(result)}, nil
}

func checked(r patch.Result) string {
	size := uint32(0)
	var names []string
	for _, p := range r.Patches {
		names, size = append(names, p.Name()), size+p.Size
	}
	return fmt.Sprintf("%s can be injected: %d B, compiled in %d ms", strings.Join(names, ", "), size, r.MS.Compile)
}

func (e executor) Reinject(ctx context.Context, a command.FolderArgs) (command.InjectResult, error) {
	f, err := e.server.chosenFolder(a.URI)
	if err != nil {
		return command.InjectResult{}, err
	}
	return f.reinject(ctx, e)
}
