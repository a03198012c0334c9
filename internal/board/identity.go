package board

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/fpb"
)

// sampleSize is how many bytes of each place are compared with the board: few,
// because the firmware stands still while it answers.
const sampleSize = 32

// sameFirmware compares samples of the image's code with the board.
func sameFirmware(ctx context.Context, client *fpb.Client, image *firmware.Image) (bool, error) {
	for _, addr := range samples(image) {
		want, ok := image.Bytes(addr, sampleSize)
		if !ok {
			continue
		}
		got, err := client.ReadMemory(ctx, addr, sampleSize, nil)
		if err != nil {
			return false, err
		}
		if !bytes.Equal(got, want) {
			return false, nil
		}
	}
	return true, nil
}

// samples picks places of the image, by address: the build-id's note, some spread over
// the code, and the literals that point farthest into each of its regions. Whatever was
// inserted or removed in front of what they point to has changed them, a longer
// string or another variable too, while most of the code stays as it was.
func samples(image *firmware.Image) []uint32 {
	const spread = 4
	var addrs []uint32
	if at := image.BuildIDAt(); at != 0 {
		addrs = append(addrs, at)
	}
	type literal struct{ at, value uint32 }
	farthest := make(map[firmware.Region]literal) // by the region that it points into
	for _, r := range image.Regions() {
		if !r.Exec || !r.Loaded || r.Write || r.Size < sampleSize {
			continue
		}
		last := r.Addr + r.Size - sampleSize
		for i := range uint32(spread) {
			addrs = append(addrs, r.Addr+uint32(uint64(r.Size-sampleSize)*uint64(i)/(spread-1))&^3)
		}
		code, _ := image.Bytes(r.Addr, r.Size)
		for at := (r.Addr + 3) &^ 3; at <= last; at += 4 {
			if !image.IsData(at) {
				continue
			}
			v := binary.LittleEndian.Uint32(code[at-r.Addr:])
			for _, to := range image.Regions() {
				if v-to.Addr < to.Size && v > farthest[to].value {
					farthest[to] = literal{at, v}
				}
			}
		}
	}
	for _, l := range farthest {
		addrs = append(addrs, l.at)
	}
	slices.Sort(addrs)
	return slices.Compact(addrs)
}
