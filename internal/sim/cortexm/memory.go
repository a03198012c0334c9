package cortexm

import (
	"encoding/binary"
)

// Perm says what a mapping allows.
type Perm uint8

// Permissions of mapped memory.
const (
	Read Perm = 1 << iota
	Write
	Exec
)

// Device is a peripheral behind an address range. Accesses are aligned to
// their size (1, 2 or 4).
type Device interface {
	Load(offset uint32, size int) uint32
	Store(offset uint32, size int, v uint32)
}

// region is one mapping: memory, which may be shared with other mappings, or
// a device.
type region struct {
	base, size uint32
	mem        []byte
	code       *codeCache // predecoded instructions of mem, shared by its mappings
	dev        Device
	perm       Perm
}

func (r *region) contains(addr uint32, n uint32) bool {
	off := addr - r.base
	return off < r.size && r.size-off >= n
}

// Map makes mem appear at base. The same slice may be mapped more than once.
// The host must not change mem behind the core's back; see WriteMemory.
func (c *Core) Map(base uint32, mem []byte, p Perm) {
	if len(mem) == 0 {
		return
	}
	r := &region{base: base, size: uint32(len(mem)), mem: mem, perm: p}
	for _, o := range c.regions {
		if o.mem != nil && &o.mem[0] == &mem[0] && len(o.mem) == len(mem) {
			r.code = o.code
		}
	}
	if r.code == nil {
		r.code = newCodeCache(len(mem))
	}
	c.regions = append(c.regions, r)
	c.refreshMaps()
}

// MapDevice makes d appear at base.
func (c *Core) MapDevice(base, size uint32, d Device) {
	c.regions = append(c.regions, &region{base: base, size: size, dev: d, perm: Read | Write})
}

// refreshMaps rebuilds the tables of the fast paths. Memory about which the MPU
// has to be asked is not in them: such an access takes the slow path.
func (c *Core) refreshMaps() {
	for i := range c.loads {
		c.loads[i], c.stores[i] = c.nowhere, c.nowhere
	}
	guarded := c.mpu.enabled()
	for _, r := range c.regions {
		if r.mem == nil {
			continue
		}
		read := r.perm&Read != 0 && (!guarded || c.mpuNeverRefuses(r, Read))
		write := r.perm&Write != 0 && (!guarded || c.mpuNeverRefuses(r, Write))
		for block := uint64(r.base >> 24); block<<24 < uint64(r.base)+uint64(r.size); block++ {
			if read && c.loads[block&0xFF] == c.nowhere {
				c.loads[block&0xFF] = r
			}
			if write && c.stores[block&0xFF] == c.nowhere {
				c.stores[block&0xFF] = r
			}
		}
	}
}

// find returns the mapping of the n bytes at addr.
func (c *Core) find(addr, n uint32) *region {
	for _, r := range c.regions {
		if r.contains(addr, n) {
			return r
		}
	}
	return nil
}

func (c *Core) load32(addr uint32) (uint32, bool) {
	r := c.loads[addr>>24]
	if off := addr - r.base; off < r.size && addr&3 == 0 && uint64(off)+4 <= uint64(len(r.mem)) {
		return binary.LittleEndian.Uint32(r.mem[off:]), true
	}
	return c.load(addr, 4)
}

func (c *Core) load16(addr uint32) (uint32, bool) {
	r := c.loads[addr>>24]
	if off := addr - r.base; off < r.size && addr&1 == 0 && uint64(off)+2 <= uint64(len(r.mem)) {
		return uint32(binary.LittleEndian.Uint16(r.mem[off:])), true
	}
	return c.load(addr, 2)
}

func (c *Core) load8(addr uint32) (uint32, bool) {
	r := c.loads[addr>>24]
	if off := addr - r.base; uint64(off) < uint64(len(r.mem)) {
		return uint32(r.mem[off]), true
	}
	return c.load(addr, 1)
}

func (c *Core) store32(addr, v uint32) bool {
	r := c.stores[addr>>24]
	if off := addr - r.base; off < r.size && addr&3 == 0 && uint64(off)+4 <= uint64(len(r.mem)) {
		binary.LittleEndian.PutUint32(r.mem[off:], v)
		if r.code.used {
			c.written(r, off, 4)
		}
		return true
	}
	return c.store(addr, 4, v)
}

func (c *Core) store16(addr, v uint32) bool {
	r := c.stores[addr>>24]
	if off := addr - r.base; off < r.size && addr&1 == 0 && uint64(off)+2 <= uint64(len(r.mem)) {
		binary.LittleEndian.PutUint16(r.mem[off:], uint16(v))
		if r.code.used {
			c.written(r, off, 2)
		}
		return true
	}
	return c.store(addr, 2, v)
}

func (c *Core) store8(addr, v uint32) bool {
	r := c.stores[addr>>24]
	if off := addr - r.base; uint64(off) < uint64(len(r.mem)) {
		r.mem[off] = byte(v)
		if r.code.used {
			c.written(r, off, 1)
		}
		return true
	}
	return c.store(addr, 1, v)
}

const unprivilegedAccess = "unprivileged access to the system control space"

