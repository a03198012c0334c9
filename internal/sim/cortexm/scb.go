package cortexm

// scb holds the registers of the system control block and the debug control
// registers (B3.2, C1.6).
type scb struct {
	vtor, scr, ccr, prigroup      uint32
	cfsr, hfsr, dfsr, mmfar, bfar uint32
	demcr, dcrdr                  uint32
	cpacr                         uint32
	debugger                      bool
	stepFrom                      uint64
}

const (
	ccrNonBaseThread = 1 << 0
	ccrUserSetPend   = 1 << 1
	ccrUnalignTrap   = 1 << 3
	ccrDivTrap       = 1 << 4
	ccrIgnoreFaults  = 1 << 8
	ccrStackAlign    = 1 << 9
	ccrICache        = 1 << 17

	scrSleepOnExit     = 1 << 1
	scrSendEventOnPend = 1 << 4
)

func (s *scb) reset(kind ResetKind, cfg Config) {
	old := *s
	*s = scb{ccr: ccrStackAlign, debugger: old.debugger}
	switch kind {
	case PowerOn:
		s.debugger = cfg.Debugger
	case Warm:
		// The debug domain keeps its sticky status; the monitor's half of
		// DEMCR belongs to the core (C1.6.5).
		s.dfsr = old.dfsr
		s.demcr = old.demcr &^ (demcrMonEnable | demcrMonPend | demcrMonStep | demcrMonRequest)
	}
}

// Addresses of the private peripheral bus.
const (
	dwtBase = 0xE0001000
	fpbBase = 0xE0002000
	scsBase = 0xE000E000
)

func isPPB(addr uint32) bool { return addr>>20 == 0xE00 }

// userMayStore allows STIR to unprivileged code if so configured (B3.2.26).
func (c *Core) userMayStore(addr uint32) bool {
	return addr == scsBase+0xF00 && c.scb.ccr&ccrUserSetPend != 0
}

// dwt is the cycle counter of the DWT unit.
type dwt struct {
	enabled bool
	count   uint32
	since   uint64
}

func (d *dwt) value(now uint64) uint32 {
	if !d.enabled {
		return d.count
	}
	return d.count + uint32(now-d.since)
}

// ppbLoad reads size bytes of the private peripheral bus. Registers are words;
// what is not there reads as zero.
func (c *Core) ppbLoad(addr, size uint32) uint32 {
	v := c.ppbWord(addr &^ 3)
	v >>= addr & 3 * 8
	if size < 4 {
		v &= 1<<(8*size) - 1
	}
	return v
}

func (c *Core) ppbWord(addr uint32) uint32 {
	switch addr >> 12 {
	case dwtBase >> 12:
		switch addr & 0xFFF {
		case 0:
			return 4<<28 | asBit(c.dwt.enabled)
		case 4:
			return c.dwt.value(c.cycles)
		}
	case fpbBase >> 12:
		return c.fpbLoad(addr & 0xFFF)
	case scsBase >> 12:
		return c.scsLoad(addr & 0xFFF)
	}
	return 0
}

func (c *Core) ppbStore(addr, size, v uint32) {
	mask := ^uint32(0)
	if size < 4 {
		mask = 1<<(8*size) - 1
	}
	shift := addr & 3 * 8
	v, mask = v<<shift, mask<<shift
	offset := addr & 0xFFC
	switch addr >> 12 {
	case dwtBase >> 12:
		switch offset {
		case 0:
			c.dwt.count, c.dwt.since = c.dwt.value(c.cycles), c.cycles
			c.dwt.enabled = v&1 == 1
		case 4:
			c.dwt.count, c.dwt.since = v, c.cycles
		}
	case fpbBase >> 12:
		c.fpbStore(offset, v, mask)
	case scsBase >> 12:
		c.scsStore(offset, v, mask)
	}
}

