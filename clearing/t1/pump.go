package t1

import (
	"io"
	"sync/atomic"
)

// pump hands what is written to it to a writer that works in a goroutine of its
// own, in order and with a bounded number of buffers: encryption and the disk do
// not hold up the making of lines.
type pump struct {
	full, free chan []byte
	done       chan struct{}
	failed     atomic.Bool
	err        error // of the writer; set before failed
}

const pumpBuffers = 3

func newPump(w io.Writer) *pump {
	p := &pump{full: make(chan []byte, pumpBuffers), free: make(chan []byte, pumpBuffers), done: make(chan struct{})}
	for range pumpBuffers {
		p.free <- nil
	}
	go p.run(w)
	return p
}

func (p *pump) run(w io.Writer) {
	defer close(p.done)
	for b := range p.full {
		if p.err == nil {
			if _, err := w.Write(b); err != nil {
				p.err = err
				p.failed.Store(true)
			}
		}
		p.free <- b
	}
}

// Write copies b. It may report the failure of an earlier Write.
func (p *pump) Write(b []byte) (int, error) {
	if p.failed.Load() {
		return 0, p.err
	}
	p.full <- append((<-p.free)[:0], b...)
	return len(b), nil
}

// close waits until everything is written and reports the first failure.
func (p *pump) close() error {
	close(p.full)
	<-p.done
	return p.err
}
