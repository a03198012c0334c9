package problem

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestCodesAreDescribedOnce(t *testing.T) {
	seen := make(map[Code]bool)
	for _, d := range Codes() {
		if d.Meaning == "" {
			t.Errorf("code %s has no comment that says what it means", d.Code)
		}
		if seen[d.Code] {
			t.Errorf("code %s is declared twice", d.Code)
		}
		seen[d.Code] = true
	}
	if declared := strings.Count(codesSource, " Code = "); len(seen) != declared {
		t.Errorf("the list has %d codes, codes.go declares %d", len(seen), declared)
	}
}

func TestDescribe(t *testing.T) {
	p := New(PortBusy, "close the other program", "the port %s is in use", "COM3")
	wrapped := fmt.Errorf("connecting: %w", p)
	for err, want := range map[error]string{p: "the port COM3 is in use", wrapped: "connecting: the port COM3 is in use"} {
		if message, hint := Describe(err); message != want || hint != p.Hint {
			t.Errorf("Describe(%q) = %q, %q", err, message, hint)
		}
	}
	if message, hint := Describe(errors.New("a: b")); message != "a: b" || hint != "" {
		t.Errorf("an error without a hint became %q, %q", message, hint)
	}
}

func TestHintOfTheCauseIsReplaced(t *testing.T) {
	cause := New(PortBusy, "close the other program", "the port %s is in use", "COM3")
	p := New(BoardSilent, "plug it in", "no board: %w", fmt.Errorf("connecting: %w", cause))
	if want := "no board: connecting: the port COM3 is in use"; p.Message != want {
		t.Errorf("the message is %q, want %q", p.Message, want)
	}
	if !Has(p, PortBusy) || !Has(p, BoardSilent) || CodeOf(p) != BoardSilent {
		t.Errorf("codes of %v are lost", p)
	}
}
