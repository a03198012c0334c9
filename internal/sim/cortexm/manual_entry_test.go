package cortexm

import "testing"

var entryCases = []manualCase{
	{
		section: "B1.5.5", name: "reset loads MSP and PC from the vector table",
		code: "nop", steps: 1,
		want: map[string]uint32{"sp": caseStack, "lr": 0xFFFFFFFF, "pc": caseCode + 2, "xpsr": 1 << 24},
	},
	{
		section: "B1.5.6", name: "the frame holds eight words",
		code: `
			movs r0, #10
			movs r1, #11
			movs r2, #12
			movs r3, #13
			mov r12, r3
			mov lr, r2
			svc 0
		`,
		handlers: map[int]string{11: "b ."}, exceptions: "0 11",
		want: map[string]uint32{
			"[0x20001fe0]": 10, "[0x20001fe4]": 11, "[0x20001fe8]": 12, "[0x20001fec]": 13, "[0x20001ff0]": 13,
			"[0x20001ff4]": 12, "[0x20001ff8]": caseCode + 14, "[0x20001ffc]": 1 << 24,
			"sp": caseStack - 32, "lr": 0xFFFFFFF9,
		},
	},
	{
		section: "B1.5.7", name: "with STKALIGN the frame is 8-byte aligned and bit 9 tells it",
		code:     "push {r0}\n svc 0\n movs r7, #1\n b .",
		handlers: map[int]string{11: "mov r6, sp\n ldr r5, [sp, #28]\n bx lr"},
		want:     map[string]uint32{"r6": caseStack - 40, "r5": 1<<24 | 1<<9, "r7": 1, "sp": caseStack - 4},
	},
	{
		section: "B1.5.7", name: "an aligned SP is not padded",
		code:     "svc 0\n movs r7, #1\n b .",
		handlers: map[int]string{11: "mov r6, sp\n ldr r5, [sp, #28]\n bx lr"},
		want:     map[string]uint32{"r6": caseStack - 32, "r5": 1 << 24, "r7": 1, "sp": caseStack},
	},
	{
		section: "B1.5.7", name: "without STKALIGN the frame is 4-byte aligned",
		code: "push {r0}\n svc 0\n movs r7, #1\n b .", setUp: poke("CCR", 0),
		handlers: map[int]string{11: "mov r6, sp\n ldr r5, [sp, #28]\n bx lr"},
		want:     map[string]uint32{"r6": caseStack - 36, "r5": 1 << 24, "r7": 1, "sp": caseStack - 4},
	},
	{
		section: "B1.5.8", name: "EXC_RETURN F9 goes to thread mode and MSP",
		code: "movs r0, #1\n svc 0\n movs r7, #1\n b .", handlers: map[int]string{11: "movs r0, #9\n mov r6, lr\n bx lr"},
		exceptions: "0 11 0", want: map[string]uint32{"r0": 1, "r6": 0xFFFFFFF9, "r7": 1, "lr": 0xFFFFFFFF},
	},
	{
		section: "B1.5.8", name: "EXC_RETURN FD goes to thread mode and PSP",
		code: `
			ldr r0, =0x20001000
			msr psp, r0
			movs r0, #2
			msr control, r0
			isb
			svc 0
			movs r7, #1
			b .
		`,
		handlers:   map[int]string{11: "mov r6, lr\n mrs r5, psp\n mov r4, sp\n mrs r8, control\n bx lr"},
		exceptions: "0 11 0",
		want:       map[string]uint32{"r6": 0xFFFFFFFD, "r5": 0x20001000 - 32, "r4": caseStack, "r8": 0, "r7": 1, "sp": 0x20001000, "msp": caseStack},
	},
	{
		section: "B1.5.8", name: "EXC_RETURN F1 goes to handler mode",
		code: "svc 0", setUp: poke("SHPR2", 0x40<<24, "DEMCR", demcrMonEnable),
		handlers:   map[int]string{11: "bkpt 0", 12: "mov r6, lr\n ldr r0, [sp, #24]\n adds r0, #2\n str r0, [sp, #24]\n bx lr"},
		exceptions: "0 11 12 11", want: map[string]uint32{"r6": 0xFFFFFFF1},
		steps: 7,
	},
	{
		section: "B1.5.8", name: "EXC_RETURN by POP",
		code: "svc 0\n movs r7, #1\n b .", handlers: map[int]string{11: "push {r4, lr}\n pop {r4, pc}"},
		exceptions: "0 11 0", want: map[string]uint32{"r7": 1},
	},
	{
		section: "B1.5.8", name: "EXC_RETURN by LDR",
		code: "svc 0\n movs r7, #1\n b .", handlers: map[int]string{11: "push {lr}\n ldr pc, [sp], #4"},
		exceptions: "0 11 0", want: map[string]uint32{"r7": 1},
	},
	{
		section: "B1.5.8", name: "in thread mode an EXC_RETURN value is an address",
		code: "ldr r0, =0xFFFFFFF9\n bx r0", handlers: map[int]string{3: "b ."}, exceptions: "0 3",
		want: map[string]uint32{"CFSR": cfsrIACCVIOL, "HFSR": hfsrFORCED},
	},
	{
		section: "B1.5.8", name: "an EXC_RETURN that does not exist is INVPC",
		code: "svc 0", setUp: poke("SHCSR", 1<<18),
		handlers: map[int]string{11: "ldr r0, =0xFFFFFFF5\n bx r0", 6: "b ."}, exceptions: "0 11 6",
		want: map[string]uint32{"CFSR": cfsrINVPC, "sp": caseStack - 32, "lr": 0xFFFFFFF5},
	},
	{
		section: "B1.5.8", name: "returning to thread mode with another exception active is INVPC",
		code: "svc 0", setUp: poke("SHPR2", 0x40<<24, "DEMCR", demcrMonEnable, "SHCSR", 1<<18),
		handlers:   map[int]string{11: "bkpt 0", 12: "ldr r0, =0xFFFFFFF9\n bx r0", 6: "b ."},
		exceptions: "0 11 12 6", want: map[string]uint32{"CFSR": cfsrINVPC},
	},
	{
		section: "B1.5.8", name: "NONBASETHRDENA allows that",
		code: "svc 0\n movs r7, #1\n b .", setUp: poke("SHPR2", 0x40<<24, "DEMCR", demcrMonEnable, "CCR", ccrStackAlign|ccrNonBaseThread),
		handlers: map[int]string{11: "bkpt 0", 12: "mrs r1, ipsr\n mov r2, sp\n" +
			"ldr r0, [sp, #24]\n adds r0, #2\n str r0, [sp, #24]\n movs r0, #1\n lsls r0, r0, #24\n str r0, [sp, #28]\n ldr r0, =0xFFFFFFF9\n bx r0"},
		exceptions: "0 11 12 0", want: map[string]uint32{"CFSR": 0},
	},
	{
		section: "B1.5.8", name: "a stacked IPSR that does not fit is INVPC",
		code: "svc 0", setUp: poke("SHCSR", 1<<18),
		handlers:   map[int]string{11: "ldr r0, [sp, #28]\n adds r0, #5\n str r0, [sp, #28]\n bx lr", 6: "b ."},
		exceptions: "0 11 6", want: map[string]uint32{"CFSR": cfsrINVPC},
	},
	{
		section: "B1.5.8", name: "exception return with the exception not active is INVPC",
		code: "svc 0", setUp: poke("SHCSR", 1<<18),
		handlers:   map[int]string{11: "ldr r0, =0xE000ED24\n ldr r1, [r0]\n bic r1, #128\n str r1, [r0]\n bx lr", 6: "b ."},
		exceptions: "0 11 6", want: map[string]uint32{"CFSR": cfsrINVPC},
	},
	{
		section: "B1.5.13", name: "tail-chaining does not unstack",
		// Two interrupts become pending together; the second handler finds r0
		// as the first left it and the same frame.
		code: "movs r0, #1\n cpsid i\n ldr r1, =0xE000E200\n movs r2, #3\n str r2, [r1]\n cpsie i\n nop\n movs r7, #1\n b .", setUp: poke("ISER0", 3),
		handlers:   map[int]string{16: "movs r0, #0x55\n mov r5, sp\n bx lr", 17: "mov r4, r0\n mov r6, sp\n bx lr"},
		exceptions: "0 16 17 0",
		want:       map[string]uint32{"r4": 0x55, "r5": caseStack - 32, "r6": caseStack - 32, "r0": 1, "r7": 1},
	},
	{
		section: "B1.5.6", name: "IT state is stacked and restored",
		code: `
			movs r0, #0
			ldr r1, =0xE000E200
			movs r2, #1
			cmp r0, r0
			ittte eq
			streq r2, [r1]
			addeq r4, #1
			addeq r4, #1
			addne r4, #1
			movs r7, #1
			b .
		`,
		setUp: poke("ISER0", 1), handlers: map[int]string{16: "ldr r6, [sp, #28]\n movs r3, #1\n bx lr"},
		exceptions: "0 16 0", want: map[string]uint32{"r4": 2, "r7": 1},
	},
	{
		section: "B1.5.6", name: "a handler starts outside any IT block",
		code: "cmp r0, r0\n itt eq\n svceq 0\n moveq r6, #1\n movs r7, #1\n b .", handlers: map[int]string{11: "adds r5, #1\n bx lr"},
		exceptions: "0 11 0", want: map[string]uint32{"r5": 1, "r6": 1, "r7": 1},
	},
	{
		section: "A3.4.4", name: "exception entry clears the exclusive monitor",
		code:     "ldr r0, =0x20000200\n ldrex r1, [r0]\n svc 0\n strex r2, r1, [r0]\n b .",
		handlers: map[int]string{11: "bx lr"}, want: map[string]uint32{"r2": 1},
	},
	{
		section: "A3.4.1", name: "STREX without a reservation fails and stores nothing",
		code: "ldr r0, =0x20000200\n movs r1, #5\n strex r2, r1, [r0]\n b .", want: map[string]uint32{"r2": 1, "[0x20000200]": 0},
	},
	{
		section: "A3.4.1", name: "CLREX ends a reservation",
		code: "ldr r0, =0x20000200\n ldrex r1, [r0]\n clrex\n movs r1, #5\n strex r2, r1, [r0]\n b .", want: map[string]uint32{"r2": 1, "[0x20000200]": 0},
	},
	{
		section: "A3.4.1", name: "STREX after LDREX stores",
		code: "ldr r0, =0x20000200\n ldrex r1, [r0]\n movs r1, #5\n strex r2, r1, [r0]\n b .", want: map[string]uint32{"r2": 0, "[0x20000200]": 5},
	},
	{
		section: "B1.4.1", name: "bits 1:0 of SP read as zero",
		code: "ldr r0, =0x20001003\n mov sp, r0\n mov r1, sp\n msr psp, r0\n mrs r2, psp\n b .",
		want: map[string]uint32{"r1": 0x20001000, "r2": 0x20001000},
	},
	{
		section: "B1.4.2", name: "MRS reads EPSR as zero and IPSR in a handler",
		code: "svc 0", handlers: map[int]string{11: "mrs r4, epsr\n mrs r5, ipsr\n mrs r6, xpsr\n b ."},
		want: map[string]uint32{"r4": 0, "r5": 11, "r6": 11},
	},
	{
		section: "B1.5.3", name: "VTOR moves the vector table",
		code: "svc 0",
		setUp: func(c *Core) {
			poke(0x20000400+4*11, caseHandlers+caseHandler*20+1, "VTOR", 0x20000400)(c)
		},
		handlers: map[int]string{20: "movs r4, #7\n b ."}, exceptions: "0 11", want: map[string]uint32{"r4": 7},
	},
	{
		section: "B1.5.3", name: "a vector without the Thumb bit is INVSTATE",
		code: "svc 0",
		setUp: func(c *Core) {
			poke(0x20000400+4*11, caseHandlers+caseHandler*20, 0x20000400+4*6, caseHandlers+caseHandler*6+1,
				0x20000400+4*3, caseHandlers+caseHandler*3+1, "VTOR", 0x20000400, "SHCSR", 1<<18, "SHPR2", 0x40<<24)(c)
		},
		handlers: map[int]string{6: "b ."}, exceptions: "0 6", want: map[string]uint32{"CFSR": cfsrINVSTATE, "SHCSR": 1<<18 | 1<<7 | 1<<3},
	},
	{
		section: "B1.5.18", name: "SEV wakes WFE",
		code: "sev\n wfe\n movs r7, #1\n b .", want: map[string]uint32{"r7": 1},
	},
	{
		section: "B1.5.18", name: "WFE sleeps without an event",
		code: "wfe\n movs r7, #1\n b .", want: map[string]uint32{"r7": 0}, stop: Stop{Asleep: true},
	},
	{
		section: "B1.5.18", name: "SEVONPEND makes a pending interrupt an event",
		code: "wfe\n movs r7, #1\n b .", setUp: poke("SCR", scrSendEventOnPend, "ISPR0", 1), want: map[string]uint32{"r7": 1},
	},
	{
		section: "B1.5.19", name: "WFI sleeps until an interrupt",
		code: "wfi\n movs r7, #1\n b .", setUp: poke("ISER0", 1), stop: Stop{Asleep: true}, steps: 10,
		check: func(t *testing.T, c *Core) {
			c.SetIRQ(0, true)
			c.SetIRQ(0, false)
			c.Run(c.Cycles() + 10)
			if c.Reg(7) != 1 {
				t.Error("still asleep")
			}
		},
	},
	{
		section: "B1.5.19", name: "WFI wakes under PRIMASK without taking the interrupt",
		code: "cpsid i\n ldr r0, =0xE000E200\n movs r1, #1\n str r1, [r0]\n wfi\n movs r7, #1\n b .", setUp: poke("ISER0", 1), exceptions: "0", want: map[string]uint32{"r7": 1},
	},
	{
		section: "B1.5.17", name: "SLEEPONEXIT sleeps at the return to thread mode",
		code: "svc 0\n movs r7, #1\n b .", setUp: poke("SCR", scrSleepOnExit), exceptions: "0 11 0",
		want: map[string]uint32{"r7": 0}, stop: Stop{Asleep: true},
	},
}
