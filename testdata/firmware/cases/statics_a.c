/* Variables that only this file, or only one function, can name. */
#include "cases.h"

static int counter = 100;
static int total;

int file_static(void)
{
    total += 2;
    return total;
}

int local_static(void)
{
    static int calls;
    static short level = 7;
    calls++;
    level ^= 1;
    return calls + level;
}

/* statics_b.c has a counter, a step and a same_name of its own. */
static NOINLINE int step(int n) { return n + 1; }

int same_name_a(void)
{
    static int calls;
    counter = step(counter);
    calls++;
    return counter + calls;
}
