package cortexm

import (
	"encoding/binary"

	"github.com/fpbls/fpbls/internal/thumb"
)

const (
	pageShift   = 10
	pageBytes   = 1 << pageShift
	pageEntries = pageBytes / 2
	lineBytes   = 32 // of the instruction cache
)

// codePage holds the decoded instructions of one page, one entry per halfword;
// an entry whose Op is zero is not decoded yet.
type codePage [pageEntries]thumb.Inst

// codeCache holds what was decoded from one piece of memory. Entries do not
// depend on the address, so that all mappings share them; what the FPB or the
// MPU changes is never kept here.
type codeCache struct {
	pages []*codePage
	used  bool
}

func newCodeCache(size int) *codeCache {
	return &codeCache{pages: make([]*codePage, (size+pageBytes-1)/pageBytes)}
}

func (k *codeCache) flush() {
	if !k.used {
		return
	}
	for _, p := range k.pages {
		if p != nil {
			*p = codePage{}
		}
	}
}

// flushCode forgets every decoded instruction.
func (c *Core) flushCode() {
	for _, r := range c.regions {
		if r.code != nil {
			r.code.flush()
		}
	}
	c.page, c.pageBase = &noPage, 0
}

// noPage is the current page when there is none: nothing in it is decoded.
var noPage codePage

// written is called after a store to memory from which code was executed.
func (c *Core) written(r *region, off, n uint32) {
	if !c.staleFetch() {
		r.code.forget(off, n)
	}
}

// forget drops the instructions that overlap n bytes at offset off. A 32-bit
// instruction may begin one halfword earlier.
func (k *codeCache) forget(off, n uint32) {
	last := (off + n - 1) >> 1
	for i := max(off>>1, 1) - 1; i <= last; i++ {
		if p := k.pages[i/pageEntries]; p != nil {
			p[i%pageEntries].Op = 0
		}
	}
}

// staleFetch reports whether fetched lines survive stores.
func (c *Core) staleFetch() bool { return c.cfg.ICache && c.scb.ccr&ccrICache != 0 }

// fetch returns the instruction at c.pc when it is not in the current page or
// not decoded. It is nil when the fetch aborts.
func (c *Core) fetch() *thumb.Inst {
	pc := c.pc
	r := c.find(pc, 2)
	if !c.mayExecute(pc, r) {
		return nil
	}
	off := pc - r.base
	p := r.code.pages[off>>pageShift]
	if p == nil {
		p = new(codePage)
		r.code.pages[off>>pageShift] = p
		r.code.used = true
	}
	c.page, c.pageBase = p, pc-off&(pageBytes-1)
	entry := &p[off%pageBytes>>1]
	if entry.Op != 0 {
		return entry
	}
	if c.onDecode != nil {
		c.onDecode(pc)
	}
	if c.mpu.enabled() && !c.mpuAllowsAlways(pc) || c.patched(r, off) {
		return c.fetchOnce(pc)
	}
	if c.staleFetch() {
		c.fetchLine(r, off)
		return entry
	}
	hw1 := binary.LittleEndian.Uint16(r.mem[off:])
	var hw2 uint16
	if thumb.Is32(hw1) {
		var ok bool
		if hw2, ok = c.fetchHalf(pc + 2); !ok {
			return nil
		}
	}
	*entry = thumb.Decode(hw1, hw2)
	return entry
}

// patched reports whether an enabled comparator concerns the instruction at
// offset off, through whatever mapping of the memory. Such instructions are
// decoded every time: then neither the remap table nor the aliases need to be
// watched, and all others pay nothing for the FPB.
func (c *Core) patched(r *region, off uint32) bool {
	if !c.fpb.enabled {
		return false
	}
	for _, o := range c.regions {
		if o.code == r.code && c.fpb.touches(o.base+off) {
			return true
		}
	}
	return false
}

// fetchOnce decodes the instruction at pc without keeping it.
func (c *Core) fetchOnce(pc uint32) *thumb.Inst {
	if c.fpb.breaksAt(pc) {
		c.scratch = thumb.Inst{Op: opBreakpoint, Size: 2, Cond: thumb.AL}
		return &c.scratch
	}
	hw1, ok := c.fetchHalf(pc)
	if !ok {
		return nil
	}
	var hw2 uint16
	if thumb.Is32(hw1) {
		if hw2, ok = c.fetchHalf(pc + 2); !ok {
			return nil
		}
	}
	c.scratch = thumb.Decode(hw1, hw2)
	return &c.scratch
}

// fetchLine fills a whole line of the instruction cache.
func (c *Core) fetchLine(r *region, off uint32) {
	start := off &^ (lineBytes - 1)
	for o := start; o < start+lineBytes && o+2 <= r.size; o += 2 {
		e := &r.code.pages[o>>pageShift][o%pageBytes>>1]
		if e.Op != 0 || c.patched(r, o) {
			continue
		}
		var hw2 uint16
		if o+4 <= r.size {
			hw2 = binary.LittleEndian.Uint16(r.mem[o+2:])
		}
		*e = thumb.Decode(binary.LittleEndian.Uint16(r.mem[o:]), hw2)
	}
}

// fetchHalf fetches one halfword through the FPB.
func (c *Core) fetchHalf(addr uint32) (uint16, bool) {
	if table, ok := c.fpb.remap(addr); ok {
		if r := c.find(table, 2); r != nil && r.mem != nil {
			return binary.LittleEndian.Uint16(r.mem[table-r.base:]), true
		}
		return 0, c.fetchFault()
	}
	r := c.find(addr, 2)
	if !c.mayExecute(addr, r) {
		return 0, false
	}
	return binary.LittleEndian.Uint16(r.mem[addr-r.base:]), true
}

// mayExecute checks a fetch from addr, which r holds, and records the abort.
func (c *Core) mayExecute(addr uint32, r *region) bool {
	switch {
	case executeNever(addr), c.mpu.enabled() && !c.mpuAllows(addr, Exec):
		c.abort = abort{exc: excMemManage, cfsr: cfsrIACCVIOL, cause: "instruction fetch from execute-never memory", addr: addr}
		return false
	case r == nil, r != nil && (r.mem == nil || r.perm&Exec == 0):
		c.abort = abort{addr: addr}
		return c.fetchFault()
	}
	return true
}

func (c *Core) fetchFault() bool {
	c.abort = abort{exc: excBusFault, cfsr: cfsrIBUSERR, cause: "instruction fetch from an address without memory", addr: c.abort.addr}
	return false
}

// executeNever is the default memory map (B3.1): peripheral, device and system
// space cannot be executed.
func executeNever(addr uint32) bool {
	return addr >= 0x40000000 && addr < 0x60000000 || addr >= 0xA0000000
}
