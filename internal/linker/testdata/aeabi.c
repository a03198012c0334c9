/* What Clang calls where GCC calls the functions of string.h, for images that are
   linked without a C library (run-time ABI for the ARM architecture, 4.3.4). */

#include <stddef.h>

__attribute__((weak)) void *memcpy(void *to, const void *from, size_t n)
{
	volatile char *t = to;
	for (const char *f = from; n; n--)
		*t++ = *f++;
	return to;
}

__attribute__((weak)) void *memset(void *to, int c, size_t n)
{
	for (volatile char *t = to; n; n--)
		*t++ = c;
	return to;
}

void __aeabi_memcpy(void *to, const void *from, size_t n) { memcpy(to, from, n); }
void __aeabi_memcpy4(void *to, const void *from, size_t n) { memcpy(to, from, n); }
void __aeabi_memcpy8(void *to, const void *from, size_t n) { memcpy(to, from, n); }
void __aeabi_memset(void *to, size_t n, int c) { memset(to, c, n); }
void __aeabi_memset4(void *to, size_t n, int c) { memset(to, c, n); }
void __aeabi_memclr(void *to, size_t n) { memset(to, 0, n); }
void __aeabi_memclr4(void *to, size_t n) { memset(to, 0, n); }
void __aeabi_memclr8(void *to, size_t n) { memset(to, 0, n); }
