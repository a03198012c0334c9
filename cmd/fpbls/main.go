// Command fpbls changes functions of firmware that runs on an ARM Cortex-M
// board: as a language server for editors, and as a command line that does the
// same jobs.
//
// The subcommands, one file each, are wiring: they read flags, call the
// packages below internal, and print what comes back.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

func run() int {
	// Without this a reader that goes away (an editor, "| head") would kill the
	// process before it has left the board in a sane state.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once

	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	return a.run(ctx, os.Args[1:])
}
