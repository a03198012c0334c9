#ifndef SERVICES_H
#define SERVICES_H

#include <stdint.h>

#define APPLICATION 0x08004000u /* behind the bootloader */

/* What the bootloader does for the application. */
struct services {
    const char *(*text)(void);
    int (*percent)(int value);
};

#define SERVICES ((const struct services *)0x08000100u)

#endif
