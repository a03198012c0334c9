package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fpbls": main})
}

// TestScripts runs testdata/script: what the command line promises, as a user
// would type it. The boards are simulated ones, reached over TCP.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: false,
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, ".home") // journals and consents
			e.Setenv("HOME", home)
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
			// Where fpbls is, and nothing else.
			e.Setenv("BIN", filepath.SplitList(e.Getenv("PATH"))[0])
			e.Values[watching] = new(watcher)
			e.Values[projects] = make(map[string]testfirmware.Project)
			return os.MkdirAll(home, 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"project":   project,
			"rebuild":   rebuild,
			"foreign":   foreign,
			"compiler":  compiler,
			"sim":       startSim,
			"fake":      startFake,
			"watch":     watch,
			"unwatch":   unwatch,
			"edit":      edit,
			"cut":       cut,
			"json":      checkJSON,
			"fails":     fails,
			"interrupt": interrupt,
		},
	})
}

// project writes the demo project with the committed ELF: "project DIR". With the name
// of another program it writes and builds that one.
func project(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) > 1 {
		program := map[string]testfirmware.Program{
			"bootloader": testfirmware.Bootloader(), "application": testfirmware.Application(),
		}[args[1]]
		p, err := program.Write(ts.MkAbs(args[0]))
		ts.Check(err)
		ts.Check(p.Build(context.Background()))
		ts.Value(projects).(map[string]testfirmware.Project)[p.Dir] = p
		return
	}
	p, err := testfirmware.WriteProject(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(p.ELF), 0o755))
	ts.Check(os.WriteFile(p.ELF, testfirmware.DemoELF, 0o644))
	ts.Check(os.WriteFile(filepath.Join(p.Dir, "fpbls.toml"), []byte("port = \"sim:\"\n"), 0o644))
	ts.Value(projects).(map[string]testfirmware.Project)[p.Dir] = p
}

// rebuild builds a project again, after an edit: "rebuild DIR".
func rebuild(ts *testscript.TestScript, _ bool, args []string) {
	p := ts.Value(projects).(map[string]testfirmware.Project)[ts.MkAbs(args[0])]
	ts.Check(p.Build(context.Background()))
}

// foreign makes a program for another machine, this one: "foreign FILE".
func foreign(ts *testscript.TestScript, _ bool, args []string) {
	exe, err := os.Executable()
	ts.Check(err)
	ts.Check(os.Symlink(exe, ts.MkAbs(args[0])))
}

// compiler changes the compiler of a compile database: "compiler FILE COMPILER".
func compiler(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.ReplaceAll(ts.ReadFile(args[0]), strconv.Quote(testfirmware.Compiler), strconv.Quote(args[1]))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

// startSim starts "fpbls sim" with the arguments and sets $BOARD to its port and
// $PTY to its pseudo-terminal. It is asked to end, and must, when the script ends.
func startSim(ts *testscript.TestScript, _ bool, args []string) {
	args = append([]string{"sim", "--json", "--listen", "tcp://127.0.0.1:0"}, args...)
	cmd := exec.Command(filepath.Join(ts.Getenv("BIN"), "fpbls"), args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			ts.Logf("fpbls sim ended with %v after SIGTERM", err)
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	ts.Check(err)
	var ready struct {
		OK           bool
		Address, PTY string
	}
	ts.Check(json.Unmarshal(line, &ready))
	if !ready.OK || !strings.HasPrefix(ready.Address, "tcp://127.0.0.1:") {
		ts.Fatalf("fpbls sim is not ready: %s", line)
	}
	ts.Setenv("BOARD", ready.Address)
	ts.Setenv("PTY", ready.PTY)
}

type key int

// Keys of what a script keeps between its lines.
const (
	watching key = iota // *watcher
	projects            // map[string]testfirmware.Project, by folder
)

// A watcher is a "fpbls monitor" in the background.
type watcher struct {
	cmd    *exec.Cmd
	output chan string // all of it, when it has ended
}

// watch starts "fpbls monitor" with the arguments and waits until it has printed
// something: "watch ARGS…".
func watch(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value(watching).(*watcher)
	w.cmd = exec.Command(filepath.Join(ts.Getenv("BIN"), "fpbls"), append([]string{"monitor"}, args...)...)
	w.cmd.Dir = ts.MkAbs(".")
	w.cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
	w.cmd.Stderr = os.Stderr
	out, err := w.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(w.cmd.Start())
	ts.Defer(func() { _ = w.cmd.Process.Kill() })
	begun := make(chan bool)
	w.output = make(chan string, 1)
	go func() {
		var text strings.Builder
		buf := make([]byte, 4096)
		for {
			n, err := out.Read(buf)
			if n > 0 && text.Len() == 0 {
				close(begun)
			}
			text.Write(buf[:n])
			if err != nil {
				if text.Len() == 0 {
					close(begun)
				}
				w.output <- text.String()
				return
			}
		}
	}()
	<-begun
}

// unwatch interrupts the monitor, which must be content with that, and shows
// what it printed.
func unwatch(ts *testscript.TestScript, _ bool, _ []string) {
	w := ts.Value(watching).(*watcher)
	ts.Check(w.cmd.Process.Signal(os.Interrupt))
	fmt.Fprint(ts.Stdout(), <-w.output)
	if err := w.cmd.Wait(); err != nil {
		ts.Fatalf("an interrupted monitor ended with %v", err)
	}
}

// startFake starts something that is no board and sets $BOARD: "fake silent"
// never says a word, "fake garbage" talks nonsense.
func startFake(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("BOARD", "tcp://"+l.Addr().String())
	var mu sync.Mutex
	var conns []net.Conn
	talk := map[string]func(net.Conn){
		"silent":  func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"garbage": func(c net.Conn) { nonsense(c) },
	}[args[0]]
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			go talk(c)
		}
	}()
	ts.Defer(func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
	})
}

