package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/patch"
)

type enabled struct {
	Patches []patch.Record `json:"patches"`
}

func (r enabled) text(w io.Writer) {
	for _, p := range r.Patches {
		fmt.Fprintf(w, "%s: %s is %s\n", p.Name(), p.Place(), p.State)
	}
	if len(r.Patches) == 0 {
		fmt.Fprintln(w, "nothing is injected")
	}
}

func (a *app) enableCommand() *cobra.Command {
	return a.switchCommand("enable", "Switch disabled patches on again", true)
}

func (a *app) disableCommand() *cobra.Command {
	return a.switchCommand("disable", "Switch patches off, but keep them on the board", false)
}

func (a *app) switchCommand(name, short string, on bool) *cobra.Command {
	var sel selection
	cmd := &cobra.Command{
		Use:               name + " FUNCTION | --slot N | --all",
		Short:             short,
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
			records, err := p.Board().Enable(cmd.Context(), selector, on)
			if err != nil {
				return err
			}
			return a.print(enabled{list(records)})
		},
	}
	sel.flags(cmd.Flags())
	return cmd
}
