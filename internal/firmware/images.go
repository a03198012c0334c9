package firmware

import "fmt"

// Images are the programs of one board, each at addresses of its own: the firmware
// that runs, then what else is in the flash, a bootloader. None: they are not known.
type Images []*Image

// Of returns the image that the source file was compiled into. It is the first
// image where several have the file, and where none has it. Of one alone the debug
// information is not asked, which takes its time to be read.
func (all Images) Of(file string) *Image {
	if len(all) == 0 {
		return nil
	}
	if len(all) == 1 {
		return all[0]
	}
	for _, im := range all {
		if debug, err := im.Debug(); err == nil {
			if _, ok := debug.UnitOf(file); ok {
				return im
			}
		}
	}
	return all[0]
}

// At is [Image.At] of the image that has code there. It tells which one that is; both
// are nil where none has.
func (all Images) At(addr uint32) (*Image, *Symbol) {
	for _, im := range all {
		if s := im.At(addr); s != nil {
			return im, s
		}
	}
	return nil, nil
}

// Lookup is [Image.Lookup] in every image.
func (all Images) Lookup(name string) []*Symbol {
	var found []*Symbol
	for _, im := range all {
		found = append(found, im.Lookup(name)...)
	}
	return found
}

// Overlap says what two images both have in flash, which one board cannot; empty if
// nothing. In RAM they may overlap: one is done with it when the other starts.
func (all Images) Overlap() string {
	for i, a := range all {
		for _, b := range all[:i] {
			for _, r := range a.Regions() {
				for _, o := range b.Regions() {
					if r.Loaded && o.Loaded && !r.Write && !o.Write && (r.Addr-o.Addr < o.Size || o.Addr-r.Addr < r.Size) {
						return fmt.Sprintf("%s and %s both have content at 0x%08x", b.Path(), a.Path(), max(r.Addr, o.Addr))
					}
				}
			}
		}
	}
	return ""
}
