package objdiff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/linker"
	"github.com/fpbls/fpbls/internal/thumb"
)

// maxReasons bounds what is told of one function: once code differs in length,
// what follows is noise.
const maxReasons = 4

// A comparer compares one object with one image.
type comparer struct {
	Input
	matcher  *linker.Matcher
	declared map[string]int       // what the image's unit defined
	known    map[pair]*difference // nil: equal, or assumed to be while it is compared
	inlined  map[string][]string  // by the function that it was inlined into
}

// A pair is a question: does the image hold the body there?
type pair struct {
	body *linker.Body
	addr uint32
}

// A difference is a place where a body and the image differ.
type difference struct {
	text   string
	offset uint32 // in the body
}

// function compares a function with its counterpart.
func (c *comparer) function(m linker.Match) []Reason {
	body, err := c.matcher.Body(m.Symbol)
	if err != nil {
		return []Reason{{Text: err.Error()}} // nothing shows that it is the same
	}
	found := c.compare(body, m.Target.Addr, maxReasons)
	if m.Target.Size != uint32(len(body.Data)) && m.Symbol.Size != 0 && m.Target.Size != 0 && len(found) == 0 {
		found = append(found, difference{fmt.Sprintf("%d bytes of code instead of %d", len(body.Data), m.Target.Size), min(m.Target.Size, uint32(len(body.Data)))})
	}
	var reasons []Reason
	for _, d := range found {
		r := Reason{Text: d.text, Offset: d.offset}
		r.File, r.Line = c.source(body, d.offset)
		reasons = append(reasons, r)
	}
	return reasons
}

// source returns the line of the instruction in the body.
func (c *comparer) source(body *linker.Body, offset uint32) (string, int) {
	if c.ObjectDebug == nil {
		return "", 0
	}
	addr, ok := c.ObjectDebug.AddressOf(body.Section, body.Start+c.user(body, offset))
	if !ok {
		return "", 0
	}
	file, line, _ := c.ObjectDebug.LineOf(addr)
	return file, line
}

// user returns the instruction that loads the literal at the offset, or the
// offset itself.
func (c *comparer) user(body *linker.Body, offset uint32) uint32 {
	for off := uint32(0); off+2 <= uint32(len(body.Data)); {
		inst := decode(body.Data[off:])
		if inst.Op == thumb.OpLDRLit && (body.Start+off+4)&^3+inst.Imm-body.Start == offset&^3 {
			return off
		}
		off += uint32(max(inst.Size, 2))
	}
	return offset
}

// differs returns the first difference between the body and the image's content
// at the address, nil if there is none. What refers to itself, directly or not, is
// equal unless something differs.
func (c *comparer) differs(body *linker.Body, addr uint32) *difference {
	if d, ok := c.known[pair{body, addr}]; ok {
		return d
	}
	c.known[pair{body, addr}] = nil
	found := c.compare(body, addr, 1)
	if len(found) == 0 {
		return nil
	}
	// What was found equal meanwhile may have assumed this: ask again.
	for k, d := range c.known {
		if d == nil {
			delete(c.known, k)
		}
	}
	c.known[pair{body, addr}] = &found[0]
	return &found[0]
}

// compare lists up to limit differences.
func (c *comparer) compare(body *linker.Body, addr uint32, limit int) []difference {
	if body.Err != nil {
		return []difference{{text: body.Err.Error()}}
	}
	there, ok := c.Image.Bytes(addr, uint32(len(body.Data)))
	if !ok {
		return []difference{{text: fmt.Sprintf("%d bytes, which the firmware does not have at 0x%08x", len(body.Data), addr)}}
	}
	var found []difference
	add := func(d difference) bool {
		found = append(found, d)
		return len(found) < limit
	}
	done := uint32(0)
	for _, r := range body.References {
		if r.Offset < done {
			continue // two relocations for one place
		}
		if d := c.plain(body, there, addr, done, r.Offset); d != nil {
			return append(found, *d) // what follows may be shifted
		}
		done = r.Offset + r.Width()
		value, err := r.Read(body, there, addr)
		switch {
		case errors.Is(err, linker.ErrOther):
			return append(found, difference{c.instructions(body, there, addr, r.Offset), r.Offset})
		case err != nil:
			if !add(difference{err.Error(), r.Offset}) {
				return found
			}
			continue
		}
		if text := c.reference(body, r, value); text != "" && !add(difference{text, r.Offset}) {
			return found
		}
	}
	if d := c.plain(body, there, addr, done, uint32(len(body.Data))); d != nil {
		found = append(found, *d)
	}
	return found
}

// plain compares what no linker changes.
func (c *comparer) plain(body *linker.Body, there []byte, addr, from, to uint32) *difference {
	if bytes.Equal(body.Data[from:to], there[from:to]) {
		return nil
	}
	here := body.Data
	if !body.Code {
		here = c.dated(here, there)
	}
	off := from
	for off < to && here[off] == there[off] {
		off++
	}
	if off == to {
		return nil
	}
	switch {
	case body.Text:
		return &difference{stringText(body.Data, there), off}
	case !body.Code:
		return &difference{fmt.Sprintf("0x%02x instead of 0x%02x in byte %d of %s", body.Data[off], there[off], off, body.Name), off}
	case c.Image.IsData(addr + off):
		return &difference{literalText(body.Data, there, off), off &^ 3}
	}
	off = c.start(body, addr, off)
	return &difference{c.instructions(body, there, addr, off), off}
}

func stringText(here, there []byte) string {
	return fmt.Sprintf("string %.60q instead of %.60q", strings.TrimRight(string(here), "\x00"), strings.TrimRight(string(there), "\x00"))
}

