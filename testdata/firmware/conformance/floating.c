/* Floating point without hardware: the helpers of the compiler and libm. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "conformance.h"

static uint32_t bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return isnan(f) ? 0x7fc00000 : u;
}

static uint64_t wide_bits(double d)
{
    uint64_t u;
    memcpy(&u, &d, sizeof u);
    return isnan(d) ? 0x7ff8000000000000 : u;
}

static const double values[] = {
    0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.0, 3.0, -7.25, 10.0, 0.1, 1e-3, 123456.789, -98765.4321, 1e10, -1e15,
    1e-10, 1e-38, 1e38, 3.4e38, FLT_MIN / 3, -FLT_MIN / 1000, DBL_MIN, DBL_MAX, 5e-324, 2147483647.0, -2147483648.0,
    4294967295.0, 9007199254740993.0, HUGE_VAL, -HUGE_VAL,
};

static NOINLINE void single(float a, float b)
{
    sum(bits(a + b));
    sum(bits(a - b));
    sum(bits(a * b));
    sum(bits(a / b));
    sum((uint32_t)((a < b) + 2 * (a <= b) + 4 * (a == b) + 8 * (a > b) + 16 * (a >= b) + 32 * (a != b)));
    sum(bits(sqrtf(a * a + b)));
    sum(bits(fmaf(a, b, a)));
}

static NOINLINE void both(double a, double b)
{
    sum_wide(wide_bits(a + b));
    sum_wide(wide_bits(a - b));
    sum_wide(wide_bits(a * b));
    sum_wide(wide_bits(a / b));
    sum((uint32_t)((a < b) + 2 * (a <= b) + 4 * (a == b) + 8 * (a > b) + 16 * (a >= b) + 32 * (a != b)));
    sum(bits((float)a));
    sum_wide(wide_bits(fmod(a, b)));
}

static NOINLINE void integers(double d)
{
    if (d > -2e9 && d < 2e9) {
        sum((uint32_t)(int32_t)d);
        sum((uint32_t)(int32_t)(float)d);
        sum_wide((uint64_t)lrint(d));
    }
    if (d >= 0 && d < 4e9)
        sum((uint32_t)d);
    if (d > -9e18 && d < 9e18)
        sum_wide((uint64_t)(int64_t)d);
    sum_wide(wide_bits(floor(d)));
    sum_wide(wide_bits(ceil(d)));
    sum_wide(wide_bits(trunc(d)));
    sum_wide(wide_bits(round(d)));
}

static NOINLINE void library(double x)
{
    sum_wide(wide_bits(sqrt(fabs(x))));
    sum_wide(wide_bits(sin(x)));
    sum_wide(wide_bits(cos(x)));
    sum_wide(wide_bits(atan2(x, 2)));
    sum_wide(wide_bits(exp(x / 100)));
    sum_wide(wide_bits(log(fabs(x) + 1)));
    sum_wide(wide_bits(pow(fabs(x), 0.3)));
    sum(bits(sinf((float)x)));
    sum(bits(expf((float)x / 100)));
    int e;
    sum_wide(wide_bits(frexp(x, &e)));
    sum((uint32_t)e);
    sum_wide(wide_bits(ldexp(x, -7)));
}

void floating(void)
{
    for (unsigned i = 0; i < LENGTH(values); i++)
        for (unsigned k = 0; k < LENGTH(values); k++)
            single((float)values[i], (float)values[k]);
    sum_print("float");
    for (unsigned i = 0; i < LENGTH(values); i++)
        for (unsigned k = 0; k < LENGTH(values); k++)
            both(values[i], values[k]);
    sum_print("double");
    for (unsigned i = 0; i < LENGTH(values); i++)
        integers(values[i]);
    for (int n = 0; n < 100; n++) {
        integers((int32_t)random_word() / 65536.0);
        uint64_t w = (uint64_t)random_word() << 32 | random_word();
        sum_wide(wide_bits((double)w));
        sum_wide(wide_bits((double)(int64_t)w));
        sum(bits((float)w));
        sum(bits((float)(int64_t)w));
        sum(bits((float)(int32_t)w));
        sum(bits((float)(uint32_t)w));
    }
    sum_print("conversions");
    for (double x = -20; x < 20; x += 2.7)
        library(x);
    sum_print("library");
    double pi = 0, term = 1;
    for (int n = 0; n < 300; n++, term = -term)
        pi += term * 4 / (2 * n + 1);
    printf("pi is about %.10f, e %.17g, 1/3 %.17g\n", pi, exp(1), 1.0 / OPAQUE(3));
}
