//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// However the server ends in the middle of an injection, the board is as before or
// fully patched, and the next process goes on with it.
func TestServerEndsInTheMiddle(t *testing.T) {
	for _, stage := range []string{"upload", "activate"} {
		for how, end := range map[string]func(*served){
			"SIGTERM":       func(s *served) { s.cmd.Process.Signal(syscall.SIGTERM) },
			"closed stdin":  func(s *served) { s.in.Close() },
			"closed stdout": func(s *served) { s.out.Close() },
		} {
			t.Run(stage+" "+how, func(t *testing.T) {
				t.Parallel()
				s := serve(t, "--baud", "57600")
				s.send("initialize", 1, map[string]any{
					"processId": nil, "rootUri": "file://" + s.Dir, "capabilities": map[string]any{"window": map[string]any{"workDoneProgress": true}},
				})
				s.send("initialized", 0, map[string]any{})
				s.send("workspace/executeCommand", 2, map[string]any{
					"command": "fpbls.inject", "arguments": []any{map[string]any{"uri": "file://" + s.Source, "function": "status_text"}},
				})
				s.until(stage)
				end(s)
				if how == "closed stdout" {
					defer s.in.Close()
				} else {
					go io.Copy(io.Discard, s.out)
				}
				s.ends()
				for file, want := range map[string]string{"log": "level=", "trace": `"method":"initialize"`} {
					if text, err := os.ReadFile(filepath.Join(s.Dir, file)); err != nil || !strings.Contains(string(text), want) {
						t.Errorf("the %s has no %s: %v\n%.500s", file, want, err, text)
					}
				}

				var info struct{ Patches []struct{ State string } }
				s.run(&info, "info")
				if len(info.Patches) > 1 || len(info.Patches) == 1 && info.Patches[0].State != "live" {
					t.Errorf("left behind: %+v", info)
				}
				s.run(nil, "inject", s.Source, "--function", "status_text")
				s.run(&info, "info")
				if len(info.Patches) != 1 {
					t.Errorf("after another injection: %+v", info)
				}
			})
		}
	}
}

// A served is a server process, with a board.
type served struct {
	testfirmware.Project
	t     *testing.T
	board string
	env   []string
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   io.ReadCloser
	lines *bufio.Reader
}

// serve starts a simulated board and a server for it.
func serve(t *testing.T, sim ...string) *served {
	t.Helper()
	p, err := testfirmware.WriteProject(filepath.Join(t.TempDir(), "demo"))
	if err == nil {
		err = os.MkdirAll(filepath.Dir(p.ELF), 0o755)
	}
	if err == nil {
		err = os.WriteFile(p.ELF, testfirmware.DemoELF, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &served{Project: p, t: t, env: append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME=")}
	board, _, out := s.start(append([]string{"sim", "--json", "--listen", "tcp://127.0.0.1:0", "--firmware", p.ELF}, sim...)...)
	t.Cleanup(func() {
		board.Process.Signal(syscall.SIGTERM)
		board.Wait()
	})
	var ready struct{ Address string }
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		t.Fatal(err)
	}
	s.board = ready.Address
	s.cmd, s.in, s.out = s.start("serve", "--port", s.board, "--log", filepath.Join(p.Dir, "log"), "--trace", filepath.Join(p.Dir, "trace"))
	s.lines = bufio.NewReader(s.out)
	return s
}

func (s *served) start(args ...string) (*exec.Cmd, io.WriteCloser, io.ReadCloser) {
	s.t.Helper()
	cmd := exec.Command("fpbls", args...)
	cmd.Env, cmd.Dir, cmd.Stderr = s.env, s.Dir, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return cmd, in, out
}

// send sends a request, or a notification if the id is 0.
func (s *served) send(method string, id int, params any) {
	s.t.Helper()
	m := map[string]any{"jsonrpc": "2.0", "method": method, "params": params}
	if id != 0 {
		m["id"] = id
	}
	s.write(m)
}

func (s *served) write(m any) {
	s.t.Helper()
	text, err := json.Marshal(m)
	if err == nil {
		_, err = fmt.Fprintf(s.in, "Content-Length: %d\r\n\r\n%s", len(text), text)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// until answers the server's requests until its progress reports the stage.
func (s *served) until(stage string) {
	s.t.Helper()
	for {
		header, err := textproto.NewReader(s.lines).ReadMIMEHeader()
		if err != nil {
			s.t.Fatal(err)
		}
		n, err := strconv.Atoi(header.Get("Content-Length"))
		if err != nil {
			s.t.Fatal(err)
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(s.lines, text); err != nil {
			s.t.Fatal(err)
		}
		var m struct {
			ID     json.RawMessage
			Method string
			Params struct{ Value struct{ Message string } }
			Error  json.RawMessage
		}
		if err := json.Unmarshal(text, &m); err != nil || m.Error != nil {
			s.t.Fatalf("%v: %s", err, text)
		}
		switch {
		case strings.HasPrefix(m.Params.Value.Message, stage):
			return
		case m.ID != nil && m.Method != "":
			s.write(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": nil})
		}
	}
}

// ends waits for the end of the process.
func (s *served) ends() {
	s.t.Helper()
	timer := time.AfterFunc(time.Minute, func() { s.cmd.Process.Kill() })
	s.cmd.Wait()
	if !timer.Stop() {
		s.t.Error("the server does not end")
	}
}

// run runs a command and reads its object.
func (s *served) run(into any, args ...string) {
	s.t.Helper()
	cmd := exec.Command("fpbls", append(args, "--json", "--port", s.board)...)
	cmd.Env, cmd.Dir = s.env, s.Dir
	out, err := cmd.Output()
	if err == nil && into != nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		s.t.Fatalf("fpbls %q: %v\n%s", args, err, out)
	}
}
