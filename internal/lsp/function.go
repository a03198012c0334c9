package lsp

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/csource"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/workspace"
)

// A functionKey names a function of a source file.
type functionKey struct{ path, name string }

// injected is what is kept of a function that this server has injected.
type injected struct {
	text     [sha256.Size]byte // of the function as it was
	original patch.Address
	marked   bool // by a save, for its marker: removing that takes the function back
}

// A view is what features answer from: a document, the firmware, and what is known
// of the board.
type view struct {
	folder   *folder
	document *workspace.Document
	image    *firmware.Image
	imageErr error // why there is no image
	status   board.Status
}

// view waits for the image, but not for the board.
func (s *server) view(ctx context.Context, d *workspace.Document) (*view, error) {
	f := s.folderFor(d.Path)
	if f == nil {
		return nil, problem.New(problem.Usage, "open the folder of the firmware project", "%s lies outside of the open folders", d.URI)
	}
	v := &view{folder: f, document: d}
	images, err := f.project.Images(ctx)
	v.image, v.imageErr = images.Of(d.Path), err
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.status = f.project.Board().Status()
	return v, nil
}

// State is what a function of a document is on the board.
type state string

const (
	stateFresh    state = "fresh"    // not injected
	stateLive     state = "live"     // calls run the injected code
	stateEdited   state = "edited"   // live, and edited since
	stateDisabled state = "disabled" // injected, but switched off
	stateLost     state = "lost"     // was injected before the board was reset
	stateMissing  state = "missing"  // not in the firmware
)

// A function is a function of a document with all that is known of it.
type function struct {
	csource.Function
	state  state
	symbol *firmware.Symbol // nil: not in the firmware
	record *patch.Record    // of the patch, where there is one; what it was, if it is lost
	once   string           // why a patch of it would not run; empty if it would
}

// functions lists the functions of the document in the order of the text.
func (v *view) functions() []function {
	var all []function
	for _, f := range v.document.Source().Functions {
		all = append(all, v.function(f))
	}
	return all
}

// at returns the function around the offset.
func (v *view) at(offset int) (function, bool) {
	f, ok := v.document.Source().FunctionAt(offset)
	if !ok {
		return function{}, false
	}
	return v.function(f), true
}

func (v *view) function(source csource.Function) function {
	f := function{Function: source, state: stateMissing}
	if v.image == nil {
		return f
	}
	if f.symbol = v.image.FunctionIn(v.document.Path, source.Name); f.symbol == nil {
		return f
	}
	f.state, f.once = stateFresh, patch.EnteredOnce(v.image, f.symbol)
	if v.status.Match == board.Mismatch {
		return f // what the board has at these addresses is something else
	}
	is := func(r patch.Record) bool {
		return r.State != patch.Held && (uint32(r.Original) == f.symbol.Addr || v.image.At(uint32(r.Original)) == f.symbol)
	}
	if i := slices.IndexFunc(v.status.Patches, is); i >= 0 {
		f.record = &v.status.Patches[i]
		switch {
		case f.record.State == patch.Disabled:
			f.state = stateDisabled
		case v.edited(f):
			f.state = stateEdited
		default:
			f.state = stateLive
		}
	} else if i := slices.IndexFunc(v.status.Lost, is); i >= 0 {
		f.record, f.state = &v.status.Lost[i], stateLost
	}
	return f
}

// edited reports whether the function's text is another than what was injected. Of
// functions that another process injected that is not known.
func (v *view) edited(f function) bool {
	v.folder.mu.Lock()
	was, ok := v.folder.injected[functionKey{v.document.Path, f.Name}]
	v.folder.mu.Unlock()
	return ok && was.text != textSum(v.document, f.Function)
}

func textSum(d *workspace.Document, f csource.Function) [sha256.Size]byte {
	return sha256.Sum256(d.Text.Bytes()[f.Start:f.End])
}

// refusal says why the function cannot be redirected, as far as the image tells.
func (v *view) refusal(f function) error {
	switch {
	case v.imageErr != nil:
		return v.imageErr
	case f.symbol == nil:
		return problem.New(problem.NotInImage, "inject the functions that call it instead",
			"%s is not in %s: the compiler inlined it everywhere, or the linker removed it", f.Name, filepath.Base(v.image.Path()))
	}
	return patch.Refusal(v.image, f.symbol, max(v.status.FPB.Version, 1))
}

// words describes the state for a person.
func (f function) words() string {
	switch f.state {
	case stateLive:
		return fmt.Sprintf("live, %s, %d B", f.record.Place(), f.record.Size)
	case stateEdited:
		return fmt.Sprintf("live, %s, %d B, edited since injected", f.record.Place(), f.record.Size)
	case stateDisabled:
		return fmt.Sprintf("disabled, %s, %d B", f.record.Place(), f.record.Size)
	case stateLost:
		return "lost by reset"
	case stateMissing:
		return "not in the firmware"
	}
	return "not injected"
}
