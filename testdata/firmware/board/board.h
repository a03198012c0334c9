/* The board: an STM32F103 with a serial line on USART1 and an LED on PC13. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

#define CORE_HZ 72000000u
#define BAUD    115200u

/* Milliseconds since reset. */
uint32_t board_millis(void);

/* Sleeps until an interrupt, unless there is input already. */
void board_idle(void);

void board_led(int on);

/* Serial line: writing sleeps while there is no room, receiving is done by
   interrupt into a ring. */
void uart_init(void);
void uart_write(const char *text, size_t size);
void uart_flush(void); /* waits for room for a character */
int  uart_read(void); /* -1: nothing there */

#endif
