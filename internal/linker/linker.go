// Package linker makes a block of code and data for a running firmware from a
// relocatable objects.
//
// [Prepare] starts at the functions to replace and follows every reference.
// What the running image has is bound to its address there, variables above
// all, so that state survives; what is new is carried along; what cannot be
// bound safely is refused with a reason. [Patch.Link] then relocates the block
// for the address that the board's allocator has chosen.
//
// What a reference binds to, in this order:
//
//   - the function itself: branches stay in the block, its address is the
//     image's, so that comparing function pointers keeps working;
//   - a function that is replaced without being redirected ([Root.Inner]): the
//     block's;
//   - another function: the image's, patched or not. Compiler-made parts
//     (.constprop, .isra, .part, .cold) fit only the code they were compiled
//     with and are always carried;
//   - a variable: the image's, global ones by name, statics by file and name,
//     function-local statics by scope and name; then what an earlier patch
//     placed in RAM ([Input.Live]); then it is new and carried;
//   - a constant: the image's where the content is equal, else carried;
//   - an undefined symbol: the image's, another unit's of this patch, an earlier
//     patch's, a helper of the compiler's library, 0 if it is weak.
//
// The package is pure: it does no I/O and keeps no state. A [Patch] is
// immutable and may be linked by several goroutines at once.
package linker

import (
	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
)

// Input is what a patch is made from.
type Input struct {
	Units []Unit // at least one

	Image      *firmware.Image
	ImageDebug *dwarf.Info // tells function-local statics of one name apart; may be nil

	// Live is what earlier patches have placed in RAM, the oldest first.
	// Variables are bound to it instead of being carried again; functions only
	// from other units, since the object has the newer code of its own.
	Live []LiveSymbol

	// Library returns the compiler's helper library, an archive. It is asked
	// only when a helper is missing, and may be nil.
	Library func() ([]byte, error)
}

// A Unit is a compiled source file.
type Unit struct {
	Object *object.Object
	Debug  *dwarf.Info // of the object; may be nil
	Path   string      // of the source; tells statics and functions of one name apart
	Roots  []Root      // the functions of it to replace
}

// A Root is a function to replace.
type Root struct {
	Name string // linker or demangled

	// Inner functions get no comparator: the patch itself calls their new code.
	// It is the caller's to replace everybody who may call them.
	Inner bool
}

// Kind says what a definition is.
type Kind string

// Kinds of definitions. Nothing is ever bound to a constant by name.
const (
	KindFunction Kind = "function"
	KindVariable Kind = "variable"
	KindConstant Kind = "constant"
)

// A LiveSymbol is something that an earlier patch has placed in RAM.
type LiveSymbol struct {
	Name  string
	Unit  string // empty for what other units may use
	Kind  Kind
	Addr  uint32 // without Thumb bit
	Size  uint32
	Block string // id of the block that holds it
}

// A Function is a function of the image and its new code.
type Function struct {
	Name   string // linker name
	Unit   string // source path
	Inner  bool   // see [Root]
	Target *firmware.Symbol
	Addr   uint32 // in the block, without Thumb bit; 0 before [Patch.Link]
	Size   uint32
	Digest string // of what the patch does, the same at every address
}

// A Definition is something that a block holds.
type Definition struct {
	Name string `json:"name"`
	Unit string `json:"unit,omitempty"` // empty for what other units may use
	Kind Kind   `json:"kind"`
	Addr uint32 `json:"addr"` // without Thumb bit
	Size uint32 `json:"size"`

	// AddressEscapes reports whether the firmware may come to hold the address,
	// in data or in a caller: the block must then outlive the patch.
	AddressEscapes bool `json:"addressEscapes,omitempty"`
}

// A Linked is a block, relocated.
type Linked struct {
	Base      uint32
	Data      []byte       // code, constants, variables, zeroed variables
	CodeSize  uint32       // the prefix that never changes at run time: code and constants
	Functions []Function   // in the order of the roots, unit by unit
	Defines   []Definition // by address; of the replaced functions only inner ones are among them
}
