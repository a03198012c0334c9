package cortexm

import "testing"

// pendBoth pends IRQ 0 and 1 together from thread mode.
const pendBoth = "ldr r1, =0xE000E200\n movs r2, #3\n str r2, [r1]\n movs r7, #1\n b ."

var priorityCases = []manualCase{
	{
		section: "B1.5.4", name: "equal priority: the lower number runs first and is not preempted",
		code: pendBoth, setUp: poke("ISER0", 3, "IPR0", 0x4040),
		exceptions: "0 16 17 0", want: map[string]uint32{"r7": 1},
	},
	{
		section: "B1.5.4", name: "the higher priority runs first",
		code: pendBoth, setUp: poke("ISER0", 3, "IPR0", 0x2040), exceptions: "0 17 16 0",
	},
	{
		section: "B1.5.4", name: "a higher priority preempts",
		code: "ldr r1, =0xE000E200\n movs r2, #1\n str r2, [r1]\n movs r7, #1\n b .", setUp: poke("ISER0", 3, "IPR0", 0x2040),
		handlers: map[int]string{16: "movs r2, #2\n str r2, [r1]\n nop\n bx lr"}, exceptions: "0 16 17 16 0",
	},
	{
		section: "B1.5.4", name: "an equal priority does not preempt",
		code: "ldr r1, =0xE000E200\n movs r2, #1\n str r2, [r1]\n movs r7, #1\n b .", setUp: poke("ISER0", 3, "IPR0", 0x4040),
		handlers: map[int]string{16: "movs r2, #2\n str r2, [r1]\n nop\n bx lr"}, exceptions: "0 16 17 0",
	},
	{
		section: "B1.5.4", name: "a subpriority orders but does not preempt",
		// PRIGROUP 5: bits 7:6 are the group; 0x40 and 0x60 are one group.
		code:     "ldr r1, =0xE000E200\n movs r2, #2\n str r2, [r1]\n movs r7, #1\n b .",
		setUp:    poke("AIRCR", 0x05FA0500, "ISER0", 7, "IPR0", 0x506040),
		handlers: map[int]string{17: "movs r2, #5\n str r2, [r1]\n nop\n bx lr"}, exceptions: "0 17 16 18 0",
	},
	{
		section: "B1.5.4", name: "another group preempts",
		code:     "ldr r1, =0xE000E200\n movs r2, #2\n str r2, [r1]\n movs r7, #1\n b .",
		setUp:    poke("AIRCR", 0x05FA0500, "ISER0", 3, "IPR0", 0x8030),
		handlers: map[int]string{17: "movs r2, #1\n str r2, [r1]\n nop\n bx lr"}, exceptions: "0 17 16 17 0",
	},
	{
		section: "B1.4.3", name: "PRIMASK holds interrupts back",
		code: "cpsid i\n" + pendBoth, setUp: poke("ISER0", 3), exceptions: "0", want: map[string]uint32{"r7": 1, "ISPR0": 3},
	},
	{
		section: "B1.4.3", name: "BASEPRI masks its priority and lower ones",
		code: "movs r0, #0x40\n msr basepri, r0\n" + pendBoth, setUp: poke("ISER0", 3, "IPR0", 0x3040),
		exceptions: "0 17 0", want: map[string]uint32{"ISPR0": 1},
	},
	{
		section: "B5.2.3", name: "BASEPRI_MAX only raises",
		code: "movs r0, #0x40\n msr basepri, r0\n movs r0, #0x60\n msr basepri_max, r0\n mrs r4, basepri\n" +
			"movs r0, #0x20\n msr basepri_max, r0\n mrs r5, basepri\n movs r0, #0\n msr basepri_max, r0\n mrs r6, basepri",
		want: map[string]uint32{"r4": 0x40, "r5": 0x20, "r6": 0x20},
	},
	{
		section: "B1.5.4", name: "priorities keep the implemented bits",
		config: Config{PriorityBits: 3}, setUp: poke("IPR0", -1, "SHPR3", -1),
		want: map[string]uint32{"IPR0": 0xE0E0E0E0, "SHPR3": 0xE0E000E0},
	},
	{
		section: "B1.5.15", name: "a fault under FAULTMASK locks up",
		code: "cpsid f\n nop\n udf", stop: Stop{Lockup: true}, exceptions: "0",
	},
	{
		section: "B1.5.8", name: "FAULTMASK set in a handler is cleared by its return",
		code: "svc 0\n mrs r7, faultmask\n b .", handlers: map[int]string{11: "cpsid f\n mrs r6, faultmask\n bx lr"},
		exceptions: "0 11 0", want: map[string]uint32{"r6": 1, "r7": 0},
	},
	{
		section: "B1.4.3", name: "FAULTMASK cannot be set in the HardFault handler",
		code: "udf", handlers: map[int]string{3: "cpsid f\n mrs r6, faultmask\n b ."}, exceptions: "0 3", want: map[string]uint32{"r6": 0},
	},
	{
		section: "B1.5.4", name: "NMI preempts the HardFault handler",
		code:     "udf",
		handlers: map[int]string{3: "ldr r1, =0xE000ED04\n mov r2, #0x80000000\n str r2, [r1]\n nop\n b .", 2: "movs r6, #1\n bx lr"},
		// Reaching the handler again shows that the return works.
		exceptions: "0 3 2 3", want: map[string]uint32{"r6": 1},
	},
	{
		section: "B1.5.4", name: "SVC that cannot preempt is a HardFault",
		code: "cpsid i\n svc 0", handlers: map[int]string{3: "b ."}, exceptions: "0 3", want: map[string]uint32{"HFSR": hfsrFORCED, "CFSR": 0},
	},
	{
		section: "B1.5.4", name: "PendSV of low priority runs after the others",
		code:  "ldr r0, =0xE000ED04\n mov r1, #0x10000000\n svc 0\n movs r7, #1\n b .",
		setUp: poke("SHPR3", 0xF0<<16), handlers: map[int]string{11: "str r1, [r0]\n nop\n bx lr"},
		exceptions: "0 11 14 0", want: map[string]uint32{"r7": 1},
	},
	{
		section: "B3.4.1", name: "a level that stays high pends again after the return",
		code: "nop\n nop", setUp: func(c *Core) { poke("ISER0", 1)(c); c.SetIRQ(0, true) }, steps: 6,
		handlers: map[int]string{16: "adds r7, #1\n bx lr"},
		check: func(t *testing.T, c *Core) {
			if c.ipsr != 16 && !c.nvic.pending.has(16) {
				t.Error("the interrupt did not come back")
			}
			if c.Reg(7) < 2 {
				t.Errorf("%d entries", c.Reg(7))
			}
		},
	},
	{
		section: "B3.4.1", name: "a pulse is taken once",
		code: "nop\n nop", setUp: func(c *Core) { poke("ISER0", 1)(c); c.SetIRQ(0, true); c.SetIRQ(0, false) },
		handlers: map[int]string{16: "adds r7, #1\n bx lr"}, want: map[string]uint32{"r7": 1, "ISPR0": 0, "IABR0": 0},
		exceptions: "0 16 0",
	},
	{
		section: "B3.4.3", name: "disabled interrupts stay pending",
		code: pendBoth, setUp: poke("ISER0", 3, "ICER0", 2), exceptions: "0 16 0", want: map[string]uint32{"ISPR0": 2, "ISER0": 1},
	},
	{
		section: "B3.2.26", name: "STIR pends an interrupt",
		code: "ldr r0, =0xE000EF00\n movs r1, #5\n str r1, [r0]\n movs r7, #1\n b .", setUp: poke("ISER0", 1<<5), exceptions: "0 21 0",
	},
	{
		section: "B3.2.26", name: "USERSETMPEND lets unprivileged code write STIR",
		code:  "movs r1, #1\n msr control, r1\n ldr r0, =0xE000EF00\n movs r1, #5\n str r1, [r0]\n movs r7, #1\n b .",
		setUp: poke("ISER0", 1<<5, "CCR", ccrUserSetPend|ccrStackAlign), exceptions: "0 21 0",
	},
	{
		section: "B3.2.4", name: "ICSR tells active, base level and pending",
		code: pendBoth, setUp: poke("ISER0", 3, "IPR0", 0x4040), handlers: map[int]string{16: "ldr r0, =0xE000ED04\n ldr r6, [r0]\n b ."},
		want: map[string]uint32{"r6": 16 | 1<<11 | 17<<12 | 1<<22},
	},
}
