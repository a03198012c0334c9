#include "app.h"

/* One function for each way of referring to something. */

static int counter;
static int limit = 100;
static uint8_t history[16];
static short small;
static const char *last_text = "none yet";
struct config config = { 1, 2, { 3, 4, 5, 6 }, "default" };
int tentative;
const uint16_t curve[6] = { 1, 10, 100, 1000, 10000, 60000 };
static const uint32_t weights[] = { 7, 11, 13, 17, 19, 23, 29, 31 };
static const char *const names[] = { "idle", "run", "stop", "a rather long name", "idle" };

int leaf(int a, int b) { return a * 3 + b; }

int uses_statics(int n)
{
	counter += n;
	if (counter > limit)
		counter = 0;
	history[counter & 15] = n;
	small++;
	return counter + history[n & 15] + small;
}

int local_statics(int n)
{
	static int calls;
	static int total = 5;
	calls++;
	total += n;
	return total / calls;
}

int local_statics_too(int n)
{
	static int calls;
	calls += n;
	{
		static char calls;
		calls ^= n;
		n += calls;
	}
	return calls + n;
}

uint32_t uses_config(struct config *other)
{
	config.limits[2] += ticks;
	if (other)
		*other = config;
	return config.limits[config.mode & 3] + config.rate + tentative;
}

void texts(int n)
{
	log_text("hello");
	log_number("a number", n);
	if (n > 3)
		log_text("hello");
	last_text = "changed";
	log_text(last_text);
}

int tables(unsigned n) { return weights[n & 7] + curve[n % 6] + shared_table[n & 7]; }

const char *name_of(unsigned n) { return n < 5 ? names[n] : "?"; }

int switched(int n)
{
	switch (n) {
	case 0: return 12;
	case 1: return 99;
	case 2: return leaf(n, 5);
	case 3: log_text("three"); return 7;
	case 4: return 1000;
	case 5: return -5;
	case 6: return uses_statics(6);
	case 7: return 81;
	case 8: return 4;
	default: return 0;
	}
}

int mapped(int n)
{
	switch (n) {
	case 0: return 1201;
	case 1: return 77;
	case 2: return 990;
	case 3: return 15;
	case 4: return 400000;
	case 5: return 3;
	case 6: return 60;
	default: return 1;
	}
}

static __attribute__((noinline)) int on_event(int n) { return counter += n; }

void registers(void) { register_handler(on_event); }

int calls_pointer(int n) { return registered ? registered(n) : filter_a(n); }

int tail(int n) { return filter_b(n + 1); }

int recursive(int n) { return n < 2 ? 1 : recursive(n - 1) + recursive(n - 2) * n; }

handler own_address(void) { return (handler)own_address; }

int weak_call(int n) { return (not_there ? not_there(n) : 3) + override_me(n); }

void weak_plain(int n) { not_there(n); counter++; }

uint64_t divides(uint64_t a, uint64_t b) { return a / b + a % b; }

float floats(float a, int b) { return a * 1.5f + b; }

double doubles(double a, double b) { return a / b - 3.25; }

int variadic(int n, ...)
{
	va_list list;
	va_start(list, n);
	int sum = 0;
	while (n-- > 0)
		sum += va_arg(list, int);
	va_end(list);
	return log_format("%d %s\n", sum, "sum");
}

static __attribute__((noinline)) int cloned(int a, int mode)
{
	int sum = 0;
	for (int i = 0; i < a; i++)
		sum += mode == 2 ? i * weights[i & 7] : i + counter;
	return sum;
}

int calls_clone(int n) { return cloned(n, 2); }

void computed(int n, int *out)
{
	static const void *const labels[] = { &&one, &&two, &&three };
	goto *labels[n % 3];
one:
	*out += 1;
	return;
two:
	*out += counter;
three:
	*out += 3;
}

uint32_t linker_label(void) { return (uint32_t)stack_top; }

int *end_of(void) { return &shared_table[8]; }

int before(int n) { return shared_table[n - 100] + history[n - 5]; }

__attribute__((section(".ramfunc"))) int in_ram(int n) { return leaf(n, counter); }

static __attribute__((section(".ramfunc"), noinline)) int in_ram_static(int n) { limit += n; return filter_a(limit); }

__attribute__((section(".ramfunc"))) int in_ram_caller(int n) { return in_ram_static(n) + in_ram(n); }

static __attribute__((aligned(64))) uint32_t buffer[32];

uint32_t aligned_buffer(int n) { return buffer[n]++ + (uint32_t)&buffer[3]; }

void bytes(char *to)
{
	static const char text[] = "some bytes to copy";
	for (unsigned i = 0; i < sizeof text; i++)
		to[i] = text[i];
}

struct config copied(void) { return (struct config){ 9, 8, { 7, 6, 5, 4 }, "copied" }; }

int alias_target(int n) { return n ^ limit; }
int alias_name(int n) __attribute__((alias("alias_target")));

int calls_alias(int n) { return alias_name(n) + alias_target(n + 1); }
