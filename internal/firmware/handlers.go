package firmware

import "slices"

// Exceptions lists the numbers of the exceptions in whose handlers the function runs:
// it is the handler, or is called by it, directly or through others (DDI 0403E B1.5.2).
// Calls through pointers are not followed.
func (im *Image) Exceptions(f *Symbol) []int { return im.exceptions()[f.Addr] }

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
