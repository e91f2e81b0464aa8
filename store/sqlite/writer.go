package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/citycard/citycard/ledger"
)

// request is what a caller asks of the writer: a function or a batch.
type request struct {
	claimed atomic.Bool // by the writer to begin it, or by the caller to give up

	fn     func(tx *Tx) error
	turn   chan *Tx      // hands the transaction to the caller's goroutine
	result chan fnResult // hands it back

	batch    []ledger.Transfer
	outcomes []ledger.Outcome

	done chan error // the final answer, after the commit
}

// fnResult is how a caller's function ended. A function that panicked or left its
// goroutine reports ended false.
type fnResult struct {
	ended bool
	err   error
}

var errUnfinished = errors.New("the function of the transaction did not return")

// writer owns the writing connection and everything that depends on being the
// only one to write.
type writer struct {
	*session
	opt     Options
	queue   chan *request
	gate    sync.RWMutex // held for reading while a request is put in the queue
	shut    bool         // no more requests; guarded by gate
	stopped chan struct{}

	cache   accountCache
	poster  poster
	nextSeq int64 // seq of the next transfer
	version int64 // data_version that cache and nextSeq belong to
	crowd   int   // requests in the last group
	group   []*request
	joined  []ledger.Transfer
	failed  error // set by a failed sync; nothing is written after it
}

func newWriter(s *session, opt Options) *writer {
	return &writer{session: s, opt: opt, queue: make(chan *request, 256), stopped: make(chan struct{}), version: -1}
}

func (w *writer) write(ctx context.Context, fn func(tx *Tx) error) error {
	req := &request{fn: fn, turn: make(chan *Tx), result: make(chan fnResult, 1), done: make(chan error, 1)}
	if err := w.enqueue(ctx, req); err != nil {
		return err
	}
	var tx *Tx
	select {
	case tx = <-req.turn:
	case err := <-req.done:
		return err
	case <-ctx.Done():
		if req.claimed.CompareAndSwap(false, true) {
			return fmt.Errorf("write: gave up while waiting for the turn: %w", ctx.Err())
		}
		select {
		case tx = <-req.turn:
		case err := <-req.done:
			return err
		}
	}
	runTurn(req, tx)
	return <-req.done
}

// runTurn runs the function in the caller's goroutine, so that a panic reaches
// the caller, and always gives the transaction back.
func runTurn(req *request, tx *Tx) {
	var r fnResult
	defer func() {
		tx.s = nil
		req.result <- r
	}()
	r.err = req.fn(tx)
	r.ended = true
}

func (w *writer) post(ctx context.Context, batch []ledger.Transfer) ([]ledger.Outcome, error) {
	req := &request{batch: batch, done: make(chan error, 1)}
	if err := w.enqueue(ctx, req); err != nil {
		return nil, err
	}
	select {
	case err := <-req.done:
		return req.outcomes, err
	case <-ctx.Done():
		if req.claimed.CompareAndSwap(false, true) {
			return nil, fmt.Errorf("post: gave up while waiting for the turn: %w", ctx.Err())
		}
		return req.outcomes, <-req.done
	}
}

func (w *writer) enqueue(ctx context.Context, req *request) error {
	w.gate.RLock()
	defer w.gate.RUnlock()
	if w.shut {
		return ErrClosed
	}
	select {
	case w.queue <- req:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("write: gave up while the queue was full: %w", ctx.Err())
	}
}

// stop refuses new requests, then waits until those accepted are answered.
func (w *writer) stop() {
	w.gate.Lock()
	w.shut = true
	w.gate.Unlock()
	close(w.queue)
	<-w.stopped
}

// run serves requests until the queue is closed and empty.
func (w *writer) run() {
	defer close(w.stopped)
	for req := range w.queue {
		w.serve(w.gather(req))
	}
}

// gather takes what else waits in the queue. While it holds fewer requests than
// the last group it also waits a moment, since those callers are likely to come
// back: a caller who is alone is never kept waiting.
func (w *writer) gather(first *request) []*request {
	group := append(w.group[:0], first)
	items := len(first.batch)
	var timeout <-chan time.Time
	for items < w.opt.GroupItems && len(group) < cap(w.queue) {
		if timeout == nil && len(group) < w.crowd && w.opt.GroupWait > 0 {
			timer := time.NewTimer(w.opt.GroupWait)
			defer timer.Stop()
			timeout = timer.C
		}
		if len(group) >= w.crowd {
			timeout = nil
		}
		req := w.next(timeout)
		if req == nil {
			break
		}
		group = append(group, req)
		items += len(req.batch)
	}
	w.crowd = len(group)
	w.group = group
	return group
}

