package main

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/dwarf"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
)

type symbols struct {
	Symbols []symbol `json:"symbols"`
}

type symbol struct {
	Name    string        `json:"name"`              // linker name
	Display string        `json:"display,omitempty"` // demangled, where that differs
	Address patch.Address `json:"address"`
	Size    uint32        `json:"size"`
	Kind    firmware.Kind `json:"kind"`
	File    string        `json:"file"` // source; empty where nothing tells it
}

// A describer makes symbols of the image's.
type describer struct {
	debug *dwarf.Info       // nil without any
	names map[string]string // of units, as the compiler was given them, by path
}

func newDescriber(image *firmware.Image) describer {
	d := describer{names: make(map[string]string)}
	d.debug, _ = image.Debug()
	if d.debug != nil {
		for _, u := range d.debug.Units() {
			d.names[u.Path()] = u.Name
		}
	}
	return d
}

func (d describer) symbol(s *firmware.Symbol) symbol {
	r := symbol{Name: s.Name, Address: patch.Address(s.Addr), Size: s.Size, Kind: s.Kind, File: s.File}
	if s.Display != s.Name {
		r.Display = s.Display
	}
	// The symbol table tells only the files of local symbols.
	if d.debug != nil {
		if path, ok := d.debug.PathAt(s.Addr); ok {
			r.File = cmp.Or(d.names[path], path)
		}
	}
	return r
}

func (r symbols) text(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range r.Symbols {
		fmt.Fprintf(t, "%s\t%6d\t%s\t%s\t%s\n", s.Address, s.Size, s.Kind, cmp.Or(s.Display, s.Name), s.File)
	}
	t.Flush()
}

func (a *app) symbolsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "symbols [PATTERN]",
		Short:   "List functions and variables of the firmware",
		Long:    "List functions and variables of the firmware whose name contains PATTERN, in any case.\nWith * ? or [ in it PATTERN must match the whole name.",
		Example: "  fpbls symbols uart\n  fpbls symbols 'uart_*'",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			matches, err := matcher(strings.Join(args, ""))
			if err != nil {
				return err
			}
			p, err := a.project()
			if err != nil {
				return err
			}
			defer p.Close()
			images, err := p.Images(cmd.Context())
			if err != nil {
				return err
			}
			found := symbols{Symbols: []symbol{}}
			for _, image := range images {
				describe := newDescriber(image)
				for _, s := range image.Symbols() {
					if matches(s.Name) || matches(s.Display) {
						found.Symbols = append(found.Symbols, describe.symbol(s))
					}
				}
			}
			return a.print(found)
		},
	}
}

// matcher returns what tells whether a name fits the pattern.
func matcher(pattern string) (func(name string) bool, error) {
	if !strings.ContainsAny(pattern, "*?[") {
		pattern = strings.ToLower(pattern)
		return func(name string) bool { return strings.Contains(strings.ToLower(name), pattern) }, nil
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, problem.New(problem.Usage, "write it as for file names: uart_*, [a-z]?", "the pattern %q cannot be read: %w", pattern, err)
	}
	return func(name string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	}, nil
}

// completeFunctions offers the firmware's functions.
func (a *app) completeFunctions(cmd *cobra.Command, _ []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	p, err := a.project()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer p.Close()
	images, err := p.Images(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, image := range images {
		for _, f := range image.Functions() {
			if strings.HasPrefix(f.Name, prefix) {
				names = append(names, cobra.CompletionWithDesc(f.Name, f.File))
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
