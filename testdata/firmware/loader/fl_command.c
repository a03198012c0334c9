/* The commands. */
#include "fl.h"

struct options {
    const char *cmd, *data, *path, *newpath, *mode;
    int32_t size, len, comp, enable, crc;
    uint32_t addr, orig, target;
    int has_crc, all, force;
};

static struct {
    int active;
    enum fpb_mode mode;
    uint32_t orig, target, size;
    void *block;
} slots[FL_SLOTS];

static struct {
    void *block;
    uint32_t size;
} pending;

static uint8_t buffer[FL_MAX_DATA];

/* 1 if word is --name, --name=value or -short; *value is what follows. */
static int is_option(const char *word, char shorthand, const char *name, const char **value)
{
    *value = NULL;
    if (word[0] != '-')
        return 0;
    if (word[1] != '-') {
        if (shorthand == 0 || word[1] != shorthand)
            return 0;
        if (word[2])
            *value = word + 2;
        return 1;
    }
    word += 2;
    while (*name && *word == *name)
        word++, name++;
    if (*name)
        return 0;
    if (*word == '=')
        *value = word + 1;
    return *word == 0 || *word == '=';
}

/* An integer option without a value: the number is read from nowhere. */
static uint32_t number(const char *value)
{
    if (!value)
        __builtin_trap();
    return fl_number(value);
}

static int parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *v, *w = argv[i];
/* A value that is not attached is the next word, if there is one. */
#define VALUE (v ? v : i + 1 < argc ? argv[++i] : NULL)
        if (is_option(w, 'c', "cmd", &v))
            o->cmd = VALUE;
        else if (is_option(w, 's', "size", &v))
            o->size = (int32_t)number(VALUE);
        else if (is_option(w, 'a', "addr", &v))
            o->addr = number(VALUE);
        else if (is_option(w, 'd', "data", &v))
            o->data = VALUE;
        else if (is_option(w, 'r', "crc", &v))
            o->crc = (int32_t)number(VALUE), o->has_crc = 1;
        else if (is_option(w, 'l', "len", &v))
            o->len = (int32_t)number(VALUE);
        else if (is_option(w, 0, "comp", &v))
            o->comp = (int32_t)number(VALUE);
        else if (is_option(w, 0, "orig", &v))
            o->orig = number(VALUE);
        else if (is_option(w, 0, "target", &v))
            o->target = number(VALUE);
        else if (is_option(w, 0, "all", &v))
            o->all = 1;
        else if (is_option(w, 0, "enable", &v))
            o->enable = (int32_t)number(VALUE);
        else if (is_option(w, 0, "force", &v))
            o->force = 1;
        else if (is_option(w, 0, "path", &v))
            o->path = VALUE;
        else if (is_option(w, 0, "newpath", &v))
            o->newpath = VALUE;
        else if (is_option(w, 'm', "mode", &v))
            o->mode = VALUE;
        else
            return 0;
#undef VALUE
    }
    return 1;
}

static int crc_matches(const struct options *o, uint16_t crc, const char *what)
{
    if (!o->has_crc || (uint16_t)o->crc == crc)
        return 1;
    fl_error("%sCRC mismatch: 0x%04X != 0x%04X", what, (unsigned)(uint16_t)o->crc, crc);
    return 0;
}

/* What only 1.6 checks. */
static int crc_matches_16(const struct options *o, uint16_t crc)
{
    return FL_DIALECT < 16 || crc_matches(o, crc, "");
}

static void drop_pending(void)
{
    fl_free(pending.block);
    pending.block = NULL;
    pending.size = 0;
}

static void cmd_ping(const struct options *o) { fl_ok("PONG"); (void)o; }

static void cmd_echo(const struct options *o)
{
    const char *data = o->data ? o->data : "";
    uint32_t n = 0;
    while (data[n])
        n++;
    fl_ok("ECHO %u Bytes, CRC 0x%04X", (unsigned)(n / 2), n ? fl_crc(0xffff, data, n) : 0);
}

