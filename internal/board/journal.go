package board

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fpbls/fpbls/internal/patch"
)

// A journal is the ledger on disk, one file for each port, so that the next
// process knows what this one left on the board. It is a hint: what the board's
// info does not confirm is dropped (see [patch.Reconcile]). It is written before
// the first comparator of an operation changes and after the last.
type journal struct {
	path string // empty: nothing is kept
	port string
}

type journalFile struct {
	Port     string       `json:"port"`
	Firmware string       `json:"firmware"` // build identity of the ELF
	Ledger   patch.Ledger `json:"ledger"`

	// Before is what it was before the operation that has begun; nil between two.
	Before *patch.Ledger `json:"before,omitempty"`
}

// maxJournal bounds what is read back; a ledger has at most some dozen slots.
const maxJournal = 4 << 20

func newJournal(dir, port string) journal {
	// The simulated board inside the process ends with it, and so does a replay.
	if dir == "" || strings.HasPrefix(port, "sim:") || strings.HasPrefix(port, "replay:") {
		return journal{}
	}
	sum := sha256.Sum256([]byte(port))
	return journal{path: filepath.Join(dir, "board-"+hex.EncodeToString(sum[:8])+".json"), port: port}
}

// load returns the ledger that was kept for the firmware, an empty one if there is none
// or it cannot be read, and with an operation that did not end the one before it.
func (j journal) load(firmware string) (now, before *patch.Ledger) {
	if j.path == "" {
		return &patch.Ledger{}, nil
	}
	if st, err := os.Stat(j.path); err != nil || st.Size() > maxJournal {
		return &patch.Ledger{}, nil
	}
	data, err := os.ReadFile(j.path)
	if err != nil {
		return &patch.Ledger{}, nil
	}
	return parseJournal(data, j.port, firmware)
}

func parseJournal(data []byte, port, firmware string) (now, before *patch.Ledger) {
	var f journalFile
	if json.Unmarshal(data, &f) != nil || f.Port != port || f.Firmware != firmware {
		return &patch.Ledger{}, nil
	}
	return &f.Ledger, f.Before
}

// save replaces the file at once, so that a killed process leaves the old or
// the new ledger. Losing the journal costs knowledge, not the patch, so callers
// may go on after an error.
func (j journal) save(firmware string, now, before *patch.Ledger) error {
	if j.path == "" {
		return nil
	}
	if len(now.Slots) == 0 && before == nil {
		if err := os.Remove(j.path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	data, err := json.Marshal(journalFile{Port: j.port, Firmware: firmware, Ledger: *now, Before: before})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(j.path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(j.path), ".board-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails after the rename, as it should
	_, err = tmp.Write(data)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), j.path)
}
