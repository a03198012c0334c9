package fpb

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A model is a loader that can be made to misbehave. It is an fpb.Conn.
//
// The tests with the real loader's text run against the simulated board; this one
// is for what a real board cannot be made to do.
type model struct {
	v16      bool
	nuttx    bool // shell with echo and prompt
	asleep   int  // newlines that the shell needs to wake up
	strict   bool // the shell wants "fl" before it takes options
	unit     int  // FPB version
	noQuotes bool // quotes within words are characters
	v1Bits   bool // dpatch writes version 1's REPLACE bits, whatever the unit is
	ring     int  // more characters than these in a line are lost; 0: 511

	// request, if set, sees each line before the loader does and returns what
	// arrives: line ends split it.
	request func(line string) string
	// answer, if set, sees each answer and returns what arrives, and how late.
	answer func(line, text string) (string, time.Duration)
	// before, if set, returns output that precedes the answer.
	before func(line string) string

	mu      sync.Mutex
	typed   string
	inside  bool // the interactive mode
	lines   []string
	slots   []Slot
	owned   []uint32 // the allocation that each slot owns
	pending uint32
	size    uint32
	next    uint32 // where the next allocation goes
	live    map[uint32]uint32
	memory  map[uint32]byte
	crashed bool

	speak  chan speech
	out    chan []byte
	rest   []byte
	closed chan struct{}
	gone   chan struct{}
	once   sync.Once
	ended  sync.WaitGroup
}

type speech struct {
	text  string
	delay time.Duration
}

func newModel() *model {
	m := &model{
		unit: 1, next: 0x2000_0411, live: make(map[uint32]uint32), memory: make(map[uint32]byte),
		speak: make(chan speech, 1000), out: make(chan []byte, 1000), closed: make(chan struct{}), gone: make(chan struct{}),
		slots: make([]Slot, 6), owned: make([]uint32, 6),
	}
	for i := range m.slots {
		m.slots[i] = Slot{ID: i, Free: true}
	}
	m.ended.Go(m.talk)
	return m
}

// talk says what is to be said, in order, each when it is due.
func (m *model) talk() {
	for {
		select {
		case s := <-m.speak:
			if s.delay > 0 {
				select {
				case <-time.After(s.delay):
				case <-m.closed:
					return
				}
			}
			if s.text != "" {
				m.out <- []byte(s.text)
			}
		case <-m.closed:
			return
		}
	}
}

