package linker

import (
	"slices"

	"github.com/fpbls/fpbls/internal/object"
	"github.com/fpbls/fpbls/internal/thumb"
)

// Calling is what a function is given and gives back in registers. May are those that
// it may be given as well, beyond its named parameters.
type Calling struct{ Arguments, May, Result thumb.Registers }

// CountsOnCallees reports whether code that the patch carries counts on registers that
// a function it calls keeps, and need not. The compiler knew the code of those
// functions, but they can be patched, and a trampoline clobbers IP. calling tells how a
// function is called.
func (p *Patch) CountsOnCallees(calling func(function string) Calling) bool {
	return slices.ContainsFunc(p.order, func(q *piece) bool { return q.class == code && q.countsOn(calling) })
}

func (p *piece) countsOn(calling func(function string) Calling) bool {
	branches := make(map[uint32]string)
	for _, r := range p.refs {
		if isBranch(r.typ) {
			branches[p.start+r.offset] = r.to.name
		}
	}
	own := calling(p.String())
	flow := func(open bool) thumb.Flow {
		f := thumb.Flow{
			Branch: func(addr uint32, i thumb.Inst) (uint32, bool) {
				_, leaves := branches[addr]
				to, _ := i.BranchTarget(addr)
				return to, !leaves && to >= p.start && to < p.end
			},
			Call: func(addr uint32, _ thumb.Inst) (thumb.Registers, thumb.Registers) {
				c := calling(branches[addr])
				if open {
					c.Arguments |= c.May
				}
				return c.Arguments, c.Result
			},
			Result: own.Result,
			Literal: func(addr, n uint32) ([]byte, bool) {
				if addr+n > p.end || p.isCode(addr) {
					return nil, false
				}
				return p.section.Data[addr : addr+n], true
			},
		}
		if open {
			f.Open = 0x000f
		}
		return f
	}
	known, open := flow(false).Steps(p.instructions()), flow(true).Steps(p.instructions())
	for _, s := range known {
		name, direct := branches[s.Addr]
		if !s.Calls || !direct {
			continue
		}
		c := calling(name)
		kept := thumb.LiveBehind(known, s.Addr)
		kept |= thumb.Pending(known, s.Addr, own.Arguments) &^ (c.Arguments | c.May) & thumb.LiveBehind(open, s.Addr)
		if kept&thumb.CallClobber&^thumb.Set(thumb.LR)&^c.Result != 0 {
			return true
		}
	}
	return false
}

// isCode reports whether the offset in the section is in code, by its mapping symbols.
func (p *piece) isCode(offset uint32) bool {
	var at *object.Symbol
	for _, m := range p.unit.mapping(p.section) {
		if m.Value > offset {
			break
		}
		at = m
	}
	return at == nil || at.Name[1] == 't'
}
