package fpb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fpbls/fpbls/internal/problem"
)

// Alloc asks for a block of code memory, which stays pending until a patch
// takes it. The one that was pending is freed. The address may be odd.
func (c *Client) Alloc(ctx context.Context, size int) (uint32, error) {
	if err := c.begin(ctx); err != nil {
		return 0, err
	}
	defer c.end()
	if size < 1 || size > 1<<30 {
		return 0, problem.New(problem.PatchTooLarge, "", "cannot allocate %d bytes", size)
	}
	what := fmt.Sprintf("allocating %d bytes", size)
	// A lost answer leaves a block pending that the next request frees.
	a, err := c.do(ctx, what, allocRequest(uint32(size)))
	if problem.Has(err, problem.PatchTooLarge) && !c.checksAll() {
		a, err = c.do(ctx, what, allocRequest(uint32(size))) // 1.5 does not check that it was asked for this size
	}
	if err != nil {
		return 0, err
	}
	c.pending, c.uploaded = size, nil
	addr, err := strconv.ParseUint(a.status[strings.LastIndex(a.status, "0x")+2:], 16, 32)
	if err != nil || addr == 0 {
		return 0, garbled(what, &damage{a.status})
	}
	return uint32(addr), nil
}

// Upload writes data to the pending allocation at base, offset bytes into it.
// The loader names the address it has written to, and so proves that base was read
// right. An error with [ErrAllocationLost] in its tree means that the allocation is
// gone.
func (c *Client) Upload(ctx context.Context, base, offset uint32, data []byte, progress func(done int)) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer c.end()
	if len(data) == 0 {
		return nil
	}
	if c.pending > 0 && uint64(offset)+uint64(len(data)) > uint64(c.pending) {
		return problem.New(problem.Internal, "", "%d bytes at offset %d do not fit into an allocation of %d", len(data), offset, c.pending)
	}
	if err := c.upload(ctx, base, offset, data, progress); err != nil {
		return err
	}
	c.uploaded = append(c.uploaded, upload{base, offset, slices.Clone(data)})
	return nil
}

// upload is what the pending allocation has been given.
type upload struct {
	base, offset uint32
	data         []byte
}

func (c *Client) upload(ctx context.Context, base, offset uint32, data []byte, progress func(done int)) error {
	first, err := c.uploadFirst(ctx, base, offset, data)
	if err != nil {
		return err
	}
	report(progress, first)
	return c.write(ctx, base+offset+uint32(first), data[first:], func(done int) { report(progress, first+done) })
}

// renew makes sure that the pending allocation is still there and holds what it
// was given: a loader that has lost it in a reset takes no more for it. Little is
// sent, because a damaged line would free it.
func (c *Client) renew(ctx context.Context) error {
	for _, u := range c.uploaded {
		if _, err := c.uploadFirst(ctx, u.base, u.offset, u.data[:min(4, len(u.data))]); err != nil {
			return err
		}
		got, err := c.readMemory(ctx, u.base+u.offset, len(u.data), nil)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, u.data) {
			return problem.New(problem.VerifyFailed, "inject it again", "what was uploaded to 0x%08x is not there any more", u.base+u.offset)
		}
	}
	return nil
}

// uploadFirst sends the first line of an upload, the only one that is relative
// to the allocation, and frees it if it arrives damaged.
func (c *Client) uploadFirst(ctx context.Context, base, offset uint32, data []byte) (sent int, err error) {
	what := fmt.Sprintf("uploading to 0x%08x", base+offset)
	lost := func(why error) error {
		c.pending = 0
		return problem.New(problem.BoardGarbled, "try again; if it stays, check the cable or lower the baud rate",
			"%s: %w: %v", what, ErrAllocationLost, why)
	}
	var d *damage
	elsewhere := 0
	for n := range tries {
		size := min(len(data), c.pace.up.size)
		_, err := c.attempt(ctx, what, uploadRequest(base, offset, data[:size]), n)
		var refused *refusal
		switch {
		case err == nil:
			c.pace.up.carried()
			return size, nil
		case errors.As(err, &refused) && refused.blame == unallocated:
			return 0, lost(refused)
		case !errors.As(err, &d):
			return 0, err
		}
		c.pace.up.shrink(size, 3)
		if strings.HasPrefix(d.text, "CRC mismatch") {
			return 0, lost(d)
		}
		if strings.HasPrefix(d.text, "[FLOK] Uploaded ") {
			if elsewhere++; elsewhere == 2 {
				return 0, lost(d) // base is not what the loader has allocated
			}
		}
	}
	return 0, garbled(what, d)
}

// WriteMemory writes data to addr.
func (c *Client) WriteMemory(ctx context.Context, addr uint32, data []byte) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer c.end()
	if err := checkRange("write", addr, len(data)); err != nil {
		return err
	}
	return c.write(ctx, addr, data, nil)
}

// checkRange refuses what the loader would refuse.
func checkRange(verb string, addr uint32, n int) error {
	if addr == 0 || n < 0 || uint64(addr)+uint64(n) > 1<<32 {
		return problem.New(problem.Usage, "the loader takes no addresses from 0 on, and none beyond 0xffffffff",
			"cannot %s %d bytes at 0x%08x", verb, n, addr)
	}
	return nil
}

// write writes data in lines as long as the line carries. Repeating one does no
// harm: it has an absolute address and frees nothing.
func (c *Client) write(ctx context.Context, addr uint32, data []byte, progress func(done int)) error {
	done, failures := 0, 0
	for done < len(data) {
		size := min(len(data)-done, c.pace.up.size)
		to := addr + uint32(done)
		what := fmt.Sprintf("writing %d bytes to 0x%08x", size, to)
		_, err := c.attempt(ctx, what, writeRequest(to, data[done:done+size]), failures)
		var d *damage
		switch {
		case err == nil:
			c.pace.up.carried()
			done += size
			failures = 0
			report(progress, done)
			continue
		case !errors.As(err, &d):
			return err
		}
		c.pace.up.shrink(size, 2)
		if failures++; failures == tries {
			return garbled(what, d)
		}
	}
	return nil
}

// ReadMemory reads n bytes at addr, in pieces that keep the board's main loop
// from its work for no longer than [Options.Stall] each, or than its own list of slots. Data reads are not
// remapped: the bytes of a patched function are the original ones.
func (c *Client) ReadMemory(ctx context.Context, addr uint32, n int, progress func(done int)) ([]byte, error) {
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	defer c.end()
	if err := checkRange("read", addr, n); err != nil {
		return nil, err
	}
	return c.readMemory(ctx, addr, n, progress)
}

func (c *Client) readMemory(ctx context.Context, addr uint32, n int, progress func(done int)) ([]byte, error) {
	data := make([]byte, 0, n)
	failures := 0
	for len(data) < n {
		size := min(n-len(data), c.pace.readSize(c.opts.Stall))
		from := addr + uint32(len(data))
		what := fmt.Sprintf("reading %d bytes at 0x%08x", size, from)
		a, err := c.attempt(ctx, what, readRequest(from, size), failures)
		var d *damage
		switch {
		case err == nil:
			c.pace.down.carried()
			data = append(data, a.data...)
			failures = 0
			report(progress, len(data))
			continue
		case !errors.As(err, &d):
			return nil, err
		}
		c.pace.down.shrink(size, 2)
		if failures++; failures == tries {
			return nil, garbled(what, d)
		}
	}
	return data, nil
}

func report(progress func(int), done int) {
	if progress != nil {
		progress(done)
	}
}
