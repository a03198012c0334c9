// Package doctor looks at everything an injection needs, from the ELF to the
// board, and says what to do about what is missing. It changes nothing on the
// board.
package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/toolchain"
	"github.com/fpbls/fpbls/internal/workspace"
)

// A Check is one thing that was looked at.
type Check struct {
	Name    string       `json:"name"`
	Status  Status       `json:"status"`
	Message string       `json:"message"`
	Hint    string       `json:"hint,omitempty"` // what to do
	Code    problem.Code `json:"code,omitempty"` // of what failed
}

// Status is how a check ended.
type Status string

const (
	OK      Status = "ok"
	Warning Status = "warning" // works, with less than there could be
	Failed  Status = "failed"  // injections will not work
	Skipped Status = "skipped" // needs something that failed before
)

// A Host is the machine that the port belongs to.
type Host interface {
	// Processes names the programs that run; nil where that cannot be told.
	Processes() []string
	// Access tells why the device cannot be read and written, and what to do.
	Access(device string) error
}

// Examine looks at the project and its board. emit gets each check as it ends.
func Examine(ctx context.Context, p *workspace.Project, h Host, emit func(Check)) []Check {
	e := &examination{ctx: ctx, project: p, host: h, emit: emit}
	e.settings()
	e.image()
	e.database()
	e.compiler()
	if e.port() {
		e.interference()
		e.board()
	} else {
		e.skip("board", "there is no port to reach it by")
	}
	return e.checks
}

// Sound reports whether nothing failed.
func Sound(checks []Check) bool {
	return !slices.ContainsFunc(checks, func(c Check) bool { return c.Status == Failed })
}

type examination struct {
	ctx     context.Context
	project *workspace.Project
	host    Host
	emit    func(Check)
	checks  []Check
	sources *toolchain.Database // nil if there is none
}

func (e *examination) add(c Check) {
	e.checks = append(e.checks, c)
	e.emit(c)
}

func (e *examination) ok(name, format string, args ...any) {
	e.add(Check{Name: name, Status: OK, Message: fmt.Sprintf(format, args...)})
}

func (e *examination) skip(name, why string) {
	e.add(Check{Name: name, Status: Skipped, Message: why})
}

func (e *examination) fail(name string, err error) {
	message, hint := problem.Describe(err)
	e.add(Check{Name: name, Status: Failed, Message: message, Hint: hint, Code: problem.CodeOf(err)})
}

func (e *examination) warn(name, message, hint string) {
	e.add(Check{Name: name, Status: Warning, Message: message, Hint: hint})
}

func (e *examination) settings() {
	issues := e.project.Issues()
	for _, i := range issues {
		e.fail("settings", i)
	}
	if len(issues) == 0 {
		e.ok("settings", "folder %s", e.project.Root())
	}
}

func (e *examination) image() {
	image, err := e.project.Image(e.ctx)
	if err != nil {
		e.fail("elf", err)
		return
	}
	e.ok("elf", "%s, %d functions%s", image.Path(), len(image.Functions()), e.why("elf"))
	if _, err := image.Debug(); err != nil {
		e.warn("debug information", "the ELF has none that can be read: "+err.Error(),
			"build with -g: without it, statics of equal name cannot be told apart")
		return
	}
	e.ok("debug information", "present")
	images, err := e.project.Images(e.ctx)
	switch {
	case err != nil:
		e.fail("bootloader", err)
	case len(images) > 1:
		e.ok("bootloader", "%s, %d functions%s", images[1].Path(), len(images[1].Functions()), e.why("bootloader"))
	}
}

// why tells how a file was chosen.
func (e *examination) why(what string) string {
	for _, c := range e.project.Found(e.ctx) {
		if c.What == what && c.Why != "" {
			return " (" + c.Why + ")"
		}
	}
	return ""
}

func (e *examination) database() {
	d, err := e.project.Database(e.ctx)
	if err != nil {
		e.fail("compile database", err)
		return
	}
	e.sources = d
	e.ok("compile database", "%d files%s", len(d.Files()), e.why("compileCommands"))
}

// compiler compiles one file: that is what tells whether it can be done.
func (e *examination) compiler() {
	if e.sources == nil {
		e.skip("compiler", "the compile database names it")
		return
	}
	for _, file := range e.sources.Files() {
		if _, err := os.Stat(file); err != nil {
			continue
		}
		command, err := e.sources.Command(file)
		if err != nil {
			continue
		}
		result, err := e.project.Toolchain().Compile(e.ctx, toolchain.Unit{Command: command})
		if err != nil {
			e.fail("compiler", err)
			return
		}
		e.ok("compiler", "%s compiled %s in %d ms", filepath.Base(command.Args[0]), filepath.Base(file), result.Elapsed.Milliseconds())
		return
	}
	e.warn("compiler", "none of the files of the compile database is there", "build the project again, or name its database with --compile-commands")
}

// port reports whether there is one to try.
func (e *examination) port() bool {
	name := e.project.Settings().Port
	switch {
	case name == "":
		e.add(Check{
			Name: "port", Status: Failed, Message: "no port is set", Code: problem.PortMissing,
			Hint: `set port in fpbls.toml or use --port; "fpbls ports" lists them, "sim:" is the simulated board`,
		})
		return false
	case !isDevice(name):
		e.ok("port", "%s", name)
		return true
	}
	if err := e.host.Access(name); err != nil {
		e.fail("port", err)
		return false
	}
	e.ok("port", "%s, at %d baud", name, e.project.Settings().Baud)
	return true
}

func isDevice(port string) bool {
	return !strings.HasPrefix(port, "sim:") && !strings.HasPrefix(port, "tcp:")
}

// meddlers are programs that talk to serial ports they were not asked to touch.
var meddlers = map[string]string{
	"ModemManager": `it probes new ports: "systemctl stop ModemManager", or a udev rule with ENV{ID_MM_DEVICE_IGNORE}="1"`,
	"brltty":       `it claims ports of common USB bridges as braille displays: uninstall it, or mask its udev rule`,
}

func (e *examination) interference() {
	if !isDevice(e.project.Settings().Port) {
		return
	}
	for _, name := range e.host.Processes() {
		if hint, ok := meddlers[name]; ok {
			e.warn("other programs", name+" runs on this machine", hint)
		}
	}
}

func (e *examination) board() {
	info, err := e.project.Board().Info(e.ctx)
	if err != nil {
		e.fail("board", err)
		return
	}
	e.ok("board", "function loader %s answers", info.Loader)
	if info.FPB.Enabled {
		e.ok("FPB", "version %d, %d comparators for code", info.FPB.Version, info.FPB.Code)
	} else {
		e.fail("FPB", problem.New(problem.NoFPB,
			"the loader must be built for a core with an FPB, and without FL_NO_FPB", "the board has no Flash Patch unit that is switched on"))
	}
	switch info.Match {
	case board.Matches:
		e.ok("firmware", "the board runs the ELF")
	case board.Mismatch:
		e.fail("firmware", problem.New(problem.WrongFirmware,
			"name the ELF that was flashed with --elf, or flash this one", "the board runs another firmware than the ELF"))
	case board.MatchUnknown:
		e.skip("firmware", "could not be compared with an ELF")
	}
	if e.project.Board().Status().Bootloader == board.Mismatch {
		e.warn("bootloader", "the board has another one than the ELF",
			"name the ELF that was flashed with --bootloader: until then its functions are left alone, and the application's are not")
	}
}
