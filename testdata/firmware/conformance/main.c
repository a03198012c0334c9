#include "conformance.h"

const uint32_t edges[] = {
    0, 1, 2, 3, 7, 31, 32, 33, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
    0x55555555, 0xaaaaaaaa, 0x12345678, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff,
};
const unsigned edge_count = LENGTH(edges);

static uint32_t state;
static uint32_t checksum = 1;

uint32_t random_word(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

void random_restart(uint32_t seed) { state = seed; }

void sum(uint32_t value)
{
    checksum = (checksum << 5 | checksum >> 27) ^ value;
    checksum *= 0x9e3779b1u;
}

void sum_wide(uint64_t value)
{
    sum((uint32_t)value);
    sum((uint32_t)(value >> 32));
}

void sum_print(const char *name)
{
    printf("%-28s %08lx\n", name, (unsigned long)checksum);
    checksum = 1;
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } programs[] = {
        {"arithmetic", arithmetic}, {"shifts", shifts},     {"bit fields", bit_fields}, {"64 bits", wide},
        {"control", control},       {"memory", memory},     {"floating point", floating}, {"text", text},
        {"jumps", jumps},           {"interrupts", interrupts}, {"faults", faults},     {"tasks", tasks},
    };
    for (unsigned i = 0; i < LENGTH(programs); i++) {
        printf("== %s\n", programs[i].name);
        random_restart(0x2545f491 + i);
        programs[i].run();
    }
    printf("end of conformance\n");
    for (;;)
        __asm volatile("wfi");
}
