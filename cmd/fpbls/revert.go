package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
)

type reverted struct {
	Reverted []patch.Record `json:"reverted"`
}

func (r reverted) text(w io.Writer) {
	for _, p := range r.Reverted {
		slot := "is free"
		if p.State == patch.Held {
			slot = "stays taken while other patches use its memory"
		}
		fmt.Fprintf(w, "%s: calls run the firmware's code again, slot %d %s\n", p.Name(), p.Slot, slot)
	}
	if len(r.Reverted) == 0 {
		fmt.Fprintln(w, "nothing was injected")
	}
}

func (a *app) revertCommand() *cobra.Command {
	var sel selection
	cmd := &cobra.Command{
		Use:               "revert FUNCTION | --slot N | --all",
		Short:             "Take patches back: calls run the firmware's code again",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeFunctions,
		RunE: func(cmd *cobra.Command, args []string) error {
			selector, err := sel.selector(args)
			if err != nil {
				return err
			}
			p, err := a.project()
			if err != nil {
				return err
			}
			defer p.Close()
			records, err := p.Board().Revert(cmd.Context(), selector)
			if err != nil {
				return err
			}
			return a.print(reverted{list(records)})
		},
	}
	sel.flags(cmd.Flags())
	return cmd
}

// A selection is how a command line names patches.
type selection struct {
	slot int
	all  bool
}

func (s *selection) flags(f *pflag.FlagSet) {
	f.IntVar(&s.slot, "slot", -1, "the patch in slot `N`")
	f.BoolVar(&s.all, "all", false, "all patches")
}

func (s *selection) selector(args []string) (patch.Selector, error) {
	sel := patch.Selector{All: s.all}
	named := 0
	if s.all {
		named++
	}
	if s.slot >= 0 {
		sel.Slot = &s.slot
		named++
	}
	for _, name := range args {
		sel.Function = name
		named++
	}
	if named != 1 {
		return sel, problem.New(problem.Usage, "name one function, or use --slot N, or --all", "it is not clear which patches are meant")
	}
	return sel, nil
}
