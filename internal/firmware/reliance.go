package firmware

import (
	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/thumb"
)

// A Reliance is a function that counts on another one to keep registers that a call
// may change: the compiler saw what the callee did with them (GCC's -fipa-ra).
// Other code in the callee's place corrupts the caller.
type Reliance struct {
	Caller    *Symbol
	Registers thumb.Registers // some of r0 to r3 and IP
}

// ReliedOn lists who counts on registers that f keeps: its callers, and theirs, as
// far as they belong to the source file that f is from.
func (im *Image) ReliedOn(f *Symbol) []Reliance {
	debug, err := im.Debug()
	if err != nil {
		debug = nil // signatures are then guessed
	}
	unit := func(s *Symbol) string {
		if debug != nil {
			if path, ok := debug.PathAt(s.Addr); ok {
				return path
			}
		}
		return s.File
	}
	found := make(map[*Symbol]thumb.Registers)
	var order []*Symbol
	seen := map[uint32]bool{f.Addr: true}
	for work := []*Symbol{f}; len(work) > 0; work = work[1:] {
		callee := work[0]
		for _, b := range im.entering(callee) {
			caller := im.At(b.Addr)
			if caller == nil || unit(caller) != unit(f) {
				continue
			}
			if kept := im.keptAcross(caller, callee, b, debug); kept != 0 {
				if found[caller] == 0 {
					order = append(order, caller)
				}
				found[caller] |= kept
			}
			if !seen[caller.Addr] {
				seen[caller.Addr] = true
				work = append(work, caller)
			}
		}
	}
	var all []Reliance
	for _, caller := range order {
		all = append(all, Reliance{caller, found[caller]})
	}
	return all
}

// keptAcross returns the registers whose values the caller has before the call and
// uses behind it.
func (im *Image) keptAcross(caller, callee *Symbol, call Branch, debug *dwarf.Info) thumb.Registers {
	if !call.Call {
		return 0 // nothing comes behind a tail call
	}
	known := im.steps(caller, debug, 0)
	kept := thumb.LiveBehind(known, call.Addr)
	if set := thumb.Pending(known, call.Addr, arguments(caller, debug, 0)) &^ arguments(callee, debug, 0x000f); set != 0 {
		kept |= set & thumb.LiveBehind(im.steps(caller, debug, 0x000f), call.Addr)
	}
	return kept & thumb.CallClobber &^ thumb.Set(thumb.LR) &^ results(callee, debug)
}

// results are the registers that the function returns its value in.
func results(f *Symbol, debug *dwarf.Info) thumb.Registers {
	n := 2
	if f != nil && debug != nil {
		n = debug.ResultRegisters(f.Name, f.Addr)
	}
	return 1<<n - 1
}

// arguments are the registers that a call of the function reads, and those of open
// that it may: what a variadic one gets beyond its named parameters is not known.
func arguments(f *Symbol, debug *dwarf.Info, open thumb.Registers) thumb.Registers {
	if f == nil || debug == nil {
		return open
	}
	named, ok := debug.NamedRegisters(f.Name, f.Addr)
	if !ok {
		return open
	}
	if debug.ArgumentRegisters(f.Name, f.Addr) == named {
		open = 0
	}
	return 1<<named - 1 | open
}

// steps decodes the function. open are the registers that calls are taken to read
// where that is not known.
func (im *Image) steps(f *Symbol, debug *dwarf.Info, open thumb.Registers) []thumb.Step {
	return thumb.Flow{
		Branch: func(addr uint32, i thumb.Inst) (uint32, bool) {
			to, _ := i.BranchTarget(addr)
			return to, to-f.Addr < f.Size
		},
		Call: func(addr uint32, i thumb.Inst) (thumb.Registers, thumb.Registers) {
			to, _ := i.BranchTarget(addr)
			callee := im.At(to)
			return arguments(callee, debug, open), results(callee, debug)
		},
		Open:   open,
		Result: results(f, debug),
		Literal: func(addr, n uint32) ([]byte, bool) {
			if addr-f.Addr >= f.Size || !im.IsData(addr) {
				return nil, false
			}
			return im.Bytes(addr, n)
		},
	}.Steps(im.instructions(f, nil))
}
