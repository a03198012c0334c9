/* CRC-16/CCITT-FALSE and base64. */
#include "fl.h"

uint16_t fl_crc(uint16_t crc, const void *data, size_t size)
{
    const uint8_t *p = data;
    for (; size > 0; size--) {
        crc ^= (uint16_t)(*p++ << 8);
        for (int i = 0; i < 8; i++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

uint16_t fl_crc_word(uint16_t crc, uint32_t word)
{
    uint8_t bytes[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16), (uint8_t)(word >> 24)};
    return fl_crc(crc, bytes, sizeof bytes);
}

static int value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Returns the number of bytes, -1 if the text is no base64 or too long. */
int fl_base64_decode(const char *text, uint8_t *out, size_t size)
{
    size_t n = 0;
    uint32_t bits = 0;
    int have = 0;
    for (; *text && *text != '='; text++) {
        int v = value(*text);
        if (v < 0)
            return -1;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (n == size)
                return -1;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
    for (; *text; text++)
        if (*text != '=')
            return -1;
    return (int)n;
}

size_t fl_base64_encode(const uint8_t *data, size_t size, char *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *start = out;
    for (size_t i = 0; i < size; i += 3) {
        uint32_t v = (uint32_t)data[i] << 16;
        if (i + 1 < size)
            v |= (uint32_t)data[i + 1] << 8;
        if (i + 2 < size)
            v |= data[i + 2];
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = i + 1 < size ? alphabet[v >> 6 & 63] : '=';
        *out++ = i + 2 < size ? alphabet[v & 63] : '=';
    }
    return (size_t)(out - start);
}