func literalText(here, there []byte, off uint32) string {
	if off &^= 3; off+4 > uint32(len(here)) {
		return "another constant"
	}
	return "constant " + number(binary.LittleEndian.Uint32(here[off:])) + " instead of " + number(binary.LittleEndian.Uint32(there[off:]))
}

// number writes a constant as its author may have done.
func number(v uint32) string {
	if i := int32(v); i > -0x10000 && i < 0x10000 {
		return fmt.Sprint(i)
	}
	return fmt.Sprintf("0x%08x", v)
}

// start returns where the instruction starts that the offset lies in.
func (c *comparer) start(body *linker.Body, addr, offset uint32) uint32 {
	off := uint32(0)
	for off < offset {
		n := uint32(2)
		if !c.Image.IsData(addr + off) {
			n = uint32(max(decode(body.Data[off:]).Size, 2))
		}
		if off+n > offset {
			break
		}
		off += n
	}
	return off
}

func decode(code []byte) thumb.Inst {
	var hw [2]uint16
	for i := range min(2, len(code)/2) {
		hw[i] = binary.LittleEndian.Uint16(code[2*i:])
	}
	return thumb.Decode(hw[0], hw[1])
}

// instructions words that the instructions at the offset differ.
func (c *comparer) instructions(body *linker.Body, there []byte, addr, off uint32) string {
	a, b := decode(body.Data[off:]), decode(there[off:])
	plain := a
	if plain.Imm = b.Imm; plain == b && !isBranch(a) && a.Op != thumb.OpLDRLit {
		return fmt.Sprintf("constant %s instead of %s", number(a.Imm), number(b.Imm))
	}
	return fmt.Sprintf("instruction \"%s\" instead of \"%s\"", a.Format(addr+off), b.Format(addr+off))
}

func isBranch(i thumb.Inst) bool {
	_, ok := i.BranchTarget(0)
	return ok
}

// reference words that what the image has for the reference is not what the
// reference means; "" if it is.
func (c *comparer) reference(from *linker.Body, r linker.Reference, value uint32) string {
	verb := "uses "
	switch {
	case r.Call:
		verb = "calls "
	case r.Branch:
		verb = "goes to "
	}
	if r.Branch {
		value = c.destination(value)
	}
	switch r.Kind {
	case linker.RefHalf:
		return ""
	case linker.RefNull:
		if value != 0 {
			return verb + r.Name + ", which nothing defines, instead of " + c.nameAt(value)
		}
		return ""
	case linker.RefAddress:
		if want := r.Addr; want != value && !(r.Branch && want&^1 == value&^1) {
			return verb + r.Name + " instead of " + c.nameAt(value)
		}
		return ""
	case linker.RefNew:
		text := verb + r.Name + ", which the firmware does not have"
		if r.Err != nil {
			text = r.Err.Error()
		}
		return text
	}
	d := c.differs(r.To, value&^c.thumbBit(r)-r.Into)
	switch {
	case d == nil:
		return ""
	case r.Kind == linker.RefPart:
		return fmt.Sprintf("%s%s: %s", verb, r.To.Name, d.text)
	case r.To.Text:
		return c.otherString(r.To, value-r.Into)
	}
	return fmt.Sprintf("constant %s: %s", r.To.Name, d.text)
}

func (c *comparer) thumbBit(r linker.Reference) uint32 {
	if r.Kind == linker.RefPart {
		return 1
	}
	return 0
}

// otherString words that the image has another string at the address, which
// may be longer.
func (c *comparer) otherString(body *linker.Body, addr uint32) string {
	there, _ := c.Image.CString(addr)
	return stringText(body.Data, there)
}

// destination follows the veneers that a linker puts in the way of a branch.
func (c *comparer) destination(addr uint32) uint32 {
	const chain = 4
	for range chain {
		to, ok := c.veneer(addr &^ 1)
		if !ok {
			break
		}
		addr = to
	}
	return addr
}

// veneer decodes a long branch of GNU ld or lld: "ldr.w pc, [pc]" and the
// address, or movw, movt and bx through IP.
func (c *comparer) veneer(addr uint32) (uint32, bool) {
	code, ok := c.Image.Bytes(addr, 8)
	if !ok {
		return 0, false
	}
	switch a, b := decode(code), decode(code[4:]); {
	case a.Op == thumb.OpLDRLit && a.Rd == thumb.PC && int32(a.Imm) <= 0 && int32(a.Imm) > -4:
		word, ok := c.Image.Bytes((addr+4)&^3+a.Imm, 4)
		if !ok {
			return 0, false
		}
		return binary.LittleEndian.Uint32(word) &^ 1, true
	case a.Op == thumb.OpMOVW && b.Op == thumb.OpMOVT && a.Rd == ip && b.Rd == ip:
		rest, ok := c.Image.Bytes(addr+8, 2)
		if !ok || binary.LittleEndian.Uint16(rest) != bxIP {
			return 0, false
		}
		return (b.Imm<<16 | a.Imm) &^ 1, true
	}
	return 0, false
}

const (
	ip   = 12
	bxIP = 0x4760
)

// nameAt names what the image has at the address.
func (c *comparer) nameAt(addr uint32) string {
	if f := c.Image.At(addr); f != nil {
		if f.Addr == addr&^1 {
			return f.Display
		}
		return fmt.Sprintf("%s+0x%x", f.Display, addr&^1-f.Addr)
	}
	var best *firmware.Symbol
	for _, s := range c.Image.Symbols() {
		if s.Kind == firmware.Variable && addr-s.Addr < max(s.Size, 1) {
			best = s
		}
	}
	switch {
	case best == nil:
		return fmt.Sprintf("0x%08x", addr)
	case best.Addr == addr:
		return best.Display
	}
	return fmt.Sprintf("%s+%d", best.Display, addr-best.Addr)
}
