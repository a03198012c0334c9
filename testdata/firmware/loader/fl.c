/* Lines and words. */
#include "fl.h"

void fl_init(void) { fpb_init(); }

/* Splits at blanks. A double quote groups; there is no escape, and a word that
   begins with a quote loses its first character. The last word takes the rest. */
static int split(char *text, char **words)
{
    int n = 0;
    for (;;) {
        while (*text == ' ' || *text == '\t')
            text++;
        if (!*text)
            return n;
        if (n == FL_MAX_WORDS - 1) {
            words[n++] = text;
            return n;
        }
        char *word = text;
        int quoted = 0;
        for (; *text && (quoted || (*text != ' ' && *text != '\t')); text++) {
            if (*text != '"')
                continue;
            quoted = !quoted;
            if (text == word) {
                word = text[1] ? text + 2 : text + 1; /* sic: a character too many */
                continue;
            }
            char *to = text--;
            do
                to[0] = to[1];
            while (*++to);
        }
        if (*text)
            *text++ = 0;
        words[n++] = word;
    }
}

void fl_line(char *text)
{
    char *words[FL_MAX_WORDS];
    int n = split(text, words);
    if (n > 0)
        fl_run(n, words);
}

#ifndef FL_SHELL
static char line[FL_LINE_SIZE];
static size_t length;

/* On bare metal the command line is always open, without echo and prompt. */
void fl_input(char c)
{
    switch (c) {
    case '\r':
    case '\n':
        line[length] = 0;
        length = 0;
        fl_line(line);
        break;
    case 0x08:
    case 0x7f:
        if (length > 0)
            length--;
        break;
    default:
        if (length < sizeof line - 1)
            line[length++] = c;
    }
}
#endif
