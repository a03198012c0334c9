package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/port"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/settings"
	"github.com/fpbls/fpbls/internal/workspace"
)

// An app is one run of the command.
type app struct {
	in  io.Reader
	out io.Writer
	err io.Writer

	json            bool
	root            string
	port            string
	baud            int
	elf             string
	bootloader      string
	compileCommands string
	wireTrace       string

	files []*os.File // that are written while the command runs
}

// Exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong usage or configuration
)

func (a *app) run(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	for _, f := range a.files {
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		return exitDone
	}
	// A flag that cannot be parsed hides those after it.
	a.json = a.json || slices.Contains(args, "--json")
	a.fail(err)
	switch problem.CodeOf(err) {
	case problem.Usage, problem.Config:
		return exitUsage
	}
	return exitFailed
}

func (a *app) rootCommand() *cobra.Command {
	var stdio bool
	root := &cobra.Command{
		Use:   "fpbls",
		Short: "Change functions of firmware while it runs",
		Long: `fpbls changes functions of firmware that runs on an ARM Cortex-M board, without
reflashing or resetting it. Started by an editor it is a language server; here it
does the same jobs from the command line. "fpbls demo" shows it without a board.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			if stdio || !isTerminal(a.in) {
				return new(server).run(cmd.Context(), a)
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&stdio, "stdio", false, "be a language server on standard input and output")
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print one JSON object instead of text")
	flags.StringVarP(&a.root, "root", "C", "", "the project's `folder` (default: the nearest one with an fpbls.toml, or this one)")
	flags.StringVar(&a.port, "port", "", "the board's `port`: a device, tcp://host:port, sim: or sim:path.elf")
	flags.IntVar(&a.baud, "baud", 0, "the line's `speed` in bits per second")
	flags.StringVar(&a.elf, "elf", "", "the ELF `file` of the firmware that runs")
	flags.StringVar(&a.bootloader, "bootloader", "", "the ELF `file` of a second program in the board's flash")
	flags.StringVar(&a.compileCommands, "compile-commands", "", "the compile database, a `file` or its directory")
	flags.StringVar(&a.wireTrace, "wire-trace", "", "record what crosses the line in a `file`, for a bug report; --port replay:FILE plays it again")
	must(root.RegisterFlagCompletionFunc("port", completePorts))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return problem.New(problem.Usage, `see "`+cmd.CommandPath()+` --help"`, "%w", err)
	})
	root.AddCommand(
		a.demoCommand(), a.simCommand(), a.serveCommand(), a.portsCommand(), a.doctorCommand(),
		a.infoCommand(), a.injectCommand(), a.changedCommand(), a.revertCommand(), a.enableCommand(), a.disableCommand(),
		a.symbolsCommand(), a.disasmCommand(), a.monitorCommand(), a.versionCommand(),
	)
	for _, c := range root.Commands() {
		c.Args = usage(c.Args)
	}
	return root
}

// project opens the project that the flags speak of, if its configuration is
// sound.
func (a *app) project() (*workspace.Project, error) {
	p, err := a.open()
	if err != nil {
		return nil, err
	}
	if issues := p.Issues(); len(issues) > 0 {
		p.Close()
		return nil, issues[0]
	}
	if !a.json {
		var told string
		p.Board().Watch(func(st board.Status) { // one call at a time
			if st.Recovered != told && st.Recovered != "" {
				fmt.Fprintln(a.err, "note: "+st.Recovered)
			}
			told = st.Recovered
		})
	}
	return p, nil
}

// open opens the project that the flags speak of.
func (a *app) open() (*workspace.Project, error) {
	root, err := a.folder()
	if err != nil {
		return nil, err
	}
	layer, err := a.layer()
	if err != nil {
		return nil, err
	}
	open, err := a.openPort()
	if err != nil {
		return nil, err
	}
	return workspace.Open(root, workspace.Options{Layers: []settings.Layer{layer}, UserDir: userDir(), OpenPort: open}), nil
}

// openPort opens ports, and records what crosses them if that is asked for.
func (a *app) openPort() (func(context.Context, string, port.Options) (fpb.Conn, error), error) {
	w, err := a.create(a.wireTrace)
	if err != nil || w == nil {
		return port.Open, err
	}
	recorder := port.NewRecorder(w)
	return func(ctx context.Context, url string, o port.Options) (fpb.Conn, error) {
		o.Recorder = recorder
		return port.Open(ctx, url, o)
	}, nil
}

// create creates a file that is written until the command ends; nil if it has no
// name. What it holds is nobody else's business.
func (a *app) create(name string) (io.Writer, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.OpenFile(a.path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, problem.New(problem.Usage, "name a file that can be written", "%w", err)
	}
	a.files = append(a.files, f)
	return f, nil
}

// layer is what the flags set.
func (a *app) layer() (settings.Layer, error) {
	text := map[string]string{"port": a.port, "elf": a.elf, "bootloader": a.bootloader, "compileCommands": a.compileCommands}
	if a.baud != 0 {
		text["baud"] = strconv.Itoa(a.baud)
	}
	layer, issues := settings.FromText(a.base(), text)
	if len(issues) > 0 {
		p := issues[0].Problem
		return layer, problem.New(problem.Usage, p.Hint, "--%s: %s", flagOf[issues[0].Key], p.Message)
	}
	return layer, nil
}

// flagOf names the flag of a setting.
var flagOf = map[string]string{"port": "port", "baud": "baud", "elf": "elf", "bootloader": "bootloader", "compileCommands": "compile-commands"}

// folder is the project's: the one that was named, or the one that dir lies in.
func (a *app) folder() (string, error) {
	if a.root == "" {
		return workspace.FindRoot(a.base()), nil
	}
	if st, err := os.Stat(a.root); err != nil || !st.IsDir() {
		return "", problem.New(problem.Usage, "name the project's folder", "--root: %s is not a folder", a.root)
	}
	return a.base(), nil
}

// base is where relative paths start.
func (a *app) base() string {
	dir, err := filepath.Abs(a.root)
	if err != nil {
		return a.root
	}
	return dir
}

// path makes a path of the command line absolute.
func (a *app) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.base(), name)
}

// shown is the path as a person in the base folder would write it.
func (a *app) shown(path string) string {
	if short, err := filepath.Rel(a.base(), path); err == nil && filepath.IsLocal(short) {
		return short
	}
	return path
}

// userDir is where journals and the user's consents are kept; empty if the
// system names no such place.
func userDir() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "fpbls")
}

// usage gives the errors of an argument check their code.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			check = cobra.NoArgs
		}
		if err := check(cmd, args); err != nil {
			return problem.New(problem.Usage, "usage: "+cmd.UseLine(), "%w", err)
		}
		return nil
	}
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := `see "fpbls --help"`
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, ", ") + "?"
	}
	return problem.New(problem.Usage, hint, "unknown command %q", args[0])
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// must reports a mistake in the wiring, which no input can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
