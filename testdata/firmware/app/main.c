/* The demo application: reports five times a second, blinks, and lets the
   function loader run in between. */
#include "app.h"
#include "board.h"
#include "fl.h"

#define PERIOD 200 /* milliseconds */

static void report(uint32_t now)
{
    int sample = sensor_read((int)(now / PERIOD));
    print("[app] %s  count=%d  phase=%s  sensor=%d  load=%u\n", status_text(), next_count(),
          phase_name((int)(now / 1000)), sensor_average(clamp(sample, -100, 100)),
          (unsigned)per_mille(now, (uint64_t)now * 3 + 1));
}

int main(void)
{
    uint32_t next = 0;

    fl_init();
    print("\n[app] fpbls demo firmware, patch me while I run\n");
    for (;;) {
        int c;
        while ((c = uart_read()) >= 0)
            fl_input((char)c);
        uint32_t now = board_millis();
        if ((int32_t)(now - next) >= 0) {
            next = now + PERIOD;
            board_led((now / 500) & 1);
            report(now);
        }
        board_idle();
    }
}
