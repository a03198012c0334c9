/* Memory for code. */
#include "fl.h"

#ifdef FL_MALLOC

/* A heap as C libraries have it: blocks are aligned, and stand one behind the
   other with their lengths in front. */
struct block {
    uint32_t size; /* with the header; the lowest bit: in use */
    uint32_t unused;
};

#define HEAP (6 * 1024)

static union { struct block first; uint8_t bytes[HEAP]; } heap __attribute__((aligned(8)));

static struct block *after(struct block *b) { return (struct block *)((uint8_t *)b + (b->size & ~1u)); }

void *fl_alloc(size_t size)
{
    struct block *end = (struct block *)(heap.bytes + HEAP);
    uint32_t need = (uint32_t)((size + sizeof(struct block) + 7) & ~7u);
    if (heap.first.size == 0)
        heap.first.size = HEAP;
    if (size == 0 || size > HEAP)
        return NULL;
    for (struct block *b = &heap.first; b < end; b = after(b)) {
        if (b->size & 1)
            continue;
        while (after(b) < end && !(after(b)->size & 1))
            b->size += after(b)->size;
        if (b->size < need)
            continue;
        if (b->size > need) {
            struct block *rest = (struct block *)((uint8_t *)b + need);
            rest->size = b->size - need;
            b->size = need;
        }
        b->size |= 1;
        return b + 1;
    }
    return NULL;
}

void fl_free(void *block)
{
    if (block)
        ((struct block *)block)[-1].size &= ~1u;
}

#else

/* First fit over a static pool. Its blocks begin 17 bytes into a multiple of 64:
   clients must not expect alignment. */

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

#endif
