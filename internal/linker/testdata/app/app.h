#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef int (*handler)(int);

struct config {
	uint8_t mode;
	uint16_t rate;
	uint32_t limits[4];
	const char *name;
};

extern struct config config;
extern volatile uint32_t ticks;
extern int shared_table[8];
extern const uint16_t curve[6];
extern handler registered;

void log_text(const char *text);
void log_number(const char *text, int n);
int log_format(const char *format, ...);
void register_handler(handler h);
int filter_a(int n);
int filter_b(int n);
int override_me(int n);
int not_there(int n) __attribute__((weak));
extern uint32_t stack_top[];
