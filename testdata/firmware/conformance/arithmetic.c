/* Integers of up to 32 bits. */
#include "conformance.h"

typedef uint32_t (*operation)(uint32_t, uint32_t);

#define OPERATION(name, expression) \
    static NOINLINE uint32_t name(uint32_t a, uint32_t b) { (void)a, (void)b; return (uint32_t)(expression); }

OPERATION(add, a + b)
OPERATION(subtract, a - b)
OPERATION(reverse_subtract, 1000 - a - b)
OPERATION(multiply, a * b)
OPERATION(multiply_add, a * b + a)
OPERATION(multiply_subtract, b - a * b)
OPERATION(divide, b ? a / b : 0)
OPERATION(remain, b ? a % b : a)
OPERATION(divide_signed, b && !(a == 0x80000000 && b == 0xffffffff) ? (int32_t)a / (int32_t)b : 0)
OPERATION(remain_signed, b && !(a == 0x80000000 && b == 0xffffffff) ? (int32_t)a % (int32_t)b : 0)
OPERATION(divide_constants, a / 10 + a % 10 + (uint32_t)((int32_t)b / 7) + b % 1000)
OPERATION(logic, (a & b) ^ (a | ~b) ^ (a & ~b))
OPERATION(negate, -a ^ ~b)
OPERATION(less, (a < b) | ((int32_t)a < (int32_t)b) << 1 | (a <= b) << 2 | ((int32_t)a <= (int32_t)b) << 3 | (a == b) << 4)
OPERATION(select_min, a < b ? a : b)
OPERATION(select_signed, (int32_t)a > (int32_t)b ? a : b)
OPERATION(widen8, (uint32_t)(int8_t)a + (uint8_t)b)
OPERATION(widen16, (uint32_t)(int16_t)a + (uint16_t)b)
OPERATION(add8, (uint8_t)((uint8_t)a + (uint8_t)b) + (uint32_t)(int8_t)((int8_t)a - (int8_t)b))
OPERATION(high_unsigned, (uint64_t)a * b >> 32)
OPERATION(high_signed, (uint64_t)((int64_t)(int32_t)a * (int32_t)b) >> 32)
OPERATION(immediates, (a & 0x00ff00ff) + (b | 0xff00ff00) + (a ^ 0xabababab) + 0x00000ff0 - 0x12345)
OPERATION(absolute, (int32_t)a < 0 ? -a : a)
OPERATION(clamp, (int32_t)a > 127 ? 127 : (int32_t)a < -128 ? -128 : (int32_t)a)

static NOINLINE uint32_t saturate(uint32_t a, uint32_t b)
{
    int32_t s, t;
    uint32_t u, flags;
    __asm volatile("mov r12, #0\n msr apsr_nzcvq, r12\n"
                   "ssat %0, #13, %4\n ssat %1, #7, %5, asr #3\n usat %2, #11, %4, lsl #2\n mrs %3, apsr"
                   : "=&r"(s), "=&r"(t), "=&r"(u), "=&r"(flags) : "r"(a), "r"(b) : "r12", "cc");
    return (uint32_t)s ^ (uint32_t)t << 16 ^ u << 3 ^ flags;
}

/* All flags after instructions that set some of them and keep the others. */
static NOINLINE uint32_t flags(uint32_t a, uint32_t b)
{
    uint32_t f, r, all = 0;
#define FLAGS(instruction)                                                         \
    __asm volatile("msr apsr_nzcvq, %2\n mov %1, %3\n" instruction "\n mrs %0, apsr" \
                   : "=&l"(f), "=&l"(r) : "l"(a), "l"(b) : "cc");                   \
    all = (all << 3 | all >> 29) ^ f ^ r;
    FLAGS("adds %1, %2, %3")
    FLAGS("subs %1, %2, %3")
    FLAGS("rsbs %1, %2, %3")
    FLAGS("adcs %1, %2, %3")
    FLAGS("sbcs %1, %2, %3")
    FLAGS("cmn %2, %3\n sbcs %1, %2, %3")
    FLAGS("ands %1, %2, %3, lsl #5")
    FLAGS("eors %1, %2, %3, ror #9")
    FLAGS("orns %1, %2, %3, lsr #32")
    FLAGS("bics %1, %2, %3, rrx")
    FLAGS("movs %1, %2, asr #32")
    FLAGS("tst %2, %3")
    FLAGS("teq %2, #0xff000000")
    FLAGS("muls %1, %2, %1")
    return all;
}

void arithmetic(void)
{
    static const struct {
        const char *name;
        operation run;
    } operations[] = {
#define NAMED(f) {#f, f}
        NAMED(add), NAMED(subtract), NAMED(reverse_subtract), NAMED(multiply), NAMED(multiply_add),
        NAMED(multiply_subtract), NAMED(divide), NAMED(remain), NAMED(divide_signed), NAMED(remain_signed),
        NAMED(divide_constants), NAMED(logic), NAMED(negate), NAMED(less), NAMED(select_min), NAMED(select_signed),
        NAMED(widen8), NAMED(widen16), NAMED(add8), NAMED(high_unsigned), NAMED(high_signed), NAMED(immediates),
        NAMED(absolute), NAMED(clamp), NAMED(saturate), NAMED(flags),
    };
    for (unsigned i = 0; i < LENGTH(operations); i++) {
        for (unsigned a = 0; a < edge_count; a++)
            for (unsigned b = 0; b < edge_count; b++)
                sum(operations[i].run(edges[a], edges[b]));
        for (int n = 0; n < 100; n++) {
            uint32_t a = random_word();
            sum(operations[i].run(a, random_word()));
        }
        sum_print(operations[i].name);
    }
}
