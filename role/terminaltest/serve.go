package terminaltest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/vpcd"
)

// longestCommand is what a scripted card takes; more ends the connection.
const longestCommand = 7 + apdu.MaxExtendedData + 3

// Times of a slot.
const (
	retry = 20 * time.Millisecond  // pause between two attempts to reach a reader
	away  = 700 * time.Millisecond // how long a card that left stays away: readers look for cards a few times a second
)

// shared is a card and its issuer behind a lock.
type shared struct {
	mu   sync.Mutex
	card *terminal.Card
	host *terminal.Host
}

// served is a card that is being put into a virtual reader.
type served struct {
	*shared
	address string
	in      chan struct{} // closed when a reader has asked for the ATR
	none    chan struct{} // closed when no reader was there at the first attempt
	once    sync.Once
	missed  sync.Once
}

var errNoReader = errors.New("no virtual reader is there")

// serve keeps the card in the reader until the context ends, or the card is gone for
// good: nil. It looks for a reader that is not there yet.
func (s *served) serve(ctx context.Context) error {
	for ctx.Err() == nil {
		conn, err := reader.DialSlot(ctx, s.address)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			s.missed.Do(func() { close(s.none) })
			pause(ctx, retry)
			continue
		}
		err = s.answer(ctx, conn)
		if err != nil {
			return err
		}
		s.mu.Lock()
		gone := s.card.Gone()
		s.mu.Unlock()
		if gone {
			pause(ctx, away)
			s.mu.Lock()
			back := ctx.Err() == nil && s.card.Return()
			s.mu.Unlock()
			if !back {
				return nil
			}
		} else {
			pause(ctx, retry)
		}
	}
	return nil
}

// pause waits, or less when the context ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// answer serves one connection till the reader or the card closes it.
func (s *served) answer(ctx context.Context, conn net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		stop()
		_ = conn.Close()
	}()
	in := vpcd.NewReader(bufio.NewReader(conn), longestCommand)
	out := vpcd.NewWriter(conn)
	for {
		r, err := in.Request()
		if err != nil {
			return nil // the reader has gone, or sends what no reader sends
		}
		switch r.Kind {
		case vpcd.GetATR:
			s.once.Do(func() { close(s.in) })
			err = out.ATR(s.atr())
		case vpcd.PowerOff, vpcd.PowerOn, vpcd.Reset:
			s.mu.Lock()
			s.card.Reset()
			s.mu.Unlock()
		case vpcd.APDU:
			var a terminal.Answer
			s.mu.Lock()
			a = s.card.Transmit(r.Command)
			s.mu.Unlock()
			pause(ctx, a.Delay)
			if a.Gone || ctx.Err() != nil {
				return nil
			}
			err = out.Response(a.Data)
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("scripted card in %s: %w", s.address, err)
		}
	}
}

func (s *served) atr() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.card.ATR()
}
