/* Inline code that two units share: the linker keeps one copy. */
#pragma once
#include "cases.h"

namespace motor {

inline int shared_total = 5;

NOINLINE inline int shared(int n) { return shared_total += n; }

template <int N> struct Ring {
    static int used;
    NOINLINE int push(int n)
    {
        used++;
        return slots[used % N] = n;
    }
    int slots[N];
};
template <int N> int Ring<N>::used;

} // namespace motor
