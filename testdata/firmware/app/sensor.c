/* State in every form: file statics, a global, a callback in live data. */
#include "app.h"

int sensor_offset = 3;

static int sum;
static int samples;
static void (*watcher)(int);

static __attribute__((noinline)) int raw(int channel)
{
    static const signed char wave[] = {0, 12, 24, 33, 38, 40, 38, 33, 24, 12, 0, -12, -24, -33, -38, -40, -38, -33, -24, -12};
    return wave[(unsigned)channel % sizeof wave];
}

int sensor_read(int channel)
{
    int value = raw(channel) + sensor_offset;
    if (watcher)
        watcher(value);
    return value;
}

int sensor_average(int sample)
{
    sum += sample;
    samples++;
    if (samples == 8) {
        sum /= 2;
        samples = 4;
    }
    return sum / samples;
}

void sensor_watch(void (*callback)(int)) { watcher = callback; }
