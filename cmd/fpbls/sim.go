package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// ready tells how the simulated board can be reached.
type ready struct {
	Address string `json:"address,omitempty"`
	PTY     string `json:"pty,omitempty"`
}

func (r ready) text(w io.Writer) {
	fmt.Fprintf(w, "the simulated board runs; try: fpbls info --port %s\n", r.Address)
	if r.PTY != "" {
		fmt.Fprintf(w, "it is at %s as well; an interrupt (Ctrl-C) ends it\n", r.PTY)
	}
}

func (a *app) simCommand() *cobra.Command {
	var o simulation
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Run firmware on a simulated board and offer its serial line",
		Long: `Run firmware on a simulated board and offer its serial line as a TCP port and, on
Unix, a pseudo-terminal, until interrupted. Without --firmware the demo firmware
runs.`,
		Example: "  fpbls sim --firmware build/app.elf --listen tcp://127.0.0.1:4000 --baud 115200",
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.firmware, "firmware", "", "the ELF `file` to run")
	flags.StringVar(&o.listen, "listen", "tcp://127.0.0.1:0", "the `address` to offer the line at; port 0 picks one")
	flags.BoolVar(&o.pty, "pty", sim.HasPTY, "offer a pseudo-terminal as well")
	flags.StringVar(&o.board, "board", "stm32f103", "the `board`: stm32f103 or mps2-an385")
	return cmd
}

type simulation struct {
	firmware, listen, board string
	pty                     bool
}

func (o *simulation) run(ctx context.Context, a *app) error {
	firmware := testfirmware.DemoELF
	if o.firmware != "" {
		var err error
		if firmware, err = os.ReadFile(a.path(o.firmware)); err != nil {
			return problem.New(problem.NoELF, "check the path", "cannot read the firmware: %w", err)
		}
	}
	// --baud alone paces the line: a script that names none wants it fast.
	b, err := sim.New(sim.Config{Board: o.board, Baud: a.baud}, firmware)
	if err != nil {
		return err
	}
	address, ok := strings.CutPrefix(o.listen, "tcp://")
	if !ok {
		return problem.New(problem.Usage, "write it as tcp://127.0.0.1:4000", "cannot listen at %q", o.listen)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return problem.New(problem.PortBusy, "name another address with --listen", "cannot listen at %s: %w", o.listen, err)
	}
	defer l.Close()
	r := ready{Address: "tcp://" + l.Addr().String()}
	if o.pty {
		if r.PTY, err = sim.OpenPTY(ctx, b); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.Run(ctx) })
	g.Go(func() error { return sim.Serve(ctx, b, l) })
	if err := a.print(r); err != nil {
		return err
	}
	if err := g.Wait(); ctx.Err() == nil {
		return err
	}
	return nil // an interrupt is how it ends
}
