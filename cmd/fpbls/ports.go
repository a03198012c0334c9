package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/port"
)

type ports struct {
	Ports []port.Port `json:"ports"`
}

func (r ports) text(w io.Writer) {
	if len(r.Ports) == 0 {
		fmt.Fprintln(w, "no serial ports; sim: is always there, tcp://host:port reaches another machine")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range r.Ports {
		fmt.Fprintf(t, "%s\t%s\t%s\n", p.Name, p.Device, p.Description)
	}
	t.Flush()
}

func (a *app) portsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ports",
		Short: "List the serial ports, without touching them",
		RunE: func(*cobra.Command, []string) error {
			found, err := port.List()
			if err != nil {
				return err
			}
			return a.print(ports{list(found)})
		},
	}
}

func completePorts(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	names := []cobra.Completion{cobra.CompletionWithDesc("sim:", "the simulated board")}
	found, _ := port.List() // completion has nobody to tell
	for _, p := range found {
		names = append(names, cobra.CompletionWithDesc(p.Name, p.Description))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
