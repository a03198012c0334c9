package fpb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fpbls/fpbls/internal/problem"
)

// Connect finds the loader and asks what is on the board. It wakes a shell and
// enters the loader's interactive mode where there is one. A board without a Flash
// Patch unit is no error: see [Info.FPB].
func (c *Client) Connect(ctx context.Context) (Info, error) {
	if err := c.begin(ctx); err != nil {
		return Info{}, err
	}
	defer c.end()
	c.unsynced = true
	if err := c.resync(ctx, func(n int) error { return c.rouse(ctx, n) }); err != nil {
		return Info{}, err
	}
	c.noise, c.last = 0, nil
	return c.info(ctx)
}

// rouse does what a shell may need before it answers.
func (c *Client) rouse(ctx context.Context, n int) error {
	c.mu.Lock()
	text := strings.TrimRight(string(c.recent), " \r\n")
	c.mu.Unlock()
	line := ""
	if strings.HasSuffix(text, ">") || strings.Contains(text, "interactive mode") || strings.Contains(text, "Missing --cmd") {
		line = "fl"
	} else if n > 0 {
		return nil
	}
	for range 3 {
		if err := c.writeLine(ctx, ""); err != nil {
			return c.lineError(ctx, err)
		}
		if err := c.sleep(ctx, wakeInterval); err != nil {
			return err
		}
	}
	if line == "" {
		return nil
	}
	if err := c.writeLine(ctx, line); err != nil {
		return c.lineError(ctx, err)
	}
	return c.sleep(ctx, enterTime)
}

const (
	wakeInterval = 50 * time.Millisecond  // between the newlines that wake a shell
	enterTime    = 200 * time.Millisecond // for the interactive mode to begin
)

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.done:
		return c.lineError(ctx, ErrClosed)
	case <-ctx.Done():
		return c.lineError(ctx, ctx.Err())
	}
}

// Info asks the loader about itself and its slots. No checksum protects this
// answer: one that is not what it should be after what was done, or that contradicts
// itself, is believed when it comes again.
func (c *Client) Info(ctx context.Context) (Info, error) {
	if err := c.begin(ctx); err != nil {
		return Info{}, err
	}
	defer c.end()
	return c.info(ctx)
}

func (c *Client) info(ctx context.Context) (Info, error) {
	var seen []Info
	times := make(map[int]int) // how often each of seen has come
	for range tries {
		a, err := c.do(ctx, "asking for the slots", infoRequest())
		if err != nil {
			return Info{}, err
		}
		c.pace.listed(a.lines)
		info, doubt := parseInfo(a.lines, c.pending)
		i := slices.IndexFunc(seen, func(before Info) bool {
			return slices.Equal(before.Slots, info.Slots) && withoutSlots(before) == withoutSlots(info)
		})
		if i < 0 {
			i = len(seen)
			seen = append(seen, info)
		}
		times[i]++
		expected := c.last != nil && sameSlots(*c.last, info)
		unharmed := c.last == nil && c.noise == 0 && !slices.ContainsFunc(info.Slots, func(s Slot) bool { return !s.Free })
		usual := doubt == nil || doubt.Error() == c.doubt // a loader that was built differently
		if usual && (expected || unharmed || times[i] >= 2) || times[i] >= 4 {
			c.last, c.doubt = &info, ""
			if doubt != nil {
				c.doubt = doubt.Error()
			}
			info.Slots = slices.Clone(info.Slots)
			return info, nil
		}
	}
	return Info{}, problem.New(problem.BoardGarbled, "check the cable and the ground connection, or lower the baud rate",
		"the loader's list of slots is different each time")
}

func withoutSlots(i Info) string {
	i.Slots = nil
	return fmt.Sprint(i)
}

// sameSlots reports whether the slots hold the same patches in the same state.
func sameSlots(a, b Info) bool {
	return slices.EqualFunc(a.Slots, b.Slots, func(a, b Slot) bool {
		return a.Free == b.Free && a.Orig == b.Orig && a.Target == b.Target && (a.On == b.On || a.Free)
	})
}

// expect notes what a slot should hold from now on.
func (c *Client) expect(slot int, change func(*Slot)) {
	if c.last == nil {
		return
	}
	next := *c.last
	next.Slots = slices.Clone(next.Slots)
	for i := range next.Slots {
		if next.Slots[i].ID == slot {
			change(&next.Slots[i])
		}
	}
	c.last = &next
}

// slot returns what the slot holds, as far as it is known.
func (i *Info) slot(id int) (Slot, bool) {
	if i == nil {
		return Slot{}, false
	}
	n := slices.IndexFunc(i.Slots, func(s Slot) bool { return s.ID == id })
	if n < 0 {
		return Slot{}, false
	}
	return i.Slots[n], true
}

