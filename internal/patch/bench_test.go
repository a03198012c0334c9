package patch

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/toolchain"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// longUnit is a source of so many lines.
func longUnit(lines int) []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, "#include \"app.h\"\nint sensor_offset = 3;\nvoid sensor_watch(void (*callback)(int)) { (void)callback; }\nint sensor_average(int sample) { return sample; }\n")
	functions := (lines - 10) / 10
	for n := range functions {
		fmt.Fprintf(&b, `
int filler_%[1]d(int *values, int n)
{
    static int sum;
    const char *text = "value %[1]d\n";
    for (int i = 0; i < n; i++)
        sum += values[i] > %[1]d ? values[i] * sensor_offset : text[i %% 5];
    return sum ^ sensor_average(sum << (n & 7));
}
`, n)
	}
	fmt.Fprint(&b, "int sensor_read(int channel)\n{\n    int sum = 0;\n")
	for n := range functions {
		if n%100 == 0 {
			fmt.Fprintf(&b, "    sum += filler_%d(&channel, 1);\n", n)
		}
	}
	fmt.Fprint(&b, "    return sum;\n}\n")
	return b.Bytes()
}

// builderOf returns what compares the sources of a project that was built.
func builderOf(b *testing.B, project testfirmware.Project) *Builder {
	b.Helper()
	image, err := firmware.Open(project.ELF)
	if err != nil {
		b.Fatal(err)
	}
	database, err := toolchain.LoadDatabase(project.CompileCommands)
	if err != nil {
		b.Fatal(err)
	}
	image.Warm()
	return &Builder{Image: image, Database: database, Toolchain: toolchain.New(toolchain.Config{Env: os.Environ()})}
}

// BenchmarkCompare finds the one changed function of a unit. ratio is the whole, the
// compile included, over the same compile alone.
func BenchmarkCompare(b *testing.B) {
	for _, lines := range []int{500, 5000} {
		b.Run(fmt.Sprintf("%d lines", lines), func(b *testing.B) { benchmarkCompare(b, lines) })
	}
}

func benchmarkCompare(b *testing.B, lines int) {
	dir, err := filepath.EvalSymlinks(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	project, err := testfirmware.Demo().With("-Wl,--no-gc-sections").Write(dir)
	if err != nil {
		b.Fatal(err)
	}
	source, text := filepath.Join(dir, "app", "sensor.c"), longUnit(lines)
	if err := os.WriteFile(source, text, 0o644); err != nil {
		b.Fatal(err)
	}
	if err := project.Build(b.Context()); err != nil {
		b.Fatal(err)
	}
	builder := builderOf(b, project)
	command, err := builder.Database.Command(source)
	if err != nil {
		b.Fatal(err)
	}
	text = bytes.Replace(text, []byte("sum << (n & 7)"), []byte("sum << (n & 3)"), 1)
	var whole, compiler time.Duration
	for b.Loop() {
		start := time.Now()
		reports, err := builder.Compare(b.Context(), Unit{Path: source, Text: text})
		if err != nil {
			b.Fatal(err)
		}
		whole += time.Since(start)
		if changed := reports[0].Changed(); len(changed) != 1 || changed[0].Name != "filler_0" {
			b.Fatalf("%d functions changed, of %d", len(changed), len(reports[0].Functions))
		}
		start = time.Now()
		if _, err := builder.Toolchain.Compile(b.Context(), toolchain.Unit{Command: command, Text: text}); err != nil {
			b.Fatal(err)
		}
		compiler += time.Since(start)
	}
	b.ReportMetric(float64(whole)/float64(compiler), "ratio")
	b.ReportMetric(float64(compiler.Milliseconds())/float64(b.N), "compile-ms")
}

// BenchmarkHeader edits a header that 200 files include and finds the functions that
// have changed. ratio is the whole, from the header's name to the list, over compiling
// those files alone on the same processors.
func BenchmarkHeader(b *testing.B) {
	const files = 200
	dir, err := filepath.EvalSymlinks(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	project, err := testfirmware.Large(b.Context(), dir, files)
	if err != nil {
		b.Fatal(err)
	}
	builder := builderOf(b, project)
	header := filepath.Join(dir, "large.h")
	text, err := os.ReadFile(header)
	if err != nil {
		b.Fatal(err)
	}
	text = bytes.Replace(text, []byte("unsigned short flags_7;"), []byte("unsigned char flags_7;"), 1)
	if err := os.WriteFile(header, text, 0o644); err != nil {
		b.Fatal(err)
	}
	var whole, compiler time.Duration
	for b.Loop() {
		start := time.Now()
		units, err := builder.Units([]Unit{{Path: header}})
		if err != nil {
			b.Fatal(err)
		}
		found := time.Since(start)
		reports, err := builder.Compare(b.Context(), units...)
		if err != nil {
			b.Fatal(err)
		}
		whole += time.Since(start)
		for i, r := range reports {
			if changed := r.Changed(); len(changed) != 1 || len(reports) != files {
				b.Fatalf("%s: %d functions changed, of %d files", units[i].Path, len(changed), len(reports))
			}
		}
		b.ReportMetric(float64(found.Microseconds())/1e3, "ms-units")
		start = time.Now()
		if _, err := inParallel(b.Context(), units, func(ctx context.Context, u Unit) (*toolchain.Result, error) {
			command, err := builder.Database.Command(u.Path)
			if err != nil {
				return nil, err
			}
			return builder.Toolchain.Compile(ctx, toolchain.Unit{Command: command})
		}); err != nil {
			b.Fatal(err)
		}
		compiler += time.Since(start)
	}
	n := time.Duration(b.N)
	b.ReportMetric(float64((compiler / n).Milliseconds()), "ms-compiler")
	b.ReportMetric(float64((whole-compiler)/n)/1e6, "ms-beside-compiler")
	b.ReportMetric(float64(whole)/float64(compiler), "ratio")
}
