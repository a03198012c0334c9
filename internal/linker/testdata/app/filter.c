#include "app.h"

/* The same static names as app.c: told apart by file. */

static int counter = 3;
static uint8_t history[4];
volatile uint32_t ticks;
int shared_table[8] = { 1, 2, 3 };
handler registered;

static __attribute__((noinline)) int on_event(int n) { return counter - n; }

int filter_a(int n)
{
	static int calls;
	history[n & 3]++;
	return calls++ + on_event(n);
}

int filter_b(int n)
{
	static int calls = 1;
	counter++;
	return calls-- * n;
}

void register_handler(handler h) { registered = h; }

__attribute__((weak)) int override_me(int n) { return n; }
__attribute__((weak)) int kept_default(int n) { return n + counter; }
