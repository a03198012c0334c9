package cortexm

const (
	maxCode    = 127
	maxLiteral = 15
)

// fpb is the Flash Patch and Breakpoint unit (C1.11). Only power-on resets it.
type fpb struct {
	cfg      FPBConfig
	enabled  bool
	literals bool // a literal comparator is enabled: literal loads must ask
	table    uint32
	comp     [maxCode + maxLiteral]uint32
}

// The table lies in SRAM: bit 29 reads as one, as RMPSPT, "remap supported".
const remapSupported = 0x20000000

func (f *fpb) powerOn(cfg FPBConfig) { *f = fpb{cfg: cfg, table: remapSupported} }

// touches reports whether an enabled comparator concerns the instruction at
// addr, which may be 32 bits long.
func (f *fpb) touches(addr uint32) bool {
	if !f.enabled {
		return false
	}
	for _, v := range f.comp[:f.cfg.Code] {
		switch {
		case v&1 == 0:
		case f.cfg.Version == 2:
			if addr == v&^1 {
				return true
			}
		case addr&^3 == v&compAddress || (addr+2)&^3 == v&compAddress:
			return true
		}
	}
	return false
}

// compAddress are the address bits of a version 1 comparator.
const compAddress = 0x1FFFFFFC

// remap returns where the halfword at addr is fetched from instead. The first
// comparator wins; two on one word are UNPREDICTABLE.
func (f *fpb) remap(addr uint32) (uint32, bool) {
	if !f.enabled || f.cfg.Version != 1 {
		return 0, false
	}
	for n, v := range f.comp[:f.cfg.Code] {
		if v&1 == 1 && v>>30 == 0 && addr&^3 == v&compAddress {
			return f.table + uint32(4*n) + addr&2, true
		}
	}
	return 0, false
}

// remapLiteral does the same for a literal load and the literal comparators.
func (f *fpb) remapLiteral(addr uint32) (uint32, bool) {
	for n, v := range f.comp[f.cfg.Code : f.cfg.Code+f.cfg.Literal] {
		if v&1 == 1 && addr&^3 == v&compAddress {
			return f.table + uint32(4*(f.cfg.Code+n)), true
		}
	}
	return 0, false
}

// breaksAt reports whether an instruction that begins at addr is a breakpoint.
// A comparator on the second halfword of a 32-bit instruction is
// UNPREDICTABLE; here it does nothing.
func (f *fpb) breaksAt(addr uint32) bool {
	if !f.enabled {
		return false
	}
	for _, v := range f.comp[:f.cfg.Code] {
		switch {
		case v&1 == 0:
		case f.cfg.Version == 2:
			if addr == v&^1 {
				return true
			}
		case addr&^3 == v&compAddress && v>>30>>(addr>>1&1)&1 == 1:
			return true
		}
	}
	return false
}

// fpbLoad reads the registers from 0xE0002000 on.
func (c *Core) fpbLoad(offset uint32) uint32 {
	f := &c.fpb
	if f.cfg.Version == NoFPB {
		return 0
	}
	switch {
	case offset == 0:
		code := uint32(f.cfg.Code)
		return asBit(f.enabled) | code&15<<4 | uint32(f.cfg.Literal)<<8 | code>>4&7<<12 | uint32(f.cfg.Version-1)<<28
	case offset == 4:
		if f.cfg.Version == 2 {
			return 0
		}
		return f.table
	case (offset-8)/4 < uint32(f.cfg.Code+f.cfg.Literal):
		return f.comp[(offset-8)/4]
	}
	return 0
}

func (c *Core) fpbStore(offset, v, mask uint32) {
	f := &c.fpb
	if f.cfg.Version == NoFPB {
		return
	}
	switch {
	case offset == 0:
		if v&mask&2 == 0 { // KEY
			return
		}
		f.enabled = v&1 == 1
	case offset == 4:
		f.table = (f.table&^mask|v&mask)&0x1FFFFFE0 | remapSupported
	case (offset-8)/4 < uint32(f.cfg.Code+f.cfg.Literal):
		n := (offset - 8) / 4
		v = f.comp[n]&^mask | v&mask
		switch {
		case f.cfg.Version == 2:
		case n < uint32(f.cfg.Code):
			v &= 0xDFFFFFFD
		default: // literal comparators can only remap
			v &= 0x1FFFFFFD
		}
		f.comp[n] = v
	}
	f.literals = false
	for _, v := range f.comp[f.cfg.Code : f.cfg.Code+f.cfg.Literal] {
		f.literals = f.literals || f.enabled && v&1 == 1
	}
	c.flushCode()
}
