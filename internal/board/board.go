// Package board owns a connected board: one connection, one queue of
// operations, the ledger of what is live, and the board's output.
package board

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fpbls/fpbls/internal/firmware"
	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
)

// Config says how to reach a board and what runs on it.
type Config struct {
	Port string // as the user names it
	Open func(context.Context) (fpb.Conn, error)

	// Images gives what the board is to run; see [firmware.Images]. It may fail: the
	// board is then used without an ELF.
	Images func(context.Context) (firmware.Images, error)

	// JournalDir is a directory of the user's where the ledger is kept between
	// processes. Empty: it is not kept.
	JournalDir string
}

// A Board is the one owner of a connection to a board.
//
// Every method may be called at any time. Operations run one after another, in
// the order they came, each on its caller's goroutine; they connect by
// themselves. Status, Watch, Output and Jobs never wait for the line. A Board
// runs two goroutines for each connection, which end with it, and the one of
// [fpb.Client].
type Board struct {
	cfg     Config
	journal journal
	queue   *queue
	output  Output

	session *session // used only by whoever has the turn

	mu     sync.Mutex
	status Status
	closed bool

	watchMu  sync.Mutex // held while watchers are called, so that they see changes in order
	watchers map[int]func(Status)
	lastID   int
}

// A session is one connection.
type session struct {
	client     *fpb.Client
	info       fpb.Info
	ledger     *patch.Ledger
	images     firmware.Images // what the match was made with
	running    firmware.Images // those of them that the board has
	firmware   string          // the first one's build identity, the journal's key
	identified map[uint32]bool
	banners    *banners
	ended      chan struct{} // closed when the watchers of the connection have ended
}

// Status is what is known of the board without asking it.
type Status struct {
	Connected  bool           `json:"connected"`
	Port       string         `json:"port"`
	Loader     string         `json:"loader,omitempty"`
	FPB        fpb.Unit       `json:"fpb"`
	Match      Match          `json:"match"`
	Bootloader Match          `json:"bootloader,omitempty"` // the same of the bootloader's ELF, if there is one
	Patches    []patch.Record `json:"patches"`
	Lost       []patch.Record `json:"lost,omitempty"`      // were live before the board was reset
	Recovered  string         `json:"recovered,omitempty"` // what was done, at connecting, about an operation that had not ended
	SlotsUsed  int            `json:"slotsUsed"`
	SlotsTotal int            `json:"slotsTotal"`
	Health     string         `json:"health"` // in words
	Jobs       []Job          `json:"jobs"`
}

// Match tells whether the board runs the firmware of the ELF.
type Match string

const (
	MatchUnknown Match = "unknown"  // not compared yet, or no ELF
	Matches      Match = "match"    // samples over the image are equal
	Mismatch     Match = "mismatch" // the board holds other code
)

// New returns a Board that is not connected yet.
func New(cfg Config) *Board {
	b := &Board{cfg: cfg, journal: newJournal(cfg.JournalDir, cfg.Port), watchers: make(map[int]func(Status))}
	b.queue = newQueue(b.notify)
	b.status = Status{Port: cfg.Port, Match: MatchUnknown, Health: "not connected"}
	return b
}

// Close ends the connection. What is injected stays. Operations that run are
// waited for.
func (b *Board) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	return b.queue.do(context.Background(), "Close", func(context.Context) error {
		b.disconnect("closed")
		return nil
	})
}

// Disconnect ends the connection; the next operation connects again.
func (b *Board) Disconnect(ctx context.Context) error {
	return b.queue.do(ctx, "Disconnect", func(context.Context) error {
		b.disconnect("disconnected")
		return nil
	})
}

// Connect connects unless it is connected.
func (b *Board) Connect(ctx context.Context) error {
	return b.queue.do(ctx, "Connect", func(ctx context.Context) error {
		_, err := b.connect(ctx)
		return err
	})
}

