package fpb

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// infoPatterns are the lines of an info answer. Any of them can be missing.
var infoPatterns = []*pattern{
	compile("FPBInject v%s\n", 0),
	compile("Build: %s\n", 0),
	compile("Used: %d\n", 1),
	compile("Slots: %d/%d\n", 1),
	compile("FileTransfer: %s\n", 0),
	compile("FPB: %s\n", 0),
	compile("FP_REMAP: 0x%8, base=0x%8, remap %s\n", 1),
	compile("Slot[%d]: 0x%8 -> 0x%8, %d bytes (COMP=0x%8, %s)\n", 1),
	compile("Slot[%d]: empty (COMP=0x%8, %s)\n", 1),
}

// chooseInfo picks the lines of the answer from lines that look like it. It
// fails if the firmware has printed one that differs from the loader's and stands in
// no other way than that.
func chooseInfo(found []line) ([]line, bool) {
	kinds := make(map[string][]line)
	for _, l := range found {
		kind, _, _ := strings.Cut(l.text, ":")
		if strings.HasPrefix(l.text, "FPBInject v") {
			kind = "FPBInject"
		}
		kinds[kind] = append(kinds[kind], l)
	}
	// The loader begins with its version and prints its lines in one go: one
	// that follows another is its own.
	begun := func(l line) bool {
		return slices.ContainsFunc(kinds["FPBInject"], func(o line) bool { return o.start() <= l.start() })
	}
	follows := func(l line) bool {
		return slices.ContainsFunc(found, func(o line) bool { return o.end() == l.start() })
	}
	whole := func(l line) bool { return l.aligned && l.gaps == 0 }
	var chosen []line
	for _, lines := range kinds {
		for _, better := range []func(line) bool{begun, follows, whole} {
			if len(lines) > 1 && slices.ContainsFunc(lines, better) {
				lines = slices.DeleteFunc(lines, func(l line) bool { return !better(l) })
			}
		}
		for _, l := range lines[1:] {
			if l.text != lines[0].text {
				return nil, false
			}
		}
		chosen = append(chosen, lines[0])
	}
	slices.SortFunc(chosen, func(a, b line) int { return cmp.Compare(a.start(), b.start()) })
	for i, l := range chosen[min(1, len(chosen)):] {
		if l.start() < chosen[i].end() {
			return nil, false
		}
	}
	return chosen, true
}

var (
	versionLine = regexp.MustCompile(`^FPBInject (v\d+\.\d+\.\d+(?:-[\w.]+)?)$`)
	buildLine   = regexp.MustCompile(`^Build: ([A-Z][a-z]{2} [ \d]\d \d{4} \d\d:\d\d:\d\d)$`) // C11 6.10.8.1
	filesLine   = regexp.MustCompile(`^FileTransfer: (enabled|disabled|not compiled)$`)
	unitLine    = regexp.MustCompile(`^FPB: v(\d+), (\d+) code \+ (\d+) lit = (\d+) total, (enabled|disabled)$`)
	remapLine   = regexp.MustCompile(`^FP_REMAP: 0x([0-9A-F]{8}), base=0x([0-9A-F]{8}), remap (?:not )?supported$`)
	slotsLine   = regexp.MustCompile(`^Slots: (\d{1,4})/(\d{1,4})$`)
	usedLine    = regexp.MustCompile(`^Used: (\d{1,9})$`)
	slotLine    = regexp.MustCompile(`^Slot\[(\d{1,3})\]: 0x([0-9A-F]{8}) -> 0x([0-9A-F]{8}), (\d{1,9}) bytes \(COMP=0x([0-9A-F]{8}), (none|remap|trampoline|debugmon|bp_lo|bp_hi|bp_both|\?), (on|off)\)$`)
	emptyLine   = regexp.MustCompile(`^Slot\[(\d{1,3})\]: empty \(COMP=0x([0-9A-F]{8}), (on|off)\)$`)
)

// maxListed is how many slots the loader prints, whatever the unit has.
const maxListed = 8

