/* Branches of every kind. */
#include <alloca.h>
#include <stdarg.h>
#include <string.h>

#include "conformance.h"

static NOINLINE uint32_t dense(uint32_t v)
{
    switch (v) {
    case 0: return 17;
    case 1: return v * 3;
    case 2: return v ^ 0x1234;
    case 3: v += 5; /* fall through */
    case 4: return v << 2;
    case 5: return ~v;
    case 6: case 7: return v - 99;
    case 9: return v * v;
    case 12: return 0x80000000 | v;
    default: return 1;
    }
}

static NOINLINE uint32_t sparse(uint32_t v)
{
    switch (v) {
    case 3: return 1;
    case 1000: return 2;
    case 70000: return 3;
    case 0x7fffffff: return 4;
    case 0xfffffffe: return 5;
    default: return v & 1;
    }
}

/* Large enough for a table of halfwords. */
#define CASE(n) case n: v = (v ^ ((n) * 0x01010101u)) * 33 + (v >> 7) % 11 + ((uint32_t)(n) << 3); break;
#define CASES4(n) CASE(n) CASE(n + 1) CASE(n + 2) CASE(n + 3)
#define CASES16(n) CASES4(n) CASES4(n + 4) CASES4(n + 8) CASES4(n + 12)
static NOINLINE uint32_t large(uint32_t which, uint32_t v)
{
    switch (which) {
        CASES16(0) CASES16(16) CASES16(32) CASES16(48)
    }
    return v;
}

static NOINLINE uint32_t threaded(const uint8_t *program)
{
    static const void *const labels[] = {&&push, &&add, &&multiply, &&swap, &&jump_less, &&end};
    uint32_t stack[16], *top = stack, count = 0;
    const uint8_t *at = program;
#define NEXT goto *labels[*at++]
    NEXT;
push:
    *top++ = *at++;
    NEXT;
add:
    top--, top[-1] += top[0];
    NEXT;
multiply:
    top--, top[-1] *= top[0];
    NEXT;
swap:
    top[0] = top[-1], top[-1] = top[-2], top[-2] = top[0];
    NEXT;
jump_less:
    if (top[-1] < 1000000 && ++count < 100)
        at = program + *at;
    else
        at++;
    NEXT;
end:
    return top[-1] + count;
#undef NEXT
}

