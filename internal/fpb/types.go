package fpb

import "errors"

// Mode is how a call of the original function gets to the patch.
type Mode string

const (
	Trampoline   Mode = "trampoline" // remapped to a jump through a table in RAM; FPB v1
	Direct       Mode = "direct"     // remapped to a branch to the patch, ±16 MiB; FPB v1
	DebugMonitor Mode = "debugmon"   // a breakpoint whose handler changes the program counter
)

// Info is what the loader says about itself and its slots.
type Info struct {
	Version string // of the loader, "v1.5.6"
	Build   string // when the loader was compiled; does not identify a firmware
	Used    int    // bytes of code memory in use
	FPB     Unit
	Remap   uint32 // FP_REMAP
	Slots   []Slot // every slot, in order of ID
}

// Unit is the Flash Patch and Breakpoint unit as the loader describes it.
type Unit struct {
	Present bool   `json:"present"`
	Enabled bool   `json:"enabled"`
	Version int    `json:"version"`          // 1 remaps and breaks, 2 only breaks
	Code    int    `json:"code"`             // instruction comparators
	Literal int    `json:"literal"`          // literal comparators
	Reason  string `json:"reason,omitempty"` // why it is absent or off, in the loader's words
}

// A Slot is one of the loader's patch slots. It is the comparator of the same
// number, except for breakpoint patches on NuttX, where the OS picks one.
type Slot struct {
	ID     int
	Free   bool
	Orig   uint32 // address of the function that is patched
	Target uint32 // address of the patch, with the Thumb bit as it was sent
	Size   uint32 // bytes of the allocation that the slot owns
	Comp   uint32 // FP_COMPn
	Mode   string // the loader's word: 1.6 none, remap, trampoline, debugmon; 1.5 remap, bp_lo, bp_hi, bp_both
	On     bool   // the comparator is enabled
}

// ErrAllocationLost is in the tree of an error of [Client.Upload] after which
// the loader holds no allocation any more: allocate anew, link for the new
// address, and upload all of it again.
var ErrAllocationLost = errors.New("the loader has dropped the allocation")
