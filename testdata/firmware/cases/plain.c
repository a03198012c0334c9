/* What every firmware has. */
#include <stdarg.h>

#include "cases.h"

int leaf(int a, int b) { return a * 3 + b; }

int deep_stack(int n)
{
    volatile int depth[64];
    depth[0] = n;
    for (int i = 1; i < 64; i++)
        depth[i] = depth[i - 1] + i;
    return depth[63];
}

/* More than an immediate holds, and strings. */
int literals(int n)
{
    print("literals: %s\n", n > 3 ? "more than three" : "at most three");
    return n * 1234567 + 0x12345678;
}

int switch_table(int n)
{
    switch (n) {
    case 0: return 12;
    case 1: return leaf(n, 5);
    case 2: return n + settings.limits[1];
    case 3: settings.mode++; return 3;
    case 4: return leaf(3, n);
    case 5: return -5;
    case 6: return settings.rate;
    default: return 0;
    }
}

const char *pointer_table(unsigned n)
{
    static const char *const names[] = {"zero", "one", "two", "three"};
    return n < sizeof names / sizeof names[0] ? names[n] : "many";
}

/* 64 bits are a call of the compiler's library. */
uint32_t division(uint64_t a, uint64_t b) { return (uint32_t)(a / b); }

int variadic(int n, ...)
{
    va_list list;
    int sum = 0;
    va_start(list, n);
    while (n-- > 0)
        sum += va_arg(list, int);
    va_end(list);
    return sum;
}

struct settings settings = {1, 250, {10, 20, 30}};

int global_struct(int n)
{
    settings.limits[0] += n;
    return settings.limits[0] + settings.rate;
}
