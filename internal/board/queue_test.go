package board

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestQueueIsFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(func() {})
		var order []string
		for _, title := range []string{"a", "b", "c", "d"} {
			go q.do(t.Context(), title, func(context.Context) error {
				time.Sleep(time.Second)
				order = append(order, title)
				return nil
			})
			synctest.Wait()
		}
		var titles []string
		for _, j := range q.list() {
			titles = append(titles, j.Title)
			if j.Running != (j.Title == "a") {
				t.Errorf("job %s: running is %t", j.Title, j.Running)
			}
		}
		if want := []string{"a", "b", "c", "d"}; !slices.Equal(titles, want) {
			t.Errorf("jobs %v, want %v", titles, want)
		}

		// Cancelling one that waits leaves the others in order.
		if !q.cancel(q.list()[2].ID) {
			t.Error("job c is not in the queue")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []string{"a", "b", "d"}; !slices.Equal(order, want) {
			t.Errorf("ran %v, want %v", order, want)
		}
		if left := q.list(); len(left) != 0 {
			t.Errorf("left in the queue: %v", left)
		}
	})
}

func TestQueueCancelReachesTheRunningJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(func() {})
		done := make(chan error, 1)
		go func() {
			done <- q.do(t.Context(), "long", func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		synctest.Wait()
		q.cancel(q.list()[0].ID)
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if q.cancel(1) {
			t.Error("an ended job could be cancelled")
		}
	})
}
