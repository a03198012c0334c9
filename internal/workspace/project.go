package workspace

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fpbls/fpbls/internal/board"
	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/port"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/settings"
	"github.com/fpbls/fpbls/internal/toolchain"
)

// Options of [Open].
type Options struct {
	Layers  []settings.Layer // over fpbls.toml, the last on top: the editor's, then a command's
	UserDir string           // a directory of the user's for journals and consent; empty: nothing is kept
	Env     []string         // for compilers; nil is the process's environment

	// OpenPort opens the board's port; nil is [port.Open].
	OpenPort func(ctx context.Context, url string, o port.Options) (fpb.Conn, error)

	// Changed, if set, is called after the settings, the image, the compile
	// database or the board have changed. It is called from any goroutine, must
	// return soon, and must not call methods of the project that wait.
	Changed func()
}

// A Project is one workspace folder: its settings, its firmware image and
// compile database, found or named, and its board.
//
// All methods may be called at any time. Files are loaded on goroutines of the
// project's own; Image, Database and Builder wait for them. [Project.Close]
// waits until they have ended.
type Project struct {
	root    string
	options Options
	tools   *toolchain.Toolchain

	image    *cached[*firmware.Image]
	database *cached[*toolchain.Database]

	mu       sync.Mutex
	layers   []settings.Layer // without fpbls.toml's
	file     settings.Layer
	issues   []settings.Issue // of fpbls.toml
	settings settings.Settings
	origins  map[string]settings.Origin
	board    *board.Board
	closed   bool

	background sync.WaitGroup // boards that are being closed
}

// Open returns the project of the folder. It reads fpbls.toml and begins to load
// image and database; what is wrong with any of them is told by [Project.Issues],
// [Project.Image] and [Project.Builder].
func Open(root string, o Options) *Project {
	root = absolute(root)
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.OpenPort == nil {
		o.OpenPort = port.Open
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	p := &Project{root: root, options: o, layers: slices.Clone(o.Layers)}
	config := toolchain.Config{Workspace: []string{root}, Env: o.Env}
	if o.UserDir != "" {
		config.ConsentFile = filepath.Join(o.UserDir, "compilers.json")
	}
	p.tools = toolchain.New(config)
	p.image = newCached(p.findImage, firmware.Open, o.Changed)
	p.database = newCached(p.findDatabase, toolchain.LoadDatabase, o.Changed)
	p.file, p.issues = settings.LoadFile(p.settingsFile())
	p.settings, p.origins = settings.Merge(p.merged()...)
	p.image.start()
	p.database.start()
	return p
}

// Close ends the board's connection and waits for what is being loaded. What is
// injected stays on the board.
func (p *Project) Close() error {
	p.mu.Lock()
	b := p.board
	p.board, p.closed = nil, true
	p.mu.Unlock()
	p.image.close()
	p.database.close()
	p.background.Wait()
	if b != nil {
		return b.Close()
	}
	return nil
}

// Root is the folder, absolute.
func (p *Project) Root() string { return p.root }

// Settings returns the settings that hold now.
func (p *Project) Settings() settings.Settings {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settings
}

// Origins tells where each setting comes from.
func (p *Project) Origins() map[string]settings.Origin {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.origins
}

// Issues lists what is wrong with fpbls.toml.
func (p *Project) Issues() []settings.Issue {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.issues)
}

// Toolchain compiles for the project.
func (p *Project) Toolchain() *toolchain.Toolchain { return p.tools }

// Image returns the firmware image. It waits while the image is loaded, and does
// no I/O of its own.
func (p *Project) Image(ctx context.Context) (*firmware.Image, error) { return p.image.get(ctx) }

// Database returns the compile database, in the way of [Project.Image].
func (p *Project) Database(ctx context.Context) (*toolchain.Database, error) {
	return p.database.get(ctx)
}

// Builder returns what injections are built with. It first looks whether image
// and database are still what the disk holds.
func (p *Project) Builder(ctx context.Context) (*patch.Builder, error) {
	p.image.refresh()
	p.database.refresh()
	image, err := p.image.get(ctx)
	if err != nil {
		return nil, err
	}
	database, err := p.database.get(ctx)
	if err != nil {
		return nil, err
	}
	return &patch.Builder{Image: image, Database: database, Toolchain: p.tools}, nil
}

