/* Another context that prints: it cuts into whatever is being printed. */
#include "board.h"

#define PERIOD 37 /* milliseconds */

void log_tick(uint32_t millis)
{
    static unsigned count;
    char text[] = "\x1b[32m[log]\x1b[0m tick 00000\r\n";
    if (millis % PERIOD)
        return;
    unsigned v = ++count;
    for (int i = 0; i < 5; i++, v /= 10)
        text[sizeof text - 4 - i] = (char)('0' + v % 10);
    uart_write(text, sizeof text - 1);
    uart_flush(); /* who was interrupted has seen room for a character */
}