// next takes a request if one is there, or comes before the timeout, or is nil.
func (w *writer) next(timeout <-chan time.Time) *request {
	select {
	case req := <-w.queue:
		return req
	default:
	}
	if timeout == nil {
		return nil
	}
	select {
	case req := <-w.queue:
		return req
	case <-timeout:
		return nil
	}
}

// unit is what succeeds or fails together inside a group: one function, or
// batches that are posted as one.
type unit struct {
	requests []*request
	err      error
}

// serve commits a group and answers every request in it.
func (w *writer) serve(group []*request) {
	units := w.units(group)
	if len(units) == 0 {
		return
	}
	err := w.failed
	if err == nil {
		err = w.begin()
	}
	if err == nil {
		err = w.runUnits(units)
	}
	for _, u := range units {
		if u.err == nil {
			u.err = err
		}
		for _, req := range u.requests {
			req.done <- u.err
		}
	}
}

// units claims the requests that still wait, and joins batches that follow each
// other, which is the same as posting them one after the other.
func (w *writer) units(group []*request) []*unit {
	var units []*unit
	posts := 0 // items in the last unit, if it is one of batches
	for _, req := range group {
		if !req.claimed.CompareAndSwap(false, true) {
			continue
		}
		if req.fn == nil && posts > 0 && posts+len(req.batch) <= w.opt.GroupItems {
			last := units[len(units)-1]
			last.requests = append(last.requests, req)
			posts += len(req.batch)
			continue
		}
		posts = len(req.batch)
		units = append(units, &unit{requests: []*request{req}})
	}
	return units
}

// begin starts the transaction and drops what other processes have made stale.
func (w *writer) begin() error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	version, err := w.int64("PRAGMA data_version")
	if err == nil && (version != w.version || len(w.cache.rows) > w.opt.AccountCache) {
		w.cache.reset()
		w.nextSeq, err = w.int64("SELECT coalesce(max(seq), 0) + 1 FROM ledger_transfer")
	}
	if err != nil {
		w.rollback()
		return err
	}
	w.version = version
	return nil
}

// runUnits runs each unit under a savepoint, or as the whole transaction if it is
// alone, and commits. The error it gives is for the units that have none of their
// own.
func (w *writer) runUnits(units []*unit) error {
	alone := len(units) == 1
	for _, u := range units {
		start := w.mark()
		if !alone {
			if err := w.exec("SAVEPOINT unit"); err != nil {
				w.rollback()
				return err
			}
		}
		u.err = w.runUnit(u)
		if w.conn.AutocommitEnabled() { // the engine gave the whole transaction up
			w.rollback()
			return fmt.Errorf("%w: %w", ErrRolledBack, u.err)
		}
		if err := w.endUnit(u.err == nil, alone, start); err != nil {
			w.rollback()
			return err
		}
	}
	if alone && units[0].err != nil {
		return nil
	}
	return w.commit()
}

// endUnit keeps or undoes what a unit did.
func (w *writer) endUnit(keep, alone bool, start mark) error {
	if !keep {
		w.undo(start)
	}
	switch {
	case keep && alone:
		return nil // commit keeps it
	case keep:
		return w.exec("RELEASE unit")
	case alone:
		return w.exec("ROLLBACK")
	}
	return w.execAll("ROLLBACK TO unit", "RELEASE unit")
}

func (w *writer) runUnit(u *unit) error {
	tx := &Tx{Reader: Reader{w.session}, w: w}
	if req := u.requests[0]; req.fn != nil {
		req.turn <- tx
		r := <-req.result
		switch {
		case !r.ended:
			return errUnfinished
		case r.err != nil:
			return r.err
		}
		return tx.broken
	}
	if len(u.requests) == 1 {
		var err error
		u.requests[0].outcomes, err = tx.PostBatch(u.requests[0].batch)
		return err
	}
	w.joined = w.joined[:0]
	for _, req := range u.requests {
		w.joined = append(w.joined, req.batch...)
	}
	outcomes, err := tx.PostBatch(w.joined)
	if err != nil {
		return err
	}
	for _, req := range u.requests {
		n := len(req.batch)
		req.outcomes, outcomes = outcomes[:n:n], outcomes[n:]
	}
	return nil
}

func (w *writer) commit() error {
	err := w.exec("COMMIT")
	if err == nil {
		w.cache.undo = w.cache.undo[:0]
		return nil
	}
	w.rollback()
	if errors.Is(err, ErrSyncFailed) {
		w.failed = err
	}
	return err
}

// rollback undoes the whole transaction, in the file and in memory. If even that
// fails, the writer cannot go on.
func (w *writer) rollback() {
	w.version = -1 // reload everything next time
	w.cache.reset()
	if w.conn.AutocommitEnabled() {
		return
	}
	if err := w.exec("ROLLBACK"); err != nil {
		w.failed = fmt.Errorf("a rollback failed; close and open the database: %w", err)
	}
}
