package linker

import (
	"debug/elf"

	"github.com/fpbls/fpbls/internal/thumb"
)

// escapes finds the pieces whose address the firmware may come to hold: all but
// those that are only branched to, or whose address is seen to serve for loads
// and stores alone.
func escapes(order []*piece) map[*piece]bool {
	escaping := make(map[*piece]bool)
	for _, from := range order {
		uses := make(map[*piece]*use)
		branches := make(map[uint32]target)
		for _, r := range from.refs {
			if isBranch(r.typ) {
				branches[from.start+r.offset] = r.to
			}
		}
		for _, r := range from.refs {
			to := r.to.piece
			if to == nil || to.root != nil && !to.root.inner || isBranch(r.typ) || escaping[to] {
				continue
			}
			if uses[to] == nil {
				uses[to] = &use{code: from, branches: branches, literals: make(map[uint32]bool), immediates: make(map[uint32]bool)}
			}
			uses[to].add(r)
		}
		for to, u := range uses {
			if u.escapes() {
				escaping[to] = true
			}
		}
	}
	return escaping
}

// A use is what a piece does with one address. It follows the address through
// the registers of the function. Whatever it is not sure of counts as escape.
type use struct {
	code       *piece
	branches   map[uint32]target // those that leave the piece, by offset in the section
	literals   map[uint32]bool   // where the address stands as a word, by offset in the section
	immediates map[uint32]bool   // MOVW and MOVT that load it
	opaque     bool              // it is used in another way

	insts []thumb.Inst
	at    map[uint32]int // index in insts, by offset in the section
	offs  []uint32
	maybe []bool // conditional, within an IT block
}

// followLimit bounds the functions that are followed.
const followLimit = 64 << 10

func (u *use) add(r reference) {
	off := u.code.start + r.offset
	switch {
	case u.code.class != code:
		u.opaque = true // it stands in data
	case r.typ == elf.R_ARM_ABS32:
		u.literals[off] = true
	case r.typ == elf.R_ARM_THM_MOVW_ABS_NC, r.typ == elf.R_ARM_THM_MOVT_ABS:
		u.immediates[off] = true
	default:
		u.opaque = true
	}
}

// registers is a set of registers that may hold the address or what was made of
// it, bit n for register n.
type registers uint16

func bit(r uint8) registers { return 1 << (r & 15) }

// Registers by their role in a call (AAPCS32 §6.1.1).
const (
	arguments registers = 0x000f
	results   registers = 0x0003
	clobbered registers = arguments | 1<<12 | 1<<14
)

func (u *use) escapes() bool {
	if u.opaque || u.code.size() > followLimit {
		return true
	}
	u.decode()
	in := make([]registers, len(u.insts))
	work := make([]int, 0, len(u.insts))
	for i := range u.insts {
		work = append(work, i)
	}
	loaded := make(map[uint32]bool)
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		out, escapes := u.step(i, in[i], loaded)
		if escapes {
			return true
		}
		for _, next := range u.next(i) {
			if in[next]|out != in[next] {
				in[next] |= out
				work = append(work, next)
			}
		}
	}
	return len(loaded) != len(u.literals) // a word that nothing seen here loads
}

func (u *use) decode() {
	u.at = make(map[uint32]int)
	conditional := 0
	for off, inst := range u.code.instructions() {
		u.at[off] = len(u.insts)
		u.insts, u.offs = append(u.insts, inst), append(u.offs, off)
		u.maybe = append(u.maybe, conditional > 0)
		conditional = max(0, conditional-1)
		if inst.Op == thumb.OpIT {
			conditional = 4 // or fewer
		}
	}
}

// next lists where control goes after the instruction, within the function.
func (u *use) next(i int) []int {
	inst, off := u.insts[i], u.offs[i]
	var next []int
	if !inst.EndsFlow() || u.maybe[i] {
		if n, ok := u.at[off+uint32(inst.Size)]; ok {
			next = append(next, n)
		}
	}
	if to, ok := u.branch(i); ok && inst.Op != thumb.OpBL {
		next = append(next, to)
	}
	return next
}

// branch returns the instruction that a branch within the piece goes to.
func (u *use) branch(i int) (int, bool) {
	if _, leaves := u.branches[u.offs[i]]; leaves {
		return 0, false
	}
	to, ok := u.insts[i].BranchTarget(u.offs[i])
	if !ok {
		return 0, false
	}
	n, ok := u.at[to]
	return n, ok
}

