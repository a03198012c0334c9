/* Lines and words. */
#include "fl.h"

static char line[FL_LINE_SIZE];
static size_t length;

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

void fl_input(char c)
{
    switch (c) {
    case '\r':
    case '\n':
        if (length > 0) {
            char *words[FL_MAX_WORDS];
            line[length] = 0;
            length = 0;
            int n = split(line, words);
            if (n > 0)
                fl_run(n, words);
        }
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
