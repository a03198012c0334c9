package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/demo"
)

type demonstration struct {
	demo.Result
	kept bool
}

func (r demonstration) text(w io.Writer) {
	if r.kept {
		fmt.Fprintf(w, "The project is in %s: open %s in an editor, or run\n  cd %s && fpbls inject %s --function %s\n",
			r.Project.Dir, r.Project.Source, r.Project.Dir, relative(r.Project.Dir, r.Project.Source), r.Project.Function)
	}
}

func (a *app) demoCommand() *cobra.Command {
	var keep string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show everything on a simulated board: build, run, inject, revert",
		Long: `Build the demo firmware with the local arm-none-eabi-gcc, run it on the simulated
board, change one of its functions while it runs, and take that back.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir := a.path(keep)
			if keep == "" {
				var err error
				if dir, err = os.MkdirTemp("", "fpbls-demo-"); err != nil {
					return err
				}
				defer os.RemoveAll(dir)
			}
			r, err := demo.Run(cmd.Context(), dir, func(s demo.Step) {
				if a.json {
					return
				}
				fmt.Fprintln(a.out, s.Text)
				for _, line := range s.Lines {
					fmt.Fprintln(a.out, "    "+line)
				}
			})
			if err != nil {
				return err
			}
			return a.print(demonstration{r, keep != ""})
		},
	}
	cmd.Flags().StringVar(&keep, "keep", "", "leave the project in this `folder`, for an editor to open")
	return cmd
}

func relative(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil {
		return rel
	}
	return path
}
