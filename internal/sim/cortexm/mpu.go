package cortexm

const maxMPURegions = 16

// mpu is the memory protection unit (B3.5).
type mpu struct {
	ctrl   uint32
	number uint32
	rbar   [maxMPURegions]uint32
	rasr   [maxMPURegions]uint32
}

const (
	mpuEnable      = 1 << 0
	mpuHFNMIEnable = 1 << 1
	mpuPrivDefault = 1 << 2
	rasrXN         = 1 << 28
)

func (m *mpu) enabled() bool { return m.ctrl&mpuEnable != 0 }

// mpuAllows checks one access of the given kind.
func (c *Core) mpuAllows(addr uint32, kind Perm) bool {
	privileged := c.accessIsPrivileged()
	if c.mpu.ctrl&mpuHFNMIEnable == 0 && c.priority() < 0 {
		return true
	}
	for n := c.cfg.MPURegions - 1; n >= 0; n-- {
		if attr := c.mpu.rasr[n]; attr&1 == 1 && mpuMatches(c.mpu.rbar[n], attr, addr) {
			return mpuPermits(attr, kind, privileged)
		}
	}
	return privileged && c.mpu.ctrl&mpuPrivDefault != 0
}

// mpuAllowsAlways reports whether all code that runs without a change of
// CONTROL.nPRIV may fetch from addr, so that a decoded instruction can be kept.
func (c *Core) mpuAllowsAlways(addr uint32) bool {
	user := c.control&1 != 0
	for n := c.cfg.MPURegions - 1; n >= 0; n-- {
		if attr := c.mpu.rasr[n]; attr&1 == 1 && mpuMatches(c.mpu.rbar[n], attr, addr) {
			return mpuPermits(attr, Exec, true) && (!user || mpuPermits(attr, Exec, false))
		}
	}
	return !user && c.mpu.ctrl&mpuPrivDefault != 0
}

// mpuNeverRefuses reports whether privileged code may access all of r in the
// given way: no region that overlaps it says otherwise. Such memory keeps its
// fast path while nothing runs unprivileged.
func (c *Core) mpuNeverRefuses(r *region, kind Perm) bool {
	if c.control&1 != 0 || c.mpu.ctrl&mpuPrivDefault == 0 {
		return false
	}
	for n := range c.cfg.MPURegions {
		attr := c.mpu.rasr[n]
		size := uint64(1) << (attr>>1&31 + 1)
		base := uint64(c.mpu.rbar[n]) &^ (size - 1)
		overlaps := base < uint64(r.base)+uint64(r.size) && uint64(r.base) < base+size
		if attr&1 == 1 && overlaps && !mpuPermits(attr, kind, true) {
			return false
		}
	}
	return true
}

// mpuChanged is called when the answer of the MPU to an access may be another
// than before.
func (c *Core) mpuChanged() {
	c.refreshMaps()
	c.flushCode()
}

func mpuMatches(rbar, rasr, addr uint32) bool {
	bits := rasr>>1&31 + 1
	if bits < 5 {
		return false
	}
	if bits < 32 && (addr^rbar)>>bits != 0 {
		return false
	}
	if bits < 8 {
		return true
	}
	sub := addr >> (bits - 3) & 7
	return rasr>>(8+sub)&1 == 0
}

// mpuPermits decodes the AP and XN fields (table B3-15).
func mpuPermits(rasr uint32, kind Perm, privileged bool) bool {
	if kind == Exec && rasr&rasrXN != 0 {
		return false
	}
	write := kind == Write
	switch rasr >> 24 & 7 {
	case 1:
		return privileged
	case 2:
		return privileged || !write
	case 3:
		return true
	case 5:
		return privileged && !write
	case 6, 7:
		return !write
	}
	return false
}

func (c *Core) mpuLoad(offset uint32) uint32 {
	if c.cfg.MPURegions == 0 {
		return 0
	}
	switch offset {
	case 0x90:
		return uint32(c.cfg.MPURegions) << 8
	case 0x94:
		return c.mpu.ctrl
	case 0x98:
		return c.mpu.number
	}
	if (offset-0x9C)/4%2 == 0 {
		return c.mpu.rbar[c.mpu.number] | c.mpu.number
	}
	return c.mpu.rasr[c.mpu.number]
}

func (c *Core) mpuStore(offset, v uint32) {
	if c.cfg.MPURegions == 0 {
		return
	}
	switch {
	case offset == 0x90:
		return
	case offset == 0x94:
		c.mpu.ctrl = v & 7
	case offset == 0x98:
		if v&0xFF < uint32(c.cfg.MPURegions) {
			c.mpu.number = v & 0xFF
		}
	case (offset-0x9C)/4%2 == 0:
		if v&0x10 != 0 && v&15 < uint32(c.cfg.MPURegions) {
			c.mpu.number = v & 15
		}
		c.mpu.rbar[c.mpu.number] = v &^ 31
	default:
		c.mpu.rasr[c.mpu.number] = v & 0x173FFF3F
	}
	c.mpuChanged()
}