// load is every load that is not a plain aligned one of ordinary memory.
func (c *Core) load(addr uint32, size uint32) (uint32, bool) {
	if addr&(size-1) != 0 {
		if !c.mayBeUnaligned(addr) {
			return 0, c.unaligned(addr)
		}
		var v uint32
		for i := range size {
			b, ok := c.load(addr+i, 1)
			if !ok {
				return 0, false
			}
			v |= b << (8 * i)
		}
		return v, true
	}
	if isPPB(addr) {
		if !c.accessIsPrivileged() {
			return 0, c.busFault(addr, unprivilegedAccess)
		}
		return c.ppbLoad(addr, size), true
	}
	if c.mpu.enabled() && !c.mpuAllows(addr, Read) {
		return 0, c.memFault(addr)
	}
	if target, bit, ok := c.bitBand(addr); ok {
		if c.find(target, 1) != nil {
			v, ok := c.load(target&^(size-1), size)
			return v >> (target&(size-1)*8 + bit) & 1, ok
		}
	}
	r := c.find(addr, size)
	if r == nil || r.perm&Read == 0 {
		return 0, c.busFault(addr, "load from an address without memory")
	}
	off := addr - r.base
	if r.dev != nil {
		return r.dev.Load(off, int(size)), true
	}
	switch size {
	case 1:
		return uint32(r.mem[off]), true
	case 2:
		return uint32(binary.LittleEndian.Uint16(r.mem[off:])), true
	}
	return binary.LittleEndian.Uint32(r.mem[off:]), true
}

// store is every store that is not a plain aligned one to ordinary memory.
func (c *Core) store(addr uint32, size uint32, v uint32) bool {
	if size < 4 {
		v &= 1<<(8*size) - 1
	}
	if addr&(size-1) != 0 {
		if !c.mayBeUnaligned(addr) {
			return c.unaligned(addr)
		}
		for i := range size {
			if !c.store(addr+i, 1, v>>(8*i)) {
				return false
			}
		}
		return true
	}
	if isPPB(addr) {
		if !c.accessIsPrivileged() && !c.userMayStore(addr) {
			return c.busFault(addr, unprivilegedAccess)
		}
		c.ppbStore(addr, size, v)
		return true
	}
	if c.mpu.enabled() && !c.mpuAllows(addr, Write) {
		return c.memFault(addr)
	}
	if target, bit, ok := c.bitBand(addr); ok {
		if c.find(target, 1) != nil {
			word := target &^ (size - 1)
			old, ok := c.load(word, size)
			mask := uint32(1) << (target&(size-1)*8 + bit)
			if v&1 == 1 {
				old |= mask
			} else {
				old &^= mask
			}
			return ok && c.store(word, size, old)
		}
	}
	r := c.find(addr, size)
	switch {
	case r == nil:
		return c.busFault(addr, "store to an address without memory")
	case r.perm&Write == 0:
		return c.busFault(addr, "store to read-only memory")
	}
	off := addr - r.base
	if r.dev != nil {
		r.dev.Store(off, int(size), v)
		return true
	}
	switch size {
	case 1:
		r.mem[off] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(r.mem[off:], uint16(v))
	default:
		binary.LittleEndian.PutUint32(r.mem[off:], v)
	}
	if r.code.used {
		c.written(r, off, size)
	}
	return true
}

// mayBeUnaligned tells whether LDR, STR and their halfword forms may use an
// unaligned address there: never in device memory and the PPB (A3.2.1).
func (c *Core) mayBeUnaligned(addr uint32) bool {
	if c.scb.ccr&ccrUnalignTrap != 0 || isPPB(addr) {
		return false
	}
	r := c.find(addr, 1)
	return r == nil || r.dev == nil
}

// bitBand maps an address of the alias regions to the byte and bit it stands
// for (Cortex-M3 TRM 3.7). The Cortex-M7 has none.
func (c *Core) bitBand(addr uint32) (target, bit uint32, ok bool) {
	if c.model == CortexM7 {
		return 0, 0, false
	}
	if hi := addr >> 24; hi != 0x22 && hi != 0x23 && hi != 0x42 && hi != 0x43 {
		return 0, 0, false
	}
	n := addr & 0x01FFFFFF
	return addr&0xF0000000 | n>>5, n >> 2 & 7, true
}

// accessIsPrivileged is the privilege of the data access being made.
func (c *Core) accessIsPrivileged() bool { return !c.asUser && c.privileged() }

// load32Raw reads a word of memory for the core itself, past the MPU.
func (c *Core) load32Raw(addr uint32) (uint32, bool) {
	r := c.find(addr, 4)
	if r == nil || r.mem == nil {
		return 0, false
	}
	return binary.LittleEndian.Uint32(r.mem[addr-r.base:]), true
}

// ReadMemory copies from mapped memory without side effects, like a debugger.
// It is false when a byte is not memory.
func (c *Core) ReadMemory(addr uint32, p []byte) bool {
	r := c.find(addr, uint32(len(p)))
	if r == nil || r.mem == nil {
		return false
	}
	copy(p, r.mem[addr-r.base:])
	return true
}

// WriteMemory copies into mapped memory, read-only memory included.
func (c *Core) WriteMemory(addr uint32, p []byte) bool {
	r := c.find(addr, uint32(len(p)))
	if r == nil || r.mem == nil {
		return false
	}
	copy(r.mem[addr-r.base:], p)
	if r.code.used && len(p) > 0 {
		r.code.forget(addr-r.base, uint32(len(p)))
	}
	return true
}
