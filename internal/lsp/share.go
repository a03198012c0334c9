package lsp

import (
	"context"
	"path/filepath"
	"strings"
	"sync"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/port"
	"github.com/fpbls/fpbls/internal/problem"
)

// lines keeps two folders from talking to one board at once, which the system does
// not for TCP, and tells which folder has it. The first to connect has the port until
// it disconnects. Its methods may be called at the same time.
type lines struct {
	open func(context.Context, string, port.Options) (fpb.Conn, error)

	mu    sync.Mutex
	users map[string]*line // by port
}

// A line is a connection of a folder.
type line struct {
	fpb.Conn
	root    string
	release func()
}

func (l *line) Close() error {
	defer l.release()
	return l.Conn.Close()
}

// seeded is a line that is recorded.
type seeded struct {
	*line
	fpb.Seeder
}

// of is how the folder opens ports.
func (s *lines) of(root string) func(context.Context, string, port.Options) (fpb.Conn, error) {
	return func(ctx context.Context, url string, o port.Options) (fpb.Conn, error) {
		if strings.HasPrefix(url, "sim:") || strings.HasPrefix(url, "replay:") {
			return s.open(ctx, url, o) // each its own
		}
		key := url
		if device, err := filepath.EvalSymlinks(url); err == nil {
			key = device // of several names
		}
		mine, err := s.take(key, url, root)
		if err != nil {
			return nil, err
		}
		if mine.Conn, err = s.open(ctx, url, o); err != nil {
			mine.release()
			return nil, err
		}
		if seeder, ok := mine.Conn.(fpb.Seeder); ok {
			return seeded{mine, seeder}, nil
		}
		return mine, nil
	}
}

func (s *lines) take(key, url, root string) (*line, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if user := s.users[key]; user != nil && user.root != root {
		return nil, problem.New(problem.PortBusy, "disconnect it there, or name another port here",
			"the port %s is busy, the folder %s uses it", url, user.root)
	}
	mine := &line{root: root}
	mine.release = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.users[key] == mine {
			delete(s.users, key)
		}
	}
	s.users[key] = mine
	return mine, nil
}
