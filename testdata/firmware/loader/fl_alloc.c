/* A first-fit allocator over a static pool. Its blocks begin 17 bytes into a
   multiple of 64: clients must not expect alignment. */
#include "fl.h"

#define UNIT   64
#define UNITS  96
#define HEADER 17

static uint8_t pool[UNITS * UNIT] __attribute__((aligned(UNIT)));
static uint8_t used[UNITS]; /* length of the block that starts here, in units */

void *fl_alloc(size_t size)
{
    size_t need = (size + HEADER + UNIT - 1) / UNIT;
    if (size == 0 || need > UNITS)
        return NULL;
    for (size_t at = 0; at + need <= UNITS;) {
        size_t n = 0;
        while (n < need && used[at + n] == 0)
            n++;
        if (n == need) {
            used[at] = (uint8_t)need;
            return pool + at * UNIT + HEADER;
        }
        at += n + used[at + n];
    }
    return NULL;
}

void fl_free(void *block)
{
    if (block)
        used[((uint8_t *)block - pool) / UNIT] = 0;
}
