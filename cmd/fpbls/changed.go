package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/objdiff"
	"github.com/fpbls/fpbls/internal/patch"
)

// changedFile is what is told of one file.
type changedFile struct {
	File      string             `json:"file"`
	Functions []objdiff.Function `json:"functions"` // all but those that are the same
	Same      int                `json:"same"`      // how many are
	Notes     []string           `json:"notes,omitempty"`
}

type changes struct {
	Files []changedFile `json:"files"`
}

func newChangedFile(name string, r *objdiff.Report) changedFile {
	c := changedFile{File: name, Functions: []objdiff.Function{}, Notes: r.Notes}
	for _, f := range r.Functions {
		switch f.Verdict {
		case objdiff.Same:
			c.Same++
		case objdiff.Absent:
			// Its code, if it has any, is that of its callers.
		default:
			c.Functions = append(c.Functions, f)
		}
	}
	return c
}

func (c changes) text(w io.Writer) {
	for _, file := range c.Files {
		for _, f := range file.Functions {
			fmt.Fprintf(w, "%s:%d: %s is %s\n", file.File, f.Line, f.Name, f.Verdict)
			for _, r := range f.Reasons {
				at := ""
				if r.Line > 0 {
					at = fmt.Sprintf(", line %d", r.Line)
				}
				fmt.Fprintf(w, "\t%s at +0x%x%s\n", r.Text, r.Offset, at)
			}
		}
		for _, note := range file.Notes {
			fmt.Fprintln(w, "note: "+note)
		}
		if len(file.Functions) == 0 {
			fmt.Fprintf(w, "%s: nothing differs from the firmware (%d functions)\n", file.File, file.Same)
		}
	}
}

func (a *app) changedCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "changed FILE…",
		Short: "List the functions of source files that differ from the firmware, and why",
		Long: `Compile source files as the firmware was compiled, and list the functions that differ from
it, with the differences in words. Lines that moved, comments and other names of local variables
change nothing. A header stands for the files that include it. Needs no board.`,
		Example: `  fpbls changed src/*.c`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.project()
			if err != nil {
				return err
			}
			defer p.Close()
			names := make(map[string]string)
			asked := make(map[*firmware.Image][]patch.Unit)
			var builders []*patch.Builder // one for each image
			for _, name := range args {
				path := a.path(name)
				names[path] = name
				b, err := p.Builder(cmd.Context(), path)
				if err != nil {
					return err
				}
				if asked[b.Image] == nil {
					builders = append(builders, b)
				}
				asked[b.Image] = append(asked[b.Image], patch.Unit{Path: path})
			}
			var all changes
			for _, b := range builders {
				units, err := b.Units(asked[b.Image])
				if err != nil {
					return err
				}
				reports, err := b.Compare(cmd.Context(), units...)
				if err != nil {
					return err
				}
				for i, unit := range units {
					all.Files = append(all.Files, newChangedFile(cmp.Or(names[unit.Path], a.shown(unit.Path)), reports[i]))
				}
			}
			return a.print(all)
		},
	}
}
