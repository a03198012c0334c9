package firmware

import (
	"flag"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

var largeFiles = flag.Int("large.files", 250, "of how many files the firmware is that is measured with; 5000 make 125 MB of debug information")

// BenchmarkLarge opens the ELF of a large project beside the tools of the
// toolchain: what an editor waits for (symbols, the function at the cursor) over
// nm, and what is read in the background (all debug information) over a question to
// gdb. peak-MB is the largest resident set of the process so far.
func BenchmarkLarge(b *testing.B) {
	project, err := testfirmware.Large(b.Context(), b.TempDir(), *largeFiles)
	if err != nil {
		b.Fatal(err)
	}
	run := func(args ...string) time.Duration {
		start := time.Now()
		if err := exec.Command(args[0], append(args[1:], project.ELF)...).Run(); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	run("arm-none-eabi-nm") // the file is in the page cache from here on
	var open, debug, nm, gdb time.Duration
	for b.Loop() {
		start := time.Now()
		im, err := Open(project.ELF)
		if err != nil {
			b.Fatal(err)
		}
		if f := im.Lookup(project.Function); len(f) != 1 || im.At(f[0].Addr+2) != f[0] {
			b.Fatalf("%s is %v", project.Function, f)
		}
		open += time.Since(start)
		nm += run("arm-none-eabi-nm")

		start = time.Now()
		info, err := im.Debug()
		if err != nil || len(info.InlinedAt("scale_u0000")) != testfirmware.FunctionsPerFile {
			b.Fatalf("%d copies of scale_u0000, %v", len(info.InlinedAt("scale_u0000")), err)
		}
		debug += time.Since(start)
		gdb += run("gdb-multiarch", "-batch", "-ex", "info scope "+project.Function)
	}
	n := time.Duration(b.N)
	b.ReportMetric(float64((open/n).Microseconds())/1e3, "open-ms")
	b.ReportMetric(float64(open)/float64(nm), "open/nm")
	b.ReportMetric(float64((debug/n).Microseconds())/1e3, "debug-ms")
	b.ReportMetric(float64(debug)/float64(gdb), "debug/gdb")
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status); m != nil {
			kB, _ := strconv.Atoi(string(m[1]))
			b.ReportMetric(float64(kB)/1024, "peak-MB")
		}
	}
}
