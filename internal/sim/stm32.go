package sim

import "github.com/fpbls/fpbls/internal/sim/cortexm"

// registers is a peripheral that keeps what is written to it.
type registers map[uint32]uint32

func (r registers) Load(offset uint32, size int) uint32 { return r[offset&^3] >> (offset & 3 * 8) }

func (r registers) Store(offset uint32, size int, v uint32) {
	shift := offset & 3 * 8
	mask := uint32(uint64(1)<<(8*size)-1) << shift
	r[offset&^3] = r[offset&^3]&^mask | v<<shift&mask
}

// stm32RCC is the reset and clock control (RM0008 §7.3): oscillators and the
// PLL are ready, and the clock is switched, as soon as they are asked for.
type stm32RCC struct{ reg [16]uint32 }

func (r *stm32RCC) Load(offset uint32, size int) uint32 {
	if int(offset/4) >= len(r.reg) {
		return 0
	}
	v := r.reg[offset/4]
	switch offset {
	case 0x00: // CR: HSIRDY, HSERDY, PLLRDY follow HSION, HSEON, PLLON
		v |= 1 // HSI runs after reset
		v |= v & (1<<0 | 1<<16 | 1<<24) << 1
	case 0x04: // CFGR: SWS follows SW
		v = v&^0xc | v&3<<2
	case 0x20: // BDCR: LSERDY follows LSEON
		v |= v & 1 << 1
	case 0x24: // CSR: LSIRDY follows LSION
		v |= v & 1 << 1
	}
	return v
}

func (r *stm32RCC) Store(offset uint32, size int, v uint32) {
	if int(offset/4) < len(r.reg) {
		r.reg[offset/4] = v
	}
}

// stm32GPIO is a port (RM0008 §9.2) whose outputs can be looked at.
type stm32GPIO struct {
	config [2]uint32
	odr    uint32
}

func (g *stm32GPIO) Load(offset uint32, size int) uint32 {
	switch offset {
	case 0x00, 0x04:
		return g.config[offset/4]
	case 0x08, 0x0c: // IDR reads the outputs back
		return g.odr
	}
	return 0
}

func (g *stm32GPIO) Store(offset uint32, size int, v uint32) {
	switch offset {
	case 0x00, 0x04:
		g.config[offset/4] = v
	case 0x0c:
		g.odr = v & 0xffff
	case 0x10: // BSRR: set wins
		g.odr = g.odr&^(v>>16) | v&0xffff
	case 0x14: // BRR
		g.odr &^= v & 0xffff
	}
}

// stm32USART is USART1 (RM0008 §27.6).
type stm32USART struct {
	*wire
	core               *cortexm.Core
	irq                int
	brr, cr1, cr2, cr3 uint32
	gtpr               uint32
	sawError           bool // SR was read while ORE was set: reading DR clears it
}

const (
	srORE  = 1 << 3
	srRXNE = 1 << 5
	srTC   = 1 << 6
	srTXE  = 1 << 7

	cr1RE     = 1 << 2
	cr1RXNEIE = 1 << 5
	cr1TCIE   = 1 << 6
	cr1TXEIE  = 1 << 7
	cr1UE     = 1 << 13
)

func (u *stm32USART) reset() {
	u.wire.reset()
	u.brr, u.cr1, u.cr2, u.cr3, u.gtpr, u.sawError = 0, 0, 0, 0, 0, false
}

// update brings the port to the cycle and its interrupt line with it.
func (u *stm32USART) update(now uint64) {
	u.wire.advance(now, u.cr1&(cr1UE|cr1RE) == cr1UE|cr1RE)
	sr := u.status()
	level := sr&srRXNE != 0 && u.cr1&cr1RXNEIE != 0 || sr&srORE != 0 && u.cr1&cr1RXNEIE != 0 ||
		sr&srTXE != 0 && u.cr1&cr1TXEIE != 0 || sr&srTC != 0 && u.cr1&cr1TCIE != 0
	u.core.SetIRQ(u.irq, level && u.cr1&cr1UE != 0)
}

func (u *stm32USART) status() uint32 {
	var sr uint32
	if u.overrun {
		sr |= srORE
	}
	if u.received {
		sr |= srRXNE
	}
	if !u.waiting {
		sr |= srTXE
		if !u.shifting {
			sr |= srTC
		}
	}
	return sr
}

func (u *stm32USART) Load(offset uint32, size int) uint32 {
	now := u.core.Cycles()
	u.update(now)
	switch offset {
	case 0x00:
		u.sawError = u.overrun
		return u.status()
	case 0x04:
		v := u.take(now)
		if u.sawError {
			u.overrun, u.sawError = false, false
		}
		u.update(now)
		return uint32(v)
	case 0x08:
		return u.brr
	case 0x0c:
		return u.cr1
	case 0x10:
		return u.cr2
	case 0x14:
		return u.cr3
	case 0x18:
		return u.gtpr
	}
	return 0
}

func (u *stm32USART) Store(offset uint32, size int, v uint32) {
	now := u.core.Cycles()
	u.update(now)
	switch offset {
	case 0x04:
		u.send(now, byte(v))
	case 0x08:
		u.brr = v
	case 0x0c:
		u.cr1 = v
	case 0x10:
		u.cr2 = v
	case 0x14:
		u.cr3 = v
	case 0x18:
		u.gtpr = v
	}
	u.update(now)
	u.core.Yield() // the next event may come sooner now
}
