//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fpbls/fpbls/internal/sim"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

var (
	kills    = flag.Int("kills", 8, "how often to kill the process")
	killSeed = flag.Uint64("killseed", 1, "decides what is killed, and where")
)

// A process that is killed leaves a board that the next one understands: it ends what
// was begun, or takes it back, and says so. Of two functions that were injected together,
// both run their new code or neither does.
func TestKilled(t *testing.T) {
	rng := rand.New(rand.NewPCG(*killSeed, 0))
	k := newKillBench(t)
	pool := k.pool()
	file := "app/status.c"
	operations := map[string][]string{
		"inject": {"inject", file, "-f", "status_text", "-f", "next_count"},
		"revert": {"revert", "--all"},
		"switch": {"disable", "--all"},
	}
	names := []string{"inject", "update", "revert", "switch"}
	outcomes := make(map[string]int)
	length := make(map[string]int) // bytes to the board that it takes
	for n := range *kills {
		name := names[n%len(names)]
		args := operations[name]
		patches := 2 // before
		if name == "inject" {
			patches = 0
		} else {
			k.run(operations["inject"]...)
		}
		if name == "update" {
			k.edit(n)
			args = operations["inject"]
		}
		if length[name] == 0 {
			length[name] = 2000 // the first of a kind most likely ends, and tells
		}
		at := rng.IntN(length[name])
		sent, ended := k.killed(at, args...)
		if ended {
			length[name] = sent
		}

		var info struct {
			Recovered string
			Patches   []struct{ Function, State string }
		}
		if err := json.Unmarshal([]byte(k.run("info", "--json")), &info); err != nil {
			t.Fatal(err)
		}
		states := make(map[string]int)
		for _, p := range info.Patches {
			states[p.State]++
		}
		if len(info.Patches) != 0 && len(info.Patches) != 2 || len(states) > 1 {
			t.Errorf("%s, killed after %d bytes: half done: %+v", name, at, info)
		}
		switch {
		case ended:
			outcomes["ended before"]++
		case strings.Contains(info.Recovered, "taken back"):
			outcomes["taken back"]++
		case strings.Contains(info.Recovered, "completed"):
			outcomes["completed"]++
		case info.Recovered != "":
			t.Errorf("%s, killed after %d bytes: %s", name, at, info.Recovered)
		case len(info.Patches) != patches || states["live"] != patches:
			t.Errorf("%s, killed after %d bytes: something changed and nothing is said: %+v", name, at, info)
		default:
			outcomes["nothing had changed"]++
		}
		k.run(operations["inject"]...)
		k.run("revert", "--all")
		if now := k.pool(); now != pool {
			t.Fatalf("%s, killed after %d bytes: the largest free block has %d bytes, it had %d", name, at, now, pool)
		}
		if h := k.board.Health(); h.Fault != nil || h.Locked {
			t.Fatalf("%s, killed after %d bytes: the board is %s", name, at, h)
		}
	}
	t.Logf("seed %d: killed %d times: %v", *killSeed, *kills, outcomes)
}

// A killBench is a project, and a board behind a port that counts.
type killBench struct {
	t     *testing.T
	board *sim.Board
	line  sync.Mutex // one connection at a time
	port  string
	env   []string
	testfirmware.Project

	mu    sync.Mutex
	sent  int           // to the board, since over was made
	limit int           // of sent
	over  chan struct{} // closed when sent has passed limit
}

