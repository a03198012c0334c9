package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/lsp"
)

func (a *app) serveCommand() *cobra.Command {
	var o server
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Be a language server on standard input and output",
		Long: `Be a language server on standard input and output. This is also what fpbls does
without arguments when standard input is not a terminal.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a) },
	}
	flags := cmd.Flags()
	flags.Bool("stdio", true, "as editors pass it; there is no other way")
	flags.StringVar(&o.log, "log", "", "write the log to a `file` instead of standard error")
	flags.StringVar(&o.trace, "trace", "", "record every message to and from the editor in a `file`")
	return cmd
}

// A server is what serve is told.
type server struct{ log, trace string }

func (o *server) run(ctx context.Context, a *app) error {
	layer, err := a.layer()
	if err != nil {
		return err
	}
	open, err := a.openPort()
	if err != nil {
		return err
	}
	trace, err := a.create(o.trace)
	if err != nil {
		return err
	}
	log, err := a.create(o.log)
	if err != nil {
		return err
	}
	level := slog.LevelDebug
	if log == nil {
		log, level = a.err, slog.LevelInfo
	}
	os.Stdout = os.Stderr // a stray print must not corrupt the protocol
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(40) // memory is dearer than time to what runs all day beside an editor
	}
	return lsp.Serve(ctx, stdio{a.in, a.out}, lsp.Options{
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level})), Trace: trace,
		Version: buildVersion().Version, UserDir: userDir(), Flags: layer, OpenPort: open,
	})
}

type stdio struct {
	io.Reader
	io.Writer
}

func (stdio) Close() error { return nil }