func (c *Core) scsLoad(offset uint32) uint32 {
	s := &c.scb
	switch {
	case offset >= 0x100 && offset < 0x500:
		return c.nvicLoad(offset)
	case offset >= systCSR && offset <= systCALIB:
		return c.systickLoad(offset)
	case offset >= 0xD90 && offset <= 0xDB8:
		return c.mpuLoad(offset - 0xD00)
	}
	switch offset {
	case 0x004:
		return uint32(c.cfg.IRQs-1) / 32
	case 0xD00:
		return [...]uint32{CortexM3: 0x412FC231, CortexM4: 0x410FC241, CortexM7: 0x411FC272}[c.model]
	case 0xD04:
		return c.icsr()
	case 0xD08:
		return s.vtor
	case 0xD0C:
		return 0xFA050000 | s.prigroup<<8
	case 0xD10:
		return s.scr
	case 0xD14:
		return s.ccr
	case 0xD18, 0xD1C, 0xD20:
		var v uint32
		for i := range uint32(4) {
			v |= uint32(c.nvic.priority[offset-0xD18+4+i]) << (8 * i)
		}
		return v
	case 0xD24:
		return c.shcsr()
	case 0xD28:
		return s.cfsr
	case 0xD2C:
		return s.hfsr
	case 0xD30:
		return s.dfsr
	case 0xD34:
		return s.mmfar
	case 0xD38:
		return s.bfar
	case 0xD40:
		return 0x30 // ID_PFR0: Thumb-2
	case 0xD44:
		return 0x200 // ID_PFR1: microcontroller programmers' model
	case 0xD48:
		return 0x100000 // ID_DFR0
	case 0xD50:
		return 0x30 // ID_MMFR0
	case 0xD60:
		return 0x01141110 // ID_ISAR0
	case 0xD64:
		return 0x02111000
	case 0xD68:
		return 0x21112231
	case 0xD6C:
		return 0x01111110
	case 0xD70:
		return 0x01310102
	case 0xD88:
		return s.cpacr
	case 0xDF0:
		const regReady, halt, sleep, lockup, retired = 1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 24
		return asBit(s.debugger)*dhcsrDebugEnable | asBit(c.halted)*(dhcsrHalt|halt) | regReady | retired |
			asBit(c.sleeping)*sleep | asBit(c.lockup)*lockup
	case 0xDF8:
		return s.dcrdr
	case 0xDFC:
		return s.demcr | asBit(c.nvic.pending.has(excDebugMonitor))*demcrMonPend
	}
	return 0
}

func (c *Core) scsStore(offset, v, mask uint32) {
	s := &c.scb
	set := func(p *uint32, writable uint32) { *p = *p&^(mask&writable) | v&mask&writable }
	switch {
	case offset >= 0x100 && offset < 0x500:
		c.nvicStore(offset, v, mask)
		return
	case offset >= systCSR && offset <= systCALIB:
		c.systickStore(offset, v, mask)
		return
	case offset >= 0xD90 && offset <= 0xDB8:
		c.mpuStore(offset-0xD00, v)
		return
	}
	switch offset {
	case 0xD04:
		c.setICSR(v & mask)
	case 0xD08:
		set(&s.vtor, 0xFFFFFF80)
	case 0xD0C:
		c.setAIRCR(v & mask)
	case 0xD10:
		set(&s.scr, 0x16)
	case 0xD14:
		writable := uint32(0x31B)
		if c.model == CortexM7 {
			writable = 0x3011B
		}
		set(&s.ccr, writable)
		c.flushCode() // enabling the instruction cache follows its invalidation
	case 0xD18, 0xD1C, 0xD20:
		for i := range uint32(4) {
			exc := offset - 0xD18 + 4 + i
			if mask>>(8*i)&0xFF != 0 && implementedSystem>>exc&1 == 1 {
				c.nvic.priority[exc] = c.priorityBits(v >> (8 * i))
			}
		}
	case 0xD24:
		c.setSHCSR(c.shcsr()&^mask | v&mask)
	case 0xD28:
		s.cfsr &^= v & mask
	case 0xD2C:
		s.hfsr &^= v & mask
	case 0xD30:
		s.dfsr &^= v & mask
	case 0xD34:
		set(&s.mmfar, ^uint32(0))
	case 0xD38:
		set(&s.bfar, ^uint32(0))
	case 0xD88:
		// No coprocessor is implemented: reads as zero.
	case 0xDF0:
		// Only a debugger can set C_DEBUGEN; without it C_HALT is ignored.
		if v>>16 == dhcsrKey && s.debugger && v&dhcsrHalt != 0 {
			c.halted = true
		}
	case 0xDF8:
		set(&s.dcrdr, ^uint32(0))
	case 0xDFC:
		set(&s.demcr, demcrMonEnable|demcrMonStep|demcrMonRequest|demcrTrace|demcrCatch)
		if mask&demcrMonPend != 0 {
			c.nvic.pending.assign(excDebugMonitor, v&demcrMonPend != 0)
		}
	case 0xF00:
		if n := v & 0x1FF; n < uint32(c.cfg.IRQs) {
			c.nvic.pending.set(excIRQ + n)
		}
	case 0xF50, 0xF58: // ICIALLU, ICIMVAU
		c.flushCode()
	}
	c.kick()
}

