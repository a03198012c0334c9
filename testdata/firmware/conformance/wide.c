/* 64-bit integers, and the helpers that divide them. */
#include "conformance.h"

typedef uint64_t (*operation)(uint64_t, uint64_t);

#define OPERATION(name, expression) \
    static NOINLINE uint64_t name(uint64_t a, uint64_t b) { (void)a, (void)b; return (uint64_t)(expression); }

OPERATION(add, a + b)
OPERATION(subtract, a - b)
OPERATION(multiply, a * b)
OPERATION(divide, b ? a / b : 0)
OPERATION(remain, b ? a % b : a)
OPERATION(divide_signed, b && b != UINT64_MAX ? (int64_t)a / (int64_t)b : 0)
OPERATION(remain_signed, b && b != UINT64_MAX ? (int64_t)a % (int64_t)b : 0)
OPERATION(by_constant, a / 1000000007 + b % 86400)
OPERATION(by_word, a / ((uint32_t)b | 1) + a % ((uint32_t)b | 1))
OPERATION(logic, (a & b) ^ (a | ~b))
OPERATION(negate, -a)
OPERATION(compare, (a < b) + 2 * ((int64_t)a < (int64_t)b) + 4 * (a == b) + 8 * (a >= b))
OPERATION(accumulate, a + (uint64_t)(uint32_t)a * (uint32_t)b)
OPERATION(accumulate_signed, a + (uint64_t)((int64_t)(int32_t)a * (int32_t)b))
OPERATION(absolute, (int64_t)a < 0 ? -a : a)
OPERATION(counting, (a ? (uint64_t)__builtin_clzll(a) * 64 + (uint64_t)__builtin_ctzll(a) : 0) + (uint64_t)__builtin_popcountll(b))
OPERATION(swap, __builtin_bswap64(a) ^ b)

static NOINLINE uint64_t power(uint64_t base, unsigned n, uint64_t modulus)
{
    uint64_t r = 1;
    for (base %= modulus; n; n >>= 1, base = base * base % modulus)
        if (n & 1)
            r = r * base % modulus;
    return r;
}

static NOINLINE uint64_t factorial(unsigned n) { return n < 2 ? 1 : n * factorial(n - 1); }

void wide(void)
{
    static const struct {
        const char *name;
        operation run;
    } operations[] = {
#define NAMED(f) {#f, f}
        NAMED(add), NAMED(subtract), NAMED(multiply), NAMED(divide), NAMED(remain), NAMED(divide_signed),
        NAMED(remain_signed), NAMED(by_constant), NAMED(by_word), NAMED(logic), NAMED(negate), NAMED(compare),
        NAMED(accumulate), NAMED(accumulate_signed), NAMED(absolute), NAMED(counting), NAMED(swap),
    };
    for (unsigned i = 0; i < LENGTH(operations); i++) {
        for (unsigned n = 0; n < edge_count * edge_count; n += 3) {
            uint64_t a = (uint64_t)edges[n % edge_count] << 32 | edges[n / edge_count];
            uint64_t b = (uint64_t)edges[n / edge_count] << (n & 32) | edges[(n + 5) % edge_count];
            sum_wide(operations[i].run(a, b));
            sum_wide(operations[i].run(b, a));
        }
        for (int n = 0; n < 50; n++) {
            uint64_t a = (uint64_t)random_word() << 32 | random_word();
            uint64_t b = ((uint64_t)random_word() << 32 | random_word()) >> (n & 63);
            sum_wide(operations[i].run(a, b));
        }
        sum_print(operations[i].name);
    }
    printf("7^1000 mod 1000003 = %llu\n", power(7, 1000, 1000003));
    printf("20! = %llu, -20!/19 = %lld\n", factorial(20), -(int64_t)factorial(20) / 19);
}