// Patch redirects the function at orig to target, with the pending allocation
// as the slot's own memory. The slot must be free. It is never sent twice unless
// the loader shows that it was not carried out and that the allocation still is
// what it was; an error with [ErrAllocationLost] in its tree means that it is gone
// and nothing was patched. The comparator is read back; one that does not stand for
// orig is cleared again.
func (c *Client) Patch(ctx context.Context, m Mode, slot int, orig, target uint32) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer c.end()
	if err := c.checkPatch(m, slot, orig, target); err != nil {
		return err
	}
	what := fmt.Sprintf("patching 0x%08x in slot %d", orig, slot)
	before := c.last
	for n := range tries {
		quoted := !c.shell && !c.plain
		_, err := c.attempt(ctx, what, patchRequest(m, uint32(slot), orig, target, quoted), n)
		var d *damage
		switch {
		case err == nil:
			c.expect(slot, func(s *Slot) { *s = Slot{ID: slot, Orig: orig, Target: target, On: true} })
		case !errors.As(err, &d):
			if problem.Has(err, problem.ModeUnavailable) {
				c.lacks[m] = true
			}
			return err
		}
		if d != nil && d.text == "Unknown: "+quoteTail(patchCommands[m].name) {
			c.plain = true // this loader takes quotes for characters
		}
		info, ierr := c.info(ctx)
		if ierr != nil {
			return ierr
		}
		s, ok := info.slot(slot)
		switch {
		case ok && !s.Free && s.Orig == orig && s.Target == target:
			c.pending, c.uploaded = 0, nil // the slot has taken it
			return c.checkComparator(ctx, info, m, s)
		case err == nil || ok && !s.Free:
			return problem.New(problem.VerifyFailed, "revert all patches and inject again, or power-cycle the board",
				"%s: the loader lists slot %d with 0x%08x -> 0x%08x", what, slot, s.Orig, s.Target)
		}
		// It was not carried out. If that is because the board was reset, target
		// is nobody's memory now, and must not be armed.
		if err := lostSlots(before, info, slot, what); err != nil {
			return err
		}
		if err := c.renew(ctx); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return garbled(what, &damage{})
}

// lostSlots is the problem of a board whose slots other than slot are empty that
// were not before.
func lostSlots(before *Info, now Info, slot int, what string) error {
	for _, s := range now.Slots {
		if was, known := before.slot(s.ID); s.ID != slot && s.Free && known && !was.Free {
			return problem.New(problem.VerifyFailed, "inject again what was lost",
				"%s: slot %d is empty, so the board was reset meanwhile", what, s.ID)
		}
	}
	return nil
}

// Lacks reports whether the loader has said that it was built without the mode. It
// must not be called while another request runs.
func (c *Client) Lacks(m Mode) bool { return c.lacks[m] }

// checkPatch refuses what the loader would accept although it cannot work.
func (c *Client) checkPatch(m Mode, slot int, orig, target uint32) error {
	what := fmt.Sprintf("patching 0x%08x", orig)
	if _, ok := patchCommands[m]; !ok {
		return problem.New(problem.Usage, "modes are trampoline, direct and debugmon", "%s: unknown mode %q", what, m)
	}
	if target&1 == 0 {
		return problem.New(problem.Internal, "", "%s: the target 0x%08x lacks the Thumb bit", what, target)
	}
	if m == Direct {
		// B.W, encoding T4: a signed 25-bit offset (DDI 0403E A7.7.12).
		if d := int64(target&^1) - int64(orig&^1) - 4; d < -1<<24 || d >= 1<<24 {
			return problem.New(problem.OutOfReach, "use --mode trampoline",
				"%s: a branch does not reach 0x%08x", what, target)
		}
	}
	if err := c.checkSlot(slot); err != nil {
		return err
	}
	if s, ok := c.last.slot(slot); ok && !s.Free {
		return problem.New(problem.Internal, "", "%s: slot %d still holds a patch of 0x%08x", what, slot, s.Orig)
	}
	return nil
}

// checkSlot refuses a slot that the loader does not have.
func (c *Client) checkSlot(slot int) error {
	if slot < 0 || c.last != nil && slot >= max(len(c.last.Slots), c.last.FPB.Code) {
		return problem.New(problem.Usage, "", "the board has no slot %d", slot)
	}
	return nil
}

