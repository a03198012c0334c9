package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/doctor"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/workspace"
)

type checkup struct {
	Checks []doctor.Check `json:"checks"`
}

func (r checkup) text(w io.Writer) {
	for _, c := range r.Checks {
		fmt.Fprintf(w, "%-8s %-18s %s\n", c.Status, c.Name, c.Message)
		if c.Hint != "" {
			fmt.Fprintf(w, "%-27s → %s\n", "", c.Hint)
		}
	}
}

func (a *app) doctorCommand() *cobra.Command {
	var trusted string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look at everything an injection needs, and say what to do",
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.open()
			if err != nil {
				return err
			}
			defer p.Close()
			if trusted != "" {
				if err := allowCompiler(cmd.Context(), p, a.path(trusted)); err != nil {
					return err
				}
			}
			checks := doctor.Examine(cmd.Context(), p, doctor.ThisHost{}, func(c doctor.Check) {
				if !a.json {
					checkup{[]doctor.Check{c}}.text(a.out)
				}
			})
			for _, c := range checks {
				if c.Status == doctor.Failed {
					return &unsound{problem.New(c.Code, c.Hint, "%s: %s", c.Name, c.Message), checks}
				}
			}
			if a.json {
				return a.print(checkup{checks})
			}
			return nil
		},
	}
	c.Flags().StringVar(&trusted, "allow-compiler", "", "let the compiler of this source `file` run from now on, for your user")
	return c
}

// allowCompiler records that the user trusts the compiler of a source file, as
// its compile command calls it.
func allowCompiler(ctx context.Context, p *workspace.Project, file string) error {
	database, err := p.Database(ctx)
	if err != nil {
		return err
	}
	command, err := database.Command(file)
	if err != nil {
		if builder, failed := p.Builder(ctx, file); failed == nil { // the bootloader's database
			command, err = builder.Database.Command(file)
		}
	}
	if err != nil {
		return err
	}
	return p.Toolchain().Allow(command)
}

// unsound is the first problem of a checkup, with all the rest for scripts.
type unsound struct {
	*problem.Problem
	checks []doctor.Check
}

func (u *unsound) Unwrap() error { return u.Problem }
