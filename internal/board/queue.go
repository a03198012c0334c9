package board

import (
	"context"
	"slices"
	"sync"
)

// A queue gives one operation at a time the turn, in the order they asked.
// Waiting costs nothing and can be cancelled.
type queue struct {
	turn    chan struct{} // holds one token while an operation runs; channels are first come, first served
	changed func()

	mu   sync.Mutex
	jobs []*Job // the running one first
	last int
}

// A Job is an operation that runs or waits for its turn.
type Job struct {
	ID      int    `json:"id"`
	Title   string `json:"title"`
	Running bool   `json:"running"`

	cancel context.CancelFunc
}

func newQueue(changed func()) *queue {
	return &queue{turn: make(chan struct{}, 1), changed: changed}
}

// do runs f when its turn has come. ctx, or [queue.cancel], ends the wait and is
// passed on to f.
func (q *queue) do(ctx context.Context, title string, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	job := q.add(title, cancel)
	defer q.remove(job)
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-q.turn }()
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	job.Running = true
	q.mu.Unlock()
	q.changed()
	return f(ctx)
}

func (q *queue) add(title string, cancel context.CancelFunc) *Job {
	q.mu.Lock()
	q.last++
	job := &Job{ID: q.last, Title: title, cancel: cancel}
	q.jobs = append(q.jobs, job)
	q.mu.Unlock()
	q.changed()
	return job
}

func (q *queue) remove(job *Job) {
	q.mu.Lock()
	q.jobs = slices.DeleteFunc(q.jobs, func(j *Job) bool { return j == job })
	q.mu.Unlock()
	q.changed()
}

// list returns the jobs, the running one first.
func (q *queue) list() []Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := make([]Job, 0, len(q.jobs))
	for _, j := range q.jobs {
		jobs = append(jobs, *j)
	}
	slices.SortStableFunc(jobs, func(a, b Job) int {
		switch {
		case a.Running && !b.Running:
			return -1
		case b.Running && !a.Running:
			return 1
		}
		return 0
	})
	return jobs
}

// cancel ends the job with the id, if it is still there.
func (q *queue) cancel(id int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.jobs {
		if j.ID == id {
			j.cancel()
			return true
		}
	}
	return false
}
