package board

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/sim"
	testfirmware "github.com/fpbls/fpbls/testdata/firmware"
)

// A small edit elsewhere leaves most code as it was, and moves what it refers to.
func TestOtherFirmwareIsNoticed(t *testing.T) {
	for _, test := range []struct{ name, file, from, to string }{
		{"the same", "app/status.c", "", ""},
		{"a longer text", "app/status.c", "all systems nominal", "all systems are nominal"},
		{"another static", "app/sensor.c", "samples++;", "samples++; static volatile int last[4]; last[0] = sample;"},
		{"a longer function", "app/status.c", "return ++count;", "count ^= 0x5a5a5a5a; return ++count;"},
		{"another character", "app/status.c", "all systems nominal", "all systems nominaL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			flashed, err := buildFixture(dir, func(p *testfirmware.Project) error {
				path := filepath.Join(p.Dir, filepath.FromSlash(test.file))
				text, err := os.ReadFile(path)
				if err != nil || test.from == "" {
					return err
				}
				text = bytes.Replace(text, []byte(test.from), []byte(test.to), 1)
				return os.WriteFile(path, text, 0o644)
			})
			if err != nil {
				t.Fatal(err)
			}
			runOn(t, flashed, sim.Config{}, func(t *testing.T, b *bench) {
				b.board.cfg.Images = func(context.Context) (firmware.Images, error) { return firmware.Images{demo.image}, nil }
				if _, err := b.board.Info(t.Context()); err != nil {
					t.Fatal(err)
				}
				want := Mismatch
				if test.from == "" {
					want = Matches
				}
				if got := b.board.Status().Match; got != want {
					t.Errorf("match is %q, want %q", got, want)
				}
			})
		})
	}
}