// implementedSystem are the system exceptions with a priority register.
const implementedSystem = 1<<excMemManage | 1<<excBusFault | 1<<excUsageFault | 1<<excSVCall |
	1<<excDebugMonitor | 1<<excPendSV | 1<<excSysTick

func (c *Core) icsr() uint32 {
	v := c.ipsr
	if c.nvic.active.count() <= 1 {
		v |= 1 << 11 // RETTOBASE
	}
	v |= c.firstPending() << 12
	irqs := c.nvic.pending
	irqs[0] &^= 1<<excIRQ - 1
	v |= asBit(irqs.any()) << 22
	v |= asBit(c.nvic.pending.has(excSysTick)) << 26
	v |= asBit(c.nvic.pending.has(excPendSV)) << 28
	v |= asBit(c.nvic.pending.has(excNMI)) << 31
	return v
}

func (c *Core) setICSR(v uint32) {
	switch {
	case v>>26&1 == 1:
		c.nvic.pending.set(excSysTick)
	case v>>25&1 == 1:
		c.nvic.pending.clear(excSysTick)
	}
	switch {
	case v>>28&1 == 1:
		c.nvic.pending.set(excPendSV)
	case v>>27&1 == 1:
		c.nvic.pending.clear(excPendSV)
	}
	if v>>31 == 1 {
		c.nvic.pending.set(excNMI)
	}
}

func (c *Core) setAIRCR(v uint32) {
	if v>>16 != 0x05FA {
		return
	}
	c.scb.prigroup = v >> 8 & 7
	if v&4 != 0 {
		c.resetAsked = true
	}
}

// shcsrActive and shcsrPending give the bit of each exception in SHCSR
// (B3.2.13).
var (
	shcsrActive = []struct{ exc, bit uint32 }{{excMemManage, 0}, {excBusFault, 1}, {excUsageFault, 3},
		{excSVCall, 7}, {excDebugMonitor, 8}, {excPendSV, 10}, {excSysTick, 11}}
	shcsrPending = []struct{ exc, bit uint32 }{{excUsageFault, 12}, {excMemManage, 13}, {excBusFault, 14}, {excSVCall, 15}}
	shcsrEnable  = []struct{ exc, bit uint32 }{{excMemManage, 16}, {excBusFault, 17}, {excUsageFault, 18}}
)

func (c *Core) shcsr() uint32 {
	var v uint32
	for _, e := range shcsrActive {
		v |= asBit(c.nvic.active.has(e.exc)) << e.bit
	}
	for _, e := range shcsrPending {
		v |= asBit(c.nvic.pending.has(e.exc)) << e.bit
	}
	for _, e := range shcsrEnable {
		v |= asBit(c.nvic.enabled.has(e.exc)) << e.bit
	}
	return v
}

func (c *Core) setSHCSR(v uint32) {
	for _, e := range shcsrActive {
		c.nvic.active.assign(e.exc, v>>e.bit&1 == 1)
	}
	for _, e := range shcsrPending {
		c.nvic.pending.assign(e.exc, v>>e.bit&1 == 1)
	}
	for _, e := range shcsrEnable {
		c.nvic.enabled.assign(e.exc, v>>e.bit&1 == 1)
	}
}
