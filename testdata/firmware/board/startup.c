/* Reset: memory, clocks, vectors. */
#include "board.h"

#define REG(addr) (*(volatile uint32_t *)(addr))

#define RCC_CR      REG(0x40021000)
#define RCC_CFGR    REG(0x40021004)
#define RCC_APB2ENR REG(0x40021018)
#define FLASH_ACR   REG(0x40022000)
#define GPIOC_CRH   REG(0x40011004)
#define GPIOC_BSRR  REG(0x40011010)
#define SYST_CSR    REG(0xE000E010)
#define SYST_RVR    REG(0xE000E014)
#define SYST_CVR    REG(0xE000E018)

#ifdef BOARD_TICK
void BOARD_TICK(uint32_t millis); /* from the interrupt */
#else
#define BOARD_TICK(millis) (void)(millis)
#endif

extern uint32_t _stack_top, _data_load, _data_start, _data_end, _bss_start, _bss_end;

int main(void);
void DebugMon_Handler(void);
void PendSV_Handler(void);
void USART1_IRQHandler(void);

static volatile uint32_t millis;

uint32_t board_millis(void) { return millis; }

void board_led(int on) { GPIOC_BSRR = on ? 1u << 29 : 1u << 13; }

static void SysTick_Handler(void)
{
    millis++;
    BOARD_TICK(millis);
}

/* A fault stops the board; what it was can be read from the fault registers. */
static void Fault_Handler(void)
{
    for (;;)
        ;
}

static void Unused_Handler(void) {}

/* A program may have its own. */
__attribute__((weak)) void PendSV_Handler(void) {}

/* The usual vendor sequence: 8 MHz crystal, times nine. */
static void clock_init(void)
{
    RCC_CR |= 1u << 16;
    while (!(RCC_CR & 1u << 17))
        ;
    FLASH_ACR = 0x12;
    RCC_CFGR = 7u << 18 | 1u << 16 | 4u << 8;
    RCC_CR |= 1u << 24;
    while (!(RCC_CR & 1u << 25))
        ;
    RCC_CFGR |= 2;
    while ((RCC_CFGR & 0xc) != 8)
        ;
    RCC_APB2ENR |= 1u << 14 | 1u << 4 | 1u << 2 | 1u;
}

void Reset_Handler(void)
{
    uint32_t *from = &_data_load;
    for (uint32_t *to = &_data_start; to < &_data_end;)
        *to++ = *from++;
    for (uint32_t *to = &_bss_start; to < &_bss_end;)
        *to++ = 0;
    clock_init();
    GPIOC_CRH = (GPIOC_CRH & ~(0xfu << 20)) | 2u << 20;
    SYST_RVR = CORE_HZ / 1000 - 1;
    SYST_CVR = 0;
    SYST_CSR = 7;
    uart_init();
    main();
    for (;;)
        ;
}

#define IRQ_USART1 37

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handler[15 + 43])(void);
} vectors = {
    &_stack_top,
    {
        Reset_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler,
        0, 0, 0, 0, Unused_Handler, DebugMon_Handler, 0, PendSV_Handler, SysTick_Handler,
        [15 ... 15 + IRQ_USART1 - 1] = Unused_Handler,
        [15 + IRQ_USART1] = USART1_IRQHandler,
        [15 + IRQ_USART1 + 1 ... 15 + 42] = Unused_Handler,
    },
};
