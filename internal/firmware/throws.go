package firmware

import "strings"

// Throws reports whether an exception can come out of the function: it throws one, or
// calls what does and catches nothing. Running out of memory in operator new does
// not count, else it would be nearly every function.
func (im *Image) Throws(f *Symbol) bool { return im.throws()[f.Addr] }

func (im *Image) findThrowing() map[uint32]bool {
	throws := make(map[uint32]bool)
	var work []*Symbol // what is to be looked for in callers
	for _, name := range []string{"__cxa_throw", "__cxa_rethrow"} {
		work = append(work, im.Lookup(name)...)
	}
	catches := im.Lookup("__cxa_begin_catch")
	for len(work) > 0 {
		callee := work[len(work)-1]
		work = work[:len(work)-1]
		for _, b := range im.entering(callee) {
			caller := im.At(b.Addr)
			if caller == nil || throws[caller.Addr] || allocates(caller.Name) || im.callsAny(caller, catches) {
				continue
			}
			throws[caller.Addr] = true
			work = append(work, caller)
		}
	}
	return throws
}

// allocates reports whether it is an operator new.
func allocates(name string) bool {
	return strings.HasPrefix(name, "_Znw") || strings.HasPrefix(name, "_Zna")
}

func (im *Image) callsAny(f *Symbol, callees []*Symbol) bool {
	for _, callee := range callees {
		for _, b := range im.entering(callee) {
			if b.Addr-f.Addr < f.Size {
				return true
			}
		}
	}
	return false
}
