package workspace

import (
	"context"
	"fmt"
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

	image        *cached[*firmware.Image]
	database     *cached[*toolchain.Database]
	bootloader   *cached[*firmware.Image]     // nil where none is named
	bootDatabase *cached[*toolchain.Database] // nil where it has none of its own

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
	p.bootloader = newCached(p.findBootloader, firmware.Open, o.Changed)
	p.bootDatabase = newCached(p.findBootDatabase, toolchain.LoadDatabase, o.Changed)
	p.file, p.issues = settings.LoadFile(p.settingsFile())
	p.settings, p.origins = settings.Merge(p.merged()...)
	for _, c := range p.files() {
		c.start()
	}
	return p
}

// Close ends the board's connection and waits for what is being loaded. What is
// injected stays on the board.
func (p *Project) Close() error {
	p.mu.Lock()
	b := p.board
	p.board, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range p.files() {
		c.close()
	}
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

// Image returns the image of the firmware that runs. It waits while it is loaded,
// and does no I/O of its own.
func (p *Project) Image(ctx context.Context) (*firmware.Image, error) { return p.image.get(ctx) }

// Images returns that image and, if the settings name one, the bootloader's, in the
// way of [Project.Image].
func (p *Project) Images(ctx context.Context) (firmware.Images, error) {
	image, err := p.image.get(ctx)
	if err != nil {
		return nil, err
	}
	bootloader, err := p.bootloader.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("the bootloader: %w", err)
	}
	if bootloader == nil {
		return firmware.Images{image}, nil
	}
	images := firmware.Images{image, bootloader}
	if where := images.Overlap(); where != "" {
		return nil, problem.New(problem.BadELF, "name the two that were flashed with elf and bootloader", "not of one board: %s", where)
	}
	return images, nil
}

// Database returns the compile database of the firmware that runs, in the way of
// [Project.Image].
func (p *Project) Database(ctx context.Context) (*toolchain.Database, error) {
	return p.database.get(ctx)
}

// Builder returns what injections of the source file are built with: the image that
// it belongs to, and that one's compile database. It first looks whether images and
// databases are still what the disk holds.
func (p *Project) Builder(ctx context.Context, file string) (*patch.Builder, error) {
	for _, c := range p.files() {
		c.refresh()
	}
	images, err := p.Images(ctx)
	if err != nil {
		return nil, err
	}
	database, err := p.database.get(ctx)
	if err != nil {
		return nil, err
	}
	first := &patch.Builder{Image: images[0], Images: images, Database: database, Toolchain: p.tools}
	if len(images) == 1 {
		return first, nil
	}
	second := &patch.Builder{Image: images[1], Images: images, Database: database, Toolchain: p.tools}
	own, err := p.bootDatabase.get(ctx)
	if err != nil {
		return nil, err
	}
	if own != nil {
		second.Database = own
	}
	if !first.Concerns(file) && second.Concerns(file) {
		return second, nil
	}
	return first, nil
}

// Found tells which files were chosen, and why. It waits for the search.
func (p *Project) Found(ctx context.Context) []Choice {
	var all []Choice
	for _, c := range p.files() {
		if c, err := c.choice(ctx); err == nil && c.Path != "" {
			all = append(all, c)
		}
	}
	return all
}

// files lists what is found, loaded and kept, in the order in which it is found.
func (p *Project) files() []file {
	return []file{p.image, p.database, p.bootloader, p.bootDatabase}
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
		Images:     p.Images,
		JournalDir: p.options.UserDir,
	})
}

// simulated is what the port "sim:" runs.
func (p *Project) simulated() (elf [][]byte, err error) {
	for _, c := range []file{p.image, p.bootloader} {
		choice, err := c.choice(context.Background())
		if err != nil {
			return nil, err
		}
		if choice.Path == "" {
			continue
		}
		content, err := os.ReadFile(choice.Path)
		if err != nil {
			return nil, problem.New(problem.NoELF, "check the path", "cannot read the firmware: %w", err)
		}
		elf = append(elf, content)
	}
	return elf, nil
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
	p.search()
}

// apply is called with mu held, and releases it.
func (p *Project) apply() {
	old := p.settings
	p.settings, p.origins = settings.Merge(p.merged()...)
	if b := p.board; b != nil && (old.Port != p.settings.Port || old.Baud != p.settings.Baud) {
		p.board = nil
		p.background.Go(func() { b.Close() }) // waits for what still runs on it
	}
	files := old.ELF != p.settings.ELF || old.CompileCommands != p.settings.CompileCommands || old.Bootloader != p.settings.Bootloader
	p.mu.Unlock()
	if files {
		p.search()
	}
	p.options.Changed()
}

// search begins to look for every file again.
func (p *Project) search() {
	for _, c := range p.files() {
		c.search()
	}
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

// Loaded returns what [Project.Images] would if that is there already; it does not
// wait. The bootloader's comes later than the other perhaps.
func (p *Project) Loaded() firmware.Images {
	var images firmware.Images
	for _, c := range []*cached[*firmware.Image]{p.image, p.bootloader} {
		a := c.latest()
		select {
		case <-a.done:
			if a.value != nil {
				images = append(images, a.value)
			}
		default:
		}
	}
	return images
}
