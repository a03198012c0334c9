package toolchain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/fpbls/fpbls/internal/problem"
)

// consent is what a user allowed: one program and, in one workspace, options
// that make it load code.
type consent struct {
	Compiler  string   `json:"compiler"` // real path
	Options   []string `json:"options,omitempty"`
	Workspace string   `json:"workspace,omitempty"`
}

func (c consent) equal(o consent) bool {
	return c.Compiler == o.Compiler && c.Workspace == o.Workspace && slices.Equal(c.Options, o.Options)
}

// maxConsents bounds the file that is read.
const maxConsents = 1 << 20

// consents reads what the user allowed. A file that is missing, damaged, or
// where a checkout could have brought it, allows nothing.
func (t *Toolchain) consents() ([]consent, error) {
	path := t.cfg.ConsentFile
	if path == "" {
		return nil, errors.New("there is no place to keep it in")
	}
	dir := filepath.Dir(path)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if t.inWorkspace(dir) {
		return nil, fmt.Errorf("%s lies inside the workspace", path)
	}
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && (!st.Mode().IsRegular() || st.Size() > maxConsents) {
		err = fmt.Errorf("%s is not a list of consents", path)
	}
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []consent
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

func (t *Toolchain) consented(want consent) bool {
	list, err := t.consents()
	return err == nil && slices.ContainsFunc(list, want.equal)
}

// Allow records, for the user, that the command's compiler may run with the
// options it has there.
func (t *Toolchain) Allow(c Command) error {
	p, err := t.find(c)
	if err != nil {
		return err
	}
	reasons, want := t.doubts(c, p)
	if len(reasons) == 0 {
		return nil
	}
	t.consentMu.Lock()
	defer t.consentMu.Unlock()
	list, err := t.consents()
	if err == nil && slices.ContainsFunc(list, want.equal) {
		return nil
	}
	if err == nil {
		err = writeConsents(t.cfg.ConsentFile, append(list, want))
	}
	if err != nil {
		return problem.New(problem.CompilerRefused, "correct or remove the file of consents", "the consent cannot be kept: %w", err)
	}
	return nil
}

// writeConsents replaces the file in one step, so that no reader sees half of it.
func writeConsents(path string, list []consent) error {
	data, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
