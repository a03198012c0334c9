package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/lsp"
	"github.com/fpbls/fpbls/internal/rpc"
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

// errServer has been logged already: standard output belongs to the editor.
var errServer = errors.New("the language server stopped")

func (a *app) serve(ctx context.Context) error {
	os.Stdout = os.Stderr // a stray print must not corrupt the protocol
	log := slog.New(slog.NewTextHandler(a.err, nil))
	_ = log
	_ = lsp.New
	return rpc.Serve(ctx, stdio{a.in, a.out}, rpc.Options{Log: log}, nil)
}

type stdio struct {
	io.Reader
	io.Writer
}

func (stdio) Close() error { return nil }
