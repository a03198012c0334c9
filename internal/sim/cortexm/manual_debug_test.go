package cortexm

import "testing"

var debugCases = []manualCase{
	{
		section: "C1.5", name: "BKPT runs DebugMonitor when it is enabled",
		code: "bkpt 0", setUp: poke("DEMCR", demcrMonEnable),
		handlers: map[int]string{12: "b ."}, exceptions: "0 12",
		// The stacked address is that of the BKPT (B1.5.6).
		want: map[string]uint32{"DFSR": dfsrBKPT, "HFSR": 0, "[0x20001ff8]": caseCode},
	},
	{
		section: "C1.5", name: "BKPT is a HardFault when DebugMonitor is disabled",
		code: "bkpt 0", handlers: map[int]string{3: "b ."}, exceptions: "0 3",
		want: map[string]uint32{"DFSR": dfsrBKPT, "HFSR": hfsrDEBUGEVT, "[0x20001ff8]": caseCode},
	},
	{
		section: "C1.5", name: "BKPT under PRIMASK is a HardFault",
		code: "cpsid i\n bkpt 0", setUp: poke("DEMCR", demcrMonEnable),
		handlers: map[int]string{3: "b ."}, exceptions: "0 3", want: map[string]uint32{"HFSR": hfsrDEBUGEVT},
	},
	{
		section: "C1.5", name: "BKPT at DebugMonitor's own priority is a HardFault",
		code: "svc 0", setUp: poke("DEMCR", demcrMonEnable, "SHPR2", 0x40<<24, "SHPR3", 0x40),
		handlers: map[int]string{11: "bkpt 0", 3: "b ."}, exceptions: "0 11 3", want: map[string]uint32{"HFSR": hfsrDEBUGEVT},
	},
	{
		section: "C1.5", name: "BKPT in a handler that DebugMonitor can preempt",
		code: "svc 0", setUp: poke("DEMCR", demcrMonEnable, "SHPR2", 0x40<<24, "SHPR3", 0x30),
		handlers: map[int]string{11: "bkpt 0", 12: "b ."}, exceptions: "0 11 12", want: map[string]uint32{"HFSR": 0, "DFSR": dfsrBKPT},
	},
	{
		section: "C1.5", name: "BASEPRI at DebugMonitor's priority masks it",
		code: "movs r0, #0x40\n msr basepri, r0\n bkpt 0", setUp: poke("DEMCR", demcrMonEnable, "SHPR3", 0x40),
		handlers: map[int]string{3: "b ."}, exceptions: "0 3", want: map[string]uint32{"HFSR": hfsrDEBUGEVT},
	},
	{
		section: "C1.5", name: "BASEPRI below DebugMonitor's priority does not mask it",
		code: "movs r0, #0x40\n msr basepri, r0\n bkpt 0", setUp: poke("DEMCR", demcrMonEnable, "SHPR3", 0x30),
		handlers: map[int]string{12: "b ."}, exceptions: "0 12",
	},
	{
		section: "B1.5.15", name: "BKPT in the HardFault handler locks up",
		code: "udf", handlers: map[int]string{3: "bkpt 0"}, setUp: poke("DEMCR", demcrMonEnable),
		exceptions: "0 3", stop: Stop{Lockup: true}, want: map[string]uint32{"pc": 0xEFFFFFFE},
	},
	{
		section: "B1.5.15", name: "BKPT under FAULTMASK locks up",
		code: "cpsid f\n bkpt 0", setUp: poke("DEMCR", demcrMonEnable), stop: Stop{Lockup: true},
	},
	{
		section: "C1.5", name: "with halting debug a breakpoint stops the core",
		config: Config{Debugger: true}, setUp: poke("DEMCR", demcrMonEnable),
		code: "nop\n bkpt 0", exceptions: "0", stop: Stop{Halted: true},
		want: map[string]uint32{"pc": caseCode + 2, "DFSR": dfsrBKPT},
		check: func(t *testing.T, c *Core) {
			if v := c.ppbWord(scs["DHCSR"]); v&(1<<17|1) != 1<<17|1 {
				t.Errorf("DHCSR = %#x, want S_HALT and C_DEBUGEN", v)
			}
		},
	},
	{
		section: "C1.6.2", name: "software cannot set C_DEBUGEN",
		setUp: func(c *Core) { c.store32(scs["DHCSR"], 0xA05F0001) },
		check: func(t *testing.T, c *Core) {
			if v := c.ppbWord(scs["DHCSR"]); v&1 != 0 {
				t.Errorf("DHCSR = %#x", v)
			}
		},
	},
	{
		section: "C1.6.5", name: "MON_PEND runs DebugMonitor",
		code: "nop\n nop", setUp: poke("DEMCR", demcrMonEnable|demcrMonPend),
		handlers: map[int]string{12: "b ."}, exceptions: "0 12", want: map[string]uint32{"DEMCR": demcrMonEnable, "[0x20001ff8]": caseCode},
	},
	{
		section: "C1.5.1", name: "MON_STEP executes one instruction at a time",
		code:  "movs r4, #1\n movs r4, #2\n movs r4, #3\n movs r4, #4\n movs r4, #5",
		setUp: poke("DEMCR", demcrMonEnable|demcrMonStep), steps: 8,
		handlers:   map[int]string{12: "add r5, #1\n bx lr"},
		exceptions: "0 12 0 12 0 12", want: map[string]uint32{"r4": 3, "DFSR": dfsrHALTED},
	},
	{
		section: "A7.7.17", name: "BKPT in an IT block ignores the condition",
		code: "movs r0, #0\n it ne\n bkpt 0", setUp: poke("DEMCR", demcrMonEnable),
		handlers: map[int]string{12: "b ."}, exceptions: "0 12",
	},
	{
		section: "C1.6.1", name: "DFSR is cleared by writing ones",
		code: "bkpt 0", handlers: map[int]string{3: "ldr r0, =0xE000ED30\n movs r1, #2\n str r1, [r0]\n b ."},
		want: map[string]uint32{"DFSR": 0},
	},
	{
		section: "C1.6.5", name: "DEMCR bits that are not implemented read as zero",
		setUp: func(c *Core) { c.store32(scs["DEMCR"], 0xFF00F80E) }, want: map[string]uint32{"DEMCR": demcrTrace},
	},
}
