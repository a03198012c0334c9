/* Reset, vectors, and what newlib needs from a board. */
#include <errno.h>
#include <sys/stat.h>

#include "conformance.h"

#define UART_DATA  REG(0x40004000)
#define UART_STATE REG(0x40004004)
#define UART_CTRL  REG(0x40004008)
#define UART_BAUD  REG(0x40004010)

extern uint32_t _data_load, _data_start, _data_end, _bss_start, _bss_end, _stack_top;
extern char _heap_start, _heap_end;

int main(void);

__attribute__((noreturn)) static void stop(const char *why)
{
    printf("stopped: %s\nend of conformance\n", why);
    for (;;)
        __asm volatile("wfi");
}

__attribute__((used)) static void unexpected(void)
{
    uint32_t exception;
    __asm volatile("mrs %0, ipsr" : "=r"(exception));
    printf("unexpected exception %u, CFSR %08x\n", (unsigned)exception, (unsigned)REG(0xE000ED28));
    stop("exception");
}

#define WEAK __attribute__((weak, alias("unexpected")))
void NMI_Handler(void) WEAK;
void HardFault_Handler(void) WEAK;
void MemManage_Handler(void) WEAK;
void BusFault_Handler(void) WEAK;
void UsageFault_Handler(void) WEAK;
void SVC_Handler(void) WEAK;
void DebugMon_Handler(void) WEAK;
void PendSV_Handler(void) WEAK;
void SysTick_Handler(void) WEAK;
void IRQ20_Handler(void) WEAK;
void IRQ21_Handler(void) WEAK;
void IRQ22_Handler(void) WEAK;
void IRQ23_Handler(void) WEAK;

__attribute__((naked)) void Reset_Handler(void);

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handler[15 + 32])(void);
} vectors = {
    &_stack_top,
    {
        Reset_Handler, NMI_Handler, HardFault_Handler, MemManage_Handler, BusFault_Handler, UsageFault_Handler,
        0, 0, 0, 0, SVC_Handler, DebugMon_Handler, 0, PendSV_Handler, SysTick_Handler,
        [15 ... 15 + 19] = unexpected,
        [15 + 20] = IRQ20_Handler, IRQ21_Handler, IRQ22_Handler, IRQ23_Handler,
        [15 + 24 ... 15 + 31] = unexpected,
    },
};

__attribute__((used, noreturn)) static void start(void)
{
    uint32_t *from = &_data_load;
    for (uint32_t *to = &_data_start; to < &_data_end;)
        *to++ = *from++;
    for (uint32_t *to = &_bss_start; to < &_bss_end;)
        *to++ = 0;
    UART_BAUD = 16;
    UART_CTRL = 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    main();
    stop("main returned");
}

__attribute__((naked)) void Reset_Handler(void) { __asm volatile("b start"); }

int _write(int file, const char *text, int size)
{
    (void)file;
    for (int i = 0; i < size; i++) {
        while (UART_STATE & 1)
            ;
        UART_DATA = (unsigned char)text[i];
    }
    return size;
}

void *_sbrk(int more)
{
    static char *end = &_heap_start;
    char *old = end;
    if (more > &_heap_end - end) {
        errno = ENOMEM;
        return (void *)-1;
    }
    end += more;
    return old;
}

int _read(int file, char *to, int size) { (void)file, (void)to, (void)size; return 0; }
int _close(int file) { (void)file; return -1; }
int _lseek(int file, int to, int whence) { (void)file, (void)to, (void)whence; return 0; }
int _isatty(int file) { (void)file; return 1; }
int _getpid(void) { return 1; }
int _kill(int pid, int signal) { (void)pid, (void)signal; errno = EINVAL; return -1; }

int _fstat(int file, struct stat *st)
{
    (void)file;
    st->st_mode = S_IFCHR;
    return 0;
}

void _exit(int status)
{
    (void)status;
    stop("exit");
}
