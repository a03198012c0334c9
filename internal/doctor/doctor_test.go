package doctor

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/port"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/settings"
	"github.com/fpbls/fpbls/internal/workspace"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// host is a machine as a test wants it.
type host struct {
	processes []string
	denied    error
}

func (h host) Processes() []string { return h.processes }
func (h host) Access(string) error { return h.denied }

// project opens a demo project with a port that leads to the simulated board.
func project(t *testing.T, port string, change func(testfirmware.Project)) *workspace.Project {
	t.Helper()
	files, err := testfirmware.WriteProject(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(files.ELF), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files.ELF, testfirmware.DemoELF, 0o644); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(files)
	}
	layer, _ := settings.FromText(files.Dir, map[string]string{"port": port})
	p := workspace.Open(files.Dir, workspace.Options{Layers: []settings.Layer{layer}, OpenPort: simulated})
	t.Cleanup(func() { p.Close() })
	return p
}

func simulated(ctx context.Context, url string, o port.Options) (fpb.Conn, error) {
	return port.Open(ctx, "sim:", port.Options{Firmware: o.Firmware})
}

func TestExamine(t *testing.T) {
	sound := map[string]Status{
		"settings": OK, "elf": OK, "debug information": OK, "compile database": OK, "compiler": OK,
		"port": OK, "board": OK, "FPB": OK, "firmware": OK,
	}
	with := func(changes map[string]Status) map[string]Status {
		m := maps.Clone(sound)
		maps.Copy(m, changes)
		return m
	}
	without := func(m map[string]Status, names ...string) map[string]Status {
		maps.DeleteFunc(m, func(name string, _ Status) bool {
			for _, n := range names {
				if n == name {
					return true
				}
			}
			return false
		})
		return m
	}
	for _, test := range []struct {
		name   string
		port   string
		host   host
		change func(testfirmware.Project)
		want   map[string]Status
	}{
		{name: "all is well", port: "/dev/ttyACM0", want: sound},
		{
			name: "a program that probes ports", port: "/dev/ttyACM0",
			host: host{processes: []string{"init", "ModemManager"}},
			want: with(map[string]Status{"other programs": Warning}),
		},
		{
			name: "such a program does not matter without a device", port: "tcp://board:4000",
			host: host{processes: []string{"ModemManager"}}, want: sound,
		},
		{
			name: "no permission", port: "/dev/ttyACM0",
			host: host{denied: problem.New(problem.PortDenied, "join the group", "no permission")},
			want: without(with(map[string]Status{"port": Failed, "board": Skipped}), "FPB", "firmware"),
		},
		{
			name: "no port", port: "",
			want: without(with(map[string]Status{"port": Failed, "board": Skipped}), "FPB", "firmware"),
		},
		{
			name: "no compile database", port: "tcp://board:4000",
			change: func(p testfirmware.Project) { os.Remove(p.CompileCommands) },
			want:   with(map[string]Status{"compile database": Failed, "compiler": Skipped}),
		},
		{
			name: "a wrong setting", port: "tcp://board:4000",
			change: func(p testfirmware.Project) {
				os.WriteFile(filepath.Join(p.Dir, settings.FileName), []byte("bauds = 1\n"), 0o644)
			},
			want: with(map[string]Status{"settings": Failed}),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := project(t, test.port, test.change)
			got := make(map[string]Status)
			checks := Examine(t.Context(), p, test.host, func(Check) {})
			for _, c := range checks {
				got[c.Name] = c.Status
				if c.Status == Failed && (c.Hint == "" || c.Code == "") {
					t.Errorf("%s failed without a hint or a code: %+v", c.Name, c)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("checks (-want +got):\n%s", diff)
			}
		})
	}
}
