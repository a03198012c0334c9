/* The NVIC: order, nesting, masking, the frames of exceptions. */
#include "conformance.h"

#define NVIC_ISER REG(0xE000E100)
#define NVIC_ICER REG(0xE000E180)
#define NVIC_ISPR REG(0xE000E200)
#define NVIC_ICPR REG(0xE000E280)
#define NVIC_IABR REG(0xE000E300)
#define NVIC_IPR(n) (*(volatile uint8_t *)(0xE000E400 + (n)))
#define NVIC_STIR REG(0xE000EF00)
#define ICSR      REG(0xE000ED04)
#define AIRCR     REG(0xE000ED0C)
#define SHPR(n)   (*(volatile uint8_t *)(0xE000ED18 + (n) - 4))
#define SYST_CSR  REG(0xE000E010)
#define SYST_RVR  REG(0xE000E014)
#define SYST_CVR  REG(0xE000E018)

#define PENDSVSET (1u << 28)
#define NMIPENDSET (1u << 31)
#define IRQ(n) (1u << (n))

#define BARRIER() __asm volatile("dsb\n isb" ::: "memory")

static char trace[200];
static volatile unsigned traced;
static volatile uint32_t pend[4]; /* what each handler pends, once */

static void note(char c)
{
    if (traced < sizeof trace - 1)
        trace[traced++] = c;
}

static void show(const char *what)
{
    trace[traced] = 0;
    traced = 0;
    printf("%-20s %s\n", what, trace);
}

static NOINLINE void handle(unsigned n)
{
    note((char)('a' + n));
    uint32_t more = pend[n];
    pend[n] = 0;
    if (more & 1)
        ICSR = PENDSVSET;
    if (more & 2)
        ICSR = NMIPENDSET;
    NVIC_ISPR = more & ~3u;
    BARRIER();
    note((char)('A' + n));
}

void IRQ20_Handler(void) { handle(0); }
void IRQ21_Handler(void) { handle(1); }
void IRQ22_Handler(void) { handle(2); }
void IRQ23_Handler(void) { handle(3); }
void NMI_Handler(void) { note('!'); }

void PendSV_Handler(void)
{
    uint32_t icsr = ICSR, ipsr;
    __asm volatile("mrs %0, ipsr" : "=r"(ipsr));
    note(ipsr == 14 && (icsr & 0x1ff) == 14 && icsr & 1u << 11 ? 'p' : '?');
}

static volatile uint32_t ticks;
void SysTick_Handler(void) { ticks++; }

static void priorities(int p20, int p21, int p22, int p23)
{
    NVIC_IPR(20) = (uint8_t)p20;
    NVIC_IPR(21) = (uint8_t)p21;
    NVIC_IPR(22) = (uint8_t)p22;
    NVIC_IPR(23) = (uint8_t)p23;
}

static void nesting(void)
{
    NVIC_ISER = IRQ(20) | IRQ(21) | IRQ(22) | IRQ(23);
    SHPR(14) = 0xff;
    priorities(0x80, 0x80, 0x80, 0x80);
    pend[0] = IRQ(23) | IRQ(22) | IRQ(21);
    NVIC_ISPR = IRQ(20);
    BARRIER();
    show("equal priorities");
    priorities(0xc0, 0x80, 0x40, 0x20);
    pend[0] = IRQ(21), pend[1] = IRQ(22), pend[2] = IRQ(23);
    NVIC_ISPR = IRQ(20);
    BARRIER();
    show("nested");
    priorities(0x20, 0x40, 0x80, 0xc0);
    pend[0] = IRQ(21) | 1, pend[1] = IRQ(22), pend[2] = IRQ(23) | IRQ(20);
    NVIC_ISPR = IRQ(20);
    BARRIER();
    show("chained");
    pend[3] = 3;
    NVIC_STIR = 23;
    BARRIER();
    show("not maskable");
    pend[1] = IRQ(21);
    NVIC_ISPR = IRQ(21);
    BARRIER();
    show("pended by itself");
    AIRCR = 0x05fa0000 | 6u << 8; /* one bit of preemption, the others order */
    priorities(0x60, 0x20, 0x40, 0x80);
    pend[0] = IRQ(21) | IRQ(22), pend[3] = IRQ(20);
    NVIC_ISPR = IRQ(23);
    BARRIER();
    show("grouped");
    AIRCR = 0x05fa0000;
}