// step follows the address through one instruction: held is where it may be
// before. loaded collects the literals that were seen to be loaded.
func (u *use) step(i int, held registers, loaded map[uint32]bool) (after registers, escapes bool) {
	inst, off := u.insts[i], u.offs[i]
	// set says what becomes of registers that are written; a conditional
	// instruction may leave them as they are.
	set := func(written, tainted registers) registers {
		if u.maybe[i] {
			return held | tainted
		}
		return held&^written | tainted
	}
	rd, rn, rm, ra := bit(inst.Rd), bit(inst.Rn), bit(inst.Rm), bit(inst.Ra)
	if u.immediates[off] {
		return held | rd, false
	}
	if at, ok := literal(inst, off); ok {
		return u.loadLiteral(inst, at, set, loaded)
	}
	switch inst.Op {
	case thumb.OpLDRImm, thumb.OpLDRReg:
		if inst.Rd == thumb.PC {
			return 0, held != 0 // a jump, it may stay in the function
		}
		return set(rd, 0), false
	case thumb.OpLDRBImm, thumb.OpLDRBReg, thumb.OpLDRHImm, thumb.OpLDRHReg, thumb.OpLDRSBImm, thumb.OpLDRSBReg,
		thumb.OpLDRSHImm, thumb.OpLDRSHReg, thumb.OpLDRT, thumb.OpLDRBT, thumb.OpLDRHT, thumb.OpLDRSBT, thumb.OpLDRSHT,
		thumb.OpLDREX, thumb.OpLDREXB, thumb.OpLDREXH:
		return set(rd, 0), false
	case thumb.OpLDRD:
		return set(rd|ra, 0), false
	case thumb.OpSTRImm, thumb.OpSTRReg, thumb.OpSTRBImm, thumb.OpSTRBReg, thumb.OpSTRHImm, thumb.OpSTRHReg,
		thumb.OpSTRT, thumb.OpSTRBT, thumb.OpSTRHT:
		return held, held&rd != 0
	case thumb.OpSTRD:
		return held, held&(rd|ra) != 0
	case thumb.OpSTREX, thumb.OpSTREXB, thumb.OpSTREXH:
		return set(ra, 0), held&rd != 0
	case thumb.OpLDM, thumb.OpLDMDB, thumb.OpPOP:
		if inst.Regs&(1<<thumb.PC) != 0 {
			return set(registers(inst.Regs), 0), held&^registers(inst.Regs)&results != 0
		}
		return set(registers(inst.Regs), 0), false
	case thumb.OpSTM, thumb.OpSTMDB, thumb.OpPUSH:
		return held, held&registers(inst.Regs) != 0

	case thumb.OpBL, thumb.OpBLX:
		return set(clobbered, 0), held&arguments != 0
	case thumb.OpB, thumb.OpCBZ, thumb.OpCBNZ:
		if _, inside := u.branch(i); inside {
			return held, false
		}
		if to := u.branches[off]; to.piece != nil && to.piece.root != nil {
			return held, held != 0 // a part of the function goes on with it
		}
		return held, held&arguments != 0
	case thumb.OpBX:
		if inst.Rm == thumb.LR {
			return held, held&results != 0
		}
		return held, held != 0
	case thumb.OpTBB, thumb.OpTBH:
		return 0, held != 0 // its targets are not followed

	case thumb.OpMOVReg:
		if inst.Rd == thumb.PC {
			return 0, held != 0
		}
		return set(rd, taint(held&rm, rd)), false
	case thumb.OpMOVImm, thumb.OpMVNImm, thumb.OpMOVW, thumb.OpMRS:
		return set(rd, 0), false
	case thumb.OpADDImm, thumb.OpSUBImm, thumb.OpRSBImm, thumb.OpADCImm, thumb.OpSBCImm, thumb.OpANDImm, thumb.OpBICImm,
		thumb.OpORRImm, thumb.OpORNImm, thumb.OpEORImm, thumb.OpADDW, thumb.OpSUBW:
		return set(rd, taint(held&rn, rd)), false
	case thumb.OpUBFX, thumb.OpSBFX:
		return set(rd, taint(held&rn, rd)), false
	case thumb.OpSXTB, thumb.OpSXTH, thumb.OpUXTB, thumb.OpUXTH, thumb.OpCLZ, thumb.OpMVNReg:
		return set(rd, taint(held&rm, rd)), false
	case thumb.OpADDReg, thumb.OpSUBReg, thumb.OpRSBReg, thumb.OpADCReg, thumb.OpSBCReg, thumb.OpANDReg, thumb.OpBICReg,
		thumb.OpORRReg, thumb.OpORNReg, thumb.OpEORReg, thumb.OpMUL, thumb.OpSDIV, thumb.OpUDIV,
		thumb.OpLSLReg, thumb.OpLSRReg, thumb.OpASRReg, thumb.OpRORReg:
		if inst.Rd == thumb.PC {
			return 0, held != 0
		}
		return set(rd, taint(held&(rn|rm), rd)), false
	case thumb.OpTSTImm, thumb.OpTSTReg, thumb.OpTEQImm, thumb.OpTEQReg, thumb.OpCMPImm, thumb.OpCMPReg, thumb.OpCMNImm, thumb.OpCMNReg,
		thumb.OpIT, thumb.OpNOP, thumb.OpDMB, thumb.OpDSB, thumb.OpISB, thumb.OpCPS, thumb.OpWFI, thumb.OpWFE, thumb.OpSEV, thumb.OpCLREX,
		thumb.OpPLDImm, thumb.OpPLDReg, thumb.OpPLDLit:
		return held, false
	}
	return held, held != 0 // floating point, system calls, rare ones
}

// loadLiteral follows LDR from a literal pool, and ADR.
func (u *use) loadLiteral(inst thumb.Inst, at uint32, set func(written, tainted registers) registers, loaded map[uint32]bool) (registers, bool) {
	rd, ra := bit(inst.Rd), bit(inst.Ra)
	if inst.Op == thumb.OpADR && len(u.literals) > 0 {
		return 0, true // it may serve to load one
	}
	tainted := registers(0)
	if u.literals[at] {
		loaded[at] = true
		tainted = rd
	}
	if inst.Op == thumb.OpLDRD {
		if u.literals[at+4] {
			loaded[at+4] = true
			tainted |= ra
		}
		return set(rd|ra, tainted), false
	}
	if inst.Rd == thumb.PC {
		return 0, set(0, tainted) != 0
	}
	return set(rd, tainted), false
}

// taint returns the destination if any source holds the address.
func taint(sources, destination registers) registers {
	if sources != 0 {
		return destination
	}
	return 0
}
