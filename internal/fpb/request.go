package fpb

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// A request is a command line and what can come back.
//
// The words stand in an order in which no damaged character makes a harmful
// command of it. A blank that arrives as a line end splits the line: the first
// part must not work on defaults, and of the second the loader skips the first
// word. So the command comes last, behind options that it cannot do without; the
// checksum comes first; and a value is tied to its option by "=", because an
// integer option without one crashes the device. A line that is cut short lacks
// its command.
type request struct {
	line   string // without the line end
	expect expectation
	answer int // characters of the answer, roughly
}

// command formats the line of a command. sum covers what the loader checks.
func command(name string, sum crc, options ...string) string {
	return fmt.Sprintf("fl --crc=0x%04X %s --cmd=%s", uint16(sum), strings.Join(options, " "), name)
}

// endOfAnswer is what follows every answer's message, in characters.
const endOfAnswer = len("[FLOK] \n[FLEND]\n")

// ask describes a request with one status line of success. status is its exact
// text, shape the same for any values; %-verbs as in compile.
func ask(line, status, shape string) request {
	r := request{line: line, answer: len(status) + endOfAnswer}
	gaps := 2
	if strings.Contains(status, "%") {
		gaps = 1 // fields: with two gaps nearly any text fits
	}
	r.expect = expectation{
		echo:   line,
		status: compile("[FLOK] "+status+"\n", gaps),
	}
	if shape != "" {
		r.expect.shape = compile("[FLOK] "+shape+"\n", 0)
	}
	return r
}

// syncRequest asks for the checksum of a text that only this request has.
func syncRequest(nonce uint32) request {
	text := fmt.Sprintf("%08X", nonce)
	return ask("fl --data="+text+" --cmd=echo",
		fmt.Sprintf("ECHO 4 Bytes, CRC 0x%04X", uint16(newCRC().bytes([]byte(text)))),
		"ECHO %d Bytes, CRC 0x%x")
}

func infoRequest() request {
	r := ask("fl --cmd=info", "Info complete", "Info complete")
	r.expect.lines = infoPatterns
	r.expect.choose = chooseInfo
	r.answer = 700
	return r
}

func allocRequest(size uint32) request {
	r := ask(command("alloc", newCRC().ints(size), fmt.Sprintf("--size=%d", size)),
		fmt.Sprintf("Allocated %d at 0x%%X\n[FLEND]", size), "Allocated %d at 0x%x\n[FLEND]")
	// The address is known from nowhere else: text that has cut in must not look
	// like its end.
	r.expect.whole = true
	return r
}

func uploadRequest(base, offset uint32, data []byte) request {
	n := uint32(len(data))
	return ask(command("upload", newCRC().ints(offset, n).bytes(data),
		fmt.Sprintf("--addr=0x%X", offset), "--data="+base64.StdEncoding.EncodeToString(data)),
		fmt.Sprintf("Uploaded %d bytes to 0x%X", n, base+offset), "Uploaded %d bytes to 0x%x")
}

func writeRequest(addr uint32, data []byte) request {
	n := uint32(len(data))
	return ask(command("write", newCRC().ints(addr, n).bytes(data),
		fmt.Sprintf("--addr=0x%X", addr), "--data="+base64.StdEncoding.EncodeToString(data)),
		fmt.Sprintf("WRITE %d bytes to 0x%X", n, addr), "WRITE %d bytes to 0x%x")
}

func readRequest(addr uint32, n int) request {
	size := uint32(n)
	r := ask(command("read", newCRC().ints(addr, size), fmt.Sprintf("--addr=0x%X", addr), fmt.Sprintf("--len=%d", n)), "", "")
	// The status line ends behind the data, which is found by its length.
	r.expect.status = compile(fmt.Sprintf("[FLOK] READ %d bytes crc=0x%%4 data=", n), 1)
	r.expect.shape = compile("[FLOK] READ %d bytes crc=0x%4 data=%s\n", 0)
	encoded := base64.StdEncoding.EncodedLen(n)
	r.expect.payload = &payloadSpec{
		encoded: encoded,
		decode: func(header string, b64 []byte) ([]byte, bool) {
			data, err := base64.StdEncoding.Strict().DecodeString(string(b64))
			if err != nil || len(data) != n {
				return nil, false
			}
			sum := fmt.Sprintf("crc=0x%04X", uint16(newCRC().ints(addr, size).bytes(data)))
			return data, strings.Contains(header, sum)
		},
	}
	r.answer = len("READ 1024 bytes crc=0x0000 data=") + encoded + endOfAnswer
	return r
}

var patchCommands = map[Mode]struct{ name, status, shape string }{
	Trampoline:   {"tpatch", "Trampoline %d: 0x%08X -> tramp(0x%%X) -> 0x%08X", "Trampoline %d: 0x%x -> tramp(0x%x) -> 0x%x"},
	Direct:       {"patch", "Patch %d: 0x%08X -> 0x%08X", "Patch %d: 0x%x -> 0x%x"},
	DebugMonitor: {"dpatch", "DebugMon %d: 0x%08X -> 0x%08X", "DebugMon %d: 0x%x -> 0x%x"},
}

// patchRequest arms a comparator. The commands differ in one character, which no
// checksum covers: tpatch without its t is carried out as patch, whose branch does not
// reach. quoted sends t"patch", which is the same to a loader on bare metal; without the
// t it is a word that begins with a quote, which loses its first character, and no command.
func patchRequest(m Mode, slot, orig, target uint32, quoted bool) request {
	c := patchCommands[m]
	// An address before the slot: if either is lost with the line's first word,
	// the address is missing or the checksum was not lost.
	line := command(c.name, newCRC().ints(slot, orig, target),
		fmt.Sprintf("--orig=0x%X", orig), fmt.Sprintf("--comp=%d", slot), fmt.Sprintf("--target=0x%X", target))
	if quoted {
		line = strings.TrimSuffix(line, "="+c.name) + " " + quoteTail(c.name)
	}
	return ask(line, fmt.Sprintf(c.status, slot, orig, target), c.shape)
}

// quoteTail puts all but the first character in quotes.
func quoteTail(word string) string { return word[:1] + `"` + word[1:] + `"` }

// unpatchRequest names the slot on both sides of the command: the loader would
// work on slot 0 without it, and 1.5 checks no checksum here.
func unpatchRequest(slot uint32) request {
	comp := fmt.Sprintf("--comp=%d", slot)
	line := fmt.Sprintf("fl %s --cmd=unpatch %s --crc=0x%04X", comp, comp, uint16(newCRC().ints(slot)))
	return ask(line, fmt.Sprintf("Cleared slot %d", slot), "Cleared slot %d")
}

func unpatchAllRequest() request {
	return ask(command("unpatch", newCRC().ints(0), "--all"), "Cleared all %d slots, memory freed", "Cleared slot %d")
}

// enableRequest names slot and state twice, see unpatchRequest.
func enableRequest(slot uint32, on bool) request {
	state, done := uint32(0), "Disabled"
	if on {
		state, done = 1, "Enabled"
	}
	words := fmt.Sprintf("--comp=%d --enable=%d", slot, state)
	line := fmt.Sprintf("fl %s --cmd=enable %s --crc=0x%04X", words, words, uint16(newCRC().ints(slot, state)))
	return ask(line, fmt.Sprintf("%s patch %d", done, slot), "%s patch %d")
}
