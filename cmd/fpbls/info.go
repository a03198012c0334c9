package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/patch"
)

type info struct{ board.Info }

func (i info) text(w io.Writer) {
	unit := fmt.Sprintf("v%d, %d code and %d literal comparators", i.FPB.Version, i.FPB.Code, i.FPB.Literal)
	if !i.FPB.Enabled {
		unit = "not available"
	}
	match := map[board.Match]string{
		board.Matches:      "the board runs the firmware of the ELF",
		board.Mismatch:     "the board runs another firmware than the ELF",
		board.MatchUnknown: "not compared with an ELF",
	}[i.Match]
	free := 0
	for _, s := range i.Slots {
		if s.Free {
			free++
		}
	}
	fmt.Fprintf(w, "loader    %s\nFPB       %s\nfirmware  %s\nslots     %d of %d free\n", i.Loader, unit, match, free, len(i.Slots))
	patchTable(w, i.Patches)
	for _, p := range i.Patches {
		if p.Group == "" {
			fmt.Fprintf(w, "note: what slot %d was made from is not known here: another program or user has injected it\n", p.Slot)
		}
	}
}

// patchTable prints one line for each patch.
func patchTable(w io.Writer, patches []patch.Record) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range patches {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s → %s\t%d B\n", p.Place(), p.Name(), p.State, p.Mode, p.Original, p.Address, p.Size)
	}
	t.Flush()
}

func (a *app) infoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "info",
		Short: "Ask the board what it is and what is injected",
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.project()
			if err != nil {
				return err
			}
			defer p.Close()
			i, err := p.Board().Info(cmd.Context())
			if err != nil {
				return err
			}
			i.Patches, i.Slots = list(i.Patches), list(i.Slots)
			return a.print(info{i})
		},
	}
}