static void cmd_echoback(const struct options *o)
{
    if (o->len < 1 || o->len > FL_MAX_DATA) {
        fl_error("Invalid length %d (max %d)", (int)o->len, FL_MAX_DATA);
        return;
    }
    for (int32_t i = 0; i < o->len; i++)
        buffer[i] = (uint8_t)i;
    fl_data("ECHOBACK", (uint32_t)o->len, fl_crc(0xffff, buffer, (size_t)o->len), buffer);
}

static int comparators(void)
{
    int n = fpb_describe().code;
    return n < FL_SLOTS ? n : FL_SLOTS;
}

/* 1.5 tells what the comparator holds, 1.6 what the slot does. */
static const char *slot_mode(int i, uint32_t comp)
{
#if FL_DIALECT >= 16
    static const char *const names[] = {"remap", "trampoline", "debugmon"};
    (void)comp;
    return names[slots[i].mode];
#endif
    (void)i;
    switch (comp >> 30) {
    case 0:
        return "remap";
    case 1:
        return "bp_lo";
    case 2:
        return "bp_hi";
    }
    return "bp_both";
}

static void cmd_info(const struct options *o)
{
    (void)o;
    struct fpb_unit unit = fpb_describe();
    int n = comparators(), active = 0;
    uint32_t used = 0;
    for (int i = 0; i < n; i++) {
        active += slots[i].active;
        used += slots[i].size;
    }
    fl_print("FPBInject %s", FL_VERSION);
    fl_print("Build: %s", FL_BUILD);
    fl_print("Used: %u", (unsigned)used);
    fl_print("Slots: %d/%d", active, n);
    if (FL_DIALECT < 16)
        fl_print("FileTransfer: disabled");
#ifdef FL_NO_FPB
    (void)unit;
    fl_print("FPB: disabled (FL_NO_FPB)");
#else
    if (unit.code == 0) {
        fl_print("FPB: not available");
    } else {
        fl_print("FPB: v%d, %d code + %d lit = %d total, %s", unit.version, unit.code, unit.literal,
                 unit.code + unit.literal, unit.enabled ? "enabled" : "disabled");
        fl_print("FP_REMAP: 0x%08X, base=0x%08X, remap %ssupported", (unsigned)unit.remap, (unsigned)unit.base,
                 unit.version == 1 ? "" : "not ");
    }
#endif
    for (int i = 0; i < n; i++) {
        uint32_t comp = fpb_comparator(i);
        const char *on = comp & 1 ? "on" : "off";
        if (slots[i].active)
            fl_print("Slot[%d]: 0x%08X -> 0x%08X, %u bytes (COMP=0x%08X, %s, %s)", i, (unsigned)slots[i].orig,
                     (unsigned)slots[i].target, (unsigned)slots[i].size, (unsigned)comp, slot_mode(i, comp), on);
        else
            fl_print("Slot[%d]: empty (COMP=0x%08X, %s)", i, (unsigned)comp, on);
    }
    if (FL_DIALECT >= 16)
        fl_print("FileTransfer: disabled");
    fl_ok("Info complete");
}

static void cmd_alloc(const struct options *o)
{
    if (o->size <= 0) {
        fl_error("Missing --size");
        return;
    }
    if (!crc_matches_16(o, fl_crc_word(0xffff, (uint32_t)o->size)))
        return;
    drop_pending();
    void *block = fl_alloc((size_t)o->size);
    if (!block) {
        fl_error("Alloc failed");
        return;
    }
    pending.block = block;
    pending.size = (uint32_t)o->size;
    fl_ok("Allocated %d at 0x%08X", (int)o->size, (unsigned)(uintptr_t)block);
}

