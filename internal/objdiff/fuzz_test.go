package objdiff

import (
	"testing"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// FuzzCompare compares damaged objects and images: the result does not matter, but
// that there is one.
func FuzzCompare(f *testing.F) {
	b := way{"gcc", "demo", []string{"-O1", "-fno-function-sections", "-fno-data-sections"}}.build(f)
	for _, u := range b.units {
		f.Add(u.object, []byte(nil), u.path)
	}
	f.Add(b.units[0].object, testfirmware.DemoELF, b.units[0].path)
	f.Fuzz(func(t *testing.T, data, elf []byte, path string) {
		o, err := object.Parse(data)
		if err != nil {
			return
		}
		in := Input{Object: o, Image: b.image, Unit: path}
		if im, err := firmware.Parse("fuzz.elf", elf); err == nil {
			in.Image = im
		}
		in.ImageDebug, _ = in.Image.Debug()
		in.ObjectDebug, _ = dwarf.ForObject(o)
		if _, err := Compare(in); err == nil {
			in.ObjectDebug, in.ImageDebug = nil, nil
			_, _ = Compare(in)
		}
	})
}
