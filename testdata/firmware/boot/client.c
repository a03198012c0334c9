/* An application that uses what its bootloader offers. */
#include "app.h"
#include "board.h"
#include "services.h"

void boot_tick(uint32_t millis)
{
    if (millis % 500)
        return;
    print("[boot] %s  percent=%d\n", SERVICES->text(), SERVICES->percent((int)millis));
    uart_flush(); /* who was interrupted has seen room for a character */
}
