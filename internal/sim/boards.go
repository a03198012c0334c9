package sim

import (
	"github.com/fpbls/fpbls/internal/sim/cortexm"
)

// description is a board as data.
type description struct {
	name  string
	hz    uint64
	core  cortexm.Config
	flash flash
	ram   struct{ base, size uint32 }
	// nor is flash outside of the chip, which code runs from where it stands.
	nor struct{ base, size uint32 }
	// devices maps the peripherals and returns the serial port and how to look
	// at the LED.
	devices func(*Board) (uart, func() bool)
}

type flash struct {
	base, size uint32
	perm       cortexm.Perm // beside Read and Exec
	aliased    bool
	alias      uint32 // a second address, where aliased
}

var descriptions = []description{
	{
		name: "stm32f103", hz: 72_000_000,
		core:  cortexm.Config{Model: cortexm.CortexM3, IRQs: 43, PriorityBits: 4},
		flash: flash{base: 0x0800_0000, size: 128 << 10, aliased: true, alias: 0},
		ram:   struct{ base, size uint32 }{0x2000_0000, 20 << 10},
		nor:   struct{ base, size uint32 }{0x6000_0000, 64 << 10}, // FSMC bank 1, RM0008 §21.4.1
		devices: func(b *Board) (uart, func() bool) {
			// The blocks that a vendor's start-up code looks at, and storage
			// without behaviour for all others.
			usart := &stm32USART{wire: b.newWire(), irq: 37, core: b.core}
			gpioc := &stm32GPIO{}
			b.core.MapDevice(0x4001_3800, 0x400, usart)
			b.core.MapDevice(0x4001_1000, 0x400, gpioc)
			b.core.MapDevice(0x4002_1000, 0x400, &stm32RCC{})
			b.core.MapDevice(0x4000_0000, 0x3_0000, make(registers))
			return usart, func() bool { return gpioc.odr>>13&1 == 0 }
		},
	},
	{
		name: "mps2-an385", hz: 25_000_000,
		core:  cortexm.Config{Model: cortexm.CortexM3, IRQs: 32, PriorityBits: 8},
		flash: flash{base: 0, size: 4 << 20, perm: cortexm.Write},
		ram:   struct{ base, size uint32 }{0x2000_0000, 4 << 20},
		devices: func(b *Board) (uart, func() bool) {
			serial := &cmsdkUART{wire: b.newWire(), rxIRQ: 0, txIRQ: 1, core: b.core}
			io := make(registers)
			b.core.MapDevice(0x4000_4000, 0x1000, serial)
			b.core.MapDevice(0x4002_8000, 0x1000, io)
			b.core.MapDevice(0x4000_0000, 0x3_0000, make(registers))
			return serial, func() bool { return io[0]&1 != 0 }
		},
	},
}
