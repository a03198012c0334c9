package cortexm

import "testing"

// leaf is code for FPB cases: label 1 stands at caseCode+0x10, its first word is
// "movs r0, #1; bx lr".
const leaf = `
	bl 1f
	movs r7, #1
	b .
	.balign 16
1:	movs r0, #1
	bx lr
`

const leafAddress = caseCode + 0x10

// returnTwo is the word "movs r0, #2; bx lr".
const returnTwo = 0x47702002

const (
	remapTable = caseRAM + 0x100
	compRemap  = 0 << 30
	compLower  = 1 << 30
	compUpper  = 2 << 30
	compBoth   = 3 << 30
)

var fpbCases = []manualCase{
	{
		section: "C1.11.5", name: "REPLACE 00 fetches the word from the remap table",
		code:  leaf,
		setUp: poke(remapTable, returnTwo, "FP_REMAP", remapTable, "FP_COMP0", leafAddress|compRemap|1, "FP_CTRL", 3),
		want:  map[string]uint32{"r0": 2, "r7": 1},
	},
	{
		section: "C1.11.4", name: "comparator n uses word n of the table",
		code:  leaf,
		setUp: poke(remapTable+4, returnTwo, "FP_REMAP", remapTable, "FP_COMP1", leafAddress|compRemap|1, "FP_CTRL", 3),
		want:  map[string]uint32{"r0": 2, "r7": 1},
	},
	{
		section: "C1.11.4", name: "the table is read at each fetch",
		code: `
			bl 1f
			ldr r1, =0x20000100
			ldr r2, =0x47702003
			str r2, [r1]
			mov r3, r0
			bl 1f
			b .
			.balign 32
		1:	movs r0, #1
			bx lr
		`,
		setUp: poke(remapTable, returnTwo, "FP_REMAP", remapTable, "FP_COMP0", caseCode+0x20|1, "FP_CTRL", 3),
		want:  map[string]uint32{"r0": 3, "r3": 2},
	},
	{
		section: "C1.11.1", name: "the whole aligned word is replaced",
		// A function at 4k+2: the word also holds what stands before it.
		code: `
			bl 1f
			b .
			.balign 16
			bx lr
		1:	movs r0, #1
			movs r1, #1
			bx lr
		`,
		setUp: func(c *Core) {
			// Upper half: movs r0, #5; the lower half is not executed here.
			poke(remapTable, 0x20050000|0xDE00, "FP_REMAP", remapTable, "FP_COMP0", caseCode+0x10|1, "FP_CTRL", 3)(c)
		},
		want: map[string]uint32{"r0": 5, "r1": 1},
	},
	{
		section: "C1.11.1", name: "what precedes a 4k+2 entry is replaced as well",
		code: `
			b 2f
			.balign 16
		2:	movs r0, #1
			movs r1, #1
			b .
		`,
		setUp: poke(remapTable, 0x20092008, "FP_REMAP", remapTable, "FP_COMP0", caseCode+0x10|1, "FP_CTRL", 3),
		want:  map[string]uint32{"r0": 9, "r1": 0},
	},
	{
		section: "C1.11.1", name: "a 32-bit instruction can straddle the replaced word",
		code: `
			b 2f
			.balign 16
			nop
		2:	movw r0, #0x11
			b .
		`,
		// The second halfword of the MOVW comes from the table: #0x22 to r0.
		setUp: poke(remapTable, -0x1801ffde, "FP_REMAP", remapTable, "FP_COMP0", caseCode+0x14|1, "FP_CTRL", 3),
		want:  map[string]uint32{"r0": 0x22},
	},
	{
		section: "C1.11.1", name: "data reads are not remapped by instruction comparators",
		code: `
			adr r1, 1f
			ldr r2, [r1]
			bl 1f
			b .
			.balign 16
		1:	movs r0, #1
			bx lr
		`,
		setUp: poke(remapTable, returnTwo, "FP_REMAP", remapTable, "FP_COMP0", leafAddress|1, "FP_CTRL", 3),
		want:  map[string]uint32{"r0": 2, "r2": 0x47702001},
	},
	{
		section: "C1.11.1", name: "literal comparators remap literal loads and no fetch",
		code: `
			ldr r0, 3f
			b 2f
			.balign 16
		2:	movs r1, #1
			b .
			.balign 16
		3:	.word 0x1111
		`,
		setUp: poke(remapTable+24, 0x2222, remapTable+28, 0x20052005, "FP_REMAP", remapTable,
			"FP_COMP6", caseCode+0x20|1, "FP_COMP7", caseCode+0x10|1, "FP_CTRL", 3),
		want: map[string]uint32{"r0": 0x2222, "r1": 1},
	},
	{
		section: "C1.11.5", name: "REPLACE 01 breaks on the lower halfword",
		code:  leaf,
		setUp: poke("FP_COMP0", int(leafAddress|uint32(compLower)|1), "FP_CTRL", 3, "DEMCR", demcrMonEnable),
		// The handler returns to the same breakpoint.
		steps: 4, exceptions: "0 12 0 12",
		want: map[string]uint32{"DFSR": dfsrBKPT, "pc": caseHandlers + 12*caseHandler},
	},
	{
		section: "C1.11.5", name: "REPLACE 10 leaves the lower halfword alone",
		code:       leaf,
		setUp:      poke("FP_COMP0", int(uint32(compUpper)|leafAddress|1), "FP_CTRL", 3),
		exceptions: "0 3",
		handlers:   map[int]string{3: "b ."},
		want:       map[string]uint32{"r0": 1, "DFSR": dfsrBKPT, "HFSR": hfsrDEBUGEVT, "[0x20001ff8]": leafAddress + 2},
	},
	{
		section: "C1.11.5", name: "REPLACE 11 breaks on both halfwords",
		code:       leaf,
		setUp:      poke("FP_COMP0", int(uint32(compBoth)|leafAddress|1), "FP_CTRL", 3, "DEMCR", demcrMonEnable),
		exceptions: "0 12 0 12 0",
		// The handler skips 16-bit instructions.
		handlers: map[int]string{12: "ldr r1, [sp, #24]\n adds r1, #2\n str r1, [sp, #24]\n ldr r1, [sp, #24]\n add r5, #1\n bx lr"},
		steps:    16,
		want:     map[string]uint32{"r0": 0, "r5": 2},
	},
	{
		section: "C1.11.5", name: "a redirection by DebugMonitor",
		// What a loader's monitor handler does: another return address.
		code: `
			bl 1f
			movs r7, #1
			b .
			.balign 16
		1:	movs r0, #1
			bx lr
			.balign 16
		2:	movs r0, #9
			bx lr
		`,
		setUp:      poke("FP_COMP0", int(uint32(compLower)|leafAddress|1), "FP_CTRL", 3, "DEMCR", demcrMonEnable),
		handlers:   map[int]string{12: "ldr r1, [sp, #24]\n adds r1, #16\n str r1, [sp, #24]\n bx lr"},
		exceptions: "0 12 0",
		want:       map[string]uint32{"r0": 9, "r7": 1},
	},
	{
		section: "C1.11.3", name: "a write to FP_CTRL without KEY is ignored",
		code:  leaf,
		setUp: poke(remapTable, returnTwo, "FP_REMAP", remapTable, "FP_COMP0", leafAddress|1, "FP_CTRL", 1),
		want:  map[string]uint32{"r0": 1, "FP_CTRL": 0x260},
	},
	{
		section: "C1.11.3", name: "FP_CTRL tells the comparators, KEY reads as zero",
		setUp: poke("FP_CTRL", 3),
		want:  map[string]uint32{"FP_CTRL": 0x261},
	},
	{
		section: "C1.11.3", name: "FP_CTRL of version 2",
		config: Config{FPB: FPBConfig{Version: 2, Code: 8}},
		setUp:  poke("FP_CTRL", 3),
		want:   map[string]uint32{"FP_CTRL": 0x10000081},
	},
	{
		section: "C1.11.3", name: "NUM_CODE is split",
		config: Config{FPB: FPBConfig{Version: 2, Code: 20}},
		want:   map[string]uint32{"FP_CTRL": 0x10001040},
	},
	{
		section: "C1.11.5", name: "a disabled comparator does not match",
		code:  leaf,
		setUp: poke(remapTable, returnTwo, "FP_REMAP", remapTable, "FP_COMP0", leafAddress, "FP_CTRL", 3),
		want:  map[string]uint32{"r0": 1},
	},
	{
		section: "C1.11.4", name: "FP_REMAP holds bits 28:5 of an SRAM address",
		setUp: poke("FP_REMAP", 0x7FFFFFFF),
		want:  map[string]uint32{"FP_REMAP": 0x3FFFFFE0},
	},
	{
		section: "C1.11.5", name: "reserved bits of comparators read as zero",
		setUp: poke("FP_COMP0", -1, "FP_COMP6", -1),
		want:  map[string]uint32{"FP_COMP0": 0xDFFFFFFD, "FP_COMP6": 0x1FFFFFFD},
	},
	{
		section: "C1.11.1", name: "version 1 matches in the code region only",
		code: `
			ldr r1, =0x20000201
			bx r1
		`,
		// movs r0, #1; b . in SRAM; the comparator would match without bit 29.
		setUp: poke(caseRAM+0x200, -0x1801dfff, remapTable, -0x1801dff9, "FP_REMAP", remapTable, "FP_COMP0", 0x201, "FP_CTRL", 3),
		want:  map[string]uint32{"r0": 1},
	},
	{
		section: "C1.11.1", name: "an alias of the memory is another address",
		code: `
			ldr r4, =0x00000221
			blx r4
			mov r5, r0
			ldr r4, =0x08000221
			blx r4
			b .
			.balign 32
		1:	movs r0, #1
			bx lr
		`,
		setUp: poke(remapTable, returnTwo, "FP_REMAP", remapTable, "FP_COMP0", caseCode+0x20|1, "FP_CTRL", 3),
		want:  map[string]uint32{"r5": 1, "r0": 2},
	},
	{
		section: "C1.11.5", name: "version 2 breaks at any halfword, in RAM too",
		config: Config{FPB: FPBConfig{Version: 2, Code: 8}},
		code: `
			ldr r1, =0x20000201
			bx r1
		`,
		setUp: poke(caseRAM+0x200, 0x20022001, caseRAM+0x204, -0x1801dffd, "FP_COMP0", caseRAM+0x202|1, "FP_CTRL", 3,
			"DEMCR", demcrMonEnable),
		handlers:   map[int]string{12: "b ."},
		exceptions: "0 12",
		want:       map[string]uint32{"r0": 1, "FP_REMAP": 0},
	},
	{
		section: "C1.4.1", name: "a warm reset keeps the unit",
		setUp: func(c *Core) {
			poke("FP_REMAP", remapTable, "FP_COMP0", 0x08000201, "FP_CTRL", 3, "DEMCR", demcrMonEnable|demcrTrace)(c)
			c.Reset(Warm)
		},
		want: map[string]uint32{"FP_REMAP": remapTable, "FP_COMP0": 0x08000201, "FP_CTRL": 0x261, "DEMCR": demcrTrace},
	},
	{
		section: "C1.4.1", name: "a power-on reset clears the unit",
		setUp: func(c *Core) {
			poke("FP_REMAP", remapTable, "FP_COMP0", 0x08000201, "FP_CTRL", 3, "DEMCR", demcrMonEnable|demcrTrace)(c)
			c.Reset(PowerOn)
		},
		want: map[string]uint32{"FP_REMAP": caseRAM, "FP_COMP0": 0, "FP_CTRL": 0x260, "DEMCR": 0},
	},
	{
		section: "C1.11.1", name: "a comparator can be taken away again",
		code: `
			bl 1f
			mov r5, r0
			ldr r1, =0xE0002008
			movs r2, #0
			str r2, [r1]
			bl 1f
			b .
			.balign 32
		1:	movs r0, #1
			bx lr
		`,
		setUp: poke(remapTable, returnTwo, "FP_REMAP", remapTable, "FP_COMP0", caseCode+0x20|1, "FP_CTRL", 3),
		want:  map[string]uint32{"r5": 2, "r0": 1},
	},
	{
		section: "C1.11.2", name: "a core without the unit reads zero",
		config: Config{FPB: FPBConfig{Version: NoFPB}},
		setUp:  poke("FP_COMP0", 1, "FP_CTRL", 3),
		want:   map[string]uint32{"FP_CTRL": 0, "FP_COMP0": 0},
		check: func(t *testing.T, c *Core) {
			if c.fpb.enabled {
				t.Error("the absent unit is enabled")
			}
		},
	},
}
