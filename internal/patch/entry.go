package patch

import (
	"encoding/binary"
	"math/bits"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/thumb"
)

// word is the size of what an FPB v1 comparator replaces: the aligned word that
// holds the first instructions of the function (DDI 0403E C1.11).
const word = 4

// codeRegionEnd is where the region ends that FPB v1 watches (DDI 0403E C1.11.3).
const codeRegionEnd = 0x2000_0000

// entry is where a function is caught.
type entry struct {
	at uint32 // address of the replaced word, or of the breakpoint

	// undo takes back what ran before at: code that the patch begins with. A
	// function at 4k+2 cannot be caught in its first halfword, which shares its
	// word with whatever stands before. Its first instruction then runs, and the
	// word behind it is replaced.
	undo []byte

	// keep are registers that callers in the firmware count on and the patch may
	// change. It is then called by a stub that saves them.
	keep thumb.Registers
}

// entryOf finds where calls of the function can be caught on an FPB of the
// version, or refuses it.
func entryOf(image *firmware.Image, f *firmware.Symbol, version int) (entry, error) {
	e := entry{at: f.Addr}
	if version >= 2 {
		return e, nil // a comparator holds any halfword address
	}
	if f.Addr >= codeRegionEnd {
		return e, problem.New(problem.OutOfReach,
			"only code below 0x20000000 can be remapped by this board's FPB",
			"%s at %s lies outside the code region", f.Display, Address(f.Addr))
	}
	if f.Addr%word != 0 {
		e.at += 2
		undo, ok := undoFirst(image, f)
		if !ok {
			return e, problem.New(problem.UnalignedEntry,
				"inject its callers instead, or align functions to words and flash once (-falign-functions=4; with -Os: -ffunction-sections, and SUBALIGN(4) for .text in the linker script)",
				"%s starts at %s, in the middle of a word, and its first instruction cannot be taken back",
				f.Display, Address(f.Addr))
		}
		e.undo = undo
	}
	if f.Size < e.at+word-f.Addr {
		return e, problem.New(problem.TooShort,
			"inject its callers instead",
			"%s at %s is %d bytes long, too short for the word that is replaced", f.Display, Address(f.Addr), f.Size)
	}
	return e, nil
}

// undoFirst returns code that takes back the function's first instruction,
// empty but not nil if there is nothing to take back. A trampoline clobbers IP
// and the flags on its way, which calls may do (AAPCS32 §6.1.1).
func undoFirst(image *firmware.Image, f *firmware.Symbol) ([]byte, bool) {
	code, ok := image.Bytes(f.Addr, 2)
	if !ok {
		return nil, false
	}
	hw := binary.LittleEndian.Uint16(code)
	if thumb.Is32(hw) {
		return nil, false // its second half stands in the replaced word
	}
	switch in := thumb.Decode(hw, 0); in.Op {
	case thumb.OpPUSH:
		return pop(in.Regs), true
	case thumb.OpSUBImm:
		if in.Rd == thumb.SP && in.Rn == thumb.SP && in.Imm%4 == 0 && in.Imm <= 508 {
			return halfwords(0xb000 | uint16(in.Imm/4)), true // ADD SP, T2
		}
		return undoWrite(image, f, in.Rd)
	case thumb.OpNOP, thumb.OpCMPImm, thumb.OpCMPReg, thumb.OpCMNReg, thumb.OpTSTReg:
		return []byte{}, true // flags only
	case thumb.OpMOVImm, thumb.OpMOVReg, thumb.OpLDRLit, thumb.OpADDImm, thumb.OpADDReg, thumb.OpSUBReg, thumb.OpADR,
		thumb.OpANDReg, thumb.OpEORReg, thumb.OpORRReg, thumb.OpMVNReg, thumb.OpUXTB, thumb.OpUXTH, thumb.OpSXTB, thumb.OpSXTH:
		// Computes without looking at devices, into one register.
		return undoWrite(image, f, in.Rd)
	}
	return nil, false
}

// undoWrite tells whether nobody needs what was in the register: no argument
// came in it, and callers do not expect it back.
func undoWrite(image *firmware.Image, f *firmware.Symbol, reg uint8) ([]byte, bool) {
	const ip = 12
	if reg == ip {
		return []byte{}, true
	}
	info, err := image.Debug()
	if err != nil || reg > 3 || int(reg) < info.ArgumentRegisters(f.Name, f.Addr) {
		return nil, false
	}
	return []byte{}, true
}

// pop is the POP that takes a 16-bit PUSH back, LR included.
func pop(regs uint16) []byte {
	const lr = 1 << thumb.LR
	switch {
	case regs&lr == 0:
		return halfwords(0xbc00 | regs) // POP, T1
	case regs == lr:
		return halfwords(0xf85d, 0xeb04) // LDR LR, [SP], #4
	}
	return halfwords(0xe8bd, regs) // POP.W, T2: bit 14 is LR here as well
}

func halfwords(hws ...uint16) []byte {
	var p []byte
	for _, hw := range hws {
		p = binary.LittleEndian.AppendUint16(p, hw)
	}
	return p
}

// stub is the code that a caught call runs first: undo, then a jump to the
// patch, or a call with registers saved around it. It stands at addr, and is padded
// to whole words.
func (e entry) stub(addr, patch uint32) ([]byte, error) {
	code := append([]byte(nil), e.undo...)
	if e.keep != 0 {
		saved := uint16(e.saved())
		code = append(code, halfwords(0xb500|saved)...) // PUSH {…, LR}, T1
		call, err := thumb.EncodeBL(addr+uint32(len(code)), patch)
		if err != nil {
			return nil, err
		}
		code = append(code, halfwords(uint16(call), uint16(call>>16), 0xbd00|saved)...) // POP {…, PC}, T1
		return pad(code), nil
	}
	jump, err := thumb.EncodeBW(addr+uint32(len(code)), patch)
	if err != nil {
		return nil, err
	}
	return pad(append(code, halfwords(uint16(jump), uint16(jump>>16))...)), nil
}

func pad(code []byte) []byte {
	if len(code)%word != 0 {
		code = append(code, halfwords(0xbf00)...) // NOP
	}
	return code
}

// saved are the registers that the stub pushes besides LR: so many that the stack
// stays aligned to 8 bytes (AAPCS32 §6.2.1.2). Which one fills up does not matter, it
// keeps its value, unless a result comes in it.
func (e entry) saved() thumb.Registers {
	if bits.OnesCount16(uint16(e.keep))%2 == 1 {
		return e.keep
	}
	const fill = 4
	return e.keep | thumb.Set(fill)
}

// stubSize is the length of the stub in bytes, 0 if none is needed.
func (e entry) stubSize() uint32 {
	n := uint32(len(e.undo)) + 4
	switch {
	case e.keep != 0:
		n += 4
	case len(e.undo) == 0:
		return 0
	}
	return (n + word - 1) &^ (word - 1)
}