func (m *model) Read(ctx context.Context, p []byte) (int, error) {
	if len(m.rest) == 0 {
		select {
		case m.rest = <-m.out:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-m.closed:
			return 0, ErrClosed
		case <-m.gone:
			return 0, ErrGone
		}
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

func (m *model) Close() error {
	m.once.Do(func() { close(m.closed) })
	m.ended.Wait()
	return nil
}

func (m *model) say(text string) { m.speak <- speech{text: text} }

func (m *model) Write(_ context.Context, p []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := string(p)
	if m.request != nil {
		text = m.request(text)
	}
	for _, b := range []byte(text) {
		if b != '\n' && b != '\r' {
			m.typed += string(rune(b))
			continue
		}
		line := m.typed
		m.typed = ""
		m.line(line)
	}
	return nil
}

// line is what the platform does with a line.
func (m *model) line(line string) {
	limit := m.ring
	if limit == 0 {
		limit = 511
		if m.nuttx {
			limit = 1023
		}
	}
	line = line[:min(len(line), limit)]
	if !m.nuttx {
		if strings.TrimSpace(line) != "" {
			m.run(line)
		}
		return
	}
	if m.asleep > 0 {
		m.asleep--
		return
	}
	m.say(line + "\r\n")
	prompt := "fl> "
	switch {
	case m.inside:
		if line != "" {
			m.run(line)
		}
	case line == "fl":
		m.inside = true
		m.say("FPBInject Function Loader (NuttX)\r\n")
	case strings.HasPrefix(line, "fl "):
		if m.strict {
			m.say("Enter 'fl' for interactive mode\r\n")
			prompt = "nsh> "
			break
		}
		m.inside = true
		m.run(line)
	default:
		if line != "" {
			m.say("nsh: " + line + ": command not found\r\n")
		}
		prompt = "nsh> "
	}
	m.say(prompt)
}

// run answers a command line.
func (m *model) run(line string) {
	if m.crashed {
		return
	}
	m.lines = append(m.lines, line)
	text, ok := m.execute(line)
	if m.crashed {
		return
	}
	end := ""
	if !ok && m.nuttx {
		end = "fl_error: -3. Type 'q' to exit\n\n"
	}
	if m.before != nil {
		m.say(m.before(line))
	}
	delay := time.Duration(0)
	if m.answer != nil {
		text, delay = m.answer(line, text)
	}
	text += end
	if m.nuttx {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	m.speak <- speech{text, delay}
}

// arguments are the options of a command line.
type arguments struct {
	cmd, data                                           string
	addr, length, size, comp, orig, target, crc, enable int64
	all                                                 bool
}

// parse reads options as the loader does; it reports a crash for an integer
// option without a value.
func (m *model) parse(line string) (a arguments, ok bool) {
	a = arguments{length: 64, crc: -1, enable: -1}
	words := splitWords(line)[1:]
	if m.noQuotes {
		words = strings.Fields(line)[1:]
	}
	for i := 0; i < len(words); i++ {
		name, value, has := strings.Cut(words[i], "=")
		next := func() (string, bool) {
			if has {
				return value, true
			}
			if i++; i < len(words) {
				return words[i], true
			}
			return "", false
		}
		integer := func(to *int64) {
			s, ok := next()
			if !ok {
				m.crashed = true
				return
			}
			*to = strtol(s)
		}
		switch name {
		case "--cmd", "-c":
			a.cmd, _ = next()
		case "--data", "-d":
			a.data, _ = next()
		case "--crc", "-r":
			integer(&a.crc)
		case "--addr", "-a":
			integer(&a.addr)
		case "--len", "-l":
			integer(&a.length)
		case "--size", "-s":
			integer(&a.size)
		case "--comp":
			integer(&a.comp)
		case "--orig":
			integer(&a.orig)
		case "--target":
			integer(&a.target)
		case "--enable":
			integer(&a.enable)
		case "--all":
			a.all = true
		default:
			return a, false
		}
	}
	return a, true
}

// splitWords splits at blanks. A double quote groups, and a word that begins with one loses
// its first character.
func splitWords(line string) (words []string) {
	isBlank := func(r rune) bool { return r == ' ' || r == '\t' }
	for {
		line = strings.TrimLeftFunc(line, isBlank)
		if line == "" {
			return words
		}
		quoted, n := false, 0
		for ; n < len(line) && (quoted || !isBlank(rune(line[n]))); n++ {
			quoted = quoted != (line[n] == '"')
		}
		word, begins := strings.CutPrefix(line[:n], `"`)
		if begins && word != "" {
			word = word[1:]
		}
		words, line = append(words, strings.ReplaceAll(word, `"`, "")), line[n:]
	}
}

// commandOf is the command that the line asks for.
func commandOf(line string) string {
	words := splitWords(line)
	for i, w := range words {
		if cmd, ok := strings.CutPrefix(w, "--cmd="); ok {
			return cmd
		}
		if w == "--cmd" && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ""
}

// strtol reads the number that s begins with, base 0.
func strtol(s string) int64 {
	for n := len(s); n > 0; n-- {
		if v, err := strconv.ParseInt(s[:n], 0, 64); err == nil && !strings.Contains(s[:n], "_") {
			return v
		}
	}
	return 0
}

func (m *model) execute(line string) (text string, ok bool) {
	a, ok := m.parse(line)
	if m.crashed {
		return "", false
	}
	fail := func(format string, args ...any) (string, bool) {
		return "[FLERR] " + fmt.Sprintf(format, args...) + "\n[FLEND]\n", false
	}
	done := func(format string, args ...any) (string, bool) {
		return "[FLOK] " + fmt.Sprintf(format, args...) + "\n[FLEND]\n", true
	}
	if !ok {
		return fail("Invalid arguments")
	}
	mismatch := func(sum crc) bool { return a.crc >= 0 && uint16(a.crc) != uint16(sum) }
	u := func(v int64) uint32 { return uint32(v) }
	badSlot := a.comp < 0 || int(a.comp) >= len(m.slots)
	switch a.cmd {
	case "":
		text, _ := fail("Missing --cmd")
		return "ping echo info\n" + text, false
	case "echo":
		return done("ECHO %d Bytes, CRC 0x%04X", len(a.data)/2, uint16(newCRC().bytes([]byte(a.data))))
	case "info":
		return m.info()
	case "alloc":
		switch {
		case a.size == 0:
			return fail("Missing --size")
		case m.v16 && mismatch(newCRC().ints(u(a.size))):
			return fail("CRC mismatch: 0x%04X != 0x%04X", a.crc, 0)
		}
		m.free(m.pending)
		m.pending, m.size = 0, 0
		if a.size > 4096 {
			return fail("Alloc failed")
		}
		m.pending, m.size = m.next, u(a.size)
		m.next += 0x40
		m.live[m.pending] = m.size
		return done("Allocated %d at 0x%08X", a.size, m.pending)
	case "upload":
		data, err := base64.StdEncoding.DecodeString(a.data)
		switch {
		case a.data == "":
			return fail("Missing --data")
		case err != nil:
			return fail("Invalid base64 data")
		case mismatch(newCRC().ints(u(a.addr), uint32(len(data))).bytes(data)):
			m.free(m.pending)
			m.pending = 0
			return fail("CRC mismatch: 0x%04X != 0x%04X", a.crc, 0)
		case m.pending == 0:
			return fail("No allocation, call alloc first")
		}
		m.store(m.pending+u(a.addr), data)
		return done("Uploaded %d bytes to 0x%X", len(data), m.pending+u(a.addr))
	case "write":
		data, err := base64.StdEncoding.DecodeString(a.data)
		switch {
		case a.data == "":
			return fail("Missing --data")
		case err != nil:
			return fail("Invalid base64 data")
		case a.addr == 0:
			return fail("Invalid address range 0x%08X+%d (use --force to override)", a.addr, len(data))
		case mismatch(newCRC().ints(u(a.addr), uint32(len(data))).bytes(data)):
			return fail("CRC mismatch: 0x%04X != 0x%04X", a.crc, 0)
		}
		m.store(u(a.addr), data)
		return done("WRITE %d bytes to 0x%X", len(data), a.addr)
	case "read":
		switch {
		case a.length < 1 || a.length > 1024:
			return fail("Invalid length %d (max 1024)", a.length)
		case mismatch(newCRC().ints(u(a.addr), u(a.length))):
			return fail("Request CRC mismatch: 0x%04X != 0x%04X", a.crc, 0)
		case a.addr == 0:
			return fail("Invalid address range 0x%08X+%d (use --force to override)", a.addr, a.length)
		}
		data := make([]byte, a.length)
		for i := range data {
			data[i] = m.memory[u(a.addr)+uint32(i)]
		}
		return readText(u(a.addr), data), true
	case "patch", "tpatch", "dpatch":
		switch {
		case a.orig == 0 || a.target == 0:
			return fail("Missing --orig/--target")
		case mismatch(newCRC().ints(u(a.comp), u(a.orig), u(a.target))):
			return fail("CRC mismatch: 0x%04X != 0x%04X", a.crc, 0)
		case badSlot:
			return fail("Invalid comp %d", a.comp)
		}
		return m.patch(a, done)
	case "unpatch":
		switch {
		case m.v16 && mismatch(newCRC().ints(u(a.comp))):
			return fail("CRC mismatch: 0x%04X != 0x%04X", a.crc, 0)
		case a.all:
			for i := range m.slots {
				m.clear(i)
			}
			return done("Cleared all %d slots, memory freed", len(m.slots))
		case badSlot:
			return fail("Invalid comp %d", a.comp)
		}
		m.clear(int(a.comp))
		return done("Cleared slot %d", a.comp)
	case "enable":
		switch {
		case a.enable < 0:
			return fail("Missing --enable (0 or 1)")
		case m.v16 && mismatch(newCRC().ints(u(a.comp), u(a.enable))):
			return fail("CRC mismatch: 0x%04X != 0x%04X", a.crc, 0)
		case badSlot:
			return fail("Invalid comp %d", a.comp)
		}
		s := &m.slots[a.comp]
		word := "Disabled"
		s.On = a.enable != 0
		s.Comp &^= 1
		if s.On {
			s.Comp |= 1
			word = "Enabled"
		}
		return done("%s patch %d", word, a.comp)
	}
	return fail("Unknown: %s", a.cmd)
}

func (m *model) patch(a arguments, done func(string, ...any) (string, bool)) (string, bool) {
	s := &m.slots[a.comp]
	*s = Slot{ID: int(a.comp), Orig: uint32(a.orig), Target: uint32(a.target), Size: m.size, Comp: uint32(a.orig) | 1, On: true, Mode: "remap"}
	m.owned[a.comp] = m.pending // what was there is lost
	m.pending, m.size = 0, 0
	if a.cmd == "dpatch" {
		s.Mode = "bp_both"
		if m.unit == 1 || m.v1Bits {
			s.Comp |= 0xC000_0000
		}
		for i := range m.slots {
			if i != int(a.comp) {
				m.slots[i].Comp, m.slots[i].On = 0, false
			}
		}
		return done("DebugMon %d: 0x%08X -> 0x%08X", a.comp, a.orig, a.target)
	}
	if a.cmd == "tpatch" {
		return done("Trampoline %d: 0x%08X -> tramp(0x08001000) -> 0x%08X", a.comp, a.orig, a.target)
	}
	if d := a.target - a.orig; d < -1<<24 || d >= 1<<24 {
		m.crashed = true // the branch leads anywhere
	}
	return done("Patch %d: 0x%08X -> 0x%08X", a.comp, a.orig, a.target)
}

func (m *model) info() (string, bool) {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	used, active := uint32(0), 0
	for _, s := range m.slots {
		if !s.Free {
			used += s.Size
			active++
		}
	}
	version, files := "v1.5.6", "FileTransfer: enabled"
	if m.v16 {
		version = "v1.6.1"
	}
	add("FPBInject %s", version)
	add("Build: Mar 13 2026 10:11:12")
	add("Used: %d", used)
	add("Slots: %d/%d", active, len(m.slots))
	if !m.v16 {
		add("%s", files)
	}
	add("FPB: v%d, 6 code + 2 lit = 8 total, enabled", m.unit)
	add("FP_REMAP: 0x20000400, base=0x20000400, remap supported")
	for _, s := range m.slots {
		state := "off"
		if s.On {
			state = "on"
		}
		if s.Free {
			add("Slot[%d]: empty (COMP=0x%08X, %s)", s.ID, s.Comp, state)
		} else {
			add("Slot[%d]: 0x%08X -> 0x%08X, %d bytes (COMP=0x%08X, %s, %s)", s.ID, s.Orig, s.Target, s.Size, s.Comp, s.Mode, state)
		}
	}
	if m.v16 {
		add("%s", files)
	}
	add("[FLOK] Info complete")
	add("[FLEND]")
	return strings.Join(lines, "\n") + "\n", true
}

func (m *model) store(addr uint32, data []byte) {
	for i, b := range data {
		m.memory[addr+uint32(i)] = b
	}
}

func (m *model) free(block uint32) { delete(m.live, block) }

func (m *model) clear(i int) {
	m.free(m.owned[i])
	m.owned[i] = 0
	m.slots[i] = Slot{ID: i, Free: true}
}

// occupy puts a patch into a slot, as an earlier client has.
func (m *model) occupy(i int, orig uint32) {
	m.live[m.next] = 100
	m.slots[i] = Slot{ID: i, Orig: orig, Target: m.next | 1, Size: 100, Comp: orig | 1, Mode: "remap", On: true}
	m.owned[i] = m.next
	m.next += 0x40
}

// sent counts the command lines that name the command.
func (m *model) sent(cmd string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, l := range m.lines {
		if commandOf(l) == cmd {
			n++
		}
	}
	return n
}

// once damages the first answer to the command.
func once(cmd string, damage func(text string) (string, time.Duration)) func(line, text string) (string, time.Duration) {
	done := false
	return func(line, text string) (string, time.Duration) {
		if done || commandOf(line) != cmd {
			return text, 0
		}
		done = true
		return damage(text)
	}
}

// replaced is damage that replaces text.
func replaced(from, to string) func(string) (string, time.Duration) {
	return func(text string) (string, time.Duration) {
		if !strings.Contains(text, from) {
			panic(fmt.Sprintf("%q is not in %q", from, text))
		}
		return strings.Replace(text, from, to, 1), 0
	}
}

func lost(string) (string, time.Duration) { return "", 0 }

// output collects what is printed in a bubble of driven time.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) write(p []byte) { o.mu.Lock(); defer o.mu.Unlock(); o.b.Write(p) }

func (o *output) Reset() { o.mu.Lock(); defer o.mu.Unlock(); o.b.Reset() }

// String waits for what is under way.
func (o *output) String() string {
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// withModel runs f with a client that is connected to the model.
func withModel(t *testing.T, m func() *model, f func(t *testing.T, m *model, c *Client, out *output)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := m()
		var out output
		c := NewClient(m, Options{Output: out.write})
		defer c.Close()
		answer, before, request := m.answer, m.before, m.request
		m.answer, m.before, m.request = nil, nil, nil
		if _, err := c.Connect(t.Context()); err != nil {
			t.Fatalf("connect: %v", err)
		}
		m.mu.Lock()
		m.answer, m.before, m.request = answer, before, request
		m.lines = nil
		m.mu.Unlock()
		f(t, m, c, &out)
	})
}
