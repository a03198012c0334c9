package firmware

import (
	"path/filepath"
	"strings"
)

// LoaderRuns reports whether the function belongs to the function loader or is
// called by it, directly or through others. Calls through pointers are not
// followed.
func (im *Image) LoaderRuns(f *Symbol) bool { return im.loaderPath()[f.Addr] }

// findLoaderPath collects the addresses of what the loader runs.
func (im *Image) findLoaderPath() map[uint32]bool {
	path := make(map[uint32]bool)
	var work []*Symbol
	add := func(s *Symbol) {
		if s != nil && !path[s.Addr] {
			path[s.Addr] = true
			work = append(work, s)
		}
	}
	for _, s := range im.functions {
		if isLoader(s) {
			add(s)
		}
	}
	for len(work) > 0 {
		f := work[len(work)-1]
		work = work[:len(work)-1]
		for _, to := range im.Calls(f) {
			add(im.At(to))
		}
	}
	return path
}

// isLoader recognises the loader's own functions by the names that its sources
// have used in all versions.
func isLoader(s *Symbol) bool {
	file := filepath.Base(s.File)
	for _, prefix := range []string{"fl_", "fpb_"} {
		if strings.HasPrefix(s.Name, prefix) || strings.HasPrefix(file, prefix) {
			return true
		}
	}
	return false
}
