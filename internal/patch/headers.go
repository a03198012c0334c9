package patch

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/objdiff"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/toolchain"
)

// Units replaces headers by the units that include them, and leaves out what occurs
// twice.
func (b *Builder) Units(asked []Unit) ([]Unit, error) {
	var units []Unit
	add := func(u Unit) {
		if !slices.ContainsFunc(units, func(o Unit) bool { return o.Path == u.Path }) {
			units = append(units, u)
		}
	}
	for _, u := range asked {
		if !toolchain.IsHeader(u.Path) || len(b.Database.Commands(u.Path)) > 0 {
			if !b.owns(u.Path) {
				return nil, problem.New(problem.Usage, "take the files of one program at a time",
					"%s belongs to %s, not to %s", filepath.Base(u.Path), filepath.Base(b.Images.Of(u.Path).Path()), filepath.Base(b.Image.Path()))
			}
			add(u)
			continue
		}
		text, err := os.ReadFile(u.Path)
		if err != nil {
			return nil, problem.New(problem.NoSuchFile, "check the path", "cannot read the header: %w", err)
		}
		if u.Text != nil && !bytes.Equal(text, u.Text) {
			return nil, problem.New(problem.Usage, "save it first", "%s has unsaved changes, and the compiler reads headers from the disk", filepath.Base(u.Path))
		}
		including := b.including(u.Path)
		if len(including) == 0 {
			return nil, problem.New(problem.NotInDatabase, "name the source file that is meant",
				"no file of the compile database includes %s", filepath.Base(u.Path))
		}
		for _, path := range including {
			add(b.unit(path))
		}
	}
	return units, nil
}

// Concerns reports whether the file belongs to the image; of a header, whether a file
// that includes it does.
func (b *Builder) Concerns(file string) bool {
	if toolchain.IsHeader(file) {
		return len(b.including(file)) > 0
	}
	return b.owns(file)
}

// including lists the image's files that include the header.
func (b *Builder) including(header string) []string {
	return slices.DeleteFunc(b.Database.Including(header), func(file string) bool { return !b.owns(file) })
}

// owns reports whether the source file is this image's and not another's.
func (b *Builder) owns(file string) bool {
	return len(b.Images) < 2 || b.Images.Of(file) == b.Image
}

// unit is the file as it stands in the editor, or on disk.
func (b *Builder) unit(path string) Unit {
	u := Unit{Path: path}
	if b.Text != nil {
		u.Text = b.Text(path)
	}
	return u
}

// carriers are the functions of the image that the named one, which has no code of
// its own there, was inlined into.
func (b *Builder) carriers(name string) []*firmware.Symbol {
	debug, err := b.Image.Debug()
	if err != nil {
		return nil
	}
	var found []*firmware.Symbol
	for _, linkage := range debug.Inlined() {
		if linkage != name && SourceName(linkage) != name {
			continue
		}
		for _, site := range debug.InlinedAt(linkage) {
			if f := b.Image.At(site.Addr); f != nil && !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	return found
}

// chooseCarriers makes targets of those who contain the function: of those that
// differ from the image, or of all if none does.
func (g *gatherer) chooseCarriers(name string, carriers []*firmware.Symbol) error {
	type carrier struct {
		*firmware.Symbol
		unit *compiled
	}
	var all, changed []carrier
	for _, f := range carriers {
		for _, u := range g.in.units {
			if r := u.function(f); r != nil {
				all = append(all, carrier{f, u})
				if r.Verdict == objdiff.Changed {
					changed = append(changed, carrier{f, u})
				}
			}
		}
	}
	if len(changed) > 0 {
		all = changed
	}
	var names []string
	for _, c := range all {
		if t := g.offer(c.Symbol, c.unit); t != nil {
			names = append(names, fmt.Sprintf("%s (%s)", c.Display, filepath.Base(c.unit.path)))
		}
	}
	if len(names) == 0 {
		return problem.New(problem.NotInImage, "flash this change",
			"the firmware has no function %s: it was inlined, and nothing that contains it can be injected", name)
	}
	g.in.note(fmt.Sprintf("%s has no code of its own in the firmware: it was inlined into %s, injected in its place", name, strings.Join(names, ", ")))
	return nil
}
