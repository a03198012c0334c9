package lsp

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/command"
)

// Report collects what a bug report needs: versions, settings, what was found. It
// has no sources, and paths only below the folder.
func (e executor) Report(ctx context.Context, a command.FolderArgs) (command.ReportResult, error) {
	s := e.server
	f, err := s.chosenFolder(a.URI)
	if err != nil {
		return command.ReportResult{}, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "- fpbls %s, %s %s/%s, protocol %d\n", s.options.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, command.ProtocolVersion)
	fmt.Fprintf(&b, "- editor %s, positions %s\n", s.editor.name, s.encoding)
	for _, c := range f.project.Found(ctx) {
		fmt.Fprintf(&b, "- %s: %s (%s)\n", c.What, c.Path, c.Why)
	}
	images, err := f.project.Images(ctx)
	if err != nil {
		fmt.Fprintf(&b, "- image: %v\n", err)
	}
	for _, image := range images {
		fmt.Fprintf(&b, "- image: %d functions, build %.16s\n", len(image.Functions()), image.BuildID())
		if debug, err := image.Debug(); err == nil {
			producers := make(map[string]bool)
			for _, u := range debug.Units() {
				producers[u.Producer] = true
			}
			for _, p := range slices.Sorted(maps.Keys(producers)) {
				fmt.Fprintf(&b, "- built by %s\n", p)
			}
		}
	}
	if _, err := f.project.Database(ctx); err != nil {
		fmt.Fprintf(&b, "- compile database: %v\n", err)
	}
	st := f.project.Board().Status()
	fmt.Fprintf(&b, "- board: %s, loader %q, FPB v%d %d code, firmware %s, %d/%d slots\n", st.Health, st.Loader, st.FPB.Version, st.FPB.Code, st.Match, st.SlotsUsed, st.SlotsTotal)
	for _, i := range f.project.Issues() {
		fmt.Fprintf(&b, "- %v\n", i)
	}
	b.WriteString("\n| setting | value | from |\n| --- | --- | --- |\n")
	settings, origins := f.project.Settings(), f.project.Origins()
	for _, key := range slices.Sorted(maps.Keys(origins)) {
		value, _ := settings.Get(key)
		fmt.Fprintf(&b, "| %s | %s | %s |\n", key, value, origins[key])
	}
	return command.ReportResult{Text: strings.ReplaceAll(b.String(), f.project.Root(), "FOLDER")}, nil
}
