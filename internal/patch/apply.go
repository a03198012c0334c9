package patch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/linker"
	"github.com/fpbls/fpbls/internal/problem"
)

// Board is what a patch is applied to: the connection, for as long as the
// caller has the turn, and what is known of the board.
type Board struct {
	Client *fpb.Client
	Info   fpb.Info // as of the start of the turn
	Ledger *Ledger  // kept true by the operations of this package, also when they fail

	// Save, if set, is called with the ledger before the first comparator of an
	// operation changes, as it will be afterwards, so that a later process
	// understands what it finds if this one is killed in between.
	Save func(*Ledger)

	// Identified remembers the functions that were compared with the board in
	// this connection.
	Identified map[uint32]bool
}

const (
	// uploadTries bounds how often a block is allocated and sent anew, after a
	// damaged line made the loader free it or what was read back differs.
	uploadTries = 5
	// activateTimeout bounds the part that cannot be cancelled.
	activateTimeout = 20 * time.Second
)

// Apply links the injection, moves it to the board and arms it. mode is "auto"
// or one of fpb's modes. Functions that are patched already get the new code.
// On an error, or when ctx is cancelled before the first comparator changes,
// the board runs what it ran before.
func (in *Injection) Apply(ctx context.Context, b *Board, mode string, emit func(Event)) (r Result, err error) {
	r = Result{Notes: slices.Clone(in.notes), Diagnostics: in.diagnostics}
	r.MS.Compile = in.compile
	sent, received := b.Client.Traffic()
	defer func() {
		s, rcv := b.Client.Traffic()
		r.Bytes = Traffic{Sent: s - sent, Received: rcv - received}
		r.MS.Total = time.Since(in.started).Milliseconds()
	}()

	if len(in.targets) == 0 {
		r.Reverted, err = in.takeBack(ctx, b)
		return r, err
	}
	m, err := chooseMode(mode, b.Info)
	if err != nil {
		return r, err
	}
	entries, err := in.checkTargets(ctx, b, m)
	if err != nil {
		return r, err
	}
	plan, err := b.Ledger.plan(b.Info, in.targets)
	if problem.Has(err, problem.NoFreeSlot) && len(in.stale(b.Ledger)) > 0 {
		// What is to go anyway makes room.
		if r.Reverted, err = in.takeBack(ctx, b); err != nil {
			return r, err
		}
		plan, err = b.Ledger.plan(b.Info, in.targets)
	}
	if err != nil {
		return r, err
	}

	watch := startWatch()
	emit(Event{Stage: StageLink, Function: in.targets[0].Name})
	if err := b.checkBlocks(ctx); err != nil {
		return r, err
	}
	prepared, err := in.prepare(b.Ledger.live())
	if err != nil {
		return r, err
	}
	r.addNotes(prepared)
	watch.lap(&r.MS.Link)

	// Where the loader loses the block before it is armed, as in a reset, nothing
	// has changed and all of it is done again.
	before := slices.Clone(b.Ledger.Slots)
	for range uploadTries {
		var content *loaded
		content, err = in.transfer(ctx, b, prepared, entries, m, emit, &r.MS)
		if err != nil {
			return r, err
		}
		if err := ctx.Err(); err != nil {
			return r, err // the pending allocation is freed by the next one
		}
		watch = startWatch()
		emit(Event{Stage: StageActivate, Function: in.targets[0].Name})
		actx, cancel := context.WithTimeout(context.WithoutCancel(ctx), activateTimeout)
		r.Patches, err = in.activate(actx, b, plan, prepared, content, m)
		if err == nil {
			var more []Record
			more, err = in.takeBack(actx, b)
			r.Reverted = append(r.Reverted, more...)
		}
		cancel()
		watch.lap(&r.MS.Activate)
		if !errors.Is(err, fpb.ErrAllocationLost) || !slices.Equal(before, b.Ledger.Slots) {
			break
		}
	}
	return r, err
}

// chooseMode settles how the entry is redirected and refuses what the unit
// cannot do.
func chooseMode(mode string, info fpb.Info) (fpb.Mode, error) {
	if !info.FPB.Present || !info.FPB.Enabled {
		reason := info.FPB.Reason
		if reason == "" {
			reason = "the loader reports no enabled unit"
		}
		return "", problem.New(problem.NoFPB, "the loader must be built for a core with an FPB, and without FL_NO_FPB",
			"the board cannot patch functions: %s", reason)
	}
	switch m := fpb.Mode(mode); m {
	case "", "auto":
		if info.FPB.Version >= 2 {
			return fpb.DebugMonitor, nil
		}
		return fpb.Trampoline, nil
	case fpb.Trampoline, fpb.Direct:
		if info.FPB.Version >= 2 {
			return "", problem.New(problem.ModeUnavailable, "use --mode debugmon",
				"mode %s needs an FPB that can remap; this board has version %d", mode, info.FPB.Version)
		}
		return m, nil
	case fpb.DebugMonitor:
		return m, nil
	}
	return "", problem.New(problem.Usage, "modes are auto, trampoline, direct and debugmon", "unknown mode %q", mode)
}

