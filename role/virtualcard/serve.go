package virtualcard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/vpcd"
)

// longestCommand is what a card takes: an extended command is read and refused by
// the chip, and what is longer than any command ends the connection.
const longestCommand = 7 + apdu.MaxExtendedData + 3

// Times of a slot.
const (
	// again is the pause between two attempts to reach a reader.
	again = 200 * time.Millisecond
	// away is how long a card that was silent stays away: readers look for their
	// cards a few times a second.
	away = 700 * time.Millisecond
)

// Slot is the virtual reader that a card is put into.
type Slot struct {
	// Address of vpcd, "127.0.0.1:35963".
	Address string
	// Reconnect is how long the card looks for a reader that is not there, each
	// time; 0: not at all.
	Reconnect time.Duration
	// Once ends when the first reader has closed the connection.
	Once bool
	// Connected and Gone, if not nil, are told when the card comes into the
	// reader and when it leaves; why is nil when the reader closed the connection.
	Connected func()
	Gone      func(why error)
}

// Serve puts a card into a virtual reader and answers until the context ends,
// which is no error. Errors are a reader.ErrUnavailable when no reader is there,
// and those of a card that cannot keep its memory.
func Serve(ctx context.Context, v *Card, s Slot) error {
	for {
		if v.dead != nil {
			return v.dead
		}
		conn, err := s.dial(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if s.Connected != nil {
			s.Connected()
		}
		why := v.answer(ctx, conn)
		v.PowerOff()
		if ctx.Err() != nil {
			return nil
		}
		if s.Gone != nil {
			s.Gone(why)
		}
		switch {
		case errors.Is(why, errSilent):
			sleep(ctx, away)
		case s.Once:
			return v.dead
		default:
			sleep(ctx, again)
		}
	}
}

// dial looks for the reader until it is there or the time is over.
func (s *Slot) dial(ctx context.Context) (net.Conn, error) {
	limit := time.Now().Add(s.Reconnect)
	for {
		conn, err := reader.DialSlot(ctx, s.Address)
		if err == nil || ctx.Err() != nil || !time.Now().Before(limit) {
			return conn, err
		}
		sleep(ctx, again)
	}
}

// sleep waits, or less when the context ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// answer serves one connection. It gives nil when the reader closed it between two
// messages.
func (v *Card) answer(ctx context.Context, conn net.Conn) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer func() {
		stop()
		conn.Close()
	}()
	in := vpcd.NewReader(bufio.NewReader(conn), longestCommand)
	out := vpcd.NewWriter(conn)
	var buf []byte
	for {
		r, err := in.Request()
		if err != nil {
			return ended(err)
		}
		switch r.Kind {
		case vpcd.PowerOff:
			v.PowerOff()
		case vpcd.PowerOn, vpcd.Reset:
			err = v.PowerOn()
		case vpcd.GetATR:
			err = out.ATR(v.ATR())
		case vpcd.APDU:
			buf, err = v.respond(ctx, out, buf[:0], r.Command)
		}
		if err != nil {
			return err
		}
	}
}

// respond gives the answer to one command.
func (v *Card) respond(ctx context.Context, out *vpcd.Writer, buf, cmd []byte) ([]byte, error) {
	answer, outcome, err := v.Transmit(buf, cmd)
	switch {
	case errors.Is(err, card.ErrNotPowered):
		return buf, fmt.Errorf("%w: a command came without power", errSilent)
	case err != nil:
		return buf, err
	case outcome.Silent:
		return buf, errSilent
	}
	if outcome.Delay > 0 {
		sleep(ctx, outcome.Delay)
	}
	return answer, out.Response(answer)
}

// ended tells an orderly end of the line, at which the reader closed it, from
// messages that a reader does not send.
func ended(err error) error {
	for _, bad := range []error{vpcd.ErrEmpty, vpcd.ErrControl, vpcd.ErrCommand, vpcd.ErrTooLong} {
		if errors.Is(err, bad) {
			return err
		}
	}
	return nil
}
