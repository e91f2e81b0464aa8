package reader

import (
	"context"
	"net"
	"time"
)

// link is a connection on which question and answer follow each other. When an
// exchange breaks off half way, the next answer would belong to the last
// question; so it is then closed for good.
type link struct {
	conn   net.Conn
	broken error
}

// past is a deadline that lets every read and write return at once.
var past = time.Unix(1, 0)

// do runs one exchange and gives it up when the context ends. An error of f
// breaks the link; after the context's end the error is the context's.
func (l *link) do(ctx context.Context, f func() error) error {
	if l.broken != nil {
		return l.broken
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return l.keep(f())
	}
	stop := context.AfterFunc(ctx, func() {
		if l.conn.SetDeadline(past) != nil {
			l.conn.Close() // whichever of the two works wakes the exchange up
		}
	})
	err := f()
	if !stop() {
		// The deadline is set, or about to be: nothing more can be read.
		l.broken = context.Cause(ctx)
		l.conn.Close()
		if err != nil {
			err = l.broken
		}
		return err
	}
	return l.keep(err)
}

func (l *link) keep(err error) error {
	if err != nil {
		l.broken = err
		l.conn.Close()
	}
	return err
}

// close ends the link; after it every exchange fails with the error.
func (l *link) close(then error) error {
	if l.broken != nil {
		return nil
	}
	l.broken = then
	return l.conn.Close()
}
