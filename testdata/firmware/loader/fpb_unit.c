/* The Flash Patch and Breakpoint unit (ARM DDI 0403E C1.11, DDI 0553). */
#include "fl.h"

#define REG(addr)  (*(volatile uint32_t *)(addr))
#define FP_CTRL    REG(0xE0002000)
#define FP_REMAP   REG(0xE0002004)
#define FP_COMP(n) REG(0xE0002008 + 4 * (n))
#define DEMCR      REG(0xE000EDFC)
#define DFSR       REG(0xE000ED30)

#define CTRL_ENABLE 1u
#define CTRL_KEY    2u
#define MON_EN      (1u << 16)

static uint32_t remap[FL_SLOTS] __attribute__((aligned(32)));
uint32_t fpb_trampoline_target[FL_SLOTS];
static struct { uint32_t orig, target; } monitored[FL_SLOTS];
static int monitor_ready;

/* One trampoline for each comparator. It must keep r0 to r3; a target of zero
   returns to the caller. */
#ifdef FL_PLAIN_TRAMPOLINES
#define TRAMPOLINE(n)                                                        \
    void fpb_trampoline_##n(void)                                            \
    {                                                                        \
        if (fpb_trampoline_target[n])                                        \
            ((void (*)(int, int))fpb_trampoline_target[n])(0, 0);            \
    }
#else
#define TRAMPOLINE(n)                                                        \
    __attribute__((naked)) void fpb_trampoline_##n(void)                     \
    {                                                                        \
        __asm volatile("ldr  ip, =fpb_trampoline_target + 4 * " #n "\n"      \
                       "ldr  ip, [ip]\n"                                     \
                       "cmp  ip, #0\n"                                       \
                       "it   eq\n"                                           \
                       "bxeq lr\n"                                           \
                       "bx   ip\n"                                           \
                       ".ltorg");                                            \
    }
#endif
TRAMPOLINE(0)
TRAMPOLINE(1)
TRAMPOLINE(2)
TRAMPOLINE(3)
TRAMPOLINE(4)
TRAMPOLINE(5)
TRAMPOLINE(6)
TRAMPOLINE(7)

static void (*const trampolines[FL_SLOTS])(void) = {
    fpb_trampoline_0, fpb_trampoline_1, fpb_trampoline_2, fpb_trampoline_3,
    fpb_trampoline_4, fpb_trampoline_5, fpb_trampoline_6, fpb_trampoline_7,
};

struct fpb_unit fpb_describe(void)
{
    uint32_t ctrl = FP_CTRL;
    struct fpb_unit unit = {
        .version = (int)(ctrl >> 28) + 1,
        .code = (int)((ctrl >> 8 & 0x70) | (ctrl >> 4 & 0xf)),
        .literal = (int)(ctrl >> 8 & 0xf),
        .remap = FP_REMAP,
        .base = (uint32_t)remap,
        .enabled = (int)(ctrl & CTRL_ENABLE),
    };
    return unit;
}

uint32_t fpb_comparator(int comp) { return FP_COMP(comp); }

uint32_t fpb_trampoline(int comp) { return (uint32_t)trampolines[comp]; }

static void clear_all(void)
{
    struct fpb_unit unit = fpb_describe();
    for (int i = 0; i < unit.code && i < FL_SLOTS; i++)
        FP_COMP(i) = 0;
}

void fpb_init(void)
{
#ifdef FL_NO_FPB
    return;
#endif
    clear_all();
    FP_REMAP = (uint32_t)remap;
    FP_CTRL = CTRL_KEY | CTRL_ENABLE;
    __asm volatile("dsb\n\tisb");
}

/* B.W from one address to another, encoding T4. Whether it reaches is not checked. */
static uint32_t branch(uint32_t from, uint32_t to)
{
    uint32_t offset = (to & ~1u) - (from + 4);
    uint32_t s = offset >> 31, i1 = offset >> 23 & 1, i2 = offset >> 22 & 1;
    uint32_t first = 0xf000 | s << 10 | (offset >> 12 & 0x3ff);
    uint32_t second = 0x9000 | (!(i1 ^ s)) << 13 | (!(i2 ^ s)) << 11 | (offset >> 1 & 0x7ff);
    return second << 16 | first;
}

int fpb_set(int comp, enum fpb_mode mode, uint32_t orig, uint32_t target)
{
    uint32_t match = orig & 0x1ffffffcu;
    int chosen = comp;
    switch (mode) {
    case FPB_TRAMPOLINE:
        fpb_trampoline_target[comp] = target;
        remap[comp] = branch(orig & ~1u, (uint32_t)trampolines[comp]);
        break;
    case FPB_REMAP:
        remap[comp] = branch(orig & ~1u, target);
        break;
    case FPB_DEBUGMON:
        if (!monitor_ready) {
            clear_all();
            DEMCR |= MON_EN;
            monitor_ready = 1;
        }
        monitored[comp].orig = orig & ~1u;
        monitored[comp].target = target & ~1u;
#ifdef FL_SHELL
        /* The OS takes the first comparator that is off, whichever slot has it. */
        for (chosen = 0; FP_COMP(chosen) & 1;)
            if (++chosen == fpb_describe().code)
                return -1;
#endif
        if (fpb_describe().version > 1 && !FL_V1_COMPARATORS)
            match = orig & ~1u;
        else if (FL_V1_COMPARATORS)
            match |= 3u << 30; /* both halfwords */
        else
            match |= (orig & 2 ? 2u : 1u) << 30;
        break;
    }
    __asm volatile("dsb");
    FP_COMP(chosen) = match | 1;
    __asm volatile("dsb\n\tisb");
    return 0;
}

/* The target goes first: a call in between returns at once. */
void fpb_clear(int comp)
{
    fpb_trampoline_target[comp] = 0;
#ifdef FL_SHELL
    /* The OS finds the breakpoint by its address. */
    for (int i = 0; monitored[comp].orig && i < fpb_describe().code; i++)
        if ((FP_COMP(i) & 0x1ffffffdu) == ((monitored[comp].orig & 0x1ffffffcu) | 1))
            FP_COMP(i) = 0;
#endif
    monitored[comp].orig = 0;
    FP_COMP(comp) = 0;
    remap[comp] = 0;
    __asm volatile("dsb\n\tisb");
}

void fpb_enable(int comp, int on)
{
    FP_COMP(comp) = on ? FP_COMP(comp) | 1 : FP_COMP(comp) & ~1u;
    __asm volatile("dsb\n\tisb");
}

/* frame: r0-r3, ip, lr, pc, xpsr as the core stacked them. */
__attribute__((used)) void fpb_debugmon(uint32_t *frame)
{
    DFSR = 2;
    for (int i = 0; i < FL_SLOTS; i++) {
        if (monitored[i].orig != 0 && monitored[i].orig == frame[6]) {
            frame[6] = monitored[i].target;
            return;
        }
    }
}

__attribute__((naked)) void DebugMon_Handler(void)
{
    __asm volatile("tst   lr, #4\n"
                   "ite   eq\n"
                   "mrseq r0, msp\n"
                   "mrsne r0, psp\n"
                   "b     fpb_debugmon");
}
