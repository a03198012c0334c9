package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOtherClient lets the protocol library of VS Code drive a whole session: see
// editors/testclient.
func TestOtherClient(t *testing.T) {
	program := filepath.Join(t.TempDir(), "fpbls")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	client := exec.CommandContext(t.Context(), "node", "--test", "session.test.js")
	client.Dir = filepath.Join("..", "..", "editors", "testclient")
	client.Env = append(os.Environ(), "FPBLS="+program)
	if _, err := os.Stat(filepath.Join(client.Dir, "node_modules")); err != nil {
		t.Fatal("the client's library is missing: run .ci/setup tests")
	}
	out, err := client.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
