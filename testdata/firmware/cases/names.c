/* Several names for a function, or several functions for a name. */
#include "cases.h"

__attribute__((weak)) int weak_kept(int n) { return n + 1; }

/* override.c has another one: this is not in the image. */
__attribute__((weak)) int weak_overridden(int n) { return n + 2; }

int alias_target(int n) { return n ^ 0x55; }
int alias_name(int n) __attribute__((alias("alias_target")));
