/* The static names of statics_a.c, for other things. */
#include "cases.h"

static int counter = 5000;

static NOINLINE int step(int n) { return n + 10; }

int same_name_b(void)
{
    static int calls = 3;
    counter = step(counter);
    calls += 3;
    return counter + calls;
}
