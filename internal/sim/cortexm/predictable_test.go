package cortexm

import (
	"math/bits"

	"github.com/fpbls/fpbls/internal/thumb"
)

// unpredictable reports the encodings that the manual calls UNPREDICTABLE in
// the pseudocode of each instruction (A7.7); there is nothing to compare.
func unpredictable(in thumb.Inst, hw1, hw2 uint16) bool {
	bad := func(regs ...uint8) bool {
		for _, r := range regs {
			if r == thumb.SP || r == thumb.PC {
				return true
			}
		}
		return false
	}
	switch op := in.Op; {
	case op == thumb.OpADDReg && in.Size == 2 && !in.SetFlags:
		return in.Rn == thumb.PC && in.Rm == thumb.PC
	case op == thumb.OpMOVReg && in.Size == 2:
		return false
	case op == thumb.OpCMPReg && in.Size == 2 && hw1>>8 == 0x45:
		return in.Rn < 8 && in.Rm < 8 || in.Rn == thumb.PC || in.Rm == thumb.PC
	case op == thumb.OpADDImm || op == thumb.OpSUBImm || op == thumb.OpADDW || op == thumb.OpSUBW:
		if in.Rn == thumb.SP {
			return in.Rd == thumb.PC
		}
		return in.Size == 4 && bad(in.Rd, in.Rn)
	case op == thumb.OpADR:
		return bad(in.Rd)
	case op >= thumb.OpANDImm && op <= thumb.OpRORReg:
		return in.Size == 4 && (bad(in.Rd, in.Rn, in.Rm) || hw1>>9 == 0x75 && hw2&0x8000 != 0)
	case op >= thumb.OpMOVW && op <= thumb.OpMOVT:
		return bad(in.Rd)
	case op == thumb.OpSBFX || op == thumb.OpUBFX:
		return bad(in.Rd, in.Rn) || uint32(in.Amount)+in.Imm > 32
	case op >= thumb.OpBFC && op <= thumb.OpUDIV:
		if op == thumb.OpBFI && in.Rn == thumb.SP {
			return true
		}
		long := op >= thumb.OpSMULL && op <= thumb.OpUMLAL
		return bad(in.Rd, in.Rn, in.Rm, in.Ra) || long && in.Rd == in.Ra
	case op == thumb.OpLDRD || op == thumb.OpSTRD:
		writeBack := in.Mode != thumb.Offset
		return bad(in.Rd, in.Ra) || op == thumb.OpLDRD && in.Rd == in.Ra ||
			writeBack && (in.Rn == in.Rd || in.Rn == in.Ra || in.Rn == thumb.PC) || op == thumb.OpSTRD && in.Rn == thumb.PC
	case op >= thumb.OpLDM && op <= thumb.OpPOP:
		return blockUnpredictable(in, hw2)
	case op >= thumb.OpLDREX && op <= thumb.OpLDREXH:
		return bad(in.Rd) || in.Rn == thumb.PC
	case op >= thumb.OpSTREX && op <= thumb.OpSTREXH:
		return bad(in.Rd, in.Ra) || in.Rn == thumb.PC || in.Ra == in.Rn || in.Ra == in.Rd
	case op >= thumb.OpLDRImm && op <= thumb.OpSTRHT:
		return singleUnpredictable(in)
	case op == thumb.OpTBB || op == thumb.OpTBH:
		return in.Rn == thumb.SP || bad(in.Rm)
	case op == thumb.OpBLX:
		return in.Rm == thumb.PC
	case op == thumb.OpIT:
		first, mask := in.Imm>>4, in.Imm&15
		return first == 15 || first == 14 && bits.OnesCount32(mask) != 1
	case op == thumb.OpMRS:
		return bad(in.Rd) || !knownSpecial(in.Imm)
	case op == thumb.OpMSR:
		// CONTROL would end privileged execution; the flags without a mask
		// and the DSP extension's GE mask are UNPREDICTABLE.
		if bad(in.Rn) || !knownSpecial(in.Imm) || in.Imm == sysCONTROL || in.Imm == sysMSP {
			return true
		}
		return in.Amount != 2
	case op == thumb.OpPLDReg || op == thumb.OpPLIReg:
		return bad(in.Rm)
	}
	return false
}

func knownSpecial(n uint32) bool {
	return n <= 3 || n >= 5 && n <= 9 || n >= sysPRIMASK && n <= sysCONTROL
}

func blockUnpredictable(in thumb.Inst, hw2 uint16) bool {
	n := bits.OnesCount16(in.Regs)
	load := in.Op == thumb.OpLDM || in.Op == thumb.OpLDMDB || in.Op == thumb.OpPOP
	switch {
	case n == 0, in.Rn == thumb.PC:
		return true
	case in.Size == 2:
		// A stored base that is not the lowest register is UNKNOWN.
		return !load && in.Regs>>in.Rn&1 == 1 && in.Regs&(1<<in.Rn-1) != 0
	case n < 2, in.Regs>>thumb.SP&1 == 1, !load && in.Regs>>thumb.PC == 1, load && in.Regs>>14 == 3:
		return true
	}
	return in.Mode != thumb.Offset && in.Regs>>in.Rn&1 == 1
}

func singleUnpredictable(in thumb.Inst) bool {
	word := in.Op == thumb.OpLDRImm || in.Op == thumb.OpLDRReg || in.Op == thumb.OpLDRLit || in.Op == thumb.OpSTRImm || in.Op == thumb.OpSTRReg
	load := in.Op < thumb.OpSTRImm || in.Op >= thumb.OpLDRT && in.Op <= thumb.OpLDRSHT
	switch {
	case !word && (in.Rd == thumb.SP || in.Rd == thumb.PC):
		return true
	case !load && in.Rd == thumb.PC:
		return true
	case usesIndex(in) && in.Size == 4 && (in.Rm == thumb.SP || in.Rm == thumb.PC):
		return true
	case in.Mode != thumb.Offset && in.Rn != thumb.PC && in.Rn == in.Rd:
		return true
	}
	return false
}
