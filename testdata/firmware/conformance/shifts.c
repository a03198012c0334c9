/* Shifts, rotations and what counts bits. */
#include "conformance.h"

static NOINLINE uint32_t left(uint32_t v, unsigned n) { return v << n; }
static NOINLINE uint32_t right(uint32_t v, unsigned n) { return v >> n; }
static NOINLINE uint32_t right_signed(uint32_t v, unsigned n) { return (uint32_t)((int32_t)v >> n); }
static NOINLINE uint32_t rotate(uint32_t v, unsigned n) { return v >> (n & 31) | v << (-n & 31); }
static NOINLINE uint64_t wide_left(uint64_t v, unsigned n) { return v << n; }
static NOINLINE uint64_t wide_right(uint64_t v, unsigned n) { return v >> n; }
static NOINLINE int64_t wide_signed(int64_t v, unsigned n) { return v >> n; }

/* Amounts that only a register can hold: its low byte counts. */
static NOINLINE uint32_t any_amount(uint32_t v, uint32_t n)
{
    uint32_t a, b, c, d, flags;
    __asm volatile("msr apsr_nzcvq, %5\n lsls %0, %5, %6\n mrs %4, apsr\n lsrs %1, %5, %6\n adc %4, %4, #0\n"
                   "asrs %2, %5, %6\n adc %4, %4, %4\n rors %3, %5, %6\n adc %4, %4, %4"
                   : "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d), "=&r"(flags) : "r"(v), "r"(n) : "cc");
    return a ^ b << 1 ^ c << 2 ^ d << 3 ^ flags;
}

static NOINLINE uint32_t constants(uint32_t v)
{
    return (v << 1) ^ (v >> 31) ^ (uint32_t)((int32_t)v >> 31) ^ (v << 17 | v >> 15) ^ (v + (v << 4)) ^ (v - (v >> 3));
}

static NOINLINE uint32_t counting(uint32_t v)
{
    uint32_t n = (uint32_t)__builtin_popcount(v) + (uint32_t)__builtin_parity(v);
    if (v)
        n = n * 64 + (uint32_t)__builtin_clz(v) * 33 + (uint32_t)__builtin_ctz(v) + (uint32_t)__builtin_ffs((int)v);
    return n;
}

static NOINLINE uint32_t reversing(uint32_t v)
{
    uint32_t bits, halves, low;
    __asm("rbit %0, %1" : "=r"(bits) : "r"(v));
    __asm("rev16 %0, %1" : "=r"(halves) : "r"(v));
    __asm("revsh %0, %1" : "=r"(low) : "r"(v));
    return __builtin_bswap32(v) ^ __builtin_bswap16((uint16_t)v) ^ bits << 1 ^ halves << 2 ^ low << 3;
}

void shifts(void)
{
    for (unsigned i = 0; i < edge_count; i++) {
        uint32_t v = edges[i];
        for (unsigned n = 0; n < 32; n++) {
            sum(left(v, n));
            sum(right(v, n));
            sum(right_signed(v, n));
            sum(rotate(v, n));
        }
    }
    sum_print("by register");
    for (unsigned i = 0; i < edge_count; i++)
        for (unsigned n = 0; n < 64; n++) {
            uint64_t v = (uint64_t)edges[i] << 32 | edges[edge_count - 1 - i];
            sum_wide(wide_left(v, n));
            sum_wide(wide_right(v, n));
            sum_wide((uint64_t)wide_signed((int64_t)v, n));
        }
    sum_print("64 bits");
    for (unsigned i = 0; i < edge_count; i++)
        for (unsigned n = 0; n < 300; n += 1 + n / 40)
            sum(any_amount(edges[i], n));
    sum_print("any amount");
    for (int n = 0; n < 200; n++) {
        uint32_t v = random_word() >> (n & 31);
        sum(constants(v));
        sum(counting(v));
        sum(reversing(v));
    }
    sum_print("bits");
}
