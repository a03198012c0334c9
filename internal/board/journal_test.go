package board

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fpbls/fpbls/internal/patch"
)

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	j := newJournal(filepath.Join(dir, "state"), "/dev/ttyACM0")
	kept := &patch.Ledger{Slots: []patch.Slot{{ID: 2, Function: "f", Original: 0x0800_1000, State: patch.Live}}}
	if err := j.save("v1", kept, nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := j.load("v1"); len(got.Slots) != 1 || got.Slots[0].Function != "f" || got.Slots[0].Original != 0x0800_1000 {
		t.Errorf("loaded %+v", got)
	}
	if got, _ := j.load("v2"); len(got.Slots) != 0 {
		t.Errorf("another firmware's ledger was loaded: %+v", got)
	}
	if got, _ := newJournal(filepath.Join(dir, "state"), "/dev/ttyACM1").load("v1"); len(got.Slots) != 0 {
		t.Errorf("another port's ledger was loaded: %+v", got)
	}
	if err := j.save("v1", &patch.Ledger{}, nil); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "state")); len(left) != 0 {
		t.Errorf("an empty ledger left %v", left)
	}
}

func FuzzParseJournal(f *testing.F) {
	f.Add([]byte(`{"port":"p","firmware":"v","ledger":{"slots":[{"id":0,"original":"0x08000000"}],"blocks":[]}}`))
	f.Add([]byte(`{"port":"p","firmware":"v","ledger":{"slots":[{"original":7}]}}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if now, _ := parseJournal(data, "p", "v"); now == nil {
			t.Error("no ledger")
		}
	})
}
