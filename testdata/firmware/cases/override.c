#include "cases.h"

int weak_overridden(int n) { return n + 1000; }
