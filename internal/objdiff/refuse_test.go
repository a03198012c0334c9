package objdiff

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/problem"
)

// What cannot be compared is said, and never taken for a change.
func TestWhatCannotBeCompared(t *testing.T) {
	sections := []string{"-ffunction-sections", "-fdata-sections"}
	gcc := way{"gcc", "demo", append([]string{"-Os"}, sections...)}.build(t)
	clang := way{"clang", "demo", append([]string{"-Os"}, sections...)}.build(t)
	other := way{"gcc", "cases", append([]string{"-Os"}, sections...)}.build(t)
	unitOf := func(b built, name string) unit {
		i := slices.IndexFunc(b.units, func(u unit) bool { return filepath.Base(u.path) == name })
		return b.units[i]
	}
	// stripped is the firmware without debug information, but with symbols.
	stripped := func(b built) built {
		path := filepath.Join(t.TempDir(), "stripped.elf")
		run(t, ".", "arm-none-eabi-strip", "-g", "-o", path, b.image.Path())
		b.image = openImage(t, path)
		return b
	}
	lto := unitOf(gcc, "status.c")
	path := filepath.Join(t.TempDir(), "lto.o")
	folder := filepath.Dir(filepath.Dir(lto.path))
	compile := func(flags ...string) []byte {
		run(t, folder, slices.Concat([]string{"arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-Os", "-g", "-Iapp", "-c", lto.path, "-o", path}, flags)...)
		return read(t, path)
	}
	lto.object = compile("-flto", "-ffat-lto-objects")

	for _, tt := range []struct {
		name  string
		image built
		unit  unit
		want  string // of the message; empty: it is compared, and nothing has changed
		note  string
	}{
		{"the compiler of the firmware", gcc, unitOf(gcc, "status.c"), "", ""},
		{"another compiler", gcc, unit{unitOf(gcc, "status.c").path, unitOf(clang, "status.c").object}, "status.c was compiled by GNU ", ""},
		{"link-time optimisation", gcc, lto, "status.c is compiled for link-time optimisation", ""},
		{"a file of another firmware", gcc, unitOf(other, "plain.c"), "does not mention plain.c", ""},
		{"no debug information", stripped(gcc), unitOf(gcc, "sensor.c"), "", "stripped.elf has no debug information"},
		{"no debug information, another compiler", stripped(gcc), unit{unitOf(gcc, "status.c").path, unitOf(clang, "status.c").object},
			"functions of status.c differ from stripped.elf", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := object.Parse(tt.unit.object)
			if err != nil {
				t.Fatal(err)
			}
			in := Input{Object: o, Image: tt.image.image, Unit: tt.unit.path}
			in.ImageDebug, _ = in.Image.Debug()
			in.ObjectDebug, _ = dwarf.ForObject(o)
			r, err := Compare(in)
			switch {
			case tt.want != "":
				if !problem.Has(err, problem.CannotCompare) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %s: …%s…", err, problem.CannotCompare, tt.want)
				}
			case err != nil:
				t.Error(err)
			case len(r.Changed()) > 0:
				t.Errorf("changed: %+v", r.Changed())
			case tt.note != "" && !strings.Contains(strings.Join(r.Notes, "\n"), tt.note):
				t.Errorf("notes %q, want %q", r.Notes, tt.note)
			}
		})
	}
	for name, data := range map[string][]byte{
		"no code": compile("-flto"),
		"cut off": lto.object[:len(lto.object)/2],
		"empty":   nil,
		"an ELF":  read(t, gcc.image.Path()),
	} {
		if _, err := object.Parse(data); !problem.Has(err, problem.BadObject) {
			t.Errorf("%s: %v, want %s", name, err, problem.BadObject)
		}
	}
	if _, err := firmware.Parse("cut.elf", read(t, gcc.image.Path())[:4000]); !problem.Has(err, problem.BadELF) {
		t.Errorf("a firmware that is cut off: %v", err)
	}
}
