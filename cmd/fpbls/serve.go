package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/lsp"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Be a language server on standard input and output",
		Long: `Be a language server on standard input and output. This is also what fpbls does
without arguments when standard input is not a terminal.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context()) },
	}
	cmd.Flags().Bool("stdio", true, "as editors pass it; there is no other way")
	return cmd
}

func (a *app) serve(ctx context.Context) error {
	layer, err := a.layer()
	if err != nil {
		return err
	}
	os.Stdout = os.Stderr // a stray print must not corrupt the protocol
	return lsp.Serve(ctx, stdio{a.in, a.out}, lsp.Options{
		Log: slog.New(slog.NewTextHandler(a.err, nil)), Version: buildVersion().Version,
		UserDir: userDir(), Flags: layer,
	})
}

type stdio struct {
	io.Reader
	io.Writer
}

func (stdio) Close() error { return nil }
