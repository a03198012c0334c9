package thumb

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	judgeCount = flag.Int("judge.n", 20000, "random encodings to compare with objdump")
	judgeSeed  = flag.Uint64("judge.seed", 1, "seed of the random encodings")
)

// TestObjdumpRandom compares the text of random encodings with GNU objdump's.
func TestObjdumpRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(*judgeSeed, 0))
	t.Logf("%d encodings, seed %d", *judgeCount, *judgeSeed)
	var src bytes.Buffer
	src.WriteString(".syntax unified\n.cpu cortex-m3\n.thumb\n.text\n")
	for range *judgeCount {
		if r.IntN(4) == 0 {
			hw := uint16(r.Uint32N(0xE800))
			if hw>>8 == 0xBF {
				hw &= 0xFFF0 // no IT
			}
			fmt.Fprintf(&src, ".inst.n 0x%04x\n", hw)
			continue
		}
		fmt.Fprintf(&src, ".inst.w 0x%04x%04x\n", 0xE800+r.Uint32N(0x1800), r.Uint32N(0x10000))
	}
	compareObjdump(t, assemble(t, src.Bytes()), func(i Inst) bool { return i.Op != OpIT })
}

// TestObjdumpAll16 compares all 16-bit encodings but IT, whose effect depends
// on what follows.
func TestObjdumpAll16(t *testing.T) {
	var src bytes.Buffer
	src.WriteString(".syntax unified\n.cpu cortex-m3\n.thumb\n.text\n")
	for hw := range 0xE800 {
		if hw>>8 != 0xBF || hw&15 == 0 {
			fmt.Fprintf(&src, ".inst.n 0x%04x\n", hw)
		}
	}
	compareObjdump(t, assemble(t, src.Bytes()), func(Inst) bool { return true })
}

func assemble(t *testing.T, src []byte) string {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "x.s"), filepath.Join(dir, "x.o")
	if err := os.WriteFile(in, src, 0o666); err != nil {
		t.Fatal(err)
	}
	if b, err := exec.CommandContext(t.Context(), "arm-none-eabi-as", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("arm-none-eabi-as: %v\n%s", err, b)
	}
	return out
}

var objdumpLine = regexp.MustCompile(`^\s*([0-9a-f]+):\t([0-9a-f ]+?)\s*\t(.*)$`)

// compareObjdump lists .text of the ELF with objdump and compares the text of
// every instruction that both know and keep accepts.
func compareObjdump(t *testing.T, elf string, keep func(Inst) bool) {
	t.Helper()
	compared, failed := 0, 0
	for _, l := range objdump(t, elf) {
		i := decodeAt(l.code)
		want, known := normalObjdump(l.text)
		got := normalText(i.Format(l.addr))
		coprocessor := l.code[1]&0xEC == 0xEC
		if !keep(i) || !known || coprocessor ||
			i.Op == OpUndefined && (extensions.MatchString(l.text) || lenient(l.code)) ||
			i.Op == OpNOP && (later.MatchString(l.text) || lenient(l.code)) ||
			other.MatchString(l.text) || strings.Contains(got, "UNDEF") {
			continue
		}
		if (i.Op == OpLDRD || i.Op == OpSTRD) && i.Imm == 0 {
			// objdump leaves the write-back of a zero offset out.
			got, want = strings.TrimSuffix(got, "!"), strings.TrimSuffix(want, "!")
		}
		compared++
		if got != want {
			t.Errorf("% x: objdump %q, here %q", l.code, want, got)
			if failed++; failed > 60 {
				t.Fatal("too many differences")
			}
		}
	}
	t.Logf("%d instructions compared", compared)
	if compared < 1000 {
		t.Errorf("only %d instructions compared", compared)
	}
}

// objdumpOutput is one instruction as objdump lists it.
type objdumpOutput struct {
	addr uint32
	code []byte
	text string
}

func objdump(t *testing.T, elf string) []objdumpOutput {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "arm-none-eabi-objdump", "-d", "-z", elf).Output()
	if err != nil {
		t.Fatalf("arm-none-eabi-objdump: %v", err)
	}
	var list []objdumpOutput
	for line := range strings.Lines(string(out)) {
		f := objdumpLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if f == nil || strings.HasPrefix(f[3], ".word") || strings.HasPrefix(f[3], ".short") || strings.HasPrefix(f[3], ".byte") {
			continue
		}
		addr, err := strconv.ParseUint(f[1], 16, 32)
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		var code []byte
		for hw := range strings.FieldsSeq(f[2]) {
			v, err := strconv.ParseUint(hw, 16, 16)
			if err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			code = binary.LittleEndian.AppendUint16(code, uint16(v))
		}
		list = append(list, objdumpOutput{uint32(addr), code, f[3]})
	}
	return list
}

// TestObjdumpProgram compares the listing of compiled code, IT blocks
// included, with objdump's.
func TestObjdumpProgram(t *testing.T) {
	list := objdump(t, compile(t))
	t.Logf("%d instructions", len(list))
	if len(list) < 5000 {
		t.Errorf("only %d instructions", len(list))
	}
	for len(list) > 0 {
		// A run without literal pools in between.
		n := 1
		code := bytes.Clone(list[0].code)
		for n < len(list) && list[n].addr == list[0].addr+uint32(len(code)) {
			code = append(code, list[n].code...)
			n++
		}
		k := 0
		for l := range Disassemble(list[0].addr, code, nil) {
			want, _ := normalObjdump(list[k].text)
			if got := normalText(l.Text); l.Addr != list[k].addr || got != want {
				t.Errorf("0x%08x % x: objdump %q, here %q", l.Addr, l.Bytes, want, got)
			}
			k++
		}
		if k != n {
			t.Errorf("%d lines for %d instructions at 0x%08x", k, n, list[0].addr)
		}
		list = list[n:]
	}
}