static void masking(void)
{
    priorities(0x20, 0x40, 0x80, 0xc0);
    __asm volatile("cpsid i");
    NVIC_ISPR = IRQ(20) | IRQ(22);
    BARRIER();
    note('-');
    printf("pending %08lx vector %lu\n", (unsigned long)NVIC_ISPR, (unsigned long)(ICSR >> 12 & 0x1ff));
    __asm volatile("cpsie i\n isb");
    show("PRIMASK");
    __asm volatile("msr basepri, %0\n isb" : : "r"(0x80));
    NVIC_ISPR = IRQ(20) | IRQ(22) | IRQ(23);
    BARRIER();
    note('-');
    __asm volatile("msr basepri_max, %0\n isb" : : "r"(0xc0));
    note('-');
    __asm volatile("msr basepri, %0\n isb" : : "r"(0xc0));
    note('-');
    __asm volatile("msr basepri, %0\n isb" : : "r"(0));
    show("BASEPRI");
    __asm volatile("cpsid f");
    NVIC_ISPR = IRQ(20);
    ICSR = NMIPENDSET;
    BARRIER();
    note('-');
    __asm volatile("cpsie f\n isb");
    show("FAULTMASK");
    NVIC_ICER = IRQ(21);
    NVIC_ISPR = IRQ(21) | IRQ(22);
    BARRIER();
    note('-');
    NVIC_ICPR = IRQ(21);
    NVIC_ISER = IRQ(21);
    BARRIER();
    show("disabled");
    printf("active %08lx, priorities %02x %02x\n", (unsigned long)NVIC_IABR, NVIC_IPR(20), NVIC_IPR(23));
}

/* The supervisor call: number from the instruction, values in the frame. */
__attribute__((used)) static void service(uint32_t *frame)
{
    uint8_t number = ((const uint8_t *)frame[6])[-2];
    switch (number) {
    case 1:
        frame[0] = frame[0] * frame[1] + frame[2] - frame[3];
        break;
    case 2:
        frame[7] ^= 0xf8000000; /* all flags */
        break;
    default:
        frame[0] = number;
    }
}

__attribute__((naked)) void SVC_Handler(void)
{
    __asm volatile("tst lr, #4\n ite eq\n mrseq r0, msp\n mrsne r0, psp\n b service");
}

static NOINLINE uint32_t call(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    register uint32_t r0 __asm("r0") = a, r1 __asm("r1") = b, r2 __asm("r2") = c, r3 __asm("r3") = d;
    __asm volatile("svc 1" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r3) : "memory");
    return r0;
}

static void services(void)
{
    register uint32_t r0 __asm("r0") = 0;
    __asm volatile("svc 201" : "+r"(r0));
    printf("svc %lu %lu\n", (unsigned long)r0, (unsigned long)call(6, 7, 1000, 42));
    uint32_t before, after;
    __asm volatile("movs %0, #0\n msr apsr_nzcvq, %0\n mrs %0, apsr\n svc 2\n mrs %1, apsr" : "=&l"(before), "=&l"(after) : : "cc", "r0");
    printf("flags %08lx %08lx\n", (unsigned long)before, (unsigned long)after);
}

/* A stack pointer that is not a multiple of 8 is aligned, and comes back. */
static NOINLINE void alignment(void)
{
    uint32_t before, after, r = 5;
    __asm volatile("push {r4, r5, lr}\n mov %0, sp\n svc 9\n mov %1, sp\n pop {r4, r5, lr}"
                   : "=&r"(before), "=&r"(after), "+r"(r) : : "r0", "r4", "r5", "lr", "memory");
    printf("sp moved by %ld\n", (long)(after - before));
}

/* Work that is interrupted at any point comes to the same result. */
static NOINLINE uint32_t work(void)
{
    uint32_t r = OPAQUE(1);
    for (uint32_t i = 0; i < 20000; i++) {
        if (r & 1)
            r = (r >> 1) ^ 0xedb88320;
        else if (r & 2)
            r += i;
        else
            r = r * 5 + (r < i ? 3 : i / ((r & 7) + 1));
    }
    return r;
}

static void interrupted(void)
{
    uint32_t calm = work(), alike = 1;
    SYST_RVR = 1999;
    SYST_CVR = 0;
    SYST_CSR = 7;
    uint32_t rounds = 0;
    do {
        alike &= work() == calm;
        rounds++;
    } while (ticks < 20 && rounds < 10000);
    SYST_CSR = 0;
    printf("interrupted: %s\n", alike && ticks >= 20 ? "same result" : "wrong");
    sum(calm);
    sum_print("work");
    uint32_t seen = ticks;
    SYST_CSR = 7;
    while (ticks == seen)
        __asm volatile("wfi");
    SYST_CSR = 0;
    printf("woken\n");
}

void interrupts(void)
{
    nesting();
    masking();
    services();
    alignment();
    interrupted();
    NVIC_ICER = IRQ(20) | IRQ(21) | IRQ(22) | IRQ(23);
    SHPR(14) = 0;
}
