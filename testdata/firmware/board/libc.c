/* What the compiler may call on its own. */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    char *t = to;
    for (const char *f = from; n > 0; n--)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    char *t = to;
    const char *f = from;
    if (t <= f)
        return memcpy(to, from, n);
    while (n-- > 0)
        t[n] = f[n];
    return to;
}

void *memset(void *to, int c, size_t n)
{
    for (char *t = to; n > 0; n--)
        *t++ = (char)c;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *p = a, *q = b;
    for (; n > 0; n--, p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}
