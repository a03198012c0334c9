/* Calls every case ten times a second and prints what it returns; the function
   loader runs in between. */
#include "board.h"
#include "cases.h"
#include "fl.h"

#define PERIOD 100 /* milliseconds */
#ifndef START
#define START 0 /* when the first round comes */
#endif

int dispatch(unsigned which, int n);

static void print_plain(void)
{
    print("leaf=%d\n", leaf(4, 2));
    print("deep_stack=%d\n", deep_stack(5));
    print("literals=%d\n", literals(4));
    print("switch_table=%d,%d,%d\n", switch_table(1), switch_table(2), switch_table(6));
    print("pointer_table=%s,%s\n", pointer_table(2), pointer_table(9));
    print("division=%u\n", (unsigned)division(1234567890123456789u, 987654321012u));
    print("variadic=%d\n", variadic(3, 10, 200, 3000));
    print("global_struct=%d\n", global_struct(1));
}

static void print_state(void)
{
    print("file_static=%d\n", file_static());
    print("local_static=%d\n", local_static());
    print("same_name_a=%d\n", same_name_a());
    print("same_name_b=%d\n", same_name_b());
    print("run_callback=%d\n", run_callback(21));
    print("dispatch=%d,%d\n", dispatch(0, 10), dispatch(1, 10));
}

static void print_optimised(void)
{
    print("inlined_caller=%d\n", inlined_caller(3));
    print("constprop_caller=%d\n", constprop_caller(4));
    print("isra_caller=%d\n", isra_caller(2));
    print("part_caller=%d\n", part_caller(3));
    print("part_caller_too=%d\n", part_caller_too(3));
    print("cold_path=%d\n", cold_path(8));
    print("folded_a=%d\n", folded_a(8));
    print("folded_b=%d\n", folded_b(9));
    print("register_use=%d\n", register_use(10, 6, 7, 1));
}

static void print_names(void)
{
    print("weak_kept=%d\n", weak_kept(1));
    print("weak_overridden=%d\n", weak_overridden(1));
    print("alias_target=%d\n", alias_target(16));
    print("alias_name=%d\n", alias_name(32));
}

static void print_entries(void)
{
    static volatile int stored;

    print("entry_push=%d\n", entry_push(1));
    print("entry_push_lr=%d\n", entry_push_lr(1));
    print("entry_sub_sp=%d\n", entry_sub_sp(1));
    print("entry_move=%d\n", entry_move(1));
    print("entry_literal=%d\n", entry_literal(1));
    print("entry_compare=%d\n", entry_compare(20));
    print("entry_argument=%d\n", entry_argument(1));
    print("entry_store=%d\n", entry_store(stored, &stored));
    print("entry_wide=%d\n", entry_wide(1));
    tiny_first();
    tiny_second();
    print("loop_at_0=%d\n", loop_at_0(10));
    print("loop_at_2=%d\n", loop_at_2(4));
}

static void print_places(void)
{
    interrupt();
    print("interrupts=%d\n", interrupts);
    print("in_ram=%d\n", in_ram(6));
    print("in_nor=%d\n", in_nor(6));
}

void task_body(void)
{
    for (uint32_t round = 0, next = START;;) {
        int c;
        while ((c = uart_read()) >= 0)
            fl_input((char)c);
        if ((int32_t)(board_millis() - next) >= 0) {
            next = board_millis() + PERIOD;
            print("round %u\n", (unsigned)++round);
            print_plain();
            print_state();
            print_optimised();
            print_names();
            print_entries();
            print_places();
            print_objects();
            print_classes();
        }
        board_idle();
    }
}

int main(void)
{
    fl_init();
    callbacks_init();
    task_body();
}
