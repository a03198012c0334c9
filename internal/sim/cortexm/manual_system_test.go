package cortexm

import "testing"

var systemCases = []manualCase{
	{
		section: "B1.3.1", name: "unprivileged code cannot reach the system control space",
		code:  "movs r0, #1\n msr control, r0\n ldr r0, =0xE000ED08\n ldr r1, [r0]\n b .",
		setUp: poke("SHCSR", allFaults), handlers: stay(5), exceptions: "0 5", want: map[string]uint32{"CFSR": cfsrPRECISERR | cfsrBFARVALID, "BFAR": 0xE000ED08},
	},
	{
		section: "B5.2.3", name: "unprivileged MSR and CPS are ignored",
		code: "movs r0, #1\n msr control, r0\n msr primask, r0\n cpsid i\n movs r0, #0\n msr control, r0\n mrs r4, control\n mrs r5, primask",
		want: map[string]uint32{"r4": 1, "r5": 0}, check: func(t *testing.T, c *Core) {
			if c.primask {
				t.Error("PRIMASK is set")
			}
		},
	},
	{
		section: "B1.4.4", name: "handlers are privileged",
		code: "movs r0, #1\n msr control, r0\n svc 0", handlers: map[int]string{11: "ldr r0, =0xE000ED00\n ldr r4, [r0]\n b ."},
		exceptions: "0 11", want: map[string]uint32{"r4": 0x412FC231},
	},
	{
		section: "A7.7.67", name: "LDRT in a handler is an unprivileged access",
		code: "svc 0", setUp: poke("SHCSR", allFaults, "SHPR2", 0x40<<24),
		handlers: map[int]string{11: "ldr r0, =0xE000ED00\n ldrt r4, [r0]\n b .", 5: "b ."}, exceptions: "0 11 5",
	},
	{
		section: "B3.2.3", name: "CPUID of a Cortex-M3", want: map[string]uint32{"CPUID": 0x412FC231},
	},
	{
		section: "B3.2.3", name: "CPUID of a Cortex-M4", config: Config{Model: CortexM4}, want: map[string]uint32{"CPUID": 0x410FC241},
	},
	{
		section: "B3.2.3", name: "CPUID of a Cortex-M7, with FPB version 2", config: Config{Model: CortexM7}, want: map[string]uint32{"CPUID": 0x411FC272, "FP_CTRL": 0x10000080},
	},
	{
		section: "B3.2.6", name: "AIRCR needs its key",
		setUp: poke("AIRCR", 0x500), want: map[string]uint32{"AIRCR": 0xFA050000},
	},
	{
		section: "B3.2.6", name: "PRIGROUP",
		setUp: poke("AIRCR", 0x05FA0500), want: map[string]uint32{"AIRCR": 0xFA050500},
	},
	{
		section: "B3.2.6", name: "SYSRESETREQ is a warm reset",
		code: `
			ldr r0, =0x20000200
			ldr r1, [r0]
			adds r1, #1
			str r1, [r0]
			cmp r1, #2
			beq .
			ldr r0, =0xE000ED0C
			ldr r1, =0x05FA0004
			str r1, [r0]
			b .
		`,
		setUp: poke("FP_COMP0", 0x08000401, "DEMCR", demcrMonEnable),
		want:  map[string]uint32{"[0x20000200]": 2, "FP_COMP0": 0x08000401, "DEMCR": 0},
	},
	{
		section: "B3.2.5", name: "VTOR keeps bits 31:7", setUp: poke("VTOR", -1), want: map[string]uint32{"VTOR": 0xFFFFFF80},
	},
	{
		section: "B3.3.3", name: "SysTick interrupts periodically",
		code: "1: b 1b", setUp: poke("SYST_RVR", 9, "SYST_CVR", 0, "SYST_CSR", 7), steps: 100,
		handlers: map[int]string{15: "adds r7, #1\n bx lr"}, check: func(t *testing.T, c *Core) {
			if n := c.Reg(7); n != 9 && n != 10 {
				t.Errorf("%d interrupts in 100 cycles of period 10", n)
			}
		},
	},
	{
		section: "B3.3.3", name: "COUNTFLAG is set at zero and cleared by reading",
		code:  "nop\n nop\n nop\n nop\n nop\n nop\n nop\n ldr r1, [r0]\n ldr r2, [r0]\n b .",
		setUp: func(c *Core) { poke("SYST_RVR", 4, "SYST_CVR", 0, "SYST_CSR", 5)(c); c.SetReg(0, scs["SYST_CSR"]) },
		want:  map[string]uint32{"r1": 0x10005, "r2": 5}, exceptions: "0",
	},
	{
		section: "B3.3.5", name: "writing the current value clears it and COUNTFLAG",
		setUp: poke("SYST_RVR", 100, "SYST_CVR", 55), want: map[string]uint32{"SYST_CVR": 0},
	},
	{
		section: "B3.3.5", name: "the counter counts down from the reload value",
		code: "nop", setUp: poke("SYST_RVR", 1000, "SYST_CVR", 0, "SYST_CSR", 5), steps: 11,
		check: func(t *testing.T, c *Core) {
			if v := c.ppbWord(scs["SYST_CVR"]); v != 1000-10 {
				t.Errorf("%d after 11 cycles", v)
			}
		},
	},
	{
		section: "B3.3.1", name: "a reload value of zero stops the counter",
		code: "1: b 1b", setUp: poke("SYST_RVR", 0, "SYST_CVR", 0, "SYST_CSR", 7), exceptions: "0",
	},
	{
		section: "B3.3.1", name: "the reference clock is slower",
		code: "1: b 1b", setUp: poke("SYST_RVR", 9, "SYST_CVR", 0, "SYST_CSR", 3), steps: 100,
		handlers: map[int]string{15: "adds r7, #1\n bx lr"}, want: map[string]uint32{"r7": 1},
	},
	{
		section: "Cortex-M3 TRM 3.7", name: "bit-band alias of SRAM",
		code: "ldr r0, =0x22004014\n movs r1, #1\n str r1, [r0]\n ldr r2, [r0]\n ldr r3, [r0, #4]\n b .",
		want: map[string]uint32{"[0x20000200]": 1 << 5, "r2": 1, "r3": 0},
	},
	{
		section: "Cortex-M7 TRM 5.2", name: "there is no bit-band alias", config: Config{Model: CortexM7},
		code: "ldr r0, =0x22004014\n ldr r2, [r0]", setUp: poke("SHCSR", allFaults), handlers: stay(5), exceptions: "0 5",
	},
	{
		section: "Cortex-M7 TRM 5.2", name: "stores do not refresh fetched lines, ICIALLU does",
		config: Config{Model: CortexM7, ICache: true},
		code: `
			ldr r4, =0x20000221
			blx r4
			mov r5, r0
			ldr r1, =0x20000220
			ldr r2, =0x47702002
			str r2, [r1]
			blx r4
			mov r6, r0
			ldr r1, =0xE000EF50
			str r1, [r1]
			blx r4
			mov r7, r0
			b .
		`,
		setUp: poke(0x20000220, 0x47702001, "CCR", ccrStackAlign|ccrICache), want: map[string]uint32{"r5": 1, "r6": 1, "r7": 2},
	},
	{
		section: "Cortex-M7 TRM 5.2", name: "without the cache stores are seen",
		config: Config{Model: CortexM7, ICache: true},
		code: `
			ldr r4, =0x20000221
			blx r4
			mov r5, r0
			ldr r1, =0x20000220
			ldr r2, =0x47702002
			str r2, [r1]
			blx r4
			b .
		`,
		setUp: poke(0x20000220, 0x47702001), want: map[string]uint32{"r5": 1, "r0": 2},
	},
	{
		section: "Cortex-M7 TRM 5.2", name: "a whole line is fetched at once",
		config: Config{Model: CortexM7, ICache: true},
		code: `
			ldr r4, =0x20000221
			blx r4
			ldr r1, =0x20000228
			ldr r2, =0x47702002
			str r2, [r1]
			adds r4, #8
			blx r4
			b .
		`,
		setUp: poke(0x20000220, 0x47702001, 0x20000228, 0x47702001, "CCR", ccrStackAlign|ccrICache), want: map[string]uint32{"r0": 1},
	},
}
