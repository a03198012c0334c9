/* Faults: what they are called, where they stand, and going on after them. */
#include "conformance.h"

#define SHCSR REG(0xE000ED24)
#define CFSR  REG(0xE000ED28)
#define HFSR  REG(0xE000ED2C)
#define MMFAR REG(0xE000ED34)
#define BFAR  REG(0xE000ED38)
#define CCR   REG(0xE000ED14)

#define UNALIGN_TRP (1u << 3)
#define DIV_0_TRP   (1u << 4)
#define BFARVALID   (1u << 15)
#define MMARVALID   (1u << 7)
#define ENABLED     (7u << 16) /* usage, bus and memory management faults */

static struct {
    uint32_t exception, cfsr, hfsr, address, pc;
} seen;

/* Goes on at the caller of the function that faulted. */
__attribute__((used)) static void caught(uint32_t *frame)
{
    __asm volatile("mrs %0, ipsr" : "=r"(seen.exception));
    seen.cfsr = CFSR;
    seen.hfsr = HFSR;
    seen.address = seen.cfsr & BFARVALID ? BFAR : seen.cfsr & MMARVALID ? MMFAR : 0;
    seen.pc = frame[6];
    CFSR = seen.cfsr;
    HFSR = seen.hfsr;
    frame[6] = frame[5] & ~1u;
    frame[7] = (frame[7] & ~0x0600fc00u) | 1u << 24;
}

#define HANDLER(name) \
    __attribute__((naked)) void name(void) { __asm volatile("tst lr, #4\n ite eq\n mrseq r0, msp\n mrsne r0, psp\n b caught"); }
HANDLER(HardFault_Handler)
HANDLER(MemManage_Handler)
HANDLER(BusFault_Handler)
HANDLER(UsageFault_Handler)

/* Functions that go wrong. There is nothing at 0x50000000, and no code may run
   there either. */
#define WRONG(name, code) \
    __attribute__((naked)) static void name(void) { __asm volatile("nop\n" code "\n bx lr"); }
WRONG(undefined, "udf #7")
WRONG(undefined_wide, "udf.w #7")
WRONG(undefined_in_block, "cmp r0, r0\n itte eq\n moveq r0, #1\n udfeq #1\n movne r0, #2")
WRONG(divide, "movs r0, #5\n movs r1, #0\n sdiv r1, r0, r1")
WRONG(divide_unsigned, "movs r0, #5\n movs r1, #0\n udiv r1, r0, r1")
WRONG(unaligned, "ldr r1, [sp, #-7]")
WRONG(unaligned_half, "sub r0, sp, #15\n ldrsh r1, [r0]")
WRONG(unaligned_pair, "sub r0, sp, #62\n ldrd r1, r2, [r0, #4]!")
WRONG(unaligned_multiple, "sub r0, sp, #61\n ldmia r0!, {r1, r2}")
WRONG(unaligned_exclusive, "sub r0, sp, #61\n ldrex r1, [r0]")
WRONG(arm_state, "movs r0, #8\n bx r0")
WRONG(coprocessor, "mrc p7, 0, r1, c0, c0")
WRONG(read_nothing, "mov r0, #0x50000000\n ldr r1, [r0, #16]")
WRONG(read_nothing_byte, "mov r0, #0x50000000\n movs r1, #9\n ldrb r1, [r0, r1]")
WRONG(run_nothing, "mov r0, #0x50000000\n orr r0, r0, #1\n bx r0")
WRONG(call_supervisor, "cpsid i\n svc 3\n cpsie i")

static const struct {
    const char *name;
    void (*run)(void);
} functions[] = {
#define NAMED(f) {#f, f}
    NAMED(undefined), NAMED(undefined_wide), NAMED(undefined_in_block), NAMED(divide), NAMED(divide_unsigned),
    NAMED(unaligned), NAMED(unaligned_half), NAMED(unaligned_pair), NAMED(unaligned_multiple),
    NAMED(unaligned_exclusive), NAMED(arm_state), NAMED(coprocessor), NAMED(read_nothing),
    NAMED(read_nothing_byte), NAMED(run_nothing), NAMED(call_supervisor),
};

void faults(void)
{
    for (int round = 0; round < 3; round++) {
        SHCSR = round == 2 ? 0 : ENABLED;
        CCR = (CCR & ~(UNALIGN_TRP | DIV_0_TRP)) | (round == 0 ? 0 : UNALIGN_TRP | DIV_0_TRP);
        printf("handlers %s, traps %s\n", round == 2 ? "off" : "on", round == 0 ? "off" : "on");
        for (unsigned i = 0; i < LENGTH(functions); i++) {
            functions[i].run();
            __asm volatile("cpsie i" ::: "memory");
            printf("%-20s ", functions[i].name);
            if (seen.exception == 0) {
                printf("no fault\n");
                continue;
            }
            printf("exception %lu CFSR %08lx HFSR %08lx address %08lx", (unsigned long)seen.exception,
                   (unsigned long)seen.cfsr, (unsigned long)seen.hfsr, (unsigned long)seen.address);
            uint32_t offset = seen.pc - ((uint32_t)(uintptr_t)functions[i].run & ~1u);
            if (offset < 64)
                printf(" at +%lu\n", (unsigned long)offset);
            else
                printf(" at %08lx\n", (unsigned long)seen.pc);
            seen.exception = 0;
        }
    }
    CCR &= ~(UNALIGN_TRP | DIV_0_TRP);
}