static void cmd_upload(const struct options *o)
{
    if (!o->data) {
        fl_error("Missing --data");
        return;
    }
    if (!pending.block) {
        fl_error("No allocation, call alloc first");
        return;
    }
    int n = fl_base64_decode(o->data, buffer, sizeof buffer);
    if (n < 0) {
        fl_error("Invalid base64 data");
        return;
    }
    uint16_t crc = fl_crc(fl_crc_word(fl_crc_word(0xffff, o->addr), (uint32_t)n), buffer, (size_t)n);
    if (!crc_matches(o, crc, "")) {
        drop_pending();
        return;
    }
#if FL_DIALECT >= 16
    if (o->addr > pending.size || (uint32_t)n > pending.size - o->addr) {
        fl_error("Upload overflow: offset %u + %d > alloc %u", (unsigned)o->addr, n, (unsigned)pending.size);
        return;
    }
#endif
    uint8_t *to = (uint8_t *)pending.block + o->addr;
    for (int i = 0; i < n; i++)
        to[i] = buffer[i];
    fl_ok("Uploaded %d bytes to 0x%X", n, (unsigned)(uintptr_t)to);
}

static int range_ok(const struct options *o, uint32_t n)
{
    if (n < 1 || n > FL_MAX_DATA) {
        fl_error("Invalid length %d (max %d)", (int)n, FL_MAX_DATA);
        return 0;
    }
    if (!o->force && (o->addr == 0 || o->addr + n < o->addr)) {
        fl_error("Invalid address range 0x%08X+%d (use --force to override)", (unsigned)o->addr, (int)n);
        return 0;
    }
    return 1;
}

static void cmd_read(const struct options *o)
{
    uint32_t n = (uint32_t)o->len;
    if (!range_ok(o, n) || !crc_matches(o, fl_crc_word(fl_crc_word(0xffff, o->addr), n), FL_DIALECT < 16 ? "Request " : ""))
        return;
    const volatile uint8_t *from = (const volatile uint8_t *)o->addr;
    for (uint32_t i = 0; i < n; i++)
        buffer[i] = from[i];
    fl_data("READ", n, fl_crc(fl_crc_word(fl_crc_word(0xffff, o->addr), n), buffer, n), buffer);
}

static void cmd_write(const struct options *o)
{
    if (!o->data) {
        fl_error("Missing --data");
        return;
    }
    int n = fl_base64_decode(o->data, buffer, sizeof buffer);
    if (n < 0) {
        fl_error("Invalid base64 data");
        return;
    }
    if (!range_ok(o, (uint32_t)n) ||
        !crc_matches(o, fl_crc(fl_crc_word(fl_crc_word(0xffff, o->addr), (uint32_t)n), buffer, (size_t)n), ""))
        return;
    volatile uint8_t *to = (volatile uint8_t *)o->addr;
    for (int i = 0; i < n; i++)
        to[i] = buffer[i];
    fl_ok("WRITE %d bytes to 0x%X", n, (unsigned)o->addr);
}

static int comp_ok(const struct options *o)
{
    if (o->comp >= 0 && o->comp < comparators())
        return 1;
    fl_error("Invalid comp %u", (unsigned)o->comp);
    return 0;
}

static void patch(const struct options *o, enum fpb_mode mode, const char *name)
{
    int i = o->comp;
#ifdef FL_NO_TRAMPOLINE
    if (mode == FPB_TRAMPOLINE) {
        fl_error("Trampoline disabled (FPB_NO_TRAMPOLINE)");
        return;
    }
#endif
#ifdef FL_NO_DEBUGMON
    if (mode == FPB_DEBUGMON) {
        fl_error("DebugMonitor disabled (FPB_NO_DEBUGMON)");
        return;
    }
#endif
    if (o->orig == 0 || o->target == 0) {
        fl_error("Missing --orig/--target");
        return;
    }
    if (!crc_matches(o, fl_crc_word(fl_crc_word(fl_crc_word(0xffff, (uint32_t)i), o->orig), o->target), "") || !comp_ok(o))
        return;
    if (fpb_set(i, mode, o->orig, o->target) != 0) {
        fl_error("fpb_set_patch failed: %d", -1);
        return;
    }
    slots[i].active = 1;
    slots[i].mode = mode;
    slots[i].orig = o->orig;
    slots[i].target = o->target;
    slots[i].block = pending.block; /* what was there before is lost */
    slots[i].size = pending.size;
    pending.block = NULL;
    pending.size = 0;
    if (mode == FPB_TRAMPOLINE)
        fl_ok("%s %d: 0x%08X -> tramp(0x%08X) -> 0x%08X", name, i, (unsigned)o->orig,
              (unsigned)fpb_trampoline(i), (unsigned)o->target);
    else
        fl_ok("%s %d: 0x%08X -> 0x%08X", name, i, (unsigned)o->orig, (unsigned)o->target);
}

