/* Where functions stand, and who calls them. */
#include "cases.h"

/* Copied to RAM at start: outside of what an FPB of version 1 sees. */
__attribute__((section(".ramfunc"))) NOINLINE int in_ram(int n) { return n * 7; }

/* In flash outside of the chip, likewise. */
__attribute__((section(".nor"))) NOINLINE int in_nor(int n) { return in_ram(n) + 1; }

/* Called by the core alone. */
volatile int interrupts;

void PendSV_Handler(void) { interrupts++; }

void interrupt(void)
{
    *(volatile uint32_t *)0xE000ED04 = 1u << 28; /* ICSR.PENDSVSET */
    __asm volatile("dsb\n\tisb" ::: "memory");
}
