#ifndef APP_H
#define APP_H

#include <stdint.h>

/* print.c */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* status.c */
const char *status_text(void);
int next_count(void);
int clamp(int value, int low, int high);
const char *phase_name(int phase);
uint32_t per_mille(uint64_t part, uint64_t whole);

/* sensor.c */
extern int sensor_offset;
int sensor_read(int channel);
int sensor_average(int sample);
void sensor_watch(void (*callback)(int));

#endif
