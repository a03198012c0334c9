package patch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/problem"
)

// An Inner is a function that is replaced without a comparator: everybody who calls it
// is replaced in the same group and calls the new code directly.
type Inner struct {
	Function string  `json:"function"`
	Unit     string  `json:"unit"`
	Original Address `json:"original"`
	Address  Address `json:"address"`
	Size     uint32  `json:"size"`
	Digest   string  `json:"digest"`
	Group    string  `json:"group"`
}

// inner lists the functions of the block that got no comparator. groups are the names
// of the injection's groups.
func (l *loaded) inner(p *prepared, groups map[int]string) []Inner {
	var all []Inner
	for t, i := range p.index {
		if f := l.linked.Functions[i]; f.Inner {
			all = append(all, Inner{
				Function: t.Name, Unit: t.unit.path, Original: Address(t.Addr), Address: Address(f.Addr),
				Size: f.Size, Digest: f.Digest, Group: groups[t.group],
			})
		}
	}
	slices.SortFunc(all, func(a, b Inner) int { return int(int64(a.Address) - int64(b.Address)) })
	return all
}

// inner returns what lives of the function without a comparator, nil if nothing does.
func (l *Ledger) inner(original Address) *Inner {
	for i := range l.Blocks {
		for j := range l.Blocks[i].Inner {
			if f := &l.Blocks[i].Inner[j]; f.Original == original && l.groupSlot(f.Group) != nil {
				return f
			}
		}
	}
	return nil
}

// groupSlot returns a slot of the group that is not held, nil if there is none.
func (l *Ledger) groupSlot(group string) *Slot {
	i := slices.IndexFunc(l.Slots, func(s Slot) bool { return s.State != Held && s.Group == group && group != "" })
	if i < 0 {
		return nil
	}
	return &l.Slots[i]
}

// innerRecords describes what lives without a comparator.
func (l *Ledger) innerRecords() []Record {
	var all []Record
	for _, b := range l.Blocks {
		for _, f := range b.Inner {
			if l.groupSlot(f.Group) != nil {
				all = append(all, l.innerRecord(f))
			}
		}
	}
	return all
}

func (l *Ledger) innerRecord(f Inner) Record {
	r := Record{
		Function: new(f.Function), Slot: NoSlot, State: Held, Original: f.Original,
		Address: f.Address, Size: f.Size, Group: f.Group, Unit: f.Unit,
	}
	if s := l.groupSlot(f.Group); s != nil {
		r.Mode, r.State = string(s.Mode), s.State
	}
	return r
}

// fit finds slots for the targets, and where there are not enough of them lets
// functions do without that are called only by others of their group.
func (in *Injection) fit(b *Board, targets []*target, plans func(fpb.Info, []*target) ([]step, error)) ([]*target, []step, error) {
	plan, err := plans(b.Info, armed(targets))
	if !problem.Has(err, problem.NoFreeSlot) {
		return targets, plan, err
	}
	targets = slices.Clone(targets)
	for i := len(targets) - 1; i >= 0; i-- { // what is called before its callers
		t := targets[i]
		if t.inner || t.keep != 0 || b.Ledger.slotOf(Address(t.Addr)) != nil || !calledOnlyBy(in.image, t, targets) {
			continue
		}
		targets[i] = new(*t)
		targets[i].inner = true
		if plan, again := plans(b.Info, armed(targets)); again == nil {
			return targets, plan, nil
		}
	}
	return nil, nil, b.Ledger.crowded(b.Info, targets, err)
}

// armed are the targets that need a comparator.
func armed(targets []*target) []*target {
	return slices.DeleteFunc(slices.Clone(targets), func(t *target) bool { return t.inner })
}

// calledOnlyBy reports whether only functions of the target's group call it.
func calledOnlyBy(image *firmware.Image, t *target, targets []*target) bool {
	if image.AddressTaken(t.Symbol) {
		return false
	}
	called := false
	for _, b := range image.BranchesInto(t.Addr, t.Addr+2) {
		if b.Addr-t.Addr < t.Size {
			continue // it calls itself
		}
		caller := image.At(b.Addr)
		if caller == nil || !slices.ContainsFunc(targets, func(o *target) bool { return o.Addr == caller.Addr && o.group == t.group }) {
			return false
		}
		called = true
	}
	return called
}

// A CrowdedError says that the injection needs more comparators than there are, and
// lists the groups that could make room. In its tree is a no-free-slot problem.
type CrowdedError struct {
	Live    [][]Record // group by group
	problem *problem.Problem
}

func (e *CrowdedError) Error() string { return e.problem.Error() }
func (e *CrowdedError) Unwrap() error { return e.problem }

// crowded makes the error of an injection that does not fit.
func (l *Ledger) crowded(info fpb.Info, targets []*target, cause error) error {
	var waiting []string
	for group, rest := 0, armed(targets); len(rest) > 0; group++ {
		var names []string
		rest = slices.DeleteFunc(rest, func(t *target) bool {
			if t.group == group {
				names = append(names, t.Display)
			}
			return t.group == group
		})
		if len(names) > 0 {
			waiting = append(waiting, strings.Join(names, ", "))
		}
	}
	e := &CrowdedError{}
	var live []string
	for _, s := range l.Slots {
		if s.State == Held || slices.ContainsFunc(e.Live, func(g []Record) bool { return s.Group != "" && g[0].Group == s.Group }) {
			continue
		}
		group, _ := l.choose(nil, Selector{Slot: new(s.ID)})
		var records []Record
		var names []string
		for _, s := range group {
			records = append(records, s.Record())
			names = append(names, s.Record().Name())
		}
		e.Live = append(e.Live, records)
		live = append(live, strings.Join(names, ", "))
	}
	hint := l.wayToSlot(info)
	if len(live) > 0 {
		hint += "; live are " + l.summary()
		if len(waiting) > 1 {
			hint += "; or inject fewer: name the functions of one group"
		}
	}
	e.problem = problem.New(problem.NoFreeSlot, hint, "no room for %s: %s", strings.Join(waiting, "; "), describeCrowd(info, armed(targets), cause))
	return e
}

func describeCrowd(info fpb.Info, targets []*target, cause error) string {
	if len(targets) > len(info.Slots) {
		return fmt.Sprintf("they need %d comparators, and the board has %d", len(targets), len(info.Slots))
	}
	message, _ := problem.Describe(cause)
	return message
}
