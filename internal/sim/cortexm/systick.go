package cortexm

// systick is the system timer (B3.3). The counter is not stored: zeroAt is the
// cycle at which it reaches zero next, and everything follows from that.
type systick struct {
	enabled, interrupt, coreClock, wrapped bool
	reload                                 uint32
	div                                    uint64 // core cycles per tick of the reference clock
	loaded                                 uint32 // value the counter started from
	stopped                                uint32 // value while disabled
	zeroAt                                 uint64
	idle                                   bool // enabled, but the reload value is zero
}

func (s *systick) tick() uint64 {
	if s.coreClock {
		return 1
	}
	return s.div
}

// value is the current count at cycle now.
func (s *systick) value(now uint64) uint32 {
	if !s.enabled {
		return s.stopped
	}
	if s.idle || now >= s.zeroAt {
		return 0
	}
	left := (s.zeroAt - now + s.tick() - 1) / s.tick()
	if left > uint64(s.loaded) {
		return 0
	}
	return uint32(left)
}

// start begins to count at cycle now from v; zero is reloaded first.
func (s *systick) start(now uint64, v uint32) {
	s.idle = false
	n := uint64(v)
	if v == 0 {
		if s.reload == 0 {
			s.idle = true
			return
		}
		v, n = s.reload, uint64(s.reload)+1
	}
	s.loaded, s.zeroAt = v, now+n*s.tick()
}

// advance moves the timer to cycle now and reports whether it got to zero.
func (s *systick) advance(now uint64) bool {
	if !s.enabled || s.idle || now < s.zeroAt {
		return false
	}
	s.wrapped = true
	if s.reload == 0 {
		s.idle = true
		return true
	}
	period := (uint64(s.reload) + 1) * s.tick()
	s.loaded = s.reload
	s.zeroAt += ((now-s.zeroAt)/period + 1) * period
	return true
}

// next is the cycle of the next event.
func (s *systick) next() (uint64, bool) { return s.zeroAt, s.enabled && !s.idle }

// systickUpdate catches up with the cycle counter.
func (c *Core) systickUpdate() {
	if c.systick.advance(c.cycles) && c.systick.interrupt {
		c.nvic.pending.set(excSysTick)
	}
}

// NextWake is the cycle at which SysTick will next become pending.
func (c *Core) NextWake() (cycle uint64, ok bool) {
	at, ok := c.systick.next()
	return at, ok && c.systick.interrupt
}

const (
	systCSR   = 0x10
	systRVR   = 0x14
	systCVR   = 0x18
	systCALIB = 0x1C
)

func (c *Core) systickLoad(offset uint32) uint32 {
	c.systickUpdate()
	s := &c.systick
	switch offset {
	case systCSR:
		v := asBit(s.enabled) | asBit(s.interrupt)<<1 | asBit(s.coreClock)<<2 | asBit(s.wrapped)<<16
		s.wrapped = false
		return v
	case systRVR:
		return s.reload
	case systCVR:
		return s.value(c.cycles)
	}
	return 0 // CALIB: no calibration value
}

func (c *Core) systickStore(offset, v, mask uint32) {
	c.systickUpdate()
	s := &c.systick
	switch offset {
	case systCSR:
		now := s.value(c.cycles)
		v = v&mask | c.systickControl()&^mask
		s.enabled, s.interrupt, s.coreClock = v&1 != 0, v&2 != 0, v&4 != 0
		s.stopped = now
		if s.enabled {
			s.start(c.cycles, now)
		}
	case systRVR:
		s.reload = (s.reload&^mask | v&mask) & 0xFFFFFF
		if s.enabled && s.idle {
			s.start(c.cycles, 0)
		}
	case systCVR:
		s.wrapped, s.stopped = false, 0
		if s.enabled {
			s.start(c.cycles, 0)
		}
	}
	c.kick()
}

func (c *Core) systickControl() uint32 {
	s := &c.systick
	return asBit(s.enabled) | asBit(s.interrupt)<<1 | asBit(s.coreClock)<<2
}
