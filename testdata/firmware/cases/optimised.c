/* What optimisation makes of functions. */
#include "cases.h"

/* Not in the image from -O1 on. */
static inline int inlined(int n) { return n * 5 + 1; }

int inlined_caller(int n) { return inlined(n) + inlined(n + 1); }

/* scaled.constprop.0: its second argument is always the same. */
static NOINLINE int scaled(int n, int factor)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += i * factor;
    return sum;
}

int constprop_caller(int n) { return scaled(n, 3) + scaled(n + 1, 3); }

/* length.isra.0: takes the members, not the struct. */
struct point {
    int x, y, unused;
};

static NOINLINE int length(const struct point *p) { return p->x * p->x + p->y * p->y; }

int isra_caller(int n)
{
    struct point p = {n, n + 1, 0};
    return length(&p);
}

/* recompute.part.0: the test stays in the callers. */
static int cached;

static int recompute(int n)
{
    if (cached != 0)
        return cached;
    for (int i = 0; i < n; i++) {
        print("part_caller: computing %d\n", i);
        cached += i * n + cached / 3;
        print("part_caller: cached %d\n", cached);
    }
    return cached;
}

int part_caller(int n) { return recompute(n) + 1; }
int part_caller_too(int n) { return recompute(n) + 2; }

/* What is said to be unlikely stands in .text.unlikely. */
static __attribute__((cold, noinline)) int complain(int n)
{
    print("cold_path: cannot do %d\n", n);
    return -n;
}

int cold_path(int n)
{
    if (__builtin_expect(n > 1000, 0)) {
        int sum = complain(n);
        for (int i = 0; i < n % 7; i++)
            sum += complain(i);
        return sum;
    }
    return n + 7;
}

/* The same code: -fipa-icf makes one of them. */
static NOINLINE int fold_a(int n) { return (n << 3) - n / 3 + 77; }
static NOINLINE int fold_b(int n) { return (n << 3) - n / 3 + 77; }

int folded_a(int n) { return fold_a(n) + 1; }
int folded_b(int n) { return fold_b(n) + 2; }

/* Uses only r0, and the caller knows it: with -fipa-ra it keeps b, c and d where
   they are. */
static NOINLINE int sparing(int n) { return n + n + 1; }

int register_use(int a, int b, int c, int d)
{
    int doubled = sparing(a);
    return doubled + b * c - d;
}