// checkTargets tells where each function is caught, and refuses what is unsafe
// on this board.
func (in *Injection) checkTargets(ctx context.Context, b *Board, m fpb.Mode) ([]entry, error) {
	if m == fpb.DebugMonitor {
		if err := checkMonitor(ctx, b); err != nil {
			return nil, err
		}
	}
	var entries []entry
	for _, t := range in.targets {
		e, err := checkTarget(in.image, t, b.Info.FPB.Version)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
		if b.Identified[t.Addr] {
			continue
		}
		if err := checkIdentity(ctx, b.Client, in.image, t); err != nil {
			return nil, err
		}
		if b.Identified != nil {
			b.Identified[t.Addr] = true
		}
	}
	return entries, nil
}

// loaded is a block as it is on the board: the entry stubs, padded, and what
// the linker made.
type loaded struct {
	base    uint32
	data    []byte
	code    uint32 // length of the prefix that never changes
	linked  *linker.Linked
	entries []entry
	targets []uint32 // where the comparators send calls, by function
}

// link links the patch for the base and puts the stubs in front.
func link(p *linker.Patch, entries []entry, base uint32) (*loaded, error) {
	front := stubsSize(p, entries)
	linked, err := p.Link(base + front)
	if err != nil {
		return nil, err
	}
	l := &loaded{base: base, code: front + linked.CodeSize, linked: linked, entries: entries}
	for i, e := range entries {
		target := linked.Functions[i].Addr
		if e.stubSize() > 0 {
			addr := base + uint32(len(l.data))
			code, err := e.stub(addr, target)
			if err != nil {
				return nil, err
			}
			l.data = append(l.data, code...)
			target = addr
		}
		l.targets = append(l.targets, target)
	}
	l.data = append(l.data, make([]byte, int(front)-len(l.data))...)
	l.data = append(l.data, linked.Data...)
	return l, nil
}

// stubsSize is what the stubs take in front of the patch.
func stubsSize(p *linker.Patch, entries []entry) uint32 {
	n := uint32(0)
	for _, e := range entries {
		n += e.stubSize()
	}
	align := max(p.Align, 8)
	return (n + align - 1) &^ (align - 1)
}

// checkBlocks compares the code of blocks that earlier processes left with the
// board, once: the linker is about to bind to what they define.
func (b *Board) checkBlocks(ctx context.Context) error {
	for i := range b.Ledger.Blocks {
		block := &b.Ledger.Blocks[i]
		if block.checked || len(block.Defines) == 0 {
			continue
		}
		code, err := b.Client.ReadMemory(ctx, uint32(block.Base), int(block.Code), nil)
		if err != nil {
			return fmt.Errorf("looking at the patch at %s: %w", block.Base, err)
		}
		if checksum(code) != block.Sum {
			block.Defines = nil // not what we left there: bind to nothing of it
		}
		block.checked = true
	}
	return nil
}

