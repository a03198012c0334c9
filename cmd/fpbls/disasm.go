package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/thumb"
)

type listing struct {
	Functions []disassembly `json:"functions"`
}

type disassembly struct {
	symbol
	Instructions []instruction `json:"instructions"`
}

type instruction struct {
	Address patch.Address `json:"address"`
	Bytes   string        `json:"bytes"`
	Text    string        `json:"text"`
}

func (r listing) text(w io.Writer) {
	for i, f := range r.Functions {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %s, %d B, %s\n", f.Name, f.Address, f.Size, f.File)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, in := range f.Instructions {
			fmt.Fprintf(t, "  %s\t%s\t%s\n", in.Address, in.Bytes, in.Text)
		}
		t.Flush()
	}
}

func (a *app) disasmCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "disasm FUNCTION",
		Short:             "Disassemble a function of the firmware",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeFunctions,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.project()
			if err != nil {
				return err
			}
			defer p.Close()
			image, err := p.Image(cmd.Context())
			if err != nil {
				return err
			}
			var r listing
			for _, s := range image.Lookup(args[0]) {
				if s.Kind == firmware.Function {
					r.Functions = append(r.Functions, disassemble(image, s))
				}
			}
			if len(r.Functions) == 0 {
				hint := `"fpbls symbols" lists what there is`
				if near := image.Near(args[0]); len(near) > 0 {
					hint = "did you mean " + strings.Join(near, ", ") + "?"
				}
				return problem.New(problem.NoSuchFunction, hint, "the firmware has no function %s", args[0])
			}
			return a.print(r)
		},
	}
}

func disassemble(image *firmware.Image, s *firmware.Symbol) disassembly {
	d := disassembly{symbol: newDescriber(image).symbol(s), Instructions: []instruction{}}
	name := func(addr uint32) string {
		f := image.At(addr)
		switch {
		case f == nil:
			return ""
		case f.Addr == addr:
			return f.Display
		}
		return fmt.Sprintf("%s+0x%x", f.Display, addr-f.Addr)
	}
	code, _ := image.Bytes(s.Addr, s.Size)
	for at := 0; at < len(code); {
		addr := s.Addr + uint32(at)
		if image.IsData(addr) {
			n := min(4, len(code)-at)
			d.Instructions = append(d.Instructions, instruction{patch.Address(addr), hex.EncodeToString(code[at : at+n]), directive(code[at : at+n])})
			at += n
			continue
		}
		run := at + 2
		for run < len(code) && !image.IsData(s.Addr+uint32(run)) {
			run += 2
		}
		run = min(run, len(code))
		for line := range thumb.Disassemble(addr, code[at:run], name) {
			d.Instructions = append(d.Instructions, instruction{patch.Address(line.Addr), hex.EncodeToString(line.Bytes), line.Text})
		}
		at = run
	}
	return d
}

// directive writes data as an assembler would.
func directive(data []byte) string {
	if len(data) == 4 {
		return fmt.Sprintf(".word 0x%08x", binary.LittleEndian.Uint32(data))
	}
	return fmt.Sprintf(".byte % #x", data)
}