// nonsense answers every line with something that no loader says.
func nonsense(c net.Conn) {
	for s := bufio.NewScanner(c); s.Scan(); {
		fmt.Fprintf(c, "\x80\xff\x00login: %d\r\nPassword:\r\n", len(s.Text()))
	}
}

// interrupt runs "fpbls ARGS" on $BOARD and interrupts it when it sends the word
// to the board: "interrupt WORD ARGS…". The word must be seen, and the command fail.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	port := "--port=tcp://" + l.Addr().String()
	cmd := exec.Command(filepath.Join(ts.Getenv("BIN"), "fpbls"), append([]string{port}, args[1:]...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	ts.Check(cmd.Start())
	ts.Defer(func() { _ = cmd.Process.Kill() })

	host, err := l.Accept()
	ts.Check(err)
	defer host.Close()
	board, err := net.Dial("tcp", strings.TrimPrefix(ts.Getenv("BOARD"), "tcp://"))
	ts.Check(err)
	defer board.Close()
	go func() { _, _ = io.Copy(host, board) }()
	for s := bufio.NewScanner(host); s.Scan(); {
		if strings.Contains(s.Text(), args[0]) {
			ts.Check(cmd.Process.Signal(os.Interrupt))
			break // the board does not hear the rest
		}
		fmt.Fprintln(board, s.Text())
	}
	if err := cmd.Wait(); err == nil {
		ts.Fatalf("an interrupted command ended well")
	}
}

// edit replaces a text in a file: "edit FILE OLD NEW". The text must be there.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	old := ts.ReadFile(args[0])
	changed := strings.Replace(old, args[1], args[2], 1)
	if changed == old {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(changed), 0o644))
}

// cut keeps the first bytes of a file: "cut FILE BYTES".
func cut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 0, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// checkJSON looks into what was printed: "json PATH PATTERN", where PATH is like
// patches.0.state and PATTERN must match all of the value. The output must be
// one object, or with "json -stream" one on every line, of which the first is
// looked at.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	out := ts.ReadFile("stdout")
	if args[0] == "-stream" {
		out, _, _ = strings.Cut(out, "\n")
		args = args[1:]
	}
	var v any
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		ts.Fatalf("not one JSON object: %v\n%s", err, out)
	}
	path := args[0]
	for _, key := range strings.Split(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			member, ok := at[key]
			if !ok {
				if neg {
					return
				}
				ts.Fatalf("%s: no %q in %s", path, key, out)
			}
			v = member
		case []any:
			i, err := strconv.Atoi(key)
			if key == "len" {
				v = float64(len(at))
				continue
			}
			if err != nil || i >= len(at) {
				if neg {
					return
				}
				ts.Fatalf("%s: no element %s in %s", path, key, out)
			}
			v = at[i]
		default:
			ts.Fatalf("%s: %v has no %q", path, at, key)
		}
	}
	text, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		ts.Check(err)
		text = string(b)
	}
	pattern := regexp.MustCompile(`^(?s:` + args[1] + `)$`)
	if pattern.MatchString(text) == neg {
		ts.Fatalf("%s is %q, the pattern is %q", path, text, args[1])
	}
}

// fails runs "fpbls --json ARGS" and expects the exit status and the error code:
// "fails STATUS CODE ARGS…". The command line without --json must tell the same
// on standard error.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	code, args := args[1], args[2:]
	run := func(args ...string) {
		var exit *exec.ExitError
		if err := ts.Exec("fpbls", args...); !errors.As(err, &exit) || exit.ExitCode() != status {
			ts.Fatalf("fpbls %s: %v, want exit status %d", strings.Join(args, " "), err, status)
		}
	}
	run(args...)
	if told := ts.ReadFile("stderr"); !strings.Contains(told, "fpbls: ") {
		ts.Fatalf("nothing is said on standard error: %q", told)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("a failed command printed on standard output: %q", out)
	}
	run(append([]string{"--json"}, args...)...)
	if told := ts.ReadFile("stderr"); told != "" {
		ts.Fatalf("with --json standard error has %q", told)
	}
	checkJSON(ts, false, []string{"ok", "false"})
	checkJSON(ts, false, []string{"error.code", code})
	checkJSON(ts, false, []string{"error.message", ".+"})
	checkJSON(ts, false, []string{"error.hint", ".*"})
}
