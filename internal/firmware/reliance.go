package firmware

import (
	"slices"

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
	kept := liveBehind(known, call.Addr)
	if set := pending(known, call.Addr, arguments(caller, debug, 0)) &^ arguments(callee, debug, 0x000f); set != 0 {
		kept |= set & liveBehind(im.steps(caller, debug, 0x000f), call.Addr)
	}
	return kept & thumb.CallClobber &^ thumb.Set(thumb.LR) &^ results(callee, debug)
}

// pending returns the registers that the code in front of the call sets and does not
// read, which no compiler does for nothing. initial are set when the function is
// entered.
func pending(steps []step, call uint32, initial thumb.Registers) thumb.Registers {
	var set, used thumb.Registers
	for _, s := range slices.Backward(steps) {
		if s.addr >= call {
			continue
		}
		if s.calls {
			return set
		}
		set |= s.kills &^ used
		used |= s.reads | s.kills
	}
	return set | initial&^used
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

// A step is an instruction of a function in the analysis of what registers hold.
type step struct {
	addr         uint32
	reads, kills thumb.Registers
	next         []int
	calls        bool
	live         thumb.Registers // before it
}

// liveBehind returns the registers whose values are used behind the instruction at
// the address before they are written.
func liveBehind(steps []step, addr uint32) thumb.Registers {
	for changed := true; changed; {
		changed = false
		for i := len(steps) - 1; i >= 0; i-- {
			s := &steps[i]
			var out thumb.Registers
			for _, n := range s.next {
				out |= steps[n].live
			}
			if live := s.reads | out&^s.kills; live != s.live {
				s.live, changed = live, true
			}
		}
	}
	var behind thumb.Registers
	for _, s := range steps {
		if s.addr == addr {
			for _, n := range s.next {
				behind |= steps[n].live
			}
		}
	}
	return behind
}

// steps decodes the function. open are the registers that calls are taken to read
// where that is not known.
func (im *Image) steps(f *Symbol, debug *dwarf.Info, open thumb.Registers) []step {
	var steps []step
	var insts []thumb.Inst
	at := make(map[uint32]int)
	for addr, inst := range im.instructions(f, nil) {
		at[addr] = len(steps)
		steps, insts = append(steps, step{addr: addr}), append(insts, inst)
	}
	conditional := 0 // how many instructions of an IT block are left
	for i, inst := range insts {
		s := &steps[i]
		reads, writes, ok := inst.Uses()
		if !ok { // a coprocessor: assume that it needs nothing and leaves all
			reads, writes = 0, 0
		}
		s.reads, s.kills = reads, writes
		to, direct := inst.BranchTarget(s.addr)
		inside := direct && to-f.Addr < f.Size
		switch {
		case inst.Op == thumb.OpBL:
			// Of what else the callee may change no caller reads anything, unless it
			// counts on it.
			s.reads, s.kills, s.calls = arguments(im.At(to), debug, open), thumb.Set(thumb.LR)|results(im.At(to), debug), true
		case inst.Op == thumb.OpBLX:
			s.reads, s.kills, s.calls = reads|open, thumb.CallClobber, true
		case direct && !inside:
			s.reads |= arguments(im.At(to), debug, open) // a tail call
		case inst.Op == thumb.OpBX && inst.Rm == thumb.LR, inst.EndsFlow() && (inst.Op == thumb.OpPOP || inst.Op == thumb.OpLDM):
			s.reads |= results(f, debug)
		}
		if conditional > 0 {
			s.kills = 0
		}
		if falls := !inst.EndsFlow() || conditional > 0; falls && i+1 < len(steps) {
			s.next = append(s.next, i+1)
		}
		if n, ok := at[to]; inside && ok && inst.Op != thumb.OpBL {
			s.next = append(s.next, n)
		}
		if inst.Op == thumb.OpTBB || inst.Op == thumb.OpTBH {
			s.next = im.tableTargets(f, s.addr, inst, at)
		}
		conditional = max(conditional-1, 0)
		if inst.Op == thumb.OpIT {
			conditional = itLength(inst.Imm)
		}
	}
	return steps
}

// itLength is how many instructions an IT block has: its mask ends with a one
// (DDI 0403E A7.7.38).
func itLength(state uint32) int {
	n := 4
	for ; n > 1 && state&1 == 0; n-- {
		state >>= 1
	}
	return n
}

// tableTargets lists where a table branch with its table behind it may go to.
func (im *Image) tableTargets(f *Symbol, addr uint32, inst thumb.Inst, at map[uint32]int) []int {
	var next []int
	size := uint32(1)
	if inst.Op == thumb.OpTBH {
		size = 2
	}
	for entry := addr + 4; im.IsData(entry) && entry-f.Addr < f.Size; entry += size {
		p, ok := im.Bytes(entry, size)
		if !ok {
			break
		}
		offset := uint32(p[0])
		if size == 2 {
			offset |= uint32(p[1]) << 8
		}
		if n, ok := at[addr+4+2*offset]; ok {
			next = append(next, n)
		}
	}
	return next
}
