package patch

import (
	"context"
	"path/filepath"
	"slices"
)

// BuildChanged builds an injection of all functions that differ from the image in
// the units, or those that include a header, and what belongs to them. It may be of none: applying it takes back
// what equals the image again, and leaves alone what is live as it is.
func (b *Builder) BuildChanged(ctx context.Context, units []Unit, emit func(Event)) (*Injection, error) {
	g := b.gather(emit)
	g.in.changed = true
	name := filepath.Base(units[0].Path)
	emit(Event{Stage: StageResolve, Function: name})
	units, err := b.Units(units)
	if err != nil {
		return nil, err
	}
	if err := g.compile(ctx, units, name); err != nil {
		return nil, err
	}
	for _, u := range g.in.units {
		if u.incomparable != nil {
			return nil, u.incomparable
		}
		for _, f := range u.report.Changed() {
			g.offer(f.Target, u)
		}
		for _, note := range u.report.Notes {
			g.in.note(note)
		}
	}
	return g.finish(ctx)
}

// stale lists the patches that the injection makes obsolete: functions of the units
// that equal the image again, all of them or those that were in one group with
// what is injected.
func (in *Injection) stale(l *Ledger) []Slot {
	touched := make(map[string]bool)
	for _, t := range in.targets {
		if s := l.slotOf(Address(t.Addr)); s != nil && s.Group != "" {
			touched[s.Group] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(l.Slots), func(s Slot) bool {
		return s.State == Held || in.has(s.Original) || !in.equal(s) ||
			!touched[s.Group] && !(in.changed && slices.Contains(in.requested, s.Unit))
	})
}

func (in *Injection) has(original Address) bool {
	return slices.ContainsFunc(in.targets, func(t *target) bool { return Address(t.Addr) == original })
}

// equal reports whether a unit of the injection has nothing for the slot's function
// that differs from the image.
func (in *Injection) equal(s Slot) bool {
	for _, u := range in.units {
		if u.report == nil || u.path != s.Unit {
			continue
		}
		for _, f := range u.report.Changed() {
			if Address(f.Target.Addr) == s.Original {
				return false
			}
		}
		return true
	}
	return false
}