// transfer allocates, links for the address, uploads and reads back until the
// board holds the block, which is then pending. Nothing it does is visible to
// the firmware.
func (in *Injection) transfer(ctx context.Context, b *Board, p *linker.Patch, entries []entry, m fpb.Mode, emit func(Event), ms *Timing) (*loaded, error) {
	first := in.targets[0].Name
	align := max(p.Align, 8)
	size := stubsSize(p, entries) + p.Size
	var lastErr error
	for range uploadTries {
		watch := startWatch()
		emit(Event{Stage: StageAllocate, Function: first})
		// The address can be odd: ask for the room to align it ourselves.
		raw, err := b.Client.Alloc(ctx, int(size+align))
		if problem.Has(err, problem.PatchTooLarge) {
			return nil, in.tooLarge(err, size, b.Ledger)
		}
		if err != nil {
			return nil, err
		}
		base := (raw + align - 1) &^ (align - 1)
		block, err := link(p, entries, base)
		if err != nil {
			return nil, err
		}
		if m == fpb.Direct {
			for i, t := range in.targets {
				if !reachable(entries[i].at, block.targets[i]) {
					return nil, problem.New(problem.OutOfReach, "use --mode trampoline",
						"a branch from %s at %s does not reach the patch at %s", t.Display, Address(entries[i].at), Address(block.targets[i]))
				}
			}
		}
		watch.lap(&ms.Link)

		total := len(block.data)
		emit(Event{Stage: StageUpload, Function: first, Total: total})
		err = b.Client.Upload(ctx, raw, base-raw, block.data, func(done int) {
			emit(Event{Stage: StageUpload, Function: first, Done: done, Total: total})
		})
		watch.lap(&ms.Upload)
		if errors.Is(err, fpb.ErrAllocationLost) {
			lastErr = err
			continue
		}
		if err != nil {
			return nil, err
		}

		emit(Event{Stage: StageVerify, Function: first, Total: total})
		got, err := b.Client.ReadMemory(ctx, base, total, func(done int) {
			emit(Event{Stage: StageVerify, Function: first, Done: done, Total: total})
		})
		watch.lap(&ms.Verify)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(got, block.data) {
			return block, nil
		}
		lastErr = fmt.Errorf("the block read back from %s differs", Address(base))
	}
	return nil, problem.New(problem.VerifyFailed, "check the wiring and the baud rate; nothing was switched",
		"the patch for %s did not arrive intact in %d tries: %w", first, uploadTries, lastErr)
}

func (in *Injection) tooLarge(err error, size uint32, l *Ledger) error {
	hint := "make the function smaller, or the loader's pool larger"
	if len(l.Slots) > 0 {
		hint = "revert a patch first (" + l.summary() + "), or make the loader's pool larger"
	}
	return problem.New(problem.PatchTooLarge, hint, "the patch for %s needs %d bytes in one piece, the loader has no such block: %w",
		in.targets[0].Display, size, err)
}

