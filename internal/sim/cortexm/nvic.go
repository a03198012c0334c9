package cortexm

import "math/bits"

// exceptions is a set of exception numbers.
type exceptions [4]uint64

func (s *exceptions) has(n uint32) bool { return s[n>>6&3]>>(n&63)&1 == 1 }
func (s *exceptions) set(n uint32)      { s[n>>6&3] |= 1 << (n & 63) }
func (s *exceptions) clear(n uint32)    { s[n>>6&3] &^= 1 << (n & 63) }
func (s *exceptions) any() bool         { return s[0]|s[1]|s[2]|s[3] != 0 }

func (s *exceptions) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

func (s *exceptions) assign(n uint32, on bool) {
	if on {
		s.set(n)
	} else {
		s.clear(n)
	}
}

// nvic holds the state of all exceptions, by number.
type nvic struct {
	pending, active, enabled exceptions
	level                    exceptions // input lines
	priority                 [256]uint8
}

// alwaysEnabled are the system exceptions without an enable bit.
const alwaysEnabled = 1<<excNMI | 1<<excHardFault | 1<<excSVCall | 1<<excDebugMonitor | 1<<excPendSV | 1<<excSysTick

// SetIRQ drives external interrupt line n.
func (c *Core) SetIRQ(n int, level bool) {
	if n < 0 || n >= c.cfg.IRQs {
		return
	}
	exc := uint32(n + excIRQ)
	was := c.nvic.level.has(exc)
	c.nvic.level.assign(exc, level)
	if level && !was {
		c.nvic.pending.set(exc)
		c.kick()
	}
}

// PendNMI makes the non-maskable interrupt pending.
func (c *Core) PendNMI() {
	c.nvic.pending.set(excNMI)
	c.kick()
}

// fixedPriority is the priority of an exception, lower runs first (B1.5.4).
func (c *Core) fixedPriority(exc uint32) int {
	switch exc {
	case 1:
		return -3
	case excNMI:
		return -2
	case excHardFault:
		return -1
	}
	return int(c.nvic.priority[exc&0xFF])
}

// groupPriority is the part of the priority that decides preemption.
func (c *Core) groupPriority(exc uint32) int {
	p := c.fixedPriority(exc)
	if p < 0 {
		return p
	}
	return p &^ (1<<(c.scb.prigroup+1) - 1)
}

// priority is ExecutionPriority (B1.5.4).
func (c *Core) priority() int {
	p := 256
	for i, w := range c.nvic.active {
		for ; w != 0; w &= w - 1 {
			p = min(p, c.groupPriority(uint32(64*i+bits.TrailingZeros64(w))))
		}
	}
	if c.basepri != 0 {
		p = min(p, int(c.basepri)&^(1<<(c.scb.prigroup+1)-1))
	}
	if c.primask {
		p = min(p, 0)
	}
	if c.faultmask {
		p = min(p, -1)
	}
	return p
}

// firstPending is the pending and enabled exception that runs first, 0 if there
// is none.
func (c *Core) firstPending() uint32 {
	best, bestPriority := uint32(0), 257
	for i, w := range c.nvic.pending {
		for w &= c.nvic.enabled[i]; w != 0; w &= w - 1 {
			n := uint32(64*i + bits.TrailingZeros64(w))
			if p := c.fixedPriority(n); p < bestPriority {
				best, bestPriority = n, p
			}
		}
	}
	return best
}

// nextException is the pending exception that can preempt now, 0 if there is
// none.
func (c *Core) nextException() uint32 {
	if !c.nvic.pending.any() {
		return 0
	}
	exc := c.firstPending()
	if exc == 0 || c.groupPriority(exc) >= c.priority() {
		return 0
	}
	return exc
}

// priorityBits cuts a priority to the implemented bits.
func (c *Core) priorityBits(v uint32) uint8 {
	return uint8(v) &^ (1<<(8-c.cfg.PriorityBits) - 1)
}

// nvicLoad reads the NVIC registers 0xE000E100 to 0xE000E4FF (B3.4.3).
func (c *Core) nvicLoad(offset uint32) uint32 {
	n := excIRQ + offset&0x1F*8
	switch {
	case offset >= 0x400:
		var v uint32
		for i := range uint32(4) {
			if exc := excIRQ + offset - 0x400 + i; exc < 256 {
				v |= uint32(c.nvic.priority[exc]) << (8 * i)
			}
		}
		return v
	case offset < 0x180 || offset >= 0x180 && offset < 0x200:
		return c.nvic.irqWord(&c.nvic.enabled, n)
	case offset < 0x300:
		return c.nvic.irqWord(&c.nvic.pending, n)
	}
	return c.nvic.irqWord(&c.nvic.active, n)
}

func (v *nvic) irqWord(s *exceptions, first uint32) uint32 {
	var w uint32
	for i := range uint32(32) {
		if exc := first + i; exc < 256 && s.has(exc) {
			w |= 1 << i
		}
	}
	return w
}

func (c *Core) nvicStore(offset, v, mask uint32) {
	if offset >= 0x400 {
		for i := range uint32(4) {
			exc := excIRQ + offset - 0x400 + i
			if mask>>(8*i)&0xFF != 0 && exc < uint32(excIRQ+c.cfg.IRQs) {
				c.nvic.priority[exc] = c.priorityBits(v >> (8 * i))
			}
		}
		c.kick()
		return
	}
	first := excIRQ + offset&0x1F*8
	for i := range uint32(32) {
		exc := first + i
		if v&mask>>i&1 == 0 || exc >= uint32(excIRQ+c.cfg.IRQs) {
			continue
		}
		switch {
		case offset < 0x180:
			c.nvic.enabled.set(exc)
		case offset < 0x200:
			c.nvic.enabled.clear(exc)
		case offset < 0x280:
			c.nvic.pending.set(exc)
		case offset < 0x300:
			// A line that is still high pends its interrupt again.
			c.nvic.pending.assign(exc, c.nvic.level.has(exc) && !c.nvic.active.has(exc))
		}
	}
	c.kick()
}
