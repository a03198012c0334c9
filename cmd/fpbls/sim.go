package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
	"github.com/fpbls/fpbls/internal/sim/cortexm"
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
	flags.StringArrayVar(&o.firmware, "firmware", nil, "the ELF `file` to run; can be repeated, as for a bootloader")
	flags.StringVar(&o.listen, "listen", "tcp://127.0.0.1:0", "the `address` to offer the line at; port 0 picks one")
	flags.BoolVar(&o.pty, "pty", true, "offer a pseudo-terminal as well, on Unix")
	flags.StringVar(&o.board, "board", "", "the `board`: "+strings.Join(sim.Boards(), ", "))
	flags.StringVar(&o.fpb, "fpb", "", "the `version` of the board's FPB unit: 1, 2 or none")
	must(cmd.RegisterFlagCompletionFunc("board", cobra.FixedCompletions(sim.Boards(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

type simulation struct {
	firmware           []string
	listen, board, fpb string
	pty                bool
}

var fpbVersions = map[string]cortexm.FPBConfig{
	"": {}, "1": {Version: 1}, "2": {Version: 2}, "none": {Version: cortexm.NoFPB},
}

func (o *simulation) run(ctx context.Context, a *app) error {
	board, err := o.power(a)
	if err != nil {
		return err
	}
	address, ok := strings.CutPrefix(o.listen, "tcp://")
	if !ok {
		return problem.New(problem.Usage, "write it as tcp://127.0.0.1:4000", "cannot listen at %q", o.listen)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return problem.New(problem.PortBusy, "name another address with --listen", "cannot listen at %s: %w", o.listen, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return board.Run(ctx) })
	g.Go(func() error { return sim.Serve(ctx, board, l) })
	r := ready{Address: "tcp://" + l.Addr().String()}
	if o.pty {
		name, ended, err := sim.OpenPTY(ctx, board)
		if err != nil && !errors.Is(err, sim.ErrNoPTY) {
			return err
		}
		// Without one there is still the TCP port.
		if r.PTY = name; ended != nil {
			defer func() {
				cancel()
				<-ended
			}()
		}
	}
	if err := a.print(r); err != nil {
		return err
	}
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil // an interrupt is how it ends
}

// power switches the board on.
func (o *simulation) power(a *app) (*sim.Board, error) {
	firmware := [][]byte{testfirmware.DemoELF}
	if len(o.firmware) > 0 {
		firmware = nil
	}
	for _, name := range o.firmware {
		elf, err := os.ReadFile(a.path(name))
		if err != nil {
			return nil, problem.New(problem.NoELF, "check the path", "cannot read the firmware: %w", err)
		}
		firmware = append(firmware, elf)
	}
	unit, ok := fpbVersions[o.fpb]
	if !ok {
		return nil, problem.New(problem.Usage, "say 1, 2 or none", "there is no FPB version %q", o.fpb)
	}
	// Only --baud paces the line, not the setting: a script wants it fast.
	return sim.New(sim.Config{Board: o.board, Baud: a.baud, FPB: unit}, firmware[0], firmware[1:]...)
}
