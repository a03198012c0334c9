/* Exceptions and run-time types, in a firmware that has both. */
extern "C" {
#include "app.h"
#include "board.h"
#include "fl.h"
}

#define NOINLINE __attribute__((noipa)) /* each is a case of its own */
#define PERIOD 100 /* milliseconds */

struct Error {
    int code;
};

struct Shape {
    virtual int area() const = 0;
};

struct Square : Shape {
    int side = 3;
    int area() const override { return side * side; }
};

struct Strip : Shape {
    int area() const override { return 7; }
};

NOINLINE int plain(int n) { return n * 2; }

NOINLINE int checked(int n)
{
    if (n > 10)
        throw Error{n};
    return n;
}

NOINLINE int through(int n) { return checked(n) + plain(1); }

NOINLINE int calm(int n) { return checked(n & 7) + plain(1); }

NOINLINE int guarded(int n)
{
    try {
        return through(n);
    } catch (const Error &e) {
        return -e.code;
    }
}

NOINLINE int sides(const Shape &s) { return dynamic_cast<const Square *>(&s) ? 4 : 2; }

static Square square;
static Strip strip;

int main()
{
    fl_init();
    for (uint32_t round = 0, next = 0;;) {
        int c;
        while ((c = uart_read()) >= 0)
            fl_input((char)c);
        uint32_t now = board_millis();
        if ((int32_t)(now - next) >= 0) {
            next = now + PERIOD;
            print("round %u\n", (unsigned)++round);
            print("plain=%d\n", plain(4));
            print("calm=%d\n", calm(5));
            print("guarded=%d,%d\n", guarded(5), guarded(11));
            print("sides=%d,%d\n", sides(square), sides(strip));
        }
        board_idle();
    }
}

/* What the library asks for: memory for exceptions, and a way to stop. */
extern "C" void *_sbrk(int n)
{
    static char heap[2048];
    static unsigned used;
    if (n < 0 || used + (unsigned)n > sizeof heap)
        return (void *)-1;
    used += (unsigned)n;
    return heap + used - n;
}

extern "C" [[noreturn]] void abort()
{
    for (;;)
        ;
}

namespace __gnu_cxx {
void __verbose_terminate_handler() { abort(); } /* the library's prints to files */
}
