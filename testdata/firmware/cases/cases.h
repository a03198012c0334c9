/* One function for every case that is hard for whoever replaces functions in a
   running firmware. The name of the case is the name of the function, and of the
   line that it prints each round. */
#ifndef CASES_H
#define CASES_H

#include <stdint.h>

#define NOINLINE __attribute__((noinline))

#ifdef __cplusplus
extern "C" {
#endif

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* plain.c */
int leaf(int a, int b);
int deep_stack(int n);
int literals(int n);
int switch_table(int n);
const char *pointer_table(unsigned n);
uint32_t division(uint64_t a, uint64_t b);
int variadic(int n, ...);
struct settings {
    uint8_t mode;
    uint16_t rate;
    int32_t limits[3];
};
extern struct settings settings;
int global_struct(int n);

/* statics_a.c, statics_b.c */
int file_static(void);
int local_static(void);
int same_name_a(void);
int same_name_b(void);

/* live.c */
typedef int (*callback)(int);
void set_callback(callback f);
int run_callback(int n);
void callbacks_init(void);

/* optimised.c */
int inlined_caller(int n);
int constprop_caller(int n);
int isra_caller(int n);
int part_caller(int n);
int part_caller_too(int n);
int cold_path(int n);
int folded_a(int n);
int folded_b(int n);
int register_use(int a, int b, int c, int d);

/* names.c, override.c */
int weak_kept(int n);
int weak_overridden(int n);
int alias_target(int n);
int alias_name(int n);

/* entries.c */
int entry_push(int n);
int entry_push_lr(int n);
int entry_sub_sp(int n);
int entry_move(int n);
int entry_literal(int n);
int entry_compare(int n);
int entry_argument(int n);
int entry_store(int n, volatile int *to);
int entry_wide(int n);
void tiny_first(void);
void tiny_second(void);
int loop_at_0(int n);
int loop_at_2(int n);

/* places.c */
int in_ram(int n);
int in_nor(int n);
extern volatile int interrupts;
void interrupt(void);
void task_body(void) __attribute__((noreturn));

/* objects.cc, classes.cc */
void print_objects(void);
void print_classes(void);

#ifdef __cplusplus
}
#endif

#endif
