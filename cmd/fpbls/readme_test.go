package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/settings"
)

var update = flag.Bool("update", false, "rewrite the generated sections of README.md")

const readme = "../../README.md"

// TestREADME keeps the generated sections of the README true.
func TestREADME(t *testing.T) {
	old, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	text := string(old)
	for name, content := range map[string]string{
		"commands": commandsPage(new(app).rootCommand()),
		"codes":    codesPage(),
		"settings": settingsPage(),
	} {
		begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("README.md has no section between %q and %q", begin, end)
		}
		text = before + begin + content + end + after
	}
	if *update {
		if err := os.WriteFile(readme, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(old), text); diff != "" {
		t.Errorf("README.md is not what the code says (-README +code); run go test ./cmd/fpbls -run README -update\n%s", diff)
	}
}

func commandsPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("| command | what it does | its own flags |\n|---|---|---|\n")
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			continue
		}
		var flags []string
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				flags = append(flags, flagText(f))
			}
		})
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", cell(c.Use), c.Short, strings.Join(flags, ", "))
	}
	b.WriteString("\nFlags of every command: ")
	var global []string
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		_, usage := pflag.UnquoteUsage(f)
		global = append(global, flagText(f)+" "+usage)
	})
	b.WriteString(strings.Join(global, "; ") + ".\n")
	return b.String()
}

func flagText(f *pflag.Flag) string {
	text := "--" + f.Name
	if f.Shorthand != "" {
		text = "-" + f.Shorthand + ", " + text
	}
	if value, _ := pflag.UnquoteUsage(f); value != "" {
		text += " " + strings.ToUpper(value)
	}
	return "`" + text + "`"
}

func codesPage() string {
	var b strings.Builder
	b.WriteString("| code | meaning |\n|---|---|\n")
	for _, c := range problem.Codes() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", c.Code, cell(c.Meaning))
	}
	return b.String()
}

func settingsPage() string {
	var b strings.Builder
	b.WriteString("| key | default | meaning |\n|---|---|---|\n")
	for _, f := range settings.Schema() {
		fmt.Fprintf(&b, "| `%s` | `%#v` | %s |\n", f.Key, f.Default, cell(strings.Join(strings.Fields(f.Doc), " ")))
	}
	return b.String()
}

// cell makes text safe for a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
