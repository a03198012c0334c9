/* Loads and stores of every size, exclusive accesses, bit-band, and the
   library's hand-written copies. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

static uint8_t from[256], to[256];

static NOINLINE uint32_t of_buffer(const uint8_t *p, size_t n)
{
    uint32_t r = 0;
    while (n-- > 0)
        r = (r << 1 | r >> 31) + *p++;
    return r;
}

static void copies(void)
{
    for (unsigned a = 0; a < 9; a++)
        for (unsigned b = 0; b < 9; b++)
            for (unsigned n = 0; n < 200; n += 1 + n / 3) {
                memset(to, (int)(n + a), sizeof to);
                memcpy(to + a, from + b, n);
                sum(of_buffer(to, sizeof to));
                memmove(to + b, to + a, n);
                sum(of_buffer(to, sizeof to));
                sum((uint32_t)(memcmp(to + a, from + b, n) > 0));
                const uint8_t *hit = memchr(from + a, (int)n, 100);
                sum(hit ? (uint32_t)(hit - from) : 1000);
            }
    sum_print("copies");
    char s[80], d[120];
    for (unsigned n = 0; n < 60; n++) {
        memset(s, 'a' + (int)(n % 26), n);
        s[n] = 0;
        strcpy(d + n % 5, s);
        strncat(d + n % 5, "tail of text", OPAQUE(n % 13));
        sum((uint32_t)strlen(d + n % 5));
        sum((uint32_t)strcmp(d + n % 5, s));
        char *found = strstr(d + n % 5, "tail");
        sum(found ? (uint32_t)(found - d) : 1000);
    }
    sum_print("strings");
}

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void sorting(void)
{
    static int32_t v[300];
    for (unsigned i = 0; i < LENGTH(v); i++)
        v[i] = (int32_t)random_word();
    qsort(v, LENGTH(v), sizeof v[0], by_value);
    for (unsigned i = 0; i < LENGTH(v); i++)
        sum((uint32_t)v[i]);
    int32_t key = v[123], *hit = bsearch(&key, v, LENGTH(v), sizeof v[0], by_value);
    sum((uint32_t)(hit - v));
    sum_print("sorting");
}

static void heap(void)
{
    static void *blocks[40];
    for (unsigned n = 0; n < 400; n++) {
        unsigned i = random_word() % LENGTH(blocks);
        if (blocks[i]) {
            sum(of_buffer(blocks[i], 8));
            free(blocks[i]);
            blocks[i] = NULL;
        } else {
            size_t size = 8 + random_word() % 500;
            blocks[i] = malloc(size);
            sum((uint32_t)(uintptr_t)blocks[i] & 7);
            memset(blocks[i], (int)n, size);
        }
    }
    sum_print("heap");
}

/* Each addressing mode by its own instruction. */
static NOINLINE uint32_t modes(uint8_t *p)
{
    uint32_t a, b, c, d;
    __asm volatile("ldrb %0, [%4, #3]\n ldrsb %1, [%4, #7]\n ldrh %2, [%4, #5]\n ldrsh %3, [%4, #9]\n"
                   "add %0, %0, %1\n add %0, %0, %2\n eor %0, %0, %3\n"
                   "ldrb %1, [%4], #4\n ldrh %2, [%4, #2]!\n ldr %3, [%4, #-5]\n add %0, %0, %1, lsl #3\n"
                   "eor %0, %0, %2, ror #7\n sub %0, %0, %3\n"
                   "mov %1, #3\n ldr %2, [%4, %1, lsl #2]\n ldrsb %3, [%4, %1, lsl #1]\n ldrh %1, [%4, %1]\n"
                   "add %0, %0, %1\n eor %0, %0, %2\n add %0, %0, %3\n"
                   "str %0, [%4, #11]\n strh %0, [%4, #17]\n strb %2, [%4], #-1\n ldr %3, [%4, #13]\n eor %0, %0, %3"
                   : "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d), "+r"(p) : : "memory");
    return a;
}

static NOINLINE uint32_t multiple(uint32_t *p)
{
    uint32_t r;
    __asm volatile("ldmia %1!, {r3-r6, r8, r9}\n add r3, r3, r4\n eor r5, r5, r6\n stmdb %1!, {r3, r5, r8, r9}\n"
                   "ldmdb %1, {r4, r6}\n ldrd r8, r9, [%1, #8]\n strd r9, r8, [%1, #-8]!\n"
                   "add %0, r4, r6\n eor %0, %0, r8\n sub %0, %0, r9\n push {r3, r4, r5}\n pop {r6, r8, r9}\n"
                   "add %0, %0, r6\n eor %0, %0, r9, lsl #1"
                   : "=&r"(r), "+r"(p) : : "r3", "r4", "r5", "r6", "r8", "r9", "memory");
    return r + (uint32_t)(uintptr_t)p;
}

static void exclusive(void)
{
    static _Atomic uint32_t word;
    static _Atomic uint8_t byte;
    static _Atomic uint16_t half;
    for (uint32_t n = 0; n < 200; n++) {
        uint32_t v = random_word();
        sum(atomic_fetch_add(&word, v));
        sum(atomic_fetch_xor(&byte, (uint8_t)v));
        sum(atomic_fetch_sub(&half, (uint16_t)v));
        uint32_t expected = n & 1 ? word : v;
        sum(atomic_compare_exchange_strong(&word, &expected, v * 3));
        sum(expected);
    }
    sum_print("exclusive");
    uint32_t failed, r, there = 5;
    __asm volatile("ldrex %1, [%2]\n clrex\n strex %0, %1, [%2]" : "=&r"(failed), "=&r"(r) : "r"(&there) : "memory");
    printf("store after clrex fails %lu\n", (unsigned long)failed);
    __asm volatile("strex %0, %1, [%2]" : "=&r"(failed) : "r"(r), "r"(&there) : "memory");
    printf("store without load fails %lu, value %lu\n", (unsigned long)failed, (unsigned long)there);
}

static void bit_band(void)
{
    static volatile uint32_t word;
    volatile uint32_t *alias = (volatile uint32_t *)(0x22000000 + ((uintptr_t)&word - 0x20000000) * 32);
    for (unsigned i = 0; i < 32; i += 3)
        alias[i] = 0xffffff01;
    alias[6] = 2;
    sum(word);
    for (unsigned i = 0; i < 32; i++)
        sum(alias[i]);
    sum_print("bit-band");
}

void memory(void)
{
    for (unsigned i = 0; i < sizeof from; i++)
        from[i] = (uint8_t)random_word();
    copies();
    sorting();
    heap();
    for (unsigned n = 0; n < 100; n++) {
        sum(modes(from + 16 + n));
        sum(multiple((uint32_t *)(uintptr_t)to + 8 + n % 20) - (uint32_t)(uintptr_t)to);
        sum(of_buffer(from, sizeof from) ^ of_buffer(to, sizeof to));
    }
    sum_print("addressing");
    exclusive();
    bit_band();
}
