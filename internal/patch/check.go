package patch

import (
	"bytes"
	"context"
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
