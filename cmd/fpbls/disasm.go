package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/listing"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/workspace"
)

type listings struct {
	Functions []disassembly `json:"functions"`
}

type disassembly struct {
	symbol
	Instructions []instruction `json:"instructions"`
	After        []instruction `json:"after,omitempty"`       // as the file compiles to it
	Differences  *int          `json:"differences,omitempty"` // lines; of a comparison

	rows []listing.Row
}

type instruction struct {
	Address patch.Address `json:"address"`
	Bytes   string        `json:"bytes"`
	Text    string        `json:"text"`
	File    string        `json:"file,omitempty"`
	Line    int           `json:"line,omitempty"`
}

func (r listings) text(w io.Writer) {
	for i, f := range r.Functions {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %s, %d B, %s\n", f.Name, f.Address, f.Size, f.File)
		if f.Differences != nil {
			fmt.Fprintf(w, "in the firmware, and as the file compiles now: %d lines differ\n", *f.Differences)
			fmt.Fprint(w, listing.SideBySide(f.rows))
			continue
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, in := range f.Instructions {
			fmt.Fprintf(t, "  %s\t%s\t%s\n", in.Address, in.Bytes, in.Text)
		}
		t.Flush()
	}
}

func (a *app) disasmCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "disasm FUNCTION",
		Short: "Disassemble a function of the firmware",
		Long: `Disassemble a function of the firmware. With --file, also as that source file compiles to it now, side by
side: "|" marks instructions that differ, "<" and ">" those that only the firmware, or the file, has.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeFunctions,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.project()
			if err != nil {
				return err
			}
			defer p.Close()
			if file != "" {
				return a.disasmBoth(cmd.Context(), p, args[0], file)
			}
			images, err := p.Images(cmd.Context())
			if err != nil {
				return err
			}
			var r listings
			for _, image := range images {
				for _, s := range image.Lookup(args[0]) {
					if s.Kind == firmware.Function {
						r.Functions = append(r.Functions, disassembly{
							symbol: newDescriber(image).symbol(s), Instructions: instructions(listing.OfImage(image, s)),
						})
					}
				}
			}
			if len(r.Functions) == 0 {
				return noFunction(images, args[0])
			}
			return a.print(r)
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "the source `file` to compare with")
	return cmd
}

// disasmBoth lists the function of the firmware beside what the file compiles to.
func (a *app) disasmBoth(ctx context.Context, p *workspace.Project, name, file string) error {
	builder, err := p.Builder(ctx, a.path(file))
	if err != nil {
		return err
	}
	s := builder.Image.FunctionIn(a.path(file), name)
	if s == nil {
		return noFunction(firmware.Images{builder.Image}, name)
	}
	after, err := builder.Disassemble(ctx, patch.Unit{Path: a.path(file)}, s)
	if err != nil {
		return err
	}
	if len(after) == 0 {
		return problem.New(problem.NoSuchFunction, "name the file that defines it; what is inlined everywhere has no code of its own",
			"%s compiles to no function %s", file, s.Display)
	}
	before := listing.OfImage(builder.Image, s)
	rows := listing.Compare(before, after)
	return a.print(listings{Functions: []disassembly{{
		symbol: newDescriber(builder.Image).symbol(s), Instructions: instructions(before), After: instructions(after),
		Differences: new(listing.Differences(rows)), rows: rows,
	}}})
}

func noFunction(images firmware.Images, name string) error {
	hint := `"fpbls symbols" lists what there is`
	for _, image := range images {
		if near := image.Near(name); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, ", ") + "?"
			break
		}
	}
	return problem.New(problem.NoSuchFunction, hint, "the firmware has no function %s", name)
}

func instructions(lines []listing.Line) []instruction {
	all := []instruction{}
	for _, l := range lines {
		all = append(all, instruction{patch.Address(l.Addr), hex.EncodeToString(l.Bytes), l.Text, l.File, l.Line})
	}
	return all
}
