// More of C++: several bases, constructors and destructors, operators.
#include "classes.h"

namespace motor {

struct Sensor {
    virtual int read() = 0;
    virtual int id() const { return 1; }
};

struct Actuator {
    virtual int write(int n) = 0;
    int written = 0;
};

// Calls through Actuator go through a thunk that adjusts "this".
struct Servo final : Sensor, Actuator {
    int read() override;
    int write(int n) override;
};

NOINLINE int Servo::read() { return written * 2; }
NOINLINE int Servo::write(int n) { return written = n + 1; }

// Counts what lives.
struct Scope {
    explicit Scope(int n);
    ~Scope();
    static int alive;
    int value;
};

int Scope::alive;
NOINLINE Scope::Scope(int n) : value(n + 1) { alive++; }
NOINLINE Scope::~Scope() { alive -= 1; }

// A virtual base: constructors come in two variants that differ.
struct Node {
    constexpr explicit Node(int n) : key(n) {}
    virtual int weight() const;
    int key;
};
struct Leaf : virtual Node {
    explicit Leaf(int n);
    int weight() const override;
    int extra;
};
NOINLINE int Node::weight() const { return key; }
NOINLINE Leaf::Leaf(int n) : Node(n), extra(n * 3) {}
NOINLINE int Leaf::weight() const { return key + extra; }

struct Vec {
    int x, y;
    int sum() const;
    int sum();
};
NOINLINE Vec operator+(Vec a, Vec b) { return {a.x + b.x, a.y + b.y}; }
NOINLINE int Vec::sum() const { return x + y; }
NOINLINE int Vec::sum() { return x + y + 100; }

enum class Gear { low, high };
NOINLINE int ratio(Gear g) { return g == Gear::high ? 7 : 3; }

template <typename... T> NOINLINE int total(T... n) { return (n + ... + 0); }

NOINLINE int defaulted(int a, int b = 4) { return a * b; }

namespace inner {
NOINLINE int deep(int n) { return n - 5; }
} // namespace inner

} // namespace motor

namespace {

motor::Servo servo;
motor::Ring<4> ring;

// Not even the pointers are constants to the compiler.
motor::Actuator *volatile actuator = &servo;
motor::Sensor *volatile sensor = &servo;
int (motor::Vec::*volatile method)() const = &motor::Vec::sum;

NOINLINE int scoped(int n)
{
    motor::Scope a(n), b(a.value);
    return a.value + b.value + motor::Scope::alive;
}

NOINLINE int weighed(const motor::Node &node) { return node.weight(); }

NOINLINE int by_reference(int n)
{
    int total = 0;
    auto add = [&total](int v) __attribute__((noinline)) { total += v; };
    add(n);
    add(n + 1);
    return total;
}

NOINLINE int summed(const int (&list)[3])
{
    int n = 0;
    for (int v : list)
        n += v;
    return n;
}

} // namespace

extern "C" void print_classes(void)
{
    print("thunk=%d\n", actuator->write(8));
    print("abstract=%d,%d\n", sensor->read(), sensor->id());
    print("scoped=%d,%d\n", scoped(3), motor::Scope::alive);
    motor::Leaf leaf(2);
    print("virtual_base=%d\n", weighed(leaf));
    const motor::Vec v = motor::Vec{1, 2} + motor::Vec{3, 4};
    motor::Vec w = v;
    print("operator_plus=%d,%d\n", (v.*method)(), w.sum());
    print("gear=%d\n", ratio(motor::Gear::high));
    print("variadic_template=%d\n", motor::total(1, 2, 3));
    print("defaulted=%d\n", motor::defaulted(3));
    print("deep=%d\n", motor::inner::deep(9));
    print("by_reference=%d\n", by_reference(5));
    const int list[] = {4, 5, 6};
    print("summed=%d\n", summed(list));
    print("shared=%d\n", motor::shared(1) > 0);
    print("ring=%d\n", ring.push(motor::shared_total > 0));
}
