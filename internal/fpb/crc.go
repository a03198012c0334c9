package fpb

import "encoding/binary"

// crc is the protocol's checksum, CRC-16/CCITT-FALSE. The zero value is not
// useful: begin with newCRC.
type crc uint16

func newCRC() crc { return 0xFFFF }

var crcTable = func() (t [256]uint16) {
	for i := range t {
		v := uint16(i) << 8
		for range 8 {
			carry := v & 0x8000
			v <<= 1
			if carry != 0 {
				v ^= 0x1021
			}
		}
		t[i] = v
	}
	return t
}()

func (c crc) bytes(p []byte) crc {
	for _, b := range p {
		c = c<<8 ^ crc(crcTable[byte(c>>8)^b])
	}
	return c
}

// ints adds numbers as the protocol feeds them: 32 bits, little-endian.
func (c crc) ints(values ...uint32) crc {
	for _, v := range values {
		var p [4]byte
		binary.LittleEndian.PutUint32(p[:], v)
		c = c.bytes(p[:])
	}
	return c
}
