/* What the demo shows. Change a function and inject it. */
#include "app.h"

const char *status_text(void)
{
    return "all systems nominal";
}

/* A static of the function: it goes on from its live value when patched. */
int next_count(void)
{
    static int count;
    return ++count;
}

int clamp(int value, int low, int high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

const char *phase_name(int phase)
{
    static const char *const names[] = {"idle", "ramp-up", "run", "cool-down"};
    switch (phase % 5) {
    case 0:
    case 1:
    case 2:
    case 3:
        return names[phase % 5];
    default:
        return "unknown";
    }
}

/* 64-bit division: a helper of the compiler's. */
uint32_t per_mille(uint64_t part, uint64_t whole)
{
    return whole ? (uint32_t)(part * 1000 / whole) : 0;
}