static NOINLINE int ackermann(int m, int n)
{
    return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

static NOINLINE int odd(int n);
static NOINLINE int even(int n) { return n == 0 ? 1 : odd(n - 1); }
static NOINLINE int odd(int n) { return n == 0 ? 0 : even(n - 1); }

static NOINLINE uint64_t varied(const char *kinds, ...)
{
    uint64_t r = 0;
    va_list args;
    va_start(args, kinds);
    for (; *kinds; kinds++) {
        switch (*kinds) {
        case 'i': r = r * 31 + (uint64_t)va_arg(args, int); break;
        case 'l': r = r * 31 + va_arg(args, uint64_t); break;
        case 'd': r = r * 31 + (uint64_t)(int64_t)va_arg(args, double); break;
        case 's': r = r * 31 + strlen(va_arg(args, const char *)); break;
        }
    }
    va_end(args);
    return r;
}

static NOINLINE uint32_t on_stack(unsigned n)
{
    uint32_t v[n];
    uint8_t *b = alloca(n * 2 + 1);
    for (unsigned i = 0; i < n; i++) {
        v[i] = random_word();
        b[i * 2] = (uint8_t)v[i];
    }
    uint32_t r = n > 1 ? on_stack(n / 2) : 0;
    for (unsigned i = 0; i < n; i++)
        r = r * 7 + v[i] + b[i * 2];
    return r;
}

/* Many arguments: some travel on the stack. */
static NOINLINE uint64_t many(int a, uint64_t b, short c, uint64_t d, char e, int f, uint64_t g, const char *h)
{
    return (uint64_t)a + b * 2 + (uint64_t)c * 3 + d * 4 + (uint64_t)e * 5 + (uint64_t)f * 6 + g * 7 + (uint64_t)h[0];
}

struct big { uint32_t v[9]; };
static NOINLINE struct big returned(uint32_t seed, struct big in)
{
    for (unsigned i = 0; i < LENGTH(in.v); i++)
        in.v[i] = in.v[LENGTH(in.v) - 1 - i] * 5 + seed + i;
    return in;
}

/* Short conditional blocks: IT with up to four instructions, in every condition. */
static NOINLINE uint32_t conditional(int32_t a, int32_t b)
{
    uint32_t r = 0;
    if (a == b) r += 1; else r += 2;
    if (a != b) r ^= 0x10;
    if (a < b) { r <<= 1; r += 3; } else { r += 7; r ^= 5; }
    if (a <= b) r += 11;
    if (a > b) r = r * 2 + 1;
    if (a >= b) r ^= 0x33;
    if ((uint32_t)a < (uint32_t)b) r += 0x100; else r -= 0x100;
    if ((uint32_t)a > (uint32_t)b) r ^= 0x1000;
    if (a < 0) r = ~r;
    if (b >= 0) r += 0x7000;
    if (__builtin_add_overflow(a, b, &a)) r ^= 0x80000;
    if (__builtin_sub_overflow(a, b, &a)) r += 0x10000;
    return r + (uint32_t)a;
}

static const char *NOINLINE classify(const char *s)
{
    enum { START, SIGN, WHOLE, POINT, FRACTION, BAD } state = START;
    for (; *s; s++) {
        int digit = *s >= '0' && *s <= '9';
        switch (state) {
        case START: state = digit ? WHOLE : *s == '-' ? SIGN : *s == '.' ? POINT : BAD; break;
        case SIGN: case WHOLE: state = digit ? WHOLE : *s == '.' ? POINT : BAD; break;
        case POINT: case FRACTION: state = digit ? FRACTION : BAD; break;
        default: break;
        }
    }
    static const char *const names[] = {"empty", "sign", "whole", "point", "fraction", "bad"};
    return names[state];
}

void control(void)
{
    for (uint32_t v = 0; v < 20; v++)
        sum(dense(v) + large(v * 5, v));
    for (unsigned i = 0; i < edge_count; i++)
        sum(sparse(edges[i]) + sparse(edges[i] + 1000));
    for (int n = 0; n < 300; n++) {
        uint32_t which = random_word() & 127;
        sum(large(which, random_word()));
    }
    sum_print("switches");
    static const uint8_t program[] = {0, 3, 0, 5, 3, 2, 0, 7, 1, 4, 2, 5};
    printf("threaded %lu\n", (unsigned long)threaded(program));
    printf("ackermann %d, even %d odd %d\n", ackermann(2, 9), even(500), odd(501));
    sum_wide(varied("ilidsil", OPAQUE(-5), 0x123456789abcdefull, 77, -1234.5, "seven..", 3, 9ull));
    sum_wide(many(-1, 0x1122334455667788, -300, 5, 'x', 1 << 30, 0xfedcba9876543210, "h"));
    sum_print("arguments");
    sum(on_stack(200));
    struct big b = {{1, 2, 3, 4, 5, 6, 7, 8, 9}};
    for (uint32_t n = 0; n < 20; n++)
        b = returned(n, b);
    for (unsigned i = 0; i < LENGTH(b.v); i++)
        sum(b.v[i]);
    sum_print("stack");
    for (unsigned i = 0; i < edge_count; i++)
        for (unsigned k = 0; k < edge_count; k++)
            sum(conditional((int32_t)edges[i], (int32_t)edges[k]));
    sum_print("conditions");
    static const char *const numbers[] = {"", "-", "12", "-3.25", ".5", "7.", "1x", "--2"};
    for (unsigned i = 0; i < LENGTH(numbers); i++)
        printf("%s ", classify(numbers[i]));
    printf("\n");
}
