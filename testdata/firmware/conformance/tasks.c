/* Context switches: threads on the process stack, switched by PendSV, first
   when they say so and then whenever the timer strikes. */
#include <string.h>

#include "conformance.h"

#define ICSR     REG(0xE000ED04)
#define VTOR     REG(0xE000ED08)
#define SHPR(n)  (*(volatile uint8_t *)(0xE000ED18 + (n) - 4))
#define SYST_CSR REG(0xE000E010)
#define SYST_RVR REG(0xE000E014)
#define SYST_CVR REG(0xE000E018)

#define THREADS 3
#define WORDS   512

struct thread {
    uint32_t *sp;
    int ended;
};

/* The last one is the caller. Volatile, for the compiler does not see who calls
   next_thread. */
static volatile struct thread threads[THREADS + 1];
static uint32_t stacks[THREADS][WORDS] __attribute__((aligned(8)));
static uint32_t handlers_stack[WORDS] __attribute__((aligned(8)));
static volatile unsigned current = THREADS;
static volatile unsigned switches;

/* The next thread in turn; the caller when all have ended. */
__attribute__((used)) static uint32_t *next_thread(uint32_t *sp)
{
    threads[current].sp = sp;
    unsigned next = THREADS;
    for (unsigned n = 1; n <= THREADS && next == THREADS; n++) {
        unsigned t = current == THREADS ? n - 1 : (current + n) % THREADS;
        if (!threads[t].ended)
            next = t;
    }
    current = next;
    switches++;
    return threads[current].sp;
}

__attribute__((naked)) static void switch_handler(void)
{
    __asm volatile("mrs   r0, psp\n"
                   "stmdb r0!, {r4-r11, lr}\n"
                   "bl    next_thread\n"
                   "ldmia r0!, {r4-r11, lr}\n"
                   "msr   psp, r0\n"
                   "bx    lr");
}

static void yield(void)
{
    ICSR = 1u << 28;
    __asm volatile("dsb\n isb" ::: "memory");
}

static void tick_handler(void)
{
    if (current != THREADS)
        ICSR = 1u << 28;
}

static void thread_exit(void)
{
    threads[current].ended = 1;
    for (;;)
        yield();
}

static void start(unsigned n, void (*body)(unsigned))
{
    uint32_t *sp = stacks[n] + WORDS - 17;
    for (uint32_t i = 0; i < 8; i++)
        sp[i] = 0x11111111 * i; /* r4 to r11 */
    sp[8] = 0xfffffffd;         /* to thread mode on the process stack */
    sp[9] = n;                  /* r0 */
    sp[14] = (uint32_t)(uintptr_t)thread_exit;
    sp[15] = (uint32_t)(uintptr_t)body & ~1u;
    sp[16] = 1u << 24;
    threads[n].sp = sp;
    threads[n].ended = 0;
}

/* Runs three threads until all have ended. */
static void run(void (*body)(unsigned))
{
    for (unsigned n = 0; n < THREADS; n++)
        start(n, body);
    __asm volatile("mov r0, sp\n msr psp, r0\n movs r0, #2\n msr control, r0\n isb\n msr msp, %0"
                   : : "r"(handlers_stack + WORDS) : "r0", "memory");
    yield();
    __asm volatile("mov r0, sp\n msr msp, r0\n movs r0, #0\n msr control, r0\n isb" ::: "r0", "memory");
}

static volatile char order[64];
static volatile unsigned ordered;

static void polite(unsigned n)
{
    for (unsigned i = 0; i < 4 + n; i++) {
        order[ordered++] = (char)('a' + n);
        yield();
    }
    order[ordered++] = (char)('A' + n);
}

static volatile uint32_t lock, shared;

static void take(void)
{
    for (;;) {
        uint32_t v;
        __asm volatile("ldrex %0, [%1]" : "=r"(v) : "r"(&lock) : "memory");
        if (v == 0) {
            __asm volatile("strex %0, %2, [%1]" : "=&r"(v) : "r"(&lock), "r"(1) : "memory");
            if (v == 0)
                break;
        } else {
            yield();
        }
    }
    __asm volatile("dmb" ::: "memory");
}

static void give(void)
{
    __asm volatile("dmb" ::: "memory");
    lock = 0;
}

static NOINLINE uint32_t mix(uint32_t v, unsigned depth)
{
    double d = v;
    if (depth > 0)
        v = mix(v * 3 + depth, depth - 1) ^ (uint32_t)(d / 3);
    return v + (uint32_t)((uint64_t)v * 1000 / 7);
}

static volatile uint32_t results[THREADS];

static void greedy(unsigned n)
{
    uint32_t r = n + 1;
    for (int i = 0; i < 500; i++) {
        r = mix(r, 5);
        take();
        uint32_t v = shared;
        for (volatile int k = 0; k < 10; k++)
            ;
        shared = v + n + 1;
        give();
    }
    results[n] = r;
}

void tasks(void)
{
    static uint32_t vectors[64] __attribute__((aligned(256)));
    const uint32_t *old = (const uint32_t *)VTOR;
    memcpy(vectors, old, sizeof vectors);
    vectors[14] = (uint32_t)(uintptr_t)switch_handler;
    vectors[15] = (uint32_t)(uintptr_t)tick_handler;
    VTOR = (uint32_t)(uintptr_t)vectors;
    SHPR(14) = 0xff;

    run(polite);
    printf("%s after %u switches\n", (const char *)order, switches);

    switches = 0;
    SYST_RVR = 1499;
    SYST_CVR = 0;
    SYST_CSR = 7;
    run(greedy);
    SYST_CSR = 0;
    for (unsigned n = 0; n < THREADS; n++)
        printf("%08lx ", (unsigned long)results[n]);
    printf("shared %lu, %s\n", (unsigned long)shared, switches > THREADS + 1 ? "preempted" : "not preempted");

    VTOR = (uint32_t)(uintptr_t)old;
    SHPR(14) = 0;
}
