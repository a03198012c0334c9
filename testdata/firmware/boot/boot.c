/* A bootloader: it starts the application behind it, and offers it services through a
   table at a fixed address. */
#include "services.h"

#define VTOR (*(volatile uint32_t *)0xE000ED08)

extern uint32_t _stack_top;

__attribute__((noinline)) const char *boot_text(void) { return "services of the bootloader"; }

/* The application has another function of this name. */
__attribute__((noinline)) int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

int boot_percent(int value) { return clamp(value, 0, 100); }

void Reset_Handler(void)
{
    const uint32_t *vectors = (const uint32_t *)APPLICATION;
    VTOR = APPLICATION;
    __asm volatile("msr msp, %0\n\tbx %1" : : "r"(vectors[0]), "r"(vectors[1]));
    __builtin_unreachable();
}

static void Fault_Handler(void)
{
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handler[3])(void);
} vectors = { &_stack_top, { Reset_Handler, Fault_Handler, Fault_Handler } };

__attribute__((section(".services"), used)) static const struct services services = { boot_text, boot_percent };