// Found tells which files were chosen, and why. It waits for the search.
func (p *Project) Found(ctx context.Context) []Choice {
	var all []Choice
	for _, choice := range []func(context.Context) (Choice, error){p.image.choice, p.database.choice} {
		if c, err := choice(ctx); err == nil && c.Path != "" {
			all = append(all, c)
		}
	}
	return all
}

// Board is the owner of the project's board. It is another one after the
// settings of the port have changed.
func (p *Project) Board() *board.Board {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.board == nil {
		p.board = p.newBoard()
		if p.closed {
			p.board.Close() // it has no connection: its operations fail
		}
	}
	return p.board
}

// newBoard is called with mu held.
func (p *Project) newBoard() *board.Board {
	url, o := p.settings.Port, port.Options{Baud: p.settings.Baud, Firmware: p.simulated}
	if strings.HasPrefix(url, "sim:") && p.origins["baud"].Source == settings.FromDefault {
		o.Baud = 0 // a simulated line is as fast as it can be unless somebody wants it slow
	}
	return board.New(board.Config{
		Port: url,
		Open: func(ctx context.Context) (fpb.Conn, error) {
			if url == "" {
				return nil, problem.New(problem.PortMissing,
					"set the port in fpbls.toml, in the editor or with --port (\"fpbls ports\" lists them; \"sim:\" is the simulated board)",
					"no port is set")
			}
			return p.options.OpenPort(ctx, url, o)
		},
		Image:      p.Image,
		JournalDir: p.options.UserDir,
	})
}

// simulated is the firmware of the port "sim:".
func (p *Project) simulated() (name string, elf []byte, err error) {
	choice, err := p.image.choice(context.Background())
	if err != nil {
		return "", nil, err
	}
	elf, err = os.ReadFile(choice.Path)
	if err != nil {
		return "", nil, problem.New(problem.NoELF, "check the path", "cannot read the firmware: %w", err)
	}
	return choice.Path, elf, nil
}

// SetLayer replaces the layer of the same source and applies what changed.
func (p *Project) SetLayer(l settings.Layer) {
	p.mu.Lock()
	if i := slices.IndexFunc(p.layers, func(old settings.Layer) bool { return old.Source() == l.Source() }); i >= 0 {
		p.layers[i] = l
	} else {
		p.layers = append(p.layers, l)
		slices.SortStableFunc(p.layers, func(a, b settings.Layer) int { return a.Source().Rank() - b.Source().Rank() })
	}
	p.apply()
}

// Reload looks at fpbls.toml, image and database again, and searches again for
// those that are not named.
func (p *Project) Reload() {
	file, issues := settings.LoadFile(p.settingsFile())
	p.mu.Lock()
	p.file, p.issues = file, issues
	p.apply()
	p.image.search()
	p.database.search()
}

// apply is called with mu held, and releases it.
func (p *Project) apply() {
	old := p.settings
	p.settings, p.origins = settings.Merge(p.merged()...)
	if b := p.board; b != nil && (old.Port != p.settings.Port || old.Baud != p.settings.Baud) {
		p.board = nil
		p.background.Go(func() { b.Close() }) // waits for what still runs on it
	}
	files := old.ELF != p.settings.ELF || old.CompileCommands != p.settings.CompileCommands
	p.mu.Unlock()
	if files {
		p.image.search()
		p.database.search()
	}
	p.options.Changed()
}

// merged lists all layers, the lowest first. It is called with mu held.
func (p *Project) merged() []settings.Layer {
	return append([]settings.Layer{p.file}, p.layers...)
}

func (p *Project) settingsFile() string { return filepath.Join(p.root, settings.FileName) }

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return filepath.Clean(path)
}

// Loaded returns the image if it is there already; it does not wait.
func (p *Project) Loaded() *firmware.Image {
	a := p.image.latest()
	select {
	case <-a.done:
		return a.value
	default:
		return nil
	}
}
