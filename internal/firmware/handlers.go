package firmware

import "slices"

// Exceptions lists the numbers of the exceptions in whose handlers the function runs:
// it is the handler, or is called by it, directly or through others (DDI 0403E B1.5.2).
// Calls through pointers are not followed.
func (im *Image) Exceptions(f *Symbol) []int { return im.exceptions()[f.Addr] }

// RunsEarly reports whether the function may run before main: the start-up code calls it,
// or an exception other than a fault, which may come any time.
func (im *Image) RunsEarly(f *Symbol) bool {
	return im.early()[f.Addr] || slices.ContainsFunc(im.Exceptions(f), func(n int) bool { return n >= svcall })
}

const svcall = 11 // the first exception behind reset, NMI and the faults (DDI 0403E B1.5.2)

// findEarly collects what is reached from where the firmware starts, and not through main.
func (im *Image) findEarly() map[uint32]bool {
	early := make(map[uint32]bool)
	for work := []uint32{im.entry}; len(work) > 0; {
		f := im.At(work[len(work)-1])
		work = work[:len(work)-1]
		if f == nil || f.Name == "main" || early[f.Addr] {
			continue
		}
		early[f.Addr] = true
		work = append(work, im.Calls(f)...)
	}
	return early
}

// findExceptions collects them by the function's address. Most of a vector table is the
// same default handler, which is followed once.
func (im *Image) findExceptions() map[uint32][]int {
	runs := make(map[uint32][]int)
	for handler, exceptions := range im.pointers().vectors {
		reached := map[uint32]bool{handler: true}
		for work := []uint32{handler}; len(work) > 0; {
			f := im.At(work[len(work)-1])
			work = work[:len(work)-1]
			if f == nil {
				continue
			}
			runs[f.Addr] = append(runs[f.Addr], exceptions...)
			for _, to := range im.Calls(f) {
				if callee := im.At(to); callee != nil && !reached[callee.Addr] {
					reached[callee.Addr] = true
					work = append(work, callee.Addr)
				}
			}
		}
	}
	for _, exceptions := range runs {
		slices.Sort(exceptions)
	}
	return runs
}