// checkComparator makes sure that a comparator stands for the patched function.
func (c *Client) checkComparator(ctx context.Context, info Info, m Mode, s Slot) error {
	comparators := []Slot{s}
	if m == DebugMonitor {
		comparators = info.Slots // an OS picks one itself
	}
	if slices.ContainsFunc(comparators, func(o Slot) bool { return encodes(info.FPB.Version, m, o.Comp, s.Orig) }) {
		return nil
	}
	code, hint := problem.VerifyFailed, "power-cycle the board and try again"
	if info.FPB.Version >= 2 {
		code, hint = problem.ModeUnavailable, "this loader does not know version 2 of the Flash Patch unit: update it"
	}
	failed := problem.New(code, hint, "the loader answered OK, but comparator %d holds 0x%08x, which does not stand for 0x%08x",
		s.ID, s.Comp, s.Orig)
	return errors.Join(failed, c.unpatch(ctx, s.ID))
}

// encodes reports whether the comparator redirects the instruction at addr.
// DDI 0403E C1.11.5 for version 1, DDI 0553 FP_COMPn for version 2.
func encodes(version int, m Mode, comp, addr uint32) bool {
	if comp&1 == 0 {
		return false
	}
	if version >= 2 {
		return comp&^1 == addr&^1
	}
	if (comp^addr)&compAddress != 0 || addr >= 0x2000_0000 {
		return false
	}
	const lower, upper, both = 1, 2, 3
	replace := comp >> 30
	switch {
	case m != DebugMonitor:
		return replace == 0
	case addr&2 == 0:
		return replace == lower || replace == both
	}
	// Both halfwords would stop the function before as well.
	return replace == upper
}

// Unpatch clears the slot and frees its memory.
func (c *Client) Unpatch(ctx context.Context, slot int) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer c.end()
	if err := c.checkSlot(slot); err != nil {
		return err
	}
	return c.unpatch(ctx, slot)
}

func (c *Client) unpatch(ctx context.Context, slot int) error {
	what := fmt.Sprintf("clearing slot %d", slot)
	before := c.last
	if _, err := c.do(ctx, what, unpatchRequest(uint32(slot))); err != nil {
		return err
	}
	c.expect(slot, func(s *Slot) { *s = Slot{ID: slot, Free: true} })
	if c.noise == 0 && c.checksAll() {
		return nil
	}
	info, err := c.info(ctx)
	if err != nil {
		return err
	}
	for _, s := range info.Slots {
		was, known := before.slot(s.ID)
		switch {
		case s.ID == slot && !s.Free:
			return problem.New(problem.VerifyFailed, "try again, or power-cycle the board", "%s: it still holds a patch of 0x%08x", what, s.Orig)
		case s.ID != slot && s.Free && known && !was.Free:
			return problem.New(problem.BoardGarbled, "inject that function again, and check the cable",
				"%s: damage on the line has cleared slot %d, too", what, s.ID)
		}
	}
	return nil
}

// checksAll reports whether the loader checks every request's checksum: 1.6
// does.
func (c *Client) checksAll() bool {
	return c.last != nil && c.last.Version != "" && !strings.HasPrefix(c.last.Version, "v1.5") && !strings.HasPrefix(c.last.Version, "v1.4")
}

// UnpatchAll clears every slot and frees their memory.
func (c *Client) UnpatchAll(ctx context.Context) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer c.end()
	if _, err := c.do(ctx, "clearing all slots", unpatchAllRequest()); err != nil {
		return err
	}
	if c.last != nil {
		for _, s := range c.last.Slots {
			c.expect(s.ID, func(s *Slot) { *s = Slot{ID: s.ID, Free: true} })
		}
	}
	info, err := c.info(ctx)
	if err != nil {
		return err
	}
	for _, s := range info.Slots {
		if !s.Free {
			return problem.New(problem.VerifyFailed, "try again, or power-cycle the board", "slot %d still holds a patch of 0x%08x", s.ID, s.Orig)
		}
	}
	return nil
}

// Enable switches the slot's comparator on or off, and looks whether it is.
func (c *Client) Enable(ctx context.Context, slot int, on bool) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer c.end()
	if err := c.checkSlot(slot); err != nil {
		return err
	}
	what := fmt.Sprintf("switching slot %d", slot)
	if _, err := c.do(ctx, what, enableRequest(uint32(slot), on)); err != nil {
		return err
	}
	c.expect(slot, func(s *Slot) { s.On = on })
	info, err := c.info(ctx)
	if err != nil {
		return err
	}
	switch s, ok := info.slot(slot); {
	case !ok || s.Free:
		return problem.New(problem.NotInjected, "", "%s: it holds no patch", what)
	case s.On != on:
		return problem.New(problem.VerifyFailed, "revert the patch instead", "%s: the loader answered OK, but the comparator did not change", what)
	}
	return nil
}
