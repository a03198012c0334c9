// Package demo shows the whole path without a board: it builds the test
// firmware with the local compiler, runs it on the simulated board, and changes
// one of its functions while it runs.
package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/settings"
	"github.com/fpbls/fpbls/internal/workspace"
)

// Result is what was done and what the board printed meanwhile.
type Result struct {
	Project  Project      `json:"project"`
	Marker   Marker       `json:"marker"`
	Before   []string     `json:"before"`   // the board's output before the injection
	After    []string     `json:"after"`    // after it
	Restored []string     `json:"restored"` // after the revert
	Patch    patch.Record `json:"patch"`
	MS       patch.Timing `json:"ms"`
}

// Project is the demo's project on disk.
type Project struct {
	Dir             string `json:"dir"`
	Source          string `json:"source"`
	Function        string `json:"function"` // what the demo changes in Source
	ELF             string `json:"elf"`
	CompileCommands string `json:"compileCommands"`
}

// Marker is the text that the function returns.
type Marker struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// A Step is a part of the demo that has ended.
type Step struct {
	Text  string
	Lines []string // what the board printed
}

const (
	before = "all systems nominal"
	after  = "patched while running"

	lines    = 3           // collected in each phase
	patience = time.Minute // for that many lines, on a busy machine
)

// Run runs the demo in dir, which must be empty or missing, and leaves the
// project there. emit gets the steps.
func Run(ctx context.Context, dir string, emit func(Step)) (Result, error) {
	r := Result{Marker: Marker{Before: before, After: after}}
	if err := claim(dir); err != nil {
		return r, err
	}
	var err error
	if r.Project, err = build(ctx, dir); err != nil {
		return r, err
	}
	emit(Step{Text: "Built the demo firmware in " + r.Project.Dir})

	// Not the user's configuration: the demo has to look the same everywhere.
	layer, _ := settings.FromText(dir, map[string]string{"port": "sim:"})
	p := workspace.Open(dir, workspace.Options{Layers: []settings.Layer{layer}})
	defer p.Close()
	b := p.Board()
	if err := b.Connect(ctx); err != nil {
		return r, err
	}
	if r.Before, err = collect(ctx, b); err != nil {
		return r, err
	}
	emit(Step{"It runs on a simulated board:", r.Before})

	request, err := edited(ctx, p, r.Project)
	if err != nil {
		return r, err
	}
	injected, err := b.Inject(ctx, request, nil)
	if err != nil {
		return r, err
	}
	r.Patch, r.MS = injected.Patches[0], injected.MS
	if r.After, err = collect(ctx, b); err != nil {
		return r, err
	}
	emit(Step{"Changed " + r.Project.Function + " and injected it: " + injected.Summary(), r.After})

	if _, err := b.Revert(ctx, patch.Selector{Function: r.Project.Function}); err != nil {
		return r, err
	}
	if r.Restored, err = collect(ctx, b); err != nil {
		return r, err
	}
	emit(Step{"Reverted it:", r.Restored})
	return r, r.verify()
}

// edited is the injection that an editor would ask for after the user has
// changed the text: the buffer is not saved.
func edited(ctx context.Context, p *workspace.Project, files Project) (board.Request, error) {
	text, err := os.ReadFile(files.Source)
	if err != nil {
		return board.Request{}, err
	}
	text = bytes.Replace(text, []byte(strconv.Quote(before)), []byte(strconv.Quote(after)), 1)
	builder, err := p.Builder(ctx, files.Source)
	if err != nil {
		return board.Request{}, err
	}
	return board.Request{
		Builder: builder, Unit: patch.Unit{Path: files.Source, Text: text}, Functions: []string{files.Function},
	}, nil
}

// collect returns the next whole lines that the board reports.
func collect(ctx context.Context, b *board.Board) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := b.Output().Reader()
	var text strings.Builder
	for {
		p, _, err := r.Next(ctx)
		if err != nil {
			return nil, fmt.Errorf("waiting for the board's output: %w", err)
		}
		text.Write(p)
		// The first line may have begun earlier, the last one is not whole yet.
		whole := strings.Split(text.String(), "\n")
		whole = whole[min(1, len(whole)):]
		if len(whole) <= lines {
			continue
		}
		whole = whole[:lines]
		for i, line := range whole {
			whole[i] = strings.TrimRight(line, "\r")
		}
		return whole, nil
	}
}

var counter = regexp.MustCompile(`count=(\d+)`)

// verify makes sure that the board did what the demo says.
func (r Result) verify() error {
	for _, phase := range []struct {
		name          string
		lines         []string
		present, gone string
	}{
		{"before the injection", r.Before, before, after},
		{"after the injection", r.After, after, before},
		{"after the revert", r.Restored, before, after},
	} {
		text := strings.Join(phase.lines, "\n")
		if !strings.Contains(text, phase.present) || strings.Contains(text, phase.gone) {
			return fmt.Errorf("%s the board printed %q", phase.name, phase.lines)
		}
	}
	last := -1
	for _, phase := range [][]string{r.Before, r.After, r.Restored} {
		for _, m := range counter.FindAllStringSubmatch(strings.Join(phase, "\n"), -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil || n <= last {
				return fmt.Errorf("the counter went from %d to %s", last, m[1])
			}
			last = n
		}
	}
	return nil
}
