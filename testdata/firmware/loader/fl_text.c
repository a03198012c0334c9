/* Answers. */
#include "board.h"
#include "fl.h"

#define MESSAGE_SIZE 256

static size_t put(char *out, size_t at, size_t size, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++, at++)
        if (at < size - 1)
            out[at] = s[i];
    return at;
}

/* Knows %s, %c, %d, %u, %x, %X with 0, a width and l. Returns the length kept. */
static size_t format_message(char *out, size_t size, const char *f, va_list args)
{
    size_t at = 0;
    for (; *f; f++) {
        if (*f != '%') {
            at = put(out, at, size, f, 1);
            continue;
        }
        int width = 0;
        for (f++; (*f >= '0' && *f <= '9') || *f == 'l'; f++)
            if (*f != 'l')
                width = width * 10 + (*f - '0');
        char digits[12];
        int n = sizeof digits;
        switch (*f) {
        case 's': {
            const char *s = va_arg(args, const char *);
            size_t len = 0;
            while (s[len])
                len++;
            at = put(out, at, size, s, len);
            break;
        }
        case 'c': {
            char c = (char)va_arg(args, int);
            at = put(out, at, size, &c, 1);
            break;
        }
        case 'd':
        case 'u':
        case 'x':
        case 'X': {
            unsigned v = va_arg(args, unsigned);
            int negative = *f == 'd' && (int)v < 0;
            unsigned base = *f == 'd' || *f == 'u' ? 10 : 16;
            if (negative)
                v = -v;
            do
                digits[--n] = (*f == 'x' ? "0123456789abcdef" : "0123456789ABCDEF")[v % base];
            while (v /= base);
            while ((int)sizeof digits - n < width && n > 0)
                digits[--n] = '0';
            if (negative)
                digits[--n] = '-';
            at = put(out, at, size, digits + n, sizeof digits - (size_t)n);
            break;
        }
        default:
            at = put(out, at, size, f, 1);
        }
    }
    if (at > size - 1)
        at = size - 1;
    out[at] = 0;
    return at;
}

static void answer(const char *before, const char *f, va_list args, const char *after)
{
    char message[MESSAGE_SIZE];
    size_t n = 0;
    while (before[n])
        n++;
    uart_write(before, n);
    uart_write(message, format_message(message, sizeof message, f, args));
    for (n = 0; after[n]; n++)
        ;
    uart_write(after, n);
}

void fl_print(const char *f, ...)
{
    va_list args;
    va_start(args, f);
    answer("", f, args, FL_EOL);
    va_end(args);
}

void fl_ok(const char *f, ...)
{
    va_list args;
    va_start(args, f);
    answer("[FLOK] ", f, args, FL_EOL "[FLEND]" FL_EOL);
    va_end(args);
}

int fl_errors;

void fl_error(const char *f, ...)
{
    va_list args;
    fl_errors++;
    va_start(args, f);
    answer("[FLERR] ", f, args, FL_EOL "[FLEND]" FL_EOL);
    va_end(args);
}

static void print_part(const char *f, ...)
{
    va_list args;
    va_start(args, f);
    answer("", f, args, "");
    va_end(args);
}

/* An answer that carries bytes, of any length. */
void fl_data(const char *what, uint32_t length, uint16_t crc, const uint8_t *data)
{
    char text[4 * 16 + 1];
    print_part("[FLOK] %s %u bytes crc=0x%04X data=", what, (unsigned)length, crc);
    for (uint32_t at = 0; at < length; at += 48) {
        uint32_t n = length - at < 48 ? length - at : 48;
        uart_write(text, fl_base64_encode(data + at, n, text));
    }
    print_part(FL_EOL "[FLEND]" FL_EOL);
}

int fl_equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* strtoul with base 0: what follows the number is ignored. */
uint32_t fl_number(const char *s)
{
    uint32_t v = 0, base = 10;
    int negative = 0;
    while (*s == ' ' || *s == '\t')
        s++;
    if (*s == '-' || *s == '+')
        negative = *s++ == '-';
    if (*s == '0') {
        base = 8;
        if (s[1] == 'x' || s[1] == 'X') {
            base = 16;
            s += 2;
        }
    }
    for (;; s++) {
        uint32_t d;
        if (*s >= '0' && *s <= '9')
            d = (uint32_t)(*s - '0');
        else if ((*s | 32) >= 'a' && (*s | 32) <= 'f')
            d = (uint32_t)((*s | 32) - 'a' + 10);
        else
            break;
        if (d >= base)
            break;
        v = v * base + d;
    }
    return negative ? -v : v;
}