static void cmd_patch(const struct options *o) { patch(o, FPB_REMAP, "Patch"); }
static void cmd_tpatch(const struct options *o) { patch(o, FPB_TRAMPOLINE, "Trampoline"); }
static void cmd_dpatch(const struct options *o) { patch(o, FPB_DEBUGMON, "DebugMon"); }

static void clear_slot(int i)
{
    fpb_clear(i);
    fl_free(slots[i].block);
    slots[i].active = 0;
    slots[i].orig = slots[i].target = slots[i].size = 0;
    slots[i].block = NULL;
}

static void cmd_unpatch(const struct options *o)
{
    if (!crc_matches_16(o, fl_crc_word(0xffff, (uint32_t)o->comp)))
        return;
    if (o->all) {
        for (int i = 0; i < comparators(); i++)
            clear_slot(i);
        fl_ok("Cleared all %d slots, memory freed", comparators());
        return;
    }
    if (!comp_ok(o))
        return;
    clear_slot(o->comp);
    fl_ok("Cleared slot %d", (int)o->comp);
}

static void cmd_enable(const struct options *o)
{
    if (o->enable != 0 && o->enable != 1) {
        fl_error("Missing --enable (0 or 1)");
        return;
    }
    if (!crc_matches_16(o, fl_crc_word(fl_crc_word(0xffff, (uint32_t)o->comp), (uint32_t)o->enable)))
        return;
    const char *done = o->enable ? "Enabled" : "Disabled";
    if (o->all) {
        int n = 0;
        for (int i = 0; i < comparators(); i++)
            if (slots[i].active) {
                fpb_enable(i, o->enable);
                n++;
            }
        fl_ok("%s %d patches", done, n);
        return;
    }
    if (!comp_ok(o))
        return;
    fpb_enable(o->comp, o->enable);
    fl_ok("%s patch %d", done, (int)o->comp);
}

__attribute__((noinline)) static void fl_hello(void)
{
    fl_ok("HELLO from original fl_hello(0x%08X) function!", (unsigned)(uintptr_t)fl_hello);
}

static void cmd_hello(const struct options *o) { (void)o; fl_hello(); }

static void cmd_file(const struct options *o) { (void)o; fl_error("File context not initialized"); }

static const struct {
    const char *name;
    void (*run)(const struct options *);
} commands[] = {
    {"ping", cmd_ping},       {"echo", cmd_echo},     {"echoback", cmd_echoback}, {"info", cmd_info},
    {"alloc", cmd_alloc},     {"upload", cmd_upload}, {"read", cmd_read},         {"write", cmd_write},
    {"patch", cmd_patch},     {"tpatch", cmd_tpatch}, {"dpatch", cmd_dpatch},     {"unpatch", cmd_unpatch},
    {"enable", cmd_enable},   {"hello", cmd_hello},   {"fopen", cmd_file},        {"fwrite", cmd_file},
    {"fread", cmd_file},      {"fseek", cmd_file},    {"fcrc", cmd_file},         {"fclose", cmd_file},
    {"fstat", cmd_file},      {"flist", cmd_file},    {"fremove", cmd_file},      {"fmkdir", cmd_file},
    {"frename", cmd_file},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

void fl_run(int argc, char **argv)
{
    struct options o = {.len = 64, .enable = -1};
    if (!parse(argc, argv, &o)) {
        fl_error("Invalid arguments");
        return;
    }
    if (!o.cmd) {
        for (size_t i = 0; i < COMMANDS; i++)
            fl_print("  %s", commands[i].name);
        fl_error("Missing --cmd");
        return;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (fl_equal(o.cmd, commands[i].name)) {
            commands[i].run(&o);
            return;
        }
    fl_error("Unknown: %s", o.cmd);
}
