// The same for C++.
#include "classes.h"

namespace motor {

class Filter {
public:
    constexpr explicit Filter(int gain) : gain_(gain) {}
    virtual int update(int sample);
    int level() const { return level_; }
    static int made();
    int operator()(int n) const;

protected:
    int gain_;
    int level_ = 0;
};

class Damped final : public Filter {
public:
    using Filter::Filter;
    int update(int sample) override;
};

NOINLINE int Filter::update(int sample)
{
    level_ += (sample - level_) / gain_;
    return level_;
}

NOINLINE int Damped::update(int sample) { return Filter::update(sample / 2) + 1; }

NOINLINE int Filter::made()
{
    static int calls; // motor::Filter::made()::calls
    return ++calls;
}

NOINLINE int Filter::operator()(int n) const { return n * gain_; }

template <typename T> NOINLINE T bounded(T value, T low, T high)
{
    static T calls;
    calls++;
    return value < low ? low : value > high ? high : value;
}

template <typename F> NOINLINE int twice(F f, int n) { return f(f(n)); }

NOINLINE int lambda(int n)
{
    int factor = n + 1;
    return twice([factor](int v) { return v * factor + 1; }, n);
}

NOINLINE int overloaded(int n) { return n + 1; }
NOINLINE int overloaded(unsigned n) { return static_cast<int>(n) + 2; }

} // namespace motor

namespace {

motor::Filter filter(2);
motor::Damped damped(4);

NOINLINE int first_seed() { return filter.level() + 40; }

// Initialised when it is first called, with a guard.
NOINLINE int guarded()
{
    static int seed = first_seed();
    return ++seed;
}

} // namespace

extern "C" void print_objects(void)
{
    motor::Filter *filters[] = {&filter, &damped};
    print("virtual=%d,%d\n", filters[0]->update(100), filters[1]->update(100));
    print("const_method=%d\n", filter.level());
    print("static_method=%d\n", motor::Filter::made());
    print("call_operator=%d\n", filter(21));
    print("template=%d,%d\n", motor::bounded(12, 0, 10), static_cast<int>(motor::bounded(-5L, 0L, 10L)));
    print("lambda=%d\n", motor::lambda(2));
    print("guarded=%d\n", guarded());
    print("shared_too=%d\n", motor::shared(1) > 0);
    print("overloaded=%d,%d\n", motor::overloaded(1), motor::overloaded(1u));
}