// connect returns the session, opening it if need be. The caller has the turn.
func (b *Board) connect(ctx context.Context) (*session, error) {
	if b.session != nil {
		select {
		case <-b.session.client.Done():
			b.disconnect("the connection was lost")
		default:
			return b.session, nil
		}
	}
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if closed {
		return nil, problem.New(problem.BoardLost, "", "the board's connection was closed")
	}
	conn, err := b.cfg.Open(ctx)
	if err != nil {
		b.setHealth(err)
		return nil, err
	}
	s := &session{
		identified: make(map[uint32]bool),
		banners:    newBanners(),
		ended:      make(chan struct{}),
	}
	s.client = fpb.NewClient(conn, fpb.Options{Output: func(p []byte) {
		b.output.Write(p)
		s.banners.look(p)
	}})
	if s.info, err = s.client.Connect(ctx); err != nil {
		s.client.Close()
		b.setHealth(err)
		return nil, err
	}
	b.session = s
	go b.watchConnection(s)
	b.adopt(ctx, s)
	return s, nil
}

// adopt learns what is on the board: the firmware, and the patches that an
// earlier process left.
func (b *Board) adopt(ctx context.Context, s *session) {
	b.identify(ctx, s)
	known, before := b.journal.load(s.firmware)
	s.ledger = known
	if before == nil || len(s.running) == 0 {
		b.take(s, s.info)
	} else {
		b.finish(ctx, s, before, known)
	}
	b.update(func(st *Status) { st.Connected = true })
}

// finish ends the operation that another process, or this one on a line that was lost,
// has left in the middle.
func (b *Board) finish(ctx context.Context, s *session, before, planned *patch.Ledger) {
	// What was live and was to stay so is lost if it is not there.
	_, lost := patch.Reconcile(before, s.info, s.running)
	lost = slices.DeleteFunc(lost, planned.Without)
	target := b.target(s)
	done, err := target.Finish(ctx, before, planned, s.running)
	if err != nil {
		done = err.Error()
	}
	s.ledger = target.Ledger
	if info, err := s.client.Info(ctx); err == nil {
		s.info = info
		s.ledger, _ = patch.Reconcile(s.ledger, info, s.running)
	}
	b.update(func(st *Status) {
		st.Recovered = done
		st.setInfo(s, lost)
	})
}

// identify compares the board with the images, unless these were compared already:
// a rebuilt ELF is another one.
func (b *Board) identify(ctx context.Context, s *session) {
	images, err := b.cfg.Images(ctx)
	if err != nil || len(images) == 0 || slices.Equal(images, s.images) {
		return
	}
	s.images, s.running, s.firmware = images, nil, images[0].BuildID()
	clear(s.identified)
	s.banners.expect(images[0].Banners())
	var matches []Match
	for _, image := range images {
		match := Mismatch
		switch same, err := sameFirmware(ctx, s.client, image); {
		case err != nil:
			match = MatchUnknown
		case same:
			match = Matches
		}
		if match != Mismatch {
			s.running = append(s.running, image) // in doubt its names are better than none
		}
		matches = append(matches, match)
	}
	b.update(func(st *Status) {
		st.Match, st.Bootloader = matches[0], ""
		if len(matches) > 1 {
			st.Bootloader = matches[1]
		}
	})
}

// mayRun reports whether the board has the image, as far as it could be compared.
func (s *session) mayRun(image *firmware.Image) bool {
	return len(s.images) == 0 || slices.ContainsFunc(s.running, func(im *firmware.Image) bool { return im.BuildID() == image.BuildID() })
}

// disconnect drops the session. The caller has the turn.
func (b *Board) disconnect(why string) {
	s := b.session
	if s == nil {
		return
	}
	b.session = nil
	s.client.Close()
	<-s.ended
	b.update(func(st *Status) {
		*st = Status{Port: st.Port, Match: MatchUnknown, Health: why, Lost: st.Lost}
	})
}

