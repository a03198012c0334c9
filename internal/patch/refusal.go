package patch

import "github.com/fpbls/fpbls/internal/firmware"

// Refusal says why calls of the function cannot be redirected by an FPB of the
// version, as far as the image tells; nil if they can.
func Refusal(image *firmware.Image, f *firmware.Symbol, version int) error {
	_, err := checkTarget(image, f, version)
	return err
}