// compile links a program that brings in a good part of the C library.
func compile(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	src, elf := filepath.Join(dir, "x.c"), filepath.Join(dir, "x.elf")
	const program = `
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
	printf("%f %lld\n", atof(argv[1]) / argc, atoll(argv[2]) / argc);
	return 0;
}
`
	if err := os.WriteFile(src, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-O2", "--specs=nosys.specs", "-Wl,-w", "-o", elf, src)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("arm-none-eabi-gcc: %v\n%s", err, b)
	}
	return elf
}

// extensions matches what objdump prints for instructions of other
// architecture versions and extensions, which ARMv7-M leaves undefined.
var extensions = regexp.MustCompile(`^(bl?x(ns)?\t|bf|qd(add|sub)|v[a-z]|[usq]+(h|q)?(add|sub|asx|sax)|sm|usad|usada|pkh|[su]xta|[su]xt.16|ssat16|usat16|sel|` +
	`smul|umaal|sml|smm|lda|stl|dls|wls|le\t|letp|lctp|crc|rfe|srs|pldw|smc|hvc|hlt|dcps|sb$|tt|sg|bxj|eret|subs\tpc|setend|setpan|clrm|csel|csin|cinc|cset|asrl|lsll|lsrl|sqrsh|uqrsh|urshr|srshr|sqshl|uqshl|cneg|cinv|pac|aut|bti|bxaut|ldrexd|strexd|stlex|ldaex|esb|csdb|ssbb|pssbb|mrs\t|msr\t|cps|mcr|mrc|ldc|stc|cdp|ldmib|rsb)`)

// later matches hints that got a meaning after ARMv7-M.
var later = regexp.MustCompile(`^(sevl|pldw|nop\.w\t\{|esb|csdb|yield)`)

// other matches what objdump prefers to the ARMv7-M reading of an encoding
// that is UNPREDICTABLE or reserved there: a block transfer or unprivileged load
// with the PC as base, a store exclusive of the PC, barrier options of ARMv8.
var other = regexp.MustCompile(`^(clrm|tt|d[ms]b\t[a-z]*ld|ldr[a-z]*t(\.w)?\t\w+, \[pc)`)

// lenient reports encodings of single loads and stores that the manual leaves
// undefined or UNPREDICTABLE and objdump prints: stores relative to the PC,
// register offsets with stray bits, unprivileged and indexed loads of the PC.
func lenient(code []byte) bool {
	if len(code) < 4 {
		return false
	}
	hw1, hw2 := binary.LittleEndian.Uint16(code), binary.LittleEndian.Uint16(code[2:])
	if hw1>>8 == 0xFA {
		return hw1&15 != hw2&15 // REV, RBIT, CLZ with Rm given twice, differently
	}
	if hw1>>9 != 0x7C {
		return false
	}
	store := hw1&0x10 == 0
	return store && hw1&15 == 15 || hw2&0x800 == 0 && hw2&0x7C0 != 0 || !store && hw2>>12 == 15
}

func normalObjdump(s string) (text string, known bool) {
	s, comment, _ := strings.Cut(s, "\t@ ")
	s, _, _ = strings.Cut(s, "\t; ")
	for _, bad := range []string{"UNDEFINED", "<undefined>", "??", "UNPREDICTABLE", "undefined ("} {
		if strings.Contains(comment, bad) || strings.Contains(s, bad) {
			return "", false
		}
	}
	return normalText(s), true
}

var (
	symbolName  = regexp.MustCompile(` <[^>]*>`)
	branchPlace = regexp.MustCompile(`^(b[a-z]*|cbn?z)\t(.*, )?0*([0-9a-f]+)$`)
	zeroOffset  = regexp.MustCompile(`(?:, #-?0\]|\], #-?0$)`)
	hintNumber  = regexp.MustCompile(`^\{\d+\}$`)
	shiftedMove = regexp.MustCompile(`^(\w+, \w+), (lsl|lsr|asr|ror|rrx)( #\d+)?$`)
	sameTwice   = regexp.MustCompile(`^((?:add|sub)[a-z]*\t)(\w+), (\w+), #`)
)

// normalText evens out spelling: width suffixes, which are optional where only
// one encoding fits, symbol names and the notation of addresses.
func normalText(s string) string {
	s, _, _ = strings.Cut(s, "\t@ ")
	s = symbolName.ReplaceAllString(s, "")
	name, operands, _ := strings.Cut(s, "\t")
	operands = hintNumber.ReplaceAllString(operands, "")
	if f := shiftedMove.FindStringSubmatch(operands); f != nil && strings.HasPrefix(name, "mov") {
		name = f[2] + strings.TrimPrefix(name, "mov")
		operands = f[1]
		if f[3] != "" {
			operands += "," + f[3]
		}
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".w"), ".n")
	operands = zeroOffset.ReplaceAllString(strings.TrimSpace(operands), "]")
	s = name + "\t" + strings.ReplaceAll(operands, "0x", "")
	s = branchPlace.ReplaceAllString(s, "$1\t$2$3")
	if f := sameTwice.FindStringSubmatch(s); f != nil && f[2] == f[3] {
		s = strings.Replace(s, f[2]+", ", "", 1)
	}
	return s
}