// parseInfo reads the lines of an info answer. doubt is what speaks against
// believing it at once: a line that is missing, or lines that contradict each other.
// Such an answer may be damaged, or come from a loader that was built differently.
// pending is the size of the allocation that no patch has taken yet; some loaders
// count it as used.
func parseInfo(lines []string, pending int) (info Info, doubt error) {
	doubtful := func(format string, args ...any) {
		if doubt == nil {
			doubt = fmt.Errorf(format, args...)
		}
	}
	used, total := 0, -1
	kinds := make(map[*regexp.Regexp]bool)
	match := func(r *regexp.Regexp, l string) []string {
		m := r.FindStringSubmatch(l)
		kinds[r] = kinds[r] || m != nil
		return m
	}
	slots := make(map[int]Slot)
	for _, l := range lines {
		if m := match(versionLine, l); m != nil {
			info.Version = m[1]
		} else if m := match(buildLine, l); m != nil {
			info.Build = m[1]
		} else if m := match(usedLine, l); m != nil {
			info.Used = number(m[1], 10)
		} else if m := match(slotsLine, l); m != nil {
			used, total = number(m[1], 10), number(m[2], 10)
		} else if m := match(remapLine, l); m != nil {
			info.Remap = uint32(number(m[1], 16))
			// FP_REMAP holds bits 28:5 of an address in SRAM (DDI 0403E C1.11.4).
			if base := uint32(number(m[2], 16)); (base^info.Remap)&0x1FFFFFE0 != 0 {
				doubtful("the remap base 0x%08x is not that of 0x%08x", base, info.Remap)
			}
		} else if strings.HasPrefix(l, "FPB: ") {
			unit, err := parseUnit(l)
			if info.FPB = unit; err != nil {
				doubtful("%w", err)
			}
		} else if m := match(slotLine, l); m != nil {
			s := Slot{
				ID: number(m[1], 10), Orig: uint32(number(m[2], 16)), Target: uint32(number(m[3], 16)),
				Size: uint32(number(m[4], 10)), Comp: uint32(number(m[5], 16)), Mode: m[6], On: m[7] == "on",
			}
			slots[s.ID] = s
		} else if m := match(emptyLine, l); m != nil {
			s := Slot{ID: number(m[1], 10), Free: true, Comp: uint32(number(m[2], 16)), On: m[3] == "on"}
			slots[s.ID] = s
		} else if match(filesLine, l) == nil {
			doubtful("cannot read %q", l)
		}
	}
	taken, size := 0, 0
	for id := range total {
		s, ok := slots[id]
		if !ok {
			if id < maxListed && info.FPB.Present {
				doubtful("slot %d is missing", id)
			}
			continue
		}
		info.Slots = append(info.Slots, s)
		if s.On != (s.Comp&1 == 1) {
			doubtful("slot %d: comparator 0x%08x is not %t", id, s.Comp, s.On)
		}
		if !s.Free {
			taken++
			size += int(s.Size)
			if s.On && info.FPB.Version == 1 && isRemap(s) && (s.Comp^s.Orig)&compAddress != 0 {
				doubtful("slot %d: comparator 0x%08x does not stand for 0x%08x", id, s.Comp, s.Orig)
			}
		}
	}
	switch {
	case !kinds[versionLine] || !kinds[buildLine] || !kinds[filesLine] || info.FPB == Unit{}:
		doubtful("lines are missing")
	case !info.FPB.Present:
	case !kinds[usedLine] || !kinds[slotsLine] || !kinds[remapLine]:
		doubtful("lines are missing")
	case len(slots) != len(info.Slots) || taken != used || info.Used != size && info.Used != size+pending:
		doubtful("%d slots of %d with %d bytes are announced, %d of %d with %d are listed", used, total, info.Used, taken, len(slots), size)
	}
	return info, doubt
}

// compAddress are the address bits of an FPB v1 comparator (DDI 0403E C1.11.5).
const compAddress = 0x1FFFFFFC

// isRemap reports whether the slot redirects by remapping.
func isRemap(s Slot) bool { return s.Comp>>30 == 0 && s.Mode != "debugmon" }

// parseUnit reads the line about the Flash Patch unit.
func parseUnit(l string) (Unit, error) {
	m := unitLine.FindStringSubmatch(l)
	if m == nil {
		reason := strings.TrimPrefix(l, "FPB: ")
		if reason == "not available" || strings.HasPrefix(reason, "disabled") {
			return Unit{Reason: reason}, nil
		}
		return Unit{Reason: reason}, fmt.Errorf("cannot read %q", l)
	}
	u := Unit{Present: true, Enabled: m[5] == "enabled", Version: number(m[1], 10), Code: number(m[2], 10), Literal: number(m[3], 10)}
	if !u.Enabled {
		u.Reason = "disabled"
	}
	if u.Code+u.Literal != number(m[4], 10) {
		return u, fmt.Errorf("%d + %d is not %s", u.Code, u.Literal, m[4])
	}
	return u, nil
}

// number converts digits that a pattern has found; what does not fit is 0.
func number(s string, base int) int {
	n, err := strconv.ParseUint(s, base, 32)
	if err != nil {
		return 0
	}
	return int(n)
}
