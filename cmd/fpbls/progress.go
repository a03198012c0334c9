package main

import (
	"github.com/schollz/progressbar/v3"

	"github.com/fpbls/fpbls/internal/patch"
)

// A progress shows how far an injection has come, if a person is watching.
type progress struct {
	bar *progressbar.ProgressBar // nil if nobody is
}

func (a *app) newProgress() *progress {
	if a.json || !isTerminal(a.out) {
		return &progress{}
	}
	return &progress{progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(a.err),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(),
	)}
}

func (p *progress) event(e patch.Event) {
	if p.bar == nil {
		return
	}
	p.bar.Describe(string(e.Stage) + " " + e.Function)
	total := e.Total
	if total == 0 {
		total = -1 // the stage has no measure
	}
	if p.bar.GetMax() != total {
		p.bar.ChangeMax(total)
	}
	// Showing progress must not be what fails.
	_ = p.bar.Set(e.Done)
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
