#include "app.h"

static char output[128];
static unsigned used;

void log_text(const char *text)
{
	while (*text)
		output[used++ % sizeof output] = *text++;
}

void log_number(const char *text, int n)
{
	log_text(text);
	output[used++ % sizeof output] = '0' + n % 10;
}

int log_format(const char *format, ...)
{
	log_text(format);
	return used;
}

int override_me(int n) { return n * 2; }

int main(void)
{
	for (;;)
		ticks++;
}
