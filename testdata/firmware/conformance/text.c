/* newlib's formatting and parsing. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conformance.h"

void text(void)
{
    printf("%d %i %u %x %X %o %c %s %%\n", -42, 42, 42u, 0xbeefu, 0xbeefu, 0755u, 'c', "string");
    printf("[%8d] [%-8d] [%08d] [%+d] [% d] [%#x] [%#o] [%.5d]\n", 123, 123, 123, 123, 123, 123u, 123u, 123);
    printf("[%10s] [%-10s] [%.3s] [%*s] [%-*s] [%.*s]\n", "right", "left", "cut off", 6, "w", 6, "w", 2, "xyz");
    printf("%hd %hu %ld %lld %lu %p\n", 70000, 70000, -5L, -6LL, 8ul, (void *)0x1234);
    printf("%llu %llx %lld\n", UINT64_MAX, UINT64_MAX, INT64_MIN);
    printf("%f %.2f %10.3f %-10.1f| %e %.0e %g %g %g %G\n", 3.14159, 2.0 / 3, -1.5, 1.25, 12345.678, 5.5, 0.0001, 1e-5, 1e20, 1e-20);
    printf("%f %f %F %g\n", 1.0 / 0.0, -1.0 / 0.0, 0.0 / 0.0 < 0 ? 1.0 : 2.0, 1e308 * 10);
    printf("%.30f\n%.17g %.17g\n", 0.1, 0.1, 1.0 / 3);
    char buffer[24];
    const char *volatile format = "%s and %d more characters";
    int n = snprintf(buffer, sizeof buffer, format, "this is cut", 12345);
    printf("%d \"%s\"\n", n, buffer);

    int a = 0, b = 0, used = 0;
    unsigned h = 0;
    float f = 0;
    char word[16] = "", set[16] = "";
    n = sscanf("  -12 0x1f zebra 2.5e3 [abc] 077", "%d %x %15s %f [%15[a-c]] %i%n", &a, &h, word, &f, set, &b, &used);
    printf("%d: %d %u %s %g %s %d %d\n", n, a, h, word, (double)f, set, b, used);

    static const char *const numbers[] = {"0", "-1", "0x7fffffff", "0777", "99999999999", "-99999999999", "12abc", "z", " +7"};
    for (unsigned i = 0; i < LENGTH(numbers); i++) {
        char *end;
        errno = 0;
        long v = strtol(numbers[i], &end, 0);
        printf("%ld/%d/%d ", v, (int)(end - numbers[i]), errno != 0);
        printf("%llx ", strtoull(numbers[i], NULL, 36));
    }
    printf("\n");
    static const char *const reals[] = {"1", "-0.5e-3", "1e400", "0x1.8p3", "inf", "3.14159265358979323846", "1e-320", "."};
    for (unsigned i = 0; i < LENGTH(reals); i++)
        printf("%.17g ", strtod(reals[i], NULL));
    printf("\n");

    char line[] = "one,two;;three four", *rest = line, *token;
    while ((token = strtok_r(rest, ",; ", &rest)))
        printf("<%s>", token);
    printf(" %s %s\n", strpbrk("hello world", "ow"), strrchr("a/b/c", '/'));
    unsigned classes = 0;
    for (int c = 0; c < 128; c++)
        classes += (unsigned)(!!isalpha(c) + 2 * !!isdigit(c) + 4 * !!isspace(c) + 8 * !!ispunct(c) + toupper(c) - tolower(c));
    printf("classes %u\n", classes);
    time_t when = 1700000000;
    struct tm tm;
    char date[64];
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S %j %a", gmtime_r(&when, &tm));
    printf("%s %ld\n", date, (long)mktime(&tm));
    srand(7);
    printf("%d %d %d\n", rand(), rand(), rand());
    div_t d = div(-17, 5);
    lldiv_t l = lldiv(-123456789012345LL, 1000000);
    printf("%d %d %lld %lld\n", d.quot, d.rem, l.quot, l.rem);
}