// watchConnection notices that the port went away while nothing is asked.
func (b *Board) watchConnection(s *session) {
	defer close(s.ended)
	ctx, cancel := context.WithCancel(context.Background())
	var resets sync.WaitGroup
	resets.Go(func() { b.watchResets(ctx, s) })
	<-s.client.Done()
	cancel()
	resets.Wait()
	b.update(func(st *Status) {
		st.Connected = false
		st.Health = "the connection was lost"
	})
}

// Send writes to the firmware's console.
func (b *Board) Send(ctx context.Context, p []byte) error {
	return b.run(ctx, "Send", func(ctx context.Context, s *session) error { return s.client.Send(ctx, p) })
}

// Output is what the firmware prints.
func (b *Board) Output() *Output { return &b.output }

// Jobs lists the operations that run or wait, the running one first.
func (b *Board) Jobs() []Job { return b.queue.list() }

// Cancel cancels the job with the id and reports whether there was one. One
// that has passed its commit point ends as it would have.
func (b *Board) Cancel(id int) bool { return b.queue.cancel(id) }

// run gives f the turn and a session.
func (b *Board) run(ctx context.Context, title string, f func(context.Context, *session) error) error {
	return b.queue.do(ctx, title, func(ctx context.Context) error {
		s, err := b.connect(ctx)
		if err != nil {
			return err
		}
		err = f(ctx, s)
		if problem.Has(err, problem.BoardLost) || problem.Has(err, problem.BoardSilent) {
			b.disconnect(strings.TrimSuffix(err.Error(), "."))
		}
		return err
	})
}

// Status returns what is known of the board, without asking it.
func (b *Board) Status() Status {
	b.mu.Lock()
	st := b.status
	b.mu.Unlock()
	st.Patches = slices.Clone(st.Patches)
	st.Lost = slices.Clone(st.Lost)
	st.Jobs = b.queue.list()
	return st
}

// Watch has f called with the status after every change, one call at a time,
// until stop is called. f must return soon and must not start an operation.
func (b *Board) Watch(f func(Status)) (stop func()) {
	b.watchMu.Lock()
	defer b.watchMu.Unlock()
	b.lastID++
	id := b.lastID
	b.watchers[id] = f
	return func() {
		b.watchMu.Lock()
		defer b.watchMu.Unlock()
		delete(b.watchers, id)
	}
}

func (b *Board) update(change func(*Status)) {
	b.mu.Lock()
	change(&b.status)
	b.mu.Unlock()
	b.notify()
}

func (b *Board) notify() {
	b.watchMu.Lock()
	defer b.watchMu.Unlock()
	for _, f := range b.watchers {
		f(b.Status())
	}
}

func (b *Board) setHealth(err error) {
	b.update(func(st *Status) { st.Health = err.Error() })
}

// setInfo brings what info and the ledger tell into the status.
func (st *Status) setInfo(s *session, lost []patch.Record) {
	st.Loader = s.info.Version
	st.FPB = s.info.FPB
	st.Patches = s.ledger.Records()
	st.SlotsTotal = len(s.info.Slots)
	st.SlotsUsed = len(s.ledger.Slots)
	st.Lost = append(st.Lost, lost...)
	// What is live again is not lost any more.
	st.Lost = slices.DeleteFunc(st.Lost, func(l patch.Record) bool {
		return slices.ContainsFunc(st.Patches, func(p patch.Record) bool { return p.Original == l.Original })
	})
	switch {
	case !s.info.FPB.Present:
		st.Health = "no Flash Patch unit: functions cannot be patched"
	case !s.info.FPB.Enabled:
		st.Health = "the Flash Patch unit is off"
	case st.Match == Mismatch:
		st.Health = "the board runs another firmware than " + filepath.Base(s.images[0].Path())
	case st.Bootloader == Mismatch:
		st.Health = "ready; the board has another bootloader than " + filepath.Base(s.images[1].Path())
	case len(st.Lost) > 0:
		st.Health = fmt.Sprintf("ready; %d patches were lost by a reset", len(st.Lost))
	default:
		st.Health = "ready"
	}
}
