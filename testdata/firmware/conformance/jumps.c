/* setjmp and longjmp. */
#include <setjmp.h>

#include "conformance.h"

static jmp_buf back;

static NOINLINE void deep(int n, int value)
{
    volatile char fill[40];
    fill[n % 40] = (char)n;
    if (OPAQUE(n) == 0)
        longjmp(back, value);
    if (n > 0)
        deep(n - 1, value + fill[n % 40]);
    printf("not reached\n");
}

static NOINLINE int attempt(int n)
{
    volatile int tries = 0;
    int r = setjmp(back);
    tries++;
    if (r == 0)
        deep(n, 1);
    if (tries < 4)
        deep(n / 2, r);
    return r * 10 + tries;
}

/* Generators that leave and enter again by jumps within one frame. */
static NOINLINE int collatz(int start)
{
    jmp_buf loop;
    volatile int v = start, steps = 0;
    setjmp(loop);
    if (v != 1) {
        v = v & 1 ? 3 * v + 1 : v / 2;
        steps++;
        longjmp(loop, steps);
    }
    return steps;
}

void jumps(void)
{
    printf("%d %d %d\n", attempt(3), attempt(17), attempt(40));
    printf("%d %d %d\n", collatz(6), collatz(27), collatz(97));
}
