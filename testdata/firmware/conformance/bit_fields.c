/* Fields of words, packed structures and unions. */
#include <string.h>

#include "conformance.h"

struct fields {
    unsigned a : 3;
    int b : 5;
    unsigned c : 11;
    int d : 13;
    unsigned e : 1;
    unsigned long long f : 40;
    long long g : 23;
};

struct __attribute__((packed)) wire {
    uint8_t kind;
    uint32_t length;
    int16_t offset;
    uint64_t stamp;
    unsigned flag : 1;
    int level : 6;
    unsigned rest : 17;
};

union word {
    uint32_t all;
    struct {
        uint32_t low : 4, middle : 20, high : 8;
    } part;
    uint8_t bytes[4];
    int16_t halves[2];
};

static NOINLINE void set(struct fields *f, uint32_t v)
{
    f->a = v;
    f->b = (int)(v >> 3);
    f->c = v >> 8;
    f->d = (int)(v >> 19);
    f->e = v >> 31;
    f->f = (uint64_t)v << 9 | 0x15a;
    f->g = (int32_t)v >> 5;
}

static NOINLINE int64_t get(const struct fields *f)
{
    return f->a + f->b * 3 + f->c * 5 + f->d * 7 + f->e * 11 + (int64_t)f->f * 13 + f->g * 17;
}

static NOINLINE void step(struct fields *f)
{
    f->a++;
    f->b--;
    f->c += 100;
    f->d *= 3;
    f->e ^= 1;
    f->f += 0x123456789;
    f->g -= f->b;
}

static NOINLINE uint64_t unaligned(const struct wire *w)
{
    return w->kind + w->length + (uint64_t)w->offset + w->stamp + w->flag + (uint64_t)w->level + w->rest;
}

static NOINLINE uint32_t insert(uint32_t to, uint32_t from)
{
    uint32_t extracted;
    int32_t sign;
    __asm("bfi %0, %1, #7, #13" : "+r"(to) : "r"(from));
    __asm("bfc %0, #25, #4" : "+r"(to));
    __asm("ubfx %0, %1, #3, #29" : "=r"(extracted) : "r"(to));
    __asm("sbfx %0, %1, #11, #9" : "=r"(sign) : "r"(from));
    return to ^ extracted ^ (uint32_t)sign;
}

void bit_fields(void)
{
    struct fields f;
    memset(&f, 0, sizeof f);
    for (int n = 0; n < 200; n++) {
        set(&f, random_word());
        sum_wide((uint64_t)get(&f));
        step(&f);
        sum_wide((uint64_t)get(&f));
    }
    sum_print("fields");

    static uint8_t buffer[64];
    for (unsigned n = 0; n < 200; n++) {
        struct wire *w = (struct wire *)(buffer + n % 16);
        w->kind = (uint8_t)random_word();
        w->length = random_word();
        w->offset = (int16_t)random_word();
        w->stamp = (uint64_t)random_word() << 32 | random_word();
        w->flag = random_word();
        w->level = (int)random_word();
        w->rest = random_word();
        sum_wide(unaligned(w));
    }
    for (unsigned i = 0; i < sizeof buffer; i++)
        sum(buffer[i]);
    sum_print("packed");

    for (int n = 0; n < 200; n++) {
        union word w = {.all = random_word()};
        w.part.middle += 12345;
        w.bytes[n & 3] ^= 0x5a;
        w.halves[n & 1] = (int16_t)-w.halves[n & 1];
        sum(w.all + w.part.high * 3 + w.part.low);
        sum(insert(w.all, random_word()));
    }
    sum_print("unions");
}
