#include "board.h"

#define REG(addr) (*(volatile uint32_t *)(addr))

#define GPIOA_CRH  REG(0x40010804)
#define USART1_SR  REG(0x40013800)
#define USART1_DR  REG(0x40013804)
#define USART1_BRR REG(0x40013808)
#define USART1_CR1 REG(0x4001380C)
#define NVIC_ISER1 REG(0xE000E104)

#define SR_RXNE (1u << 5)
#define SR_TXE  (1u << 7)

#define CR1_TXEIE (1u << 7)

/* A whole request fits, so that nothing is lost while an answer is printed. */
static volatile char ring[1024];
static volatile uint32_t head, tail;

void uart_init(void)
{
    GPIOA_CRH = (GPIOA_CRH & ~0xff0u) | 0x4b0;
    USART1_BRR = CORE_HZ / BAUD;
    USART1_CR1 = 1u << 13 | 1u << 5 | 1u << 3 | 1u << 2;
    NVIC_ISER1 = 1u << 5;
}

void USART1_IRQHandler(void)
{
    while (USART1_SR & SR_RXNE) {
        char c = (char)USART1_DR;
        if (head - tail < sizeof ring)
            ring[head++ % sizeof ring] = c;
    }
    USART1_CR1 &= ~CR1_TXEIE;
}

int uart_read(void)
{
    if (head == tail)
        return -1;
    return (unsigned char)ring[tail++ % sizeof ring];
}

/* Sleeps until there is room to send; an interrupt handler, which the port's
   interrupt cannot preempt, polls. With interrupts masked one that comes now
   still ends the sleep. */
void uart_flush(void)
{
    uint32_t ipsr;

    __asm volatile("mrs %0, ipsr" : "=r"(ipsr));
    while (!(USART1_SR & SR_TXE)) {
        if (ipsr)
            continue;
        __asm volatile("cpsid i" ::: "memory");
        USART1_CR1 |= CR1_TXEIE;
        __asm volatile("wfi\n\tcpsie i" ::: "memory");
    }
}

void uart_write(const char *text, size_t size)
{
    for (; size > 0; size--) {
        uart_flush();
        USART1_DR = (unsigned char)*text++;
    }
}

void board_idle(void)
{
    /* With interrupts masked one that comes now still ends the sleep. */
    __asm volatile("cpsid i");
    if (head == tail)
        __asm volatile("wfi");
    __asm volatile("cpsie i");
}
