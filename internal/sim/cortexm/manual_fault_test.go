package cortexm

import (
	"strings"
	"testing"
)

const allFaults = 7 << 16 // SHCSR: MemManage, BusFault and UsageFault enabled

// stay is a handler that ends the case.
func stay(exc int) map[int]string { return map[int]string{exc: "b ."} }

var faultCases = []manualCase{
	{
		section: "B1.5.14", name: "UDF with UsageFault disabled is a forced HardFault",
		code: "nop\n udf", handlers: stay(3), exceptions: "0 3",
		want: map[string]uint32{"HFSR": hfsrFORCED, "CFSR": cfsrUNDEFINSTR, "[0x20001ff8]": caseCode + 2},
	},
	{
		section: "B1.5.14", name: "UDF with UsageFault enabled",
		code: "nop\n udf", setUp: poke("SHCSR", allFaults), handlers: stay(6), exceptions: "0 6",
		want: map[string]uint32{"HFSR": 0, "CFSR": cfsrUNDEFINSTR, "[0x20001ff8]": caseCode + 2},
		check: func(t *testing.T, c *Core) {
			f := c.Fault()
			if f == nil || f.Exception != "UsageFault" || f.PC != caseCode+2 || !strings.Contains(f.Cause, "UDF") {
				t.Errorf("fault %+v", f)
			}
		},
	},
	{
		section: "B1.5.14", name: "an undefined encoding",
		code: ".inst.w 0xfb00f0f0", setUp: poke("SHCSR", allFaults), handlers: stay(6), exceptions: "0 6", want: map[string]uint32{"CFSR": cfsrUNDEFINSTR},
	},
	{
		section: "B1.5.14", name: "a coprocessor instruction is NOCP",
		code: "cdp p1, 0, c0, c0, c0, 0", setUp: poke("SHCSR", allFaults), handlers: stay(6), exceptions: "0 6", want: map[string]uint32{"CFSR": cfsrNOCP},
	},
	{
		section: "B1.5.14", name: "BX to an even address is INVSTATE at the target",
		code: "ldr r0, =0x08000300\n bx r0", setUp: poke("SHCSR", allFaults), handlers: stay(6), exceptions: "0 6",
		want: map[string]uint32{"CFSR": cfsrINVSTATE, "[0x20001ff8]": 0x08000300, "[0x20001ffc]": 0},
	},
	{
		section: "B1.5.4", name: "a fault in its own handler is a HardFault",
		code: "udf", setUp: poke("SHCSR", allFaults), handlers: map[int]string{6: "udf", 3: "b ."}, exceptions: "0 6 3",
		want: map[string]uint32{"HFSR": hfsrFORCED},
	},
	{
		section: "B1.5.15", name: "a fault in the HardFault handler locks up",
		code: "udf", handlers: map[int]string{3: "udf"}, exceptions: "0 3", stop: Stop{Lockup: true},
	},
	{
		section: "B1.5.15", name: "a fault in the NMI handler locks up",
		code: "ldr r1, =0xE000ED04\n mov r2, #0x80000000\n str r2, [r1]", handlers: map[int]string{2: "udf"}, exceptions: "0 2", stop: Stop{Lockup: true},
	},
	{
		section: "A3.2.1", name: "LDR may be unaligned",
		code: "ldr r0, =0x20000201\n ldr r1, [r0]\n b .", setUp: poke(0x20000200, 0x44332211, 0x20000204, 0x88776655), want: map[string]uint32{"r1": 0x55443322},
	},
	{
		section: "B3.2.8", name: "UNALIGN_TRP",
		code: "ldr r0, =0x20000201\n ldr r1, [r0]\n b .", setUp: poke("SHCSR", allFaults, "CCR", ccrUnalignTrap|ccrStackAlign), handlers: stay(6),
		exceptions: "0 6", want: map[string]uint32{"CFSR": cfsrUNALIGNED, "r1": 0},
	},
	{
		section: "A3.2.1", name: "LDM must be aligned",
		code: "ldr r0, =0x20000202\n ldm r0!, {r1, r2}\n b .", setUp: poke("SHCSR", allFaults), handlers: stay(6),
		exceptions: "0 6", want: map[string]uint32{"CFSR": cfsrUNALIGNED, "r0": 0x20000202},
	},
	{
		section: "A3.2.1", name: "LDRD must be aligned",
		code: "ldr r0, =0x20000202\n ldrd r1, r2, [r0], #8\n b .", setUp: poke("SHCSR", allFaults), handlers: stay(6),
		exceptions: "0 6", want: map[string]uint32{"CFSR": cfsrUNALIGNED, "r0": 0x20000202},
	},
	{
		section: "A3.2.1", name: "LDREX must be aligned",
		code: "ldr r0, =0x20000201\n ldrex r1, [r0]\n b .", setUp: poke("SHCSR", allFaults), handlers: stay(6),
		exceptions: "0 6", want: map[string]uint32{"CFSR": cfsrUNALIGNED},
	},
	{
		section: "B3.2.8", name: "DIV_0_TRP",
		code: "movs r0, #5\n movs r1, #0\n udiv r2, r0, r1\n b .", setUp: poke("SHCSR", allFaults, "CCR", ccrDivTrap|ccrStackAlign), handlers: stay(6),
		exceptions: "0 6", want: map[string]uint32{"CFSR": cfsrDIVBYZERO},
	},
	{
		section: "B3.2.8", name: "without DIV_0_TRP the quotient is zero",
		code: "movs r0, #5\n movs r1, #0\n movs r2, #7\n sdiv r2, r0, r1\n b .", want: map[string]uint32{"r2": 0}, exceptions: "0",
	},
	{
		section: "B1.5.14", name: "a load from nowhere is a precise BusFault",
		code: "ldr r0, =0x30000004\n ldr r1, [r0]\n b .", setUp: poke("SHCSR", allFaults), handlers: stay(5), exceptions: "0 5",
		want: map[string]uint32{"CFSR": cfsrPRECISERR | cfsrBFARVALID, "BFAR": 0x30000004, "[0x20001ff8]": caseCode + 2},
		check: func(t *testing.T, c *Core) {
			if f := c.Fault(); f == nil || !f.HasAddress || f.Address != 0x30000004 || f.PC != caseCode+2 {
				t.Errorf("fault %+v", f)
			}
		},
	},
	{
		section: "B1.5.14", name: "a store to read-only memory is a BusFault",
		code: "ldr r0, =0x08000400\n str r0, [r0]\n b .", setUp: poke("SHCSR", allFaults), handlers: stay(5), exceptions: "0 5",
		want: map[string]uint32{"BFAR": 0x08000400},
	},
	{
		section: "B1.5.14", name: "a faulting load does not write back",
		code: "ldr r0, =0x30000000\n movs r1, #3\n ldr r1, [r0, #4]!\n b .", setUp: poke("SHCSR", allFaults), handlers: stay(5),
		exceptions: "0 5", want: map[string]uint32{"r0": 0x30000000, "r1": 3},
	},
	{
		section: "B1.5.14", name: "LDM that faults restores its base",
		code:  "ldr r0, =0x20004ff8\n ldm r0, {r0-r3}\n b .",
		setUp: poke("SHCSR", allFaults), handlers: stay(5), exceptions: "0 5", want: map[string]uint32{"[0x20001fe0]": 0x20004ff8},
	},
	{
		section: "B1.5.14", name: "a fetch from nowhere is IBUSERR",
		code: "ldr r0, =0x10000001\n bx r0", setUp: poke("SHCSR", allFaults), handlers: stay(5), exceptions: "0 5",
		want: map[string]uint32{"CFSR": cfsrIBUSERR, "[0x20001ff8]": 0x10000000},
	},
	{
		section: "B3.1", name: "peripheral space is execute-never",
		code: "ldr r0, =0x40000001\n bx r0", setUp: poke("SHCSR", allFaults), handlers: stay(4), exceptions: "0 4", want: map[string]uint32{"CFSR": cfsrIACCVIOL},
	},
	{
		section: "B1.5.12", name: "stacking that fails is STKERR and the handler still runs",
		code: "ldr r0, =0x20000010\n mov sp, r0\n svc 0", setUp: poke("SHPR2", 0x40<<24),
		handlers: map[int]string{3: "b ."}, exceptions: "0 3", want: map[string]uint32{"CFSR": cfsrSTKERR, "HFSR": hfsrFORCED},
	},
	{
		section: "B1.5.12", name: "a derived BusFault of higher priority runs first",
		code: "ldr r0, =0x20000010\n mov sp, r0\n svc 0", setUp: poke("SHCSR", allFaults, "SHPR2", 0x40<<24),
		handlers: map[int]string{5: "b ."}, exceptions: "0 5", want: map[string]uint32{"CFSR": cfsrSTKERR},
		check: func(t *testing.T, c *Core) {
			if !c.nvic.pending.has(excSVCall) {
				t.Error("SVCall is not pending any more")
			}
		},
	},
	{
		section: "B1.5.12", name: "a derived BusFault of lower priority waits",
		code: "ldr r0, =0x20000010\n mov sp, r0\n svc 0", setUp: poke("SHCSR", allFaults, "SHPR1", 0x80<<8),
		handlers: map[int]string{11: "ldr r0, =0x20001000\n mov sp, r0\n nop\n b ."}, exceptions: "0 11", want: map[string]uint32{"CFSR": cfsrSTKERR},
		check: func(t *testing.T, c *Core) {
			if !c.nvic.pending.has(excBusFault) {
				t.Error("BusFault is not pending")
			}
		},
	},
	{
		section: "B1.5.13", name: "unstacking that fails is UNSTKERR",
		code: "svc 0", setUp: poke("SHCSR", allFaults),
		handlers: map[int]string{11: "ldr r0, =0x30000000\n mov sp, r0\n bx lr", 5: "b ."}, exceptions: "0 11 5", want: map[string]uint32{"CFSR": cfsrUNSTKERR},
	},
	{
		section: "B1.5.14", name: "a vector that cannot be read is VECTTBL",
		code: "svc 0", setUp: poke("VTOR", 0x30000000), stop: Stop{Lockup: true},
		check: func(t *testing.T, c *Core) {
			if c.scb.hfsr&hfsrVECTTBL == 0 {
				t.Errorf("HFSR = %#x", c.scb.hfsr)
			}
		},
	},
	{
		section: "B3.2.8", name: "BFHFNMIGN lets the HardFault handler probe memory",
		code: "udf", setUp: poke("CCR", ccrIgnoreFaults|ccrStackAlign),
		handlers: map[int]string{3: "ldr r0, =0x30000000\n ldr r1, [r0]\n str r1, [r0]\n movs r7, #1\n b ."}, exceptions: "0 3", want: map[string]uint32{"r7": 1},
	},
	{
		section: "B3.2.15", name: "CFSR is cleared by writing ones, bytewise too",
		code: "udf", setUp: poke("SHCSR", allFaults),
		handlers: map[int]string{6: "ldr r0, =0xE000ED2A\n movs r1, #1\n strh r1, [r0]\n b ."}, exceptions: "0 6", want: map[string]uint32{"CFSR": 0},
	},
	{
		section: "B3.2.13", name: "SHCSR shows active and enabled",
		code: "udf", setUp: poke("SHCSR", allFaults), handlers: stay(6), want: map[string]uint32{"SHCSR": allFaults | 1<<3},
	},
	{
		section: "B3.2.13", name: "writing a pended bit pends the exception",
		code: "nop\n nop", setUp: poke("SHCSR", allFaults|1<<14), handlers: stay(5), exceptions: "0 5",
	},
	{
		section: "B3.5", name: "XN memory gives IACCVIOL",
		config: Config{MPURegions: 8}, code: "ldr r0, =0x20000201\n bx r0", handlers: stay(4), exceptions: "0 4",
		setUp: poke("SHCSR", allFaults, "MPU_RBAR", 0x20000010, "MPU_RASR", 3<<24|rasrXN|28<<1|1, "MPU_CTRL", mpuEnable|mpuPrivDefault),
		want:  map[string]uint32{"CFSR": cfsrIACCVIOL, "[0x20001ff8]": 0x20000200},
	},
	{
		section: "B3.5", name: "without XN the same memory executes",
		config: Config{MPURegions: 8}, code: "ldr r0, =0x20000201\n bx r0", exceptions: "0",
		setUp: poke(0x20000200, -0x1801dffb, "MPU_RBAR", 0x20000010, "MPU_RASR", 3<<24|28<<1|1, "MPU_CTRL", mpuEnable|mpuPrivDefault),
		want:  map[string]uint32{"r0": 5},
	},
	{
		section: "B3.5", name: "a read-only region gives DACCVIOL with the address",
		config: Config{MPURegions: 8}, code: "ldr r0, =0x20000204\n ldr r1, [r0]\n str r1, [r0]\n b .", handlers: stay(4), exceptions: "0 4",
		setUp: poke("SHCSR", allFaults, "MPU_RBAR", 0x20000210, "MPU_RASR", 6<<24|7<<1|1, "MPU_CTRL", mpuEnable|mpuPrivDefault),
		want:  map[string]uint32{"CFSR": cfsrDACCVIOL | cfsrMMARVALID, "MMFAR": 0x20000204},
	},
	{
		section: "B3.5", name: "the region with the higher number wins",
		config: Config{MPURegions: 8}, code: "ldr r0, =0x20000204\n str r0, [r0]\n movs r7, #1\n b .", exceptions: "0", want: map[string]uint32{"r7": 1},
		setUp: poke("MPU_RBAR", 0x20000010, "MPU_RASR", 6<<24|28<<1|1, "MPU_RBAR", 0x20000011, "MPU_RASR", 3<<24|28<<1|1, "MPU_CTRL", mpuEnable|mpuPrivDefault),
	},
	{
		section: "B3.5", name: "a disabled subregion falls through",
		config: Config{MPURegions: 8}, code: "ldr r0, =0x20000004\n str r0, [r0]\n movs r7, #1\n b .", exceptions: "0", want: map[string]uint32{"r7": 1},
		setUp: poke("MPU_RBAR", 0x20000010, "MPU_RASR", 6<<24|1<<8|10<<1|1, "MPU_CTRL", mpuEnable|mpuPrivDefault),
	},
	{
		section: "B3.5", name: "HFNMIENA clear: the HardFault handler runs without the MPU",
		config: Config{MPURegions: 8}, code: "udf", handlers: map[int]string{3: "ldr r0, =0x20000004\n str r0, [r0]\n movs r7, #1\n b ."},
		exceptions: "0 3", want: map[string]uint32{"r7": 1},
		setUp: poke("MPU_RBAR", 0x20000010, "MPU_RASR", 6<<24|7<<1|1, "MPU_CTRL", mpuEnable|mpuPrivDefault),
	},
	{
		section: "B3.5", name: "unprivileged code needs its own permission",
		config: Config{MPURegions: 8}, handlers: stay(4), exceptions: "0 4",
		code: "ldr r0, =0x20000204\n str r0, [r0]\n movs r7, #1\n msr control, r7\n ldr r1, [r0]\n b .",
		// Flash is open to all, the first 256 bytes from 0x20000200 to privileged code.
		setUp: poke("SHCSR", allFaults, "MPU_RBAR", 0x10, "MPU_RASR", 3<<24|31<<1|1, "MPU_RBAR", 0x20000211, "MPU_RASR", 1<<24|7<<1|1,
			"MPU_CTRL", mpuEnable|mpuPrivDefault),
		want: map[string]uint32{"r7": 1, "CFSR": cfsrDACCVIOL | cfsrMMARVALID, "MMFAR": 0x20000204},
	},
	{
		section: "A7.7.67", name: "LDRT is checked as unprivileged",
		config: Config{MPURegions: 8}, handlers: stay(4), exceptions: "0 4",
		code:  "ldr r0, =0x20000205\n ldr r2, [r0]\n movs r7, #1\n ldrt r1, [r0]\n b .",
		setUp: poke("SHCSR", allFaults, "MPU_RBAR", 0x20000210, "MPU_RASR", 1<<24|7<<1|1, "MPU_CTRL", mpuEnable|mpuPrivDefault),
		want:  map[string]uint32{"r7": 1, "MMFAR": 0x20000205},
	},
	{
		section: "B3.5", name: "unprivileged code cannot execute what only privileged code may read",
		config: Config{MPURegions: 8}, handlers: stay(4), exceptions: "0 4",
		code: "nop\n movs r7, #1\n msr control, r7\n movs r7, #2\n b .",
		setUp: poke("SHCSR", allFaults, "MPU_RBAR", 0x10, "MPU_RASR", 1<<24|28<<1|1,
			"MPU_RBAR", 0x20000011, "MPU_RASR", 3<<24|28<<1|1, "MPU_CTRL", mpuEnable),
		want: map[string]uint32{"r7": 1, "CFSR": cfsrIACCVIOL},
	},
	{
		section: "B3.5", name: "MPU_TYPE tells the regions", config: Config{MPURegions: 8}, want: map[string]uint32{"MPU_TYPE": 8 << 8},
	},
	{
		section: "B3.5", name: "no MPU reads zero", setUp: poke("MPU_CTRL", 1), want: map[string]uint32{"MPU_TYPE": 0, "MPU_CTRL": 0},
	},
}
