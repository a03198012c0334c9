package cortexm

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/thumb"
)

// benchProgram is compiled for the core and never ends: arithmetic, memory,
// calls, divisions and branches in the mixture of ordinary firmware.
const benchProgram = `
#include <stdint.h>
static uint32_t table[256];
static uint8_t text[512];
volatile uint32_t sink;
__attribute__((noinline)) static uint32_t crc(const uint8_t *p, uint32_t n) {
	uint32_t c = ~0u;
	while (n--)
		c = table[(c ^ *p++) & 255] ^ (c >> 8);
	return ~c;
}
__attribute__((noinline)) static void sort(uint32_t *a, int n) {
	for (int i = 1; i < n; i++) {
		uint32_t v = a[i];
		int j = i;
		for (; j > 0 && a[j - 1] > v; j--)
			a[j] = a[j - 1];
		a[j] = v;
	}
}
__attribute__((noinline)) static int format(uint8_t *p, uint32_t v) {
	int n = 0;
	do
		p[n++] = '0' + v % 10;
	while (v /= 10);
	return n;
}
void _start(void) {
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? 0xEDB88320 ^ c >> 1 : c >> 1;
		table[i] = c;
	}
	for (uint32_t round = 1;; round++) {
		uint32_t a[32], v = round;
		for (int i = 0; i < 32; i++)
			a[i] = v = v * 1664525 + 1013904223;
		sort(a, 32);
		int n = 0;
		for (int i = 0; i < 32; i++)
			n += format(text + n, a[i]);
		sink = crc(text, n);
	}
}
`

// buildBench returns the program as one flash image at address 0, with its
// vector table.
func buildBench(b testing.TB) []byte {
	b.Helper()
	dir := b.TempDir()
	src, elf, bin := filepath.Join(dir, "x.c"), filepath.Join(dir, "x.elf"), filepath.Join(dir, "x.bin")
	if err := os.WriteFile(src, []byte(benchProgram), 0o666); err != nil {
		b.Fatal(err)
	}
	for _, args := range [][]string{
		{"arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-O2", "-nostdlib", "-ffreestanding",
			"-Wl,-Ttext=0x40,-Tdata=0x20000000,-Tbss=0x20000100,--entry=_start,-w", "-o", elf, src},
		{"arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", "-j", ".rodata", elf, bin},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			b.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	text, err := os.ReadFile(bin)
	if err != nil {
		b.Fatal(err)
	}
	out, err := exec.Command("arm-none-eabi-nm", elf).Output()
	if err != nil {
		b.Fatal(err)
	}
	start := symbolAddress(b, string(out), "_start")
	image := make([]byte, 64<<10)
	binary.LittleEndian.PutUint32(image, 0x20004000)
	binary.LittleEndian.PutUint32(image[4:], start|1)
	copy(image[0x40:], text)
	return image
}

// BenchmarkCore reports the speed of the interpreter, without and with an
// FPB whose comparators are armed elsewhere.
func BenchmarkCore(b *testing.B) {
	image := buildBench(b)
	for _, c := range []struct {
		name  string
		setUp func(*Core)
	}{
		{"plain", func(*Core) {}},
		{"fpb", func(c *Core) {
			for n := range uint32(6) {
				c.ppbStore(fpbBase+8+4*n, 4, (0xF000+64*n)|1)
			}
			c.ppbStore(fpbBase, 4, 3)
		}},
		{"mpu", func(c *Core) {
			c.mpuStore(0x9C, 0x20000010)
			c.mpuStore(0xA0, 3<<24|rasrXN|28<<1|1)
			c.mpuStore(0x94, mpuEnable|mpuPrivDefault)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			core := New(Config{MPURegions: 8})
			core.Map(0, image, Read|Exec)
			core.Map(0x20000000, make([]byte, 20<<10), Read|Write|Exec)
			core.Reset(PowerOn)
			c.setUp(core)
			const chunk = 1_000_000
			n := 0
			for b.Loop() {
				if stop := core.Run(core.Cycles() + chunk); stop != (Stop{}) {
					b.Fatalf("%+v at %#x: %+v", stop, core.Reg(thumb.PC), core.Fault())
				}
				n += chunk
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "MIPS")
		})
	}
}

// symbolAddress finds name in the output of nm.
func symbolAddress(t testing.TB, nm, name string) uint32 {
	t.Helper()
	for line := range strings.Lines(nm) {
		f := strings.Fields(line)
		if len(f) == 3 && f[2] == name {
			v, err := strconv.ParseUint(f[0], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return uint32(v)
		}
	}
	t.Fatalf("no symbol %s", name)
	return 0
}