func newKillBench(t *testing.T) *killBench {
	project, err := testfirmware.WriteProject(filepath.Join(t.TempDir(), "demo"))
	if err == nil {
		err = os.MkdirAll(filepath.Dir(project.ELF), 0o755)
	}
	if err == nil {
		err = os.WriteFile(project.ELF, testfirmware.DemoELF, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	k := &killBench{t: t, Project: project}
	home := filepath.Join(t.TempDir(), "home")
	k.env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"))
	if k.board, err = sim.New(sim.Config{}, testfirmware.DemoELF); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	running.Go(func() { k.board.Run(ctx) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	k.port = "tcp://" + l.Addr().String()
	running.Go(func() {
		for {
			host, err := l.Accept()
			if err != nil {
				return
			}
			k.forward(ctx, host)
		}
	})
	return k
}

// forward passes one connection on, and stops where the limit is: what a killed
// process has in its buffers does not arrive.
func (k *killBench) forward(ctx context.Context, host net.Conn) {
	k.line.Lock()
	defer k.line.Unlock()
	board := k.board.Conn()
	ctx, cancel := context.WithCancel(ctx)
	var back sync.WaitGroup
	defer back.Wait()
	defer board.Close()
	defer host.Close()
	defer cancel()
	back.Go(func() {
		defer host.Close()
		buf := make([]byte, 4096)
		for {
			n, err := board.Read(ctx, buf)
			if err != nil {
				return
			}
			if _, err := host.Write(buf[:n]); err != nil {
				return
			}
		}
	})
	in := bufio.NewReader(host)
	for {
		c, err := in.ReadByte()
		if err != nil {
			return
		}
		k.mu.Lock()
		k.sent++
		stop := k.over != nil && k.sent >= k.limit
		if stop {
			close(k.over)
			k.over = nil
		}
		k.mu.Unlock()
		if stop || board.Write(ctx, []byte{c}) != nil {
			return
		}
	}
}

func (k *killBench) command(args ...string) *exec.Cmd {
	cmd := exec.Command("fpbls", append([]string{"--port", k.port}, args...)...)
	cmd.Dir, cmd.Env = k.Dir, k.env
	return cmd
}

// run runs fpbls to its end.
func (k *killBench) run(args ...string) string {
	k.t.Helper()
	var out, errs bytes.Buffer
	cmd := k.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		k.t.Fatalf("fpbls %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// killed runs fpbls and kills it when it has sent so many bytes. It returns how many it
// sent, and whether it had ended before.
func (k *killBench) killed(at int, args ...string) (sent int, ended bool) {
	k.mu.Lock()
	k.sent, k.limit, k.over = 0, at+1, make(chan struct{})
	over := k.over
	k.mu.Unlock()
	cmd := k.command(args...)
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-over:
		cmd.Process.Kill()
		<-done
	case err := <-done:
		if ended = true; err != nil {
			k.t.Errorf("fpbls %s: %v", strings.Join(args, " "), err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = nil
	return k.sent, ended
}

// edit changes both functions, in another way each time.
func (k *killBench) edit(n int) {
	text, err := os.ReadFile(k.Source)
	if err != nil {
		k.t.Fatal(err)
	}
	text = regexp.MustCompile(`return "[^"]*";`).ReplaceAll(text, fmt.Appendf(nil, `return "edited %d";`, n))
	text = regexp.MustCompile(`return (\+\+count|count \+= \d+);`).ReplaceAll(text, fmt.Appendf(nil, `return count += %d;`, n+2))
	if err := os.WriteFile(k.Source, text, 0o644); err != nil {
		k.t.Fatal(err)
	}
}

// pool asks the loader for the largest block that it can give.
func (k *killBench) pool() int {
	k.t.Helper()
	k.line.Lock()
	defer k.line.Unlock()
	board := k.board.Conn()
	defer board.Close()
	ctx, cancel := context.WithTimeout(k.t.Context(), time.Minute)
	defer cancel()
	until := func(words ...string) (found int) {
		text, buf := "", make([]byte, 4096)
		for {
			m, err := board.Read(ctx, buf)
			if err != nil {
				k.t.Fatalf("%v; the board is %s and said %q", err, k.board.Health(), text)
			}
			text += string(buf[:m])
			for i, word := range words {
				if strings.Contains(text, word) {
					return i
				}
			}
		}
	}
	until("[app] ") // it has started
	alloc := func(n int) bool {
		if err := board.Write(ctx, fmt.Appendf(nil, "\nfl -c alloc -s %d\n", n)); err != nil {
			k.t.Fatal(err)
		}
		return until(fmt.Sprintf("[FLOK] Allocated %d ", n), "[FLERR] Alloc failed") == 0
	}
	low, high := 0, 1<<16
	for low+1 < high {
		if mid := (low + high) / 2; alloc(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	alloc(1) // lets go of the large one
	return low
}
