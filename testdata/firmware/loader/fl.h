/* The function loader: takes code over the serial line and has the Flash Patch
   unit redirect functions to it. The device side of the "fl" protocol.

   A build chooses with -D what kind of loader it is:
   FL_DIALECT=15 or 16     the protocol of versions 1.5 and 1.6
   FL_SHELL                a builtin of a shell like NuttX's, see nuttx/shell.c
   FL_MALLOC               memory comes from a heap, not from the pool
   FL_NO_FPB, FL_NO_TRAMPOLINE, FL_NO_DEBUGMON    without these
   FL_PLAIN_TRAMPOLINES    trampolines in C, which do not keep the arguments
   FL_V1_COMPARATORS=0, 1  whether breakpoints get version 1's encoding whatever
                           the unit is, as 1.5 on bare metal does */
#ifndef FL_H
#define FL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifndef FL_DIALECT
#define FL_DIALECT 15
#endif
#ifndef FL_VERSION
#if FL_DIALECT >= 16
#define FL_VERSION "v1.6.1"
#else
#define FL_VERSION "v1.5.6"
#endif
#endif
#ifndef FL_V1_COMPARATORS
#if FL_DIALECT >= 16 || defined(FL_SHELL)
#define FL_V1_COMPARATORS 0
#else
#define FL_V1_COMPARATORS 1
#endif
#endif
#ifndef FL_BUILD
#define FL_BUILD "Jan 01 2026 00:00:00"
#endif

#ifdef FL_SHELL
#define FL_LINE_SIZE 1024
#define FL_MAX_WORDS 32
#define FL_EOL       "\r\n"
#else
#define FL_LINE_SIZE 512 /* with the terminator; what is longer is dropped */
#define FL_MAX_WORDS 16
#define FL_EOL       "\n"
#endif
#define FL_MAX_DATA  1024
#define FL_SLOTS     8

/* fl.c, and nuttx/shell.c */
void fl_init(void);
void fl_input(char c);
void fl_line(char *line); /* changes it */

/* fl_command.c */
void fl_run(int argc, char **argv);

/* fl_text.c */
void fl_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fl_ok(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fl_data(const char *what, uint32_t length, uint16_t crc, const uint8_t *data);
int fl_equal(const char *a, const char *b);
extern int fl_errors; /* how many were answered */
uint32_t fl_number(const char *text);

/* fl_codec.c */
uint16_t fl_crc(uint16_t crc, const void *data, size_t size);
uint16_t fl_crc_word(uint16_t crc, uint32_t word);
int fl_base64_decode(const char *text, uint8_t *out, size_t size);
size_t fl_base64_encode(const uint8_t *data, size_t size, char *out);

/* fl_alloc.c */
void *fl_alloc(size_t size);
void fl_free(void *block);

/* fpb_unit.c */
enum fpb_mode { FPB_REMAP, FPB_TRAMPOLINE, FPB_DEBUGMON };
struct fpb_unit { int version, code, literal; uint32_t remap, base; int enabled; };

void fpb_init(void);
struct fpb_unit fpb_describe(void);
uint32_t fpb_comparator(int comp);
uint32_t fpb_trampoline(int comp);
int fpb_set(int comp, enum fpb_mode mode, uint32_t orig, uint32_t target);
void fpb_clear(int comp);
void fpb_enable(int comp, int on);

#endif
