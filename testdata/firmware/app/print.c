#include <stdarg.h>

#include "app.h"
#include "board.h"

static void print_unsigned(unsigned value)
{
    char digits[10];
    size_t n = sizeof digits;
    do
        digits[--n] = (char)('0' + value % 10);
    while (value /= 10);
    uart_write(digits + n, sizeof digits - n);
}

static void print_string(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    uart_write(s, n);
}

/* Knows %s, %d and %u. */
void print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (; *format; format++) {
        if (*format != '%') {
            uart_write(format, 1);
            continue;
        }
        switch (*++format) {
        case 's':
            print_string(va_arg(args, const char *));
            break;
        case 'd': {
            int value = va_arg(args, int);
            if (value < 0)
                uart_write("-", 1);
            print_unsigned(value < 0 ? -(unsigned)value : (unsigned)value);
            break;
        }
        case 'u':
            print_unsigned(va_arg(args, unsigned));
            break;
        default:
            uart_write(format, 1);
        }
    }
    va_end(args);
}