// summary lists the slots for a message.
func (l *Ledger) summary() string {
	var parts []string
	for _, r := range l.Records() {
		part := fmt.Sprintf("slot %d %s", r.Slot, r.Name())
		if r.State == Held {
			part += " (held)"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// A step arms one function.
type step struct {
	target *firmware.Symbol
	old    *Slot // what the function runs now, or nil
	slot   int
}

// plan gives each function a slot. A function that is patched already gets
// another slot where one is free: the old patch is then switched off, not lost,
// until the new one runs.
func (l *Ledger) plan(info fpb.Info, targets []*firmware.Symbol) ([]step, error) {
	free := l.free(info)
	var steps []step
	for _, t := range targets {
		s := step{target: t, slot: -1}
		if old := l.slotOf(Address(t.Addr)); old != nil {
			s.old = new(*old)
		}
		steps = append(steps, s)
	}
	// New functions come first: they have no slot of their own to fall back on.
	for i := range steps {
		if steps[i].old == nil && len(free) > 0 {
			steps[i].slot, free = free[0], free[1:]
		}
	}
	for i := range steps {
		s := &steps[i]
		switch {
		case s.slot >= 0:
		case s.old != nil && len(free) > 0:
			s.slot, free = free[0], free[1:]
		case s.old != nil && l.canFree(s.old.ID):
			s.slot = s.old.ID
		default:
			return nil, problem.New(problem.NoFreeSlot, l.wayToSlot(),
				"no free slot for %s, all %d are taken: %s", s.target.Display, len(info.Slots), l.summary())
		}
	}
	return steps, nil
}

// canFree reports whether nothing else needs the block that the slot owns.
func (l *Ledger) canFree(slot int) bool {
	b := l.owned(slot)
	return b == nil || !l.inUse(b) && !b.escaped()
}

// wayToSlot says how to get a slot when all are taken.
func (l *Ledger) wayToSlot() string {
	if slices.ContainsFunc(l.Slots, func(s Slot) bool { return s.State != Held && l.canFree(s.ID) }) {
		return "revert one of them first"
	}
	return "reset the board: the firmware may hold pointers into what was injected, so none of it can be freed"
}

// activate arms the functions in order. If one fails, those before it are taken
// back in reverse order and what ran before runs again.
func (in *Injection) activate(ctx context.Context, b *Board, plan []step, p *linker.Patch, content *loaded, m fpb.Mode) ([]Record, error) {
	block := content.block(plan[0].slot, p)
	slots := make([]Slot, len(plan))
	for i, s := range plan {
		f := content.linked.Functions[i]
		slots[i] = Slot{
			ID: s.slot, Function: f.Target.Name, Unit: in.unit, Mode: m, State: Live,
			Original: Address(f.Target.Addr), At: Address(content.entries[i].at),
			Address: Address(content.targets[i]), Size: f.Size, Block: block.ID,
		}
	}
	b.save(func(l *Ledger) {
		for i, s := range plan {
			if s.old != nil && s.old.ID == s.slot {
				l.remove(s.slot)
			}
			l.put(slots[i])
		}
		l.Blocks = append(l.Blocks, block)
	})

	for i, s := range plan {
		if err := b.arm(ctx, s, slots[i], i == 0, block); err != nil {
			return nil, b.rollBack(ctx, plan[:i+1], err)
		}
	}
	var records []Record
	for i, s := range plan {
		if s.old != nil && s.old.ID != s.slot {
			b.Ledger.Slots[b.Ledger.slotIndex(s.old.ID)].State = Held
		}
		records = append(records, slots[i].Record())
	}
	// The old code is not needed any more. Failing to free it loses nothing:
	// it is off, and the next operation tries again.
	err := b.release(ctx)
	b.save(nil)
	return records, err
}

// arm switches one function over. The order follows the loader's traps: the
// comparator goes off before anything it points to changes, and a slot is
// emptied before it is patched, or its memory would leak.
func (b *Board) arm(ctx context.Context, s step, slot Slot, owner bool, block Block) error {
	if s.old != nil && s.old.State == Live {
		if err := b.Client.Enable(ctx, s.old.ID, false); err != nil {
			return err
		}
	}
	if s.old != nil && s.old.ID == s.slot {
		if err := b.Client.Unpatch(ctx, s.slot); err != nil {
			return err
		}
		b.Ledger.remove(s.slot)
	}
	if err := b.Client.Patch(ctx, slot.Mode, s.slot, uint32(slot.At), uint32(slot.Address)|1); err != nil {
		return err
	}
	b.Ledger.put(slot)
	if owner {
		b.Ledger.Blocks = append(b.Ledger.Blocks, block)
	}
	return nil
}

// rollBack undoes the steps in reverse order and returns why.
func (b *Board) rollBack(ctx context.Context, steps []step, cause error) error {
	var failed []error
	attempt := func(err error) {
		if err != nil {
			failed = append(failed, err)
		}
	}
	for _, s := range slices.Backward(steps) {
		// Whether the new patch got armed may be unknown: off and empty is
		// right for both. The old one is still there unless its slot was
		// needed for the new one.
		kept := s.old != nil && b.Ledger.holds(*s.old)
		if s.old == nil || !kept || s.slot != s.old.ID {
			attempt(b.takeBack(ctx, s.slot))
		}
		switch {
		case s.old == nil:
		case !kept:
			attempt(fmt.Errorf("%s runs the image's code now: its slot had to be reused", s.target.Display))
		case s.old.State == Live:
			attempt(b.Client.Enable(ctx, s.old.ID, true))
		}
	}
	if len(failed) > 0 {
		// The board may run what was to be armed: the ledger that was saved knows it.
		return fmt.Errorf("%w; taking it back was incomplete: %w", cause, errors.Join(failed...))
	}
	b.save(nil)
	return cause
}

// disarm switches a slot off and frees it.
func (b *Board) disarm(ctx context.Context, slot int) error {
	// Off first: unpatch clears the trampoline's target before the comparator,
	// and a call in between would return without having run anything.
	err := b.Client.Enable(ctx, slot, false)
	if err != nil && !problem.Has(err, problem.BoardRefused) && !problem.Has(err, problem.NotInjected) {
		return err // an empty slot is what is wanted
	}
	if err := b.Client.Unpatch(ctx, slot); err != nil {
		return err
	}
	b.Ledger.remove(slot)
	return nil
}

// release frees the slots that are held and no longer needed.
func (b *Board) release(ctx context.Context) error {
	for {
		i := slices.IndexFunc(b.Ledger.Slots, func(s Slot) bool {
			return s.State == Held && b.Ledger.canFree(s.ID)
		})
		if i < 0 {
			return nil
		}
		id := b.Ledger.Slots[i].ID
		if err := b.Client.Unpatch(ctx, id); err != nil {
			return fmt.Errorf("freeing slot %d: %w", id, err)
		}
		b.Ledger.remove(id)
	}
}

// save hands the ledger to the keeper, changed as the operation will change it.
func (b *Board) save(change func(*Ledger)) {
	if b.Save == nil {
		return
	}
	l := b.Ledger.Clone()
	if change != nil {
		change(l)
	}
	b.Save(l)
}
