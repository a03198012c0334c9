package lsp

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/uri"

	"github.com/fpbls/fpbls/internal/command"
	"github.com/fpbls/fpbls/internal/settings"
	"github.com/fpbls/fpbls/internal/sim"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// listings are the requests that must not wait for anything.
func (e *testEditor) listings(path, text string) map[string]func() {
	document := map[string]any{"uri": uri.File(path)}
	at := e.placeOf(text, "status_text")
	return map[string]func(){
		"hover": func() { e.call("textDocument/hover", map[string]any{"textDocument": document, "position": at}, nil) },
		"lens":  func() { e.call("textDocument/codeLens", map[string]any{"textDocument": document}, nil) },
		"action": func() {
			e.call("textDocument/codeAction", map[string]any{
				"textDocument": document, "range": map[string]any{"start": at, "end": at}, "context": map[string]any{"diagnostics": []any{}}}, nil)
		},
	}
}

// median times the request as often as goes in the time given.
func median(limit time.Duration, request func()) time.Duration {
	var all []time.Duration
	for begin := time.Now(); time.Since(begin) < limit || len(all) == 0; {
		start := time.Now()
		request()
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkBusyLine reports how much longer listing takes while 900 bytes are being
// uploaded at 9600 baud, and while a board does not answer at all, than when idle.
func BenchmarkBusyLine(b *testing.B) {
	p := demoProject(b)
	board := newBench(b, sim.Config{Baud: 9600})
	e := on(b, board, p)
	silent := connect(b, Options{OpenPort: newMute})
	silent.initialize(p.Dir, capable, nil)
	silent.openFile(p.Source)
	text := read(b, p.Source)
	// Data that the firmware does not print: its output shares the line.
	text = e.change(p.Source, 2, text, "return value >", "static const volatile char data[870] = {1};\n    return data[0] + value >")
	if err := e.execute(command.Connect, nil, nil); err != nil {
		b.Fatal(err)
	}
	const limit = 200 * time.Millisecond
	for b.Loop() {
		for kind, request := range e.listings(p.Source, text) {
			b.ReportMetric(float64(median(limit, request).Microseconds()), kind+"-idle-µs")
		}
		mark := e.mark()
		upload := e.start("workspace/executeCommand", map[string]any{"command": command.Inject, "arguments": []any{inject(p, "clamp")}})
		e.await("the upload runs", func() bool {
			return slices.ContainsFunc(progressOf(e.eventsSince(mark, "$/progress")), func(s string) bool { return strings.HasPrefix(s, "report upload") })
		})
		for kind, request := range e.listings(p.Source, text) {
			b.ReportMetric(float64(median(limit, request).Microseconds()), kind+"-upload-µs")
		}
		if m := e.finish(upload); m.Error != nil {
			b.Fatal(m.Error)
		}
		for _, when := range []string{"info-ms", "next-info-ms"} { // right after the injection, and at rest
			start := time.Now()
			if err := e.execute(command.Info, nil, nil); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(start).Milliseconds()), when)
		}

		pending := silent.start("workspace/executeCommand", map[string]any{"command": command.Info})
		for kind, request := range silent.listings(p.Source, read(b, p.Source)) {
			b.ReportMetric(float64(median(limit, request).Microseconds()), kind+"-silent-µs")
		}
		silent.notify("$/cancelRequest", map[string]any{"id": pending})
	}
}

// BenchmarkLarge lists in a file of 20,000 lines with 1,000 functions, against a
// firmware of 100,000 symbols.
func BenchmarkLarge(b *testing.B) {
	dir := b.TempDir()
	var asm, source strings.Builder
	asm.WriteString(".syntax unified\n.cpu cortex-m3\n.thumb\n")
	for i := range 100_000 {
		fmt.Fprintf(&asm, ".global f%d\n.type f%d, %%function\nf%d: bx lr\nnop\n.size f%d, 4\n", i, i, i, i)
	}
	for i := range 1_000 {
		fmt.Fprintf(&source, "int f%d(int a)\n{\n%s\treturn a;\n}\n", i, strings.Repeat("\ta += 1;\n", 16))
	}
	fmt.Fprint(&source, "int status_text(void)\n{\n\treturn 1;\n}\n")
	path := filepath.Join(dir, "large.c")
	write(b, filepath.Join(dir, "large.s"), asm.String())
	write(b, path, source.String())
	write(b, filepath.Join(dir, settings.FileName), "")
	cmd := exec.Command(testfirmware.Compiler, "-mcpu=cortex-m3", "-nostdlib", "-Wl,-Ttext=0x08000000", "-Wl,-e,f0", "-o", "large.elf", "large.s")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	e := connect(b, Options{})
	e.initialize(dir, capable, nil)
	e.openFile(path)
	text := source.String()
	requests := e.listings(path, text)
	requests["lens"]() // the image is loaded
	version := 1
	b.ResetTimer()
	for b.Loop() {
		for kind, request := range requests {
			b.ReportMetric(float64(median(300*time.Millisecond, request).Microseconds()), kind+"-µs")
		}
		b.ReportMetric(float64(median(300*time.Millisecond, func() {
			version++
			text = e.change(path, version, text, "status_text", "status_text")
			requests["action"]()
		}).Microseconds()), "keystroke+action-µs")
	}
}
