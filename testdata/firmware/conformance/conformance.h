/* Programs whose output a simulated core must reproduce: each prints results
   that depend on nothing but what the architecture and the language define. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <stdint.h>
#include <stdio.h>

/* Keeps the compiler from computing what the core should. */
#define OPAQUE(x) ({ __typeof__(x) opaque_ = (x); __asm volatile("" : "+r"(opaque_)); opaque_; })

#define NOINLINE __attribute__((noinline))
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* A sequence of numbers that is the same everywhere. */
uint32_t random_word(void);
void random_restart(uint32_t seed);

/* A running checksum, and its name when it is printed. */
void sum(uint32_t value);
void sum_wide(uint64_t value);
void sum_print(const char *name);

/* Values at the edges of what fits. */
extern const uint32_t edges[];
extern const unsigned edge_count;

#define REG(addr) (*(volatile uint32_t *)(addr))

void arithmetic(void);
void shifts(void);
void bit_fields(void);
void wide(void);
void control(void);
void memory(void);
void floating(void);
void text(void);
void jumps(void);
void interrupts(void);
void faults(void);
void tasks(void);

#endif
