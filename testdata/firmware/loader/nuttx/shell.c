/* A shell like NuttX's: it echoes what is typed, prompts, and has the loader as a
   builtin with a mode of its own, in which it stays once "fl" was said.

   FL_SHELL_SLEEPS   it takes some line ends to wake it up after a pause
   FL_SHELL_STRICT   "fl" takes no options: the mode has to be entered first */
#include "board.h"
#include "fl.h"

#define WAKE_UP 3    /* line ends */
#define PAUSE   5000 /* milliseconds */

static char line[FL_LINE_SIZE];
static size_t length;
static int in_loader, asleep = WAKE_UP;
static uint32_t last_input;

static void say(const char *text)
{
    size_t n = 0;
    while (text[n])
        n++;
    uart_write(text, n);
}

static void run(void)
{
    int errors = fl_errors;
    fl_line(line);
    if (fl_errors != errors)
        say("fl_error: -3. Type 'q' to exit\r\n");
}

static void entered(void)
{
    if (in_loader) {
        if (fl_equal(line, "q") || fl_equal(line, "quit") || fl_equal(line, "exit")) {
            in_loader = 0;
            if (FL_DIALECT >= 16)
                say("[FLEXIT]\r\n");
        } else {
            run();
        }
    } else if (fl_equal(line, "fl")) {
        in_loader = 1;
        say("FPBInject Function Loader, interactive mode\r\n");
    } else if (line[0] == 'f' && line[1] == 'l' && line[2] == ' ') {
#ifdef FL_SHELL_STRICT
        say("Enter 'fl' for interactive mode\r\n");
#else
        in_loader = 1;
        run();
#endif
    } else if (line[0]) {
        say("nsh: ");
        say(line);
        say(": command not found\r\n");
    }
    say(in_loader ? "fl> " : "nsh> ");
}

void fl_input(char c)
{
#ifdef FL_SHELL_SLEEPS
    uint32_t now = board_millis();
    if (now - last_input > PAUSE)
        asleep = WAKE_UP;
    last_input = now;
    if (asleep > 0) {
        if (c == '\r' || c == '\n')
            asleep--;
        return;
    }
#else
    (void)asleep, (void)last_input;
#endif
    switch (c) {
    case '\r':
    case '\n':
        say("\r\n");
        line[length] = 0;
        length = 0;
        entered();
        break;
    case 0x08:
    case 0x7f:
        if (length > 0) {
            length--;
            say("\b \b");
        }
        break;
    default:
        if (length < sizeof line - 1) {
            line[length++] = c;
            uart_write(&c, 1);
        }
    }
}
