package main

import (
	"bufio"
	"fmt"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkStart starts the server and waits for the answer to initialize, and beside it a
// Go program that does nothing. start/empty is the ratio.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	empty := filepath.Join(dir, "empty.go")
	if err := os.WriteFile(empty, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	for name, source := range map[string]string{"fpbls": ".", "empty": empty} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), source).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	st, err := os.Stat(filepath.Join(dir, "fpbls"))
	if err != nil {
		b.Fatal(err)
	}
	const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}`
	var server, nothing time.Duration
	for b.Loop() {
		start := time.Now()
		cmd := exec.Command(filepath.Join(dir, "fpbls"), "serve")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir)
		in, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			_, err = fmt.Fprintf(in, "Content-Length: %d\r\n\r\n%s", len(initialize), initialize)
		}
		if err == nil {
			_, err = textproto.NewReader(bufio.NewReader(out)).ReadMIMEHeader()
		}
		if err != nil {
			b.Fatal(err)
		}
		server += time.Since(start)
		cmd.Process.Kill()
		cmd.Wait()

		start = time.Now()
		if err := exec.Command(filepath.Join(dir, "empty")).Run(); err != nil {
			b.Fatal(err)
		}
		nothing += time.Since(start)
	}
	b.ReportMetric(float64(st.Size())/1e6, "binary-MB")
	b.ReportMetric(float64(server.Microseconds())/1e3/float64(b.N), "server-ms")
	b.ReportMetric(float64(nothing.Microseconds())/1e3/float64(b.N), "empty-ms")
	b.ReportMetric(float64(server)/float64(nothing), "start/empty")
}
