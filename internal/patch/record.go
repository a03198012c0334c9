// Package patch is the use case: it builds a patch from an edited source file,
// moves it to the board, switches it on, and takes it back.
//
// A patch is built without a board ([Builder.Build]): the unit is compiled. With
// a board ([Injection.Apply]) it is linked against the running image and what
// earlier patches left in RAM, uploaded, read back, and only then armed. The
// commit point is the first comparator that changes: up to there a cancel
// leaves the board as it was, from there on it is no longer heeded.
//
// What is on the board is kept in a [Ledger]; its invariants are stated there.
package patch

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fpbls/fpbls/internal/toolchain"
)

// A Record tells a person or a script about one patch. It is the same on the
// command line, in LSP and in files.
type Record struct {
	Function *string `json:"function"`        // linker name; nil without an ELF
	Slot     int     `json:"slot"`            // the loader's slot, which is the comparator except where an OS chooses it; see [NoSlot]
	Mode     string  `json:"mode"`            // trampoline, direct or debugmon
	State    State   `json:"state"`           // see [State]
	Original Address `json:"original"`        // the function in the image
	Address  Address `json:"address"`         // the code that replaces it
	Size     uint32  `json:"size"`            // bytes of that code
	Group    string  `json:"group,omitempty"` // what goes in and out together, by the address of its first patch
	Unit     string  `json:"-"`               // source file of the patch; empty if it is not ours
}

// NoSlot stands for the slot of a function that got none: the functions that call it
// are replaced with it and call it directly.
const NoSlot = -1

// Place says where on the board the patch is.
func (r Record) Place() string {
	if r.Slot == NoSlot {
		return "no slot"
	}
	return fmt.Sprintf("slot %d", r.Slot)
}

// Name is the function's name, or its address where no ELF tells the name.
func (r Record) Name() string {
	if r.Function != nil {
		return *r.Function
	}
	return r.Original.String()
}

// State is what a slot does at the moment.
type State string

const (
	Live     State = "live"          // calls of the function run the patch
	Disabled State = "disabled"      // the user switched it off; calls run the image's function
	Never    State = "never-entered" // on, but the function runs already and is never entered again
	Held     State = "held"          // off, and kept only because other patches use its block, or the firmware may hold pointers into it
)

// An Address is an address on the board, without the Thumb bit. It is written
// as 0x and eight hex digits.
type Address uint32

func (a Address) String() string { return fmt.Sprintf("0x%08x", uint32(a)) }

func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

func (a *Address) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 0, 32)
	if err != nil {
		return fmt.Errorf("address %q: %w", text, err)
	}
	*a = Address(v)
	return nil
}

// A Stage is a step of an injection, in the order of the constants.
type Stage string

const (
	StageResolve  Stage = "resolve"
	StageCompile  Stage = "compile"
	StageLink     Stage = "link"
	StageAllocate Stage = "allocate"
	StageUpload   Stage = "upload"
	StageVerify   Stage = "verify"
	StageActivate Stage = "activate"
)

// Stages lists the stages in order.
var Stages = []Stage{StageResolve, StageCompile, StageLink, StageAllocate, StageUpload, StageVerify, StageActivate}

// An Event tells how far an injection has come.
type Event struct {
	Stage       Stage
	Function    string // the function the stage is at; the first of several where it is about all
	Done, Total int    // bytes, in the stages upload and verify; zero elsewhere
}

// Result is what an injection did.
type Result struct {
	Patches     []Record               `json:"patches"`
	Reverted    []Record               `json:"reverted,omitempty"` // what equals the firmware again
	MS          Timing                 `json:"ms"`
	Bytes       Traffic                `json:"bytes"`
	Notes       []Note                 `json:"notes,omitempty"`
	Diagnostics []toolchain.Diagnostic `json:"-"` // the compiler's warnings
	Named       map[string]Address     `json:"-"` // the functions that were named, by how they were
}

// Timing is how long the stages took, in milliseconds.
type Timing struct {
	Compile  int64 `json:"compile"`
	Link     int64 `json:"link"`
	Upload   int64 `json:"upload"`
	Verify   int64 `json:"verify"`
	Activate int64 `json:"activate"`
	Total    int64 `json:"total"`
}

// Traffic counts bytes on the line.
type Traffic struct {
	Sent     int64 `json:"sent"`
	Received int64 `json:"received"`
}

// Summary is the one line that a person sees.
func (r Result) Summary() string {
	times := fmt.Sprintf("%d ms (compile %d, upload %d)", r.MS.Total, r.MS.Compile, r.MS.Upload)
	if len(r.Reverted) > 0 {
		var names []string
		for _, p := range r.Reverted {
			names = append(names, p.Name())
		}
		times += "; taken back: " + strings.Join(names, ", ")
	}
	if len(r.Patches) == 0 {
		return "nothing to inject, " + times
	}
	if len(r.Patches) == 1 {
		p := r.Patches[0]
		return fmt.Sprintf("%s → %s, %d B at %s, %s", p.Name(), p.Place(), p.Size, p.Address, times)
	}
	size := uint32(0)
	for _, p := range r.Patches {
		size += p.Size
	}
	return fmt.Sprintf("%d functions, %d B, %s", len(r.Patches), size, times)
}

// stopwatch measures consecutive stages.
type stopwatch struct{ last time.Time }

func startWatch() *stopwatch { return &stopwatch{time.Now()} }

// lap adds the time since the last lap, rounded to milliseconds, to ms.
func (w *stopwatch) lap(ms *int64) {
	now := time.Now()
	*ms += now.Sub(w.last).Round(time.Millisecond).Milliseconds()
	w.last = now
}
