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

	// Save, if set, is called before the first comparator of an operation changes,
	// with the ledger as it will be and as it is, so that a later process can end the
	// operation if this one is killed in between (see [Board.Finish]); and afterwards
	// with the ledger alone.
	Save func(now, before *Ledger)

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
	r = Result{Notes: slices.Clone(in.notes), Diagnostics: in.diagnostics, Named: in.named}
	r.MS.Compile = in.compile
	sent, received := b.Client.Traffic()
	defer func() {
		s, rcv := b.Client.Traffic()
		r.Bytes = Traffic{Sent: s - sent, Received: rcv - received}
		r.MS.Total = time.Since(in.started).Milliseconds()
	}()

	watch := startWatch()
	targets, err := in.outdated(ctx, b)
	if err != nil {
		return r, err
	}
	if len(targets) == 0 {
		r.Reverted, err = in.takeBack(ctx, b)
		return r, err
	}
	m, err := chooseMode(mode, b)
	if err != nil {
		return r, err
	}
	err = in.arm(ctx, b, m, targets, &r, watch, emit)
	if err != nil && chooses(mode) && m == fpb.Trampoline && b.Client.Lacks(m) {
		// The loader was built without them, which only trying has told. Nothing has
		// changed on the board.
		in.note("this loader has no trampolines: functions are caught by breakpoints")
		r.Notes = slices.Clone(in.notes)
		err = in.arm(ctx, b, fpb.DebugMonitor, targets, &r, watch, emit)
	}
	return r, err
}

// arm puts the targets on the board in one mode.
func (in *Injection) arm(ctx context.Context, b *Board, m fpb.Mode, targets []*target, r *Result, watch *stopwatch, emit func(Event)) (err error) {
	emit(Event{Stage: StageLink, Function: targets[0].Name})
	plans := b.Ledger.plan
	if m == fpb.DebugMonitor && b.Client.SystemChooses() {
		plans = b.Ledger.planInOrder
	}
	wanted := targets
	targets, plan, err := in.fit(b, wanted, plans)
	if problem.Has(err, problem.NoFreeSlot) && len(in.stale(b.Ledger)) > 0 {
		// What is to go anyway makes room.
		if r.Reverted, err = in.takeBack(ctx, b); err != nil {
			return err
		}
		targets, plan, err = in.fit(b, wanted, plans)
	}
	if err != nil {
		return err
	}
	if err := checkTargets(ctx, b, in.image, plan, m); err != nil {
		return err
	}
	prepared, err := prepare(in.image, targets, b.Ledger.live())
	if err != nil {
		return err
	}
	r.addNotes(prepared.Patch)
	watch.lap(&r.MS.Link)

	// Where the loader loses the block before it is armed, as in a reset, nothing
	// has changed and all of it is done again.
	before := slices.Clone(b.Ledger.Slots)
	for range uploadTries {
		var content *loaded
		content, err = transfer(ctx, b, prepared, plan, m, emit, &r.MS)
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err // the pending allocation is freed by the next one
		}
		watch = startWatch()
		emit(Event{Stage: StageActivate, Function: targets[0].Name})
		actx, cancel := context.WithTimeout(context.WithoutCancel(ctx), activateTimeout)
		r.Patches, err = activate(actx, b, plan, prepared, content, m)
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
	return err
}

// chooses reports whether the mode is left to the tool.
func chooses(mode string) bool { return mode == "" || mode == "auto" }

