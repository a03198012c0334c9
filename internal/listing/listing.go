// Package listing shows the code of functions to people: that of the running firmware,
// that of an object, and both side by side.
package listing

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/fpbls/fpbls/internal/thumb"
)

// A Line is an instruction, or up to four bytes of data.
type Line struct {
	Addr  uint32 // of an object: from the start of the function
	Bytes []byte
	Text  string // as objdump writes it: mnemonic, tab, operands

	File string // the source, where it is known
	Line int

	key   string // equal for lines that do the same
	short string // the same without what a linker fills in
	loose bool   // nothing but short can be compared
}

// Text writes the lines, one each.
func Text(name string, lines []Line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", name)
	for _, l := range lines {
		fmt.Fprintf(&b, "%08x  %-10x  %s\n", l.Addr, l.Bytes, l.Text)
	}
	return b.String()
}

// A function is code to be listed.
type function struct {
	addr   uint32 // as shown
	code   []byte
	isData func(offset uint32) bool
	name   func(addr uint32) string                   // of a place, "" if it has none
	fill   func(offset uint32) (name string, ok bool) // what a linker writes at the place
	value  func(v uint32) string                      // of a constant
	source func(offset uint32) (file string, line int)
}

func (f function) lines() []Line {
	var all []Line
	for at := uint32(0); at < uint32(len(f.code)); {
		if f.isData(at) {
			n := min(4-(f.addr+at)%4, uint32(len(f.code))-at)
			all = append(all, f.data(at, f.code[at:at+n]))
			at += n
			continue
		}
		run := at + 2
		for run < uint32(len(f.code)) && !f.isData(run) {
			run += 2
		}
		run = min(run, uint32(len(f.code)))
		for in := range thumb.Disassemble(f.addr+at, f.code[at:run], f.name) {
			all = append(all, f.instruction(in))
		}
		at = run
	}
	return all
}

// data lists bytes as an assembler would take them.
func (f function) data(at uint32, p []byte) Line {
	l := Line{Addr: f.addr + at, Bytes: p, Text: fmt.Sprintf(".byte\t% #x", p)}
	if len(p) == 4 {
		l.Text = ".word\t" + f.word(at)
	}
	l.key = l.Text
	return l
}

// word names the constant at the offset.
func (f function) word(at uint32) string {
	if name, ok := f.fill(at); ok {
		return name
	}
	return f.value(binary.LittleEndian.Uint32(f.code[at:]))
}

func (f function) instruction(in thumb.Line) Line {
	at := in.Addr - f.addr
	l := Line{Addr: in.Addr, Bytes: in.Bytes, Text: in.Text}
	l.File, l.Line = f.source(at)
	mnemonic, _, _ := strings.Cut(in.Text, "\t")
	l.key = in.Text
	l.short = fmt.Sprintf("%s\t%d", mnemonic, in.Inst.Rd)
	name, filled := f.fill(at)
	target, branch := in.Inst.BranchTarget(in.Addr)
	switch {
	case branch && filled:
		l.Text = mnemonic + "\t" + name
		l.key = l.Text
	case branch && target-f.addr < uint32(len(f.code)):
		l.key = mnemonic // where to shows in what stands there
	case branch:
		l.key = mnemonic + "\t" + f.name(target)
	case filled:
		l.Text += "\t; " + name
		l.loose = true // half an address
	case in.Inst.Op == thumb.OpLDRLit:
		literal := (in.Addr+4)&^3 + in.Inst.Imm - f.addr
		if literal+4 > uint32(len(f.code)) || literal > literal+4 {
			break
		}
		value := f.word(literal)
		l.Text, _, _ = strings.Cut(l.Text, "\t@")
		l.Text += "\t; " + value
		l.key = l.short + value
	case in.Inst.Op == thumb.OpADR:
		l.key = l.short
	}
	return l
}
