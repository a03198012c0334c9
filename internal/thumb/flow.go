package thumb

import (
	"iter"
	"slices"
)

// A Flow tells what the instructions of a function do not: where its branches go and
// what calls need. It is for following what registers hold.
type Flow struct {
	Branch  func(addr uint32, i Inst) (to uint32, inside bool)      // of a direct branch: within the function?
	Call    func(addr uint32, i Inst) (arguments, result Registers) // that the callee of a direct call, or tail call, reads and writes
	Open    Registers                                               // that calls through pointers read
	Result  Registers                                               // of the function itself
	Literal func(addr, n uint32) ([]byte, bool)                     // data within the function; false: there is none
}

// A Step is an instruction of a function.
type Step struct {
	Addr          uint32
	Reads, Writes Registers
	Next          []int // where control goes to
	Calls         bool

	live Registers // before it
}

// Steps prepares the instructions for [LiveBehind] and [Pending].
func (f Flow) Steps(code iter.Seq2[uint32, Inst]) []Step {
	var steps []Step
	var insts []Inst
	at := make(map[uint32]int)
	for addr, inst := range code {
		at[addr] = len(steps)
		steps, insts = append(steps, Step{Addr: addr}), append(insts, inst)
	}
	conditional := 0 // how many instructions of an IT block are left
	for i, inst := range insts {
		s := &steps[i]
		// Of a coprocessor assume that it needs nothing and leaves all.
		s.Reads, s.Writes, _ = inst.Uses()
		var to uint32
		inside := false
		_, direct := inst.BranchTarget(s.Addr)
		if direct {
			to, inside = f.Branch(s.Addr, inst)
		}
		switch {
		case inst.Op == OpBL:
			// Of what else the callee may change no caller reads anything, unless it
			// counts on it.
			arguments, result := f.Call(s.Addr, inst)
			s.Reads, s.Writes, s.Calls = arguments, Set(LR)|result, true
		case inst.Op == OpBLX:
			s.Reads, s.Writes, s.Calls = s.Reads|f.Open, CallClobber, true
		case direct && !inside: // a tail call
			arguments, _ := f.Call(s.Addr, inst)
			s.Reads |= arguments
		case inst.Op == OpBX && inst.Rm == LR, inst.EndsFlow() && (inst.Op == OpPOP || inst.Op == OpLDM):
			s.Reads |= f.Result
		}
		if conditional > 0 {
			s.Writes = 0
		}
		if falls := !inst.EndsFlow() || conditional > 0; falls && i+1 < len(steps) {
			s.Next = append(s.Next, i+1)
		}
		if n, ok := at[to]; inside && ok && inst.Op != OpBL {
			s.Next = append(s.Next, n)
		}
		if inst.Op == OpTBB || inst.Op == OpTBH {
			s.Next = f.tableTargets(s.Addr, inst, at)
		}
		conditional = max(conditional-1, 0)
		if inst.Op == OpIT {
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
func (f Flow) tableTargets(addr uint32, inst Inst, at map[uint32]int) []int {
	var next []int
	size := uint32(1)
	if inst.Op == OpTBH {
		size = 2
	}
	for entry := addr + 4; ; entry += size {
		p, ok := f.Literal(entry, size)
		if !ok {
			return next
		}
		offset := uint32(p[0])
		if size == 2 {
			offset |= uint32(p[1]) << 8
		}
		if n, ok := at[addr+4+2*offset]; ok {
			next = append(next, n)
		}
	}
}

// LiveBehind returns the registers whose values are used behind the instruction at
// the address before they are written.
func LiveBehind(steps []Step, addr uint32) Registers {
	for changed := true; changed; {
		changed = false
		for i := len(steps) - 1; i >= 0; i-- {
			s := &steps[i]
			var out Registers
			for _, n := range s.Next {
				out |= steps[n].live
			}
			if live := s.Reads | out&^s.Writes; live != s.live {
				s.live, changed = live, true
			}
		}
	}
	var behind Registers
	for _, s := range steps {
		if s.Addr == addr {
			for _, n := range s.Next {
				behind |= steps[n].live
			}
		}
	}
	return behind
}

// Pending returns the registers that the code in front of the call sets and does not
// read, which no compiler does for nothing. initial are set when the function is
// entered.
func Pending(steps []Step, call uint32, initial Registers) Registers {
	var set, used Registers
	for _, s := range slices.Backward(steps) {
		if s.Addr >= call {
			continue
		}
		if s.Calls {
			return set
		}
		set |= s.Writes &^ used
		used |= s.Reads | s.Writes
	}
	return set | initial&^used
}
