package patch

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/problem"
)

// checkTarget refuses a function whose entry cannot be redirected safely, and
// tells where it can be caught. The loader checks none of this and answers OK.
func checkTarget(image *firmware.Image, f *firmware.Symbol, version int) (entry, error) {
	e, err := entryOf(image, f, version)
	if err != nil {
		return e, err
	}
	for _, from := range image.BranchesInto(f.Addr, e.at+word) {
		inside := from.Addr >= f.Addr && from.Addr-f.Addr < f.Size
		if from.To == f.Addr && (from.Call || !inside) {
			continue // calls, and tail calls from elsewhere, enter it as a patch expects
		}
		return e, problem.New(problem.BranchIntoEntry,
			"inject its callers instead",
			"%s at %s: the branch at %s goes back into the word that is replaced",
			f.Display, Address(f.Addr), Address(from.Addr))
	}
	if image.LoaderRuns(f) {
		return e, problem.New(problem.LoaderPath,
			"flash this change",
			"%s at %s is run by the loader itself: a patch would cut off its own way back",
			f.Display, Address(f.Addr))
	}
	return e, nil
}

// Registers that decide whether a breakpoint reaches the DebugMonitor handler
// (DDI 0403E C1.6.2, C1.6.5).
const (
	regDHCSR = 0xE000EDF0
	regDEMCR = 0xE000EDFC

	dhcsrDebugEnabled = 1 << 0
	demcrMonitor      = 1 << 16
)

// checkMonitor refuses breakpoint patches where they would end in HardFault, or
// would switch remap patches off: the loader's first one after a reset clears
// every comparator.
func checkMonitor(ctx context.Context, b *Board) error {
	read := func(addr uint32) (uint32, error) {
		p, err := b.Client.ReadMemory(ctx, addr, 4, nil)
		if err != nil {
			return 0, fmt.Errorf("reading the debug registers: %w", err)
		}
		return binary.LittleEndian.Uint32(p), nil
	}
	dhcsr, err := read(regDHCSR)
	if err != nil {
		return err
	}
	if dhcsr&dhcsrDebugEnabled != 0 {
		return problem.New(problem.ModeUnavailable, "detach the debugger and power-cycle the board, or use --mode trampoline",
			"a debugger is attached: it would take the breakpoints")
	}
	demcr, err := read(regDEMCR)
	if err != nil {
		return err
	}
	if demcr&demcrMonitor != 0 {
		return nil
	}
	for _, s := range b.Ledger.Slots {
		if s.State == Live && s.Mode != fpb.DebugMonitor {
			return problem.New(problem.ModeUnavailable, "revert them first, or use --mode trampoline",
				"the first breakpoint patch after a reset switches off what is injected: %s", b.Ledger.summary())
		}
	}
	return nil
}

// identityBytes bounds how much of a function is compared with the board before
// it is patched. It keeps the answer short: the board's main loop stands still
// while it is sent.
const identityBytes = 128

// checkIdentity compares the function's bytes on the board with the image's:
// the comparator would redirect whatever stands at that address. Data reads are
// not remapped, so this holds for a patched function as well.
func checkIdentity(ctx context.Context, client *fpb.Client, image *firmware.Image, f *firmware.Symbol) error {
	n := min(f.Size, identityBytes)
	want, ok := image.Bytes(f.Addr, n)
	if !ok {
		return problem.New(problem.OutOfReach, "", "%s at %s has no bytes in %s", f.Display, Address(f.Addr), filepath.Base(image.Path()))
	}
	got, err := client.ReadMemory(ctx, f.Addr, int(n), nil)
	if err != nil {
		return fmt.Errorf("comparing %s with the board: %w", f.Display, err)
	}
	if !bytes.Equal(got, want) {
		return problem.New(problem.WrongFirmware,
			"name the ELF that was flashed with --elf, or flash this one",
			"the board holds other code at %s than %s has for %s", Address(f.Addr), filepath.Base(image.Path()), f.Display)
	}
	return nil
}
