@ One use of every relocation that the linker knows.

	.syntax unified
	.thumb

	.section .text.all, "ax", %progbits
	.global all
	.type all, %function
	.thumb_func
all:
	bl called
	bl added
	beq.w called
	bne.w added
	b.w called
	.reloc ., R_ARM_THM_JUMP8, added
	.inst.n 0xd0fe
	.reloc ., R_ARM_THM_JUMP11, added
	.inst.n 0xe7fe
	movw r0, #:lower16:data
	movt r0, #:upper16:data
	movw r0, #:lower16:data + 40
	movt r0, #:upper16:data + 40
	movw r1, #:lower16:called
	movt r1, #:upper16:called
	movw r2, #:lower16:(data - .)
	movt r2, #:upper16:(data - .)
	movw r3, #:lower16:(called - .)
	movt r3, #:upper16:(called - .)
	.reloc ., R_ARM_THM_PC12, constant
	.inst.w 0xf85f4004
	.reloc ., R_ARM_THM_PC12, constant
	.inst.w 0xf8df4004
	.reloc ., R_ARM_THM_PC8, constant
	.inst.n 0x4cff
	.reloc ., R_ARM_THM_PC8, constant
	.inst.n 0x4c01
	.reloc ., R_ARM_THM_ALU_PREL_11_0, constant
	.inst.w 0xf2af0504
	.reloc ., R_ARM_THM_ALU_PREL_11_0, constant
	.inst.w 0xf20f0508
	bl missing
	b.w missing
	movw r6, #:lower16:missing
	movt r6, #:upper16:missing
	.balign 4
	.word data, data + 12, data - 4
	.word called, called + 8, added, added + 2
	.word data - ., called - ., added - .
	.word data(TARGET1), called(TARGET1), data(TARGET2), called(TARGET2)
	.reloc ., R_ARM_PREL31, called
	.word 0
	.reloc ., R_ARM_PREL31, added
	.word 0x80000004
	.reloc ., R_ARM_PREL31, data
	.word 0x7ffffffc
	.word missing, fixed, missing - .
	.reloc ., R_ARM_PREL31, missing
	.word 0
	.reloc ., R_ARM_ABS32_NOI, called
	.word 0
	.reloc ., R_ARM_REL32_NOI, called
	.word 4
	.reloc ., R_ARM_NONE, called
	.word 0x80000000
	.size all, . - all

	.section .text.added, "ax", %progbits
	.type added, %function
	.thumb_func
added:
	.reloc ., R_ARM_V4BX, 0
	bx lr
	.size added, . - added

	.section .rodata.constant, "a", %progbits
	.balign 4
	.type constant, %object
constant:
	.word 0x12345678, 0x9abcdef0, 0x0f1e2d3c
	.word called
	.size constant, . - constant

	.weak missing
	.global fixed
	.set fixed, 0x40001234
