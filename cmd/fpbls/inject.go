package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/workspace"
)

type injected struct {
	patch.Result
	Diagnostics []diagnostic `json:"diagnostics,omitempty"` // the compiler's warnings
}

func newInjected(r patch.Result) injected {
	r.Patches = list(r.Patches)
	return injected{r, diagnostics(r.Diagnostics)}
}

func (r injected) text(w io.Writer) {
	for _, d := range r.Diagnostics {
		d.text(w)
	}
	for _, note := range r.Notes {
		fmt.Fprintln(w, "note: "+note.Text)
	}
	fmt.Fprintln(w, r.Summary())
	if len(r.Patches) > 1 {
		patchTable(w, r.Patches)
	}
}

// checked is the answer of a dry run.
type checked struct{ injected }

func (r checked) text(w io.Writer) {
	for _, note := range r.Notes {
		fmt.Fprintln(w, "note: "+note.Text)
	}
	for _, p := range r.Patches {
		fmt.Fprintf(w, "%s: %d B, can be injected\n", p.Name(), p.Size)
	}
}

func (a *app) injectCommand() *cobra.Command {
	var functions []string
	var mode string
	var changed, dryRun, anyway bool
	cmd := &cobra.Command{
		Use:   "inject FILE… --function F… | --changed",
		Short: "Compile functions of a source file and put them on the board",
		Long: `Compile functions of a source file and put them on the board: those that are named, or
with --changed all that differ from the firmware. Functions of the files that are injected and
equal the firmware again are then taken back, and what is injected already is left alone. A header
stands for the files that include it. What is put on the board at once is one block: it all goes
in, or nothing.`,
		Example: `  fpbls inject src/app.c --changed
  fpbls inject src/app.c --function status_text
  fpbls inject src/app.c --function a --function b --port /dev/ttyACM0`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var units []patch.Unit
			for _, name := range args {
				units = append(units, patch.Unit{Path: a.path(name)})
			}
			switch {
			case len(functions) > 0 && len(args) > 1:
				return problem.New(problem.Usage, "name the file that has them, or say --changed", "functions are named, and %d files", len(args))
			case len(functions) == 0 && !changed:
				return problem.New(problem.Usage, "name it with --function, or say --changed", "it is not said which function of %s is meant", args[0])
			case len(functions) > 0 && changed:
				return problem.New(problem.Usage, "leave one of them out", "--changed chooses the functions of %s itself", args[0])
			}
			p, err := a.project()
			if err != nil {
				return err
			}
			defer p.Close()
			if dryRun {
				return a.check(cmd.Context(), p, units, functions, changed, anyway)
			}
			builder, err := p.Builder(cmd.Context(), units[0].Path)
			if err != nil {
				return err
			}
			builder.Anyway = anyway
			if !cmd.Flags().Changed("mode") {
				mode = p.Settings().Mode
			}
			bar := a.newProgress()
			result, err := p.Board().Inject(cmd.Context(), board.Request{
				Builder: builder, Unit: units[0], More: units[1:], Functions: functions, Changed: changed, Mode: mode,
			}, bar.event)
			bar.end()
			if err != nil {
				return err
			}
			return a.print(newInjected(result))
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&functions, "function", "f", nil, "the `function` to inject; can be repeated")
	flags.BoolVar(&changed, "changed", false, "inject every function that differs from the firmware")
	flags.BoolVar(&anyway, "anyway", false, "also what runs already and is never entered again, such as main")
	flags.StringVar(&mode, "mode", "auto", "the redirection `mode`: auto, trampoline, direct or debugmon")
	flags.BoolVar(&dryRun, "dry-run", false, "build the patch and say whether it can be injected, without a board")
	must(cmd.RegisterFlagCompletionFunc("function", a.completeFunctions))
	must(cmd.RegisterFlagCompletionFunc("mode", cobra.FixedCompletions(
		[]cobra.Completion{"auto", "trampoline", "direct", "debugmon"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// check is inject without a board.
func (a *app) check(ctx context.Context, p *workspace.Project, units []patch.Unit, functions []string, changed, anyway bool) error {
	builder, err := p.Builder(ctx, units[0].Path)
	if err != nil {
		return err
	}
	builder.Anyway = anyway
	var injection *patch.Injection
	if changed {
		injection, err = builder.BuildChanged(ctx, units, func(patch.Event) {})
	} else {
		injection, err = builder.Build(ctx, units[0], functions, func(patch.Event) {})
	}
	if err != nil {
		return err
	}
	result, err := injection.Check(1)
	if err != nil {
		return err
	}
	return a.print(checked{newInjected(result)})
}