// chooseMode settles how the entry is redirected and refuses what the unit
// cannot do.
func chooseMode(mode string, b *Board) (fpb.Mode, error) {
	info := b.Info
	if !info.FPB.Present || !info.FPB.Enabled {
		reason := info.FPB.Reason
		if reason == "" {
			reason = "the loader reports no enabled unit"
		}
		return "", problem.New(problem.NoFPB, "the loader must be built for a core with an FPB, and without FL_NO_FPB",
			"the board cannot patch functions: %s", reason)
	}
	if chooses(mode) {
		if info.FPB.Version >= 2 || b.Client.Lacks(fpb.Trampoline) {
			return fpb.DebugMonitor, nil
		}
		return fpb.Trampoline, nil
	}
	switch m := fpb.Mode(mode); m {
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

// outdated lists the targets whose groups are to be put on the board. By comparison
// that is what does not live there as it would be injected; what the user has named
// is always put there anew.
func (in *Injection) outdated(ctx context.Context, b *Board) ([]*target, error) {
	if len(in.targets) == 0 {
		return nil, nil
	}
	if err := b.checkBlocks(ctx); err != nil {
		return nil, err
	}
	if !in.changed {
		return in.targets, nil
	}
	p, err := prepare(in.image, in.targets, b.Ledger.live())
	if err != nil {
		return nil, err
	}
	old := make(map[int]bool) // by group
	for _, t := range in.targets {
		group, digest := "", ""
		if s := b.Ledger.slotOf(Address(t.Addr)); s != nil && b.Ledger.block(s.Block) != nil {
			group, digest = s.Group, s.Digest
		} else if f := b.Ledger.inner(Address(t.Addr)); f != nil {
			group, digest = f.Group, f.Digest
		}
		if digest != p.digest(t) || b.Ledger.groupSize(group) != in.groupSize(t.group) {
			old[t.group] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(in.targets), func(t *target) bool { return !old[t.group] }), nil
}

func (in *Injection) groupSize(group int) int {
	n := 0
	for _, t := range in.targets {
		if t.group == group {
			n++
		}
	}
	return n
}

// checkTargets finds out where each function is caught, and refuses what is unsafe
// on this board.
func checkTargets(ctx context.Context, b *Board, image *firmware.Image, plan []step, m fpb.Mode) error {
	monitor := monitor{board: b, known: make(map[uint32]uint32)}
	if m == fpb.DebugMonitor {
		if err := monitor.check(ctx); err != nil {
			return err
		}
	}
	for i := range plan {
		s := &plan[i]
		var err error
		if m == fpb.DebugMonitor {
			if err := monitor.reaches(ctx, image, s.target.Symbol); err != nil {
				return err
			}
		}
		if s.entry, err = checkTarget(image, s.target.Symbol, b.Info.FPB.Version); err != nil {
			return err
		}
		s.entry.keep = s.target.keep
		if b.Identified[s.target.Addr] {
			continue
		}
		if err := checkIdentity(ctx, b.Client, image, s.target.Symbol); err != nil {
			return err
		}
		if b.Identified != nil {
			b.Identified[s.target.Addr] = true
		}
	}
	return nil
}

// loaded is a block as it is on the board: the entry stubs, padded, and what
// the linker made.
type loaded struct {
	base    uint32
	data    []byte
	code    uint32 // length of the prefix that never changes
	linked  *linker.Linked
	targets []uint32 // where the comparators send calls, step by step
}

// link links the patch for the base and puts the stubs in front.
func link(p *prepared, plan []step, base uint32) (*loaded, error) {
	front := stubsSize(p.Patch, plan)
	linked, err := p.Link(base + front)
	if err != nil {
		return nil, err
	}
	l := &loaded{base: base, code: front + linked.CodeSize, linked: linked}
	for _, s := range plan {
		target := linked.Functions[p.index[s.target]].Addr
		if e := s.entry; e.stubSize() > 0 {
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
func stubsSize(p *linker.Patch, plan []step) uint32 {
	n := uint32(0)
	for _, s := range plan {
		n += s.entry.stubSize()
	}
	align := max(p.Align, 8)
	return (n + align - 1) &^ (align - 1)
}

// checkBlocks compares the code of blocks that earlier processes left with the
// board, once: the linker is about to bind to what they define.
func (b *Board) checkBlocks(ctx context.Context) error {
	for i := range b.Ledger.Blocks {
		block := &b.Ledger.Blocks[i]
		if block.checked {
			continue
		}
		code, err := b.Client.ReadMemory(ctx, uint32(block.Base), int(block.Code), nil)
		if err != nil {
			return fmt.Errorf("looking at the patch at %s: %w", block.Base, err)
		}
		if checksum(code) != block.Sum {
			block.Defines, block.foreign = nil, true // not what we left there: bind to nothing of it
		}
		block.checked = true
	}
	return nil
}

// transfer allocates, links for the address, uploads and reads back until the
// board holds the block, which is then pending. Nothing it does is visible to
// the firmware.
func transfer(ctx context.Context, b *Board, p *prepared, plan []step, m fpb.Mode, emit func(Event), ms *Timing) (*loaded, error) {
	first := plan[0].target.Name
	align := max(p.Align, 8)
	size := stubsSize(p.Patch, plan) + p.Size
	var lastErr error
	for range uploadTries {
		watch := startWatch()
		emit(Event{Stage: StageAllocate, Function: first})
		// The address can be odd: ask for the room to align it ourselves.
		raw, err := b.Client.Alloc(ctx, int(size+align))
		if problem.Has(err, problem.PatchTooLarge) {
			return nil, tooLarge(err, plan[0].target, size, b.Ledger)
		}
		if err != nil {
			return nil, err
		}
		base := (raw + align - 1) &^ (align - 1)
		block, err := link(p, plan, base)
		if err != nil {
			return nil, err
		}
		if m == fpb.Direct {
			for i, s := range plan {
				if !reachable(s.entry.at, block.targets[i]) {
					return nil, problem.New(problem.OutOfReach, "use --mode trampoline",
						"a branch from %s at %s does not reach the patch at %s", s.target.Display, Address(s.entry.at), Address(block.targets[i]))
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

func tooLarge(err error, t *target, size uint32, l *Ledger) error {
	hint := "make the function smaller, or the loader's pool larger"
	if len(l.Slots) > 0 {
		hint = "revert a patch first (" + l.summary() + "), or make the loader's pool larger"
	}
	return problem.New(problem.PatchTooLarge, hint, "the patch for %s needs %d bytes in one piece, the loader has no such block: %w",
		t.Display, size, err)
}

// summary lists the slots for a message.
func (l *Ledger) summary() string {
	var parts []string
	for _, r := range l.Records() {
		part := r.Place() + " " + r.Name()
		if r.State == Held {
			part += " (held)"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
