package reader

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/citycard/citycard/wire/pcsc"
)

// pcscCard is a card in a reader of pcscd.
type pcscCard struct {
	*session
	reader   string
	atr      []byte
	handle   int32
	shared   bool
	gone     error // why the card was lost
	protocol pcsc.Protocol
	message  pcsc.Transmit // kept, so that an exchange allocates nothing
}

// turn is how long to wait between two tries to get at a card that another
// program has for a moment; closeTime is how long saying goodbye may take.
const (
	turn      = 20 * time.Millisecond
	closeTime = 2 * time.Second
)

func openPCSC(ctx context.Context, name string, doors Doors) (Card, error) {
	s, err := dial(ctx, doors.Socket)
	if err != nil {
		return nil, err
	}
	c := &pcscCard{session: s, shared: doors.Shared}
	if err := c.open(ctx, name, doors.Wait); err != nil {
		s.close(err)
		return nil, err
	}
	return c, nil
}

func (c *pcscCard) open(ctx context.Context, name string, wait bool) error {
	for {
		r, err := c.find(ctx, name, wait)
		if err != nil {
			return err
		}
		c.reader = r.Name
		err = c.connect(ctx)
		// A card that was taken out between the two steps is waited for like one that
		// was never there.
		if !wait || !errors.Is(err, ErrNoCard) && !errors.Is(err, ErrCardGone) {
			return err
		}
	}
}

// find gives the reader to use, one with a card.
func (c *pcscCard) find(ctx context.Context, name string, wait bool) (r pcsc.Reader, err error) {
	if !wait {
		list, err := c.table(ctx, pcsc.CommandReaders)
		if err != nil {
			return r, err
		}
		return pick(list, name)
	}
	werr := c.watch(ctx, func(list []pcsc.Reader) bool {
		r, err = pick(list, name)
		return errors.Is(err, ErrNoCard) || errors.Is(err, ErrNoReader)
	})
	if werr != nil {
		return r, werr
	}
	return r, err
}

func (c *pcscCard) share() pcsc.Share {
	if c.shared {
		return pcsc.ShareShared
	}
	return pcsc.ShareExclusive
}

func (c *pcscCard) connect(ctx context.Context) error {
	doing := "connecting to the card in " + c.reader
	m := pcsc.Connect{Context: c.context, Reader: c.reader, Share: c.share(), Wanted: pcsc.ProtocolAny}
	if err := c.call(ctx, doing, &m); err != nil {
		return err
	}
	c.handle, c.protocol = m.Handle, m.Active
	if c.shared {
		if err := c.begin(ctx); err != nil {
			return err
		}
	}
	return c.readATR(ctx)
}

// begin waits for its turn at a shared card and keeps it.
func (c *pcscCard) begin(ctx context.Context) error {
	const doing = "waiting for a turn at the card"
	for {
		m := pcsc.Begin{Handle: c.handle}
		err := c.exchange(ctx, doing, &m)
		switch {
		case err != nil:
			return err
		case m.Result == pcsc.CardReset: // by a program that had it before us
			if err := c.reconnect(ctx, pcsc.LeaveCard); err != nil {
				return err
			}
			continue
		case m.Result != pcsc.SharingViolation:
			return outcome(doing, m.Result)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(turn):
		}
	}
}

func (c *pcscCard) reconnect(ctx context.Context, reset pcsc.Disposition) error {
	m := pcsc.Reconnect{Handle: c.handle, Share: c.share(), Wanted: pcsc.ProtocolAny, Reset: reset}
	if err := c.call(ctx, "resetting the card", &m); err != nil {
		return err
	}
	c.protocol = m.Active
	return nil
}

// readATR takes the ATR from the table of readers; no other message holds it.
func (c *pcscCard) readATR(ctx context.Context) error {
	list, err := c.table(ctx, pcsc.CommandReaders)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Name == c.reader && r.Present() {
			c.atr = r.ATR
			return nil
		}
	}
	return fault("reading the ATR", ErrCardGone, nil)
}

// ATR implements [Card].
func (c *pcscCard) ATR() []byte { return c.atr }

// Reset implements [Card].
func (c *pcscCard) Reset(ctx context.Context, kind ResetKind) ([]byte, error) {
	how := pcsc.ResetCard
	if kind == Cold {
		how = pcsc.UnpowerCard
	}
	if c.gone != nil {
		return nil, c.gone
	}
	err := c.reconnect(ctx, how)
	if err == nil {
		err = c.readATR(ctx)
	}
	if err != nil {
		return nil, c.note(err)
	}
	return c.atr, nil
}

// note remembers that the card was lost: pcscd may let the next command through
// to it, or to another card.
func (c *pcscCard) note(err error) error {
	if errors.Is(err, ErrCardGone) {
		c.gone = err
	}
	return err
}

// Transmit implements [Card].
func (c *pcscCard) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	const doing = "sending a command"
	if err := checkCommand(cmd); err != nil {
		return dst, err
	}
	if c.gone != nil {
		return dst, c.gone
	}
	m := &c.message
	*m = pcsc.Transmit{Handle: c.handle, Protocol: c.protocol, Send: uint32(len(cmd)), Receive: pcsc.MaxAPDU}
	out := dst
	err := c.do(ctx, func() error {
		c.out = append(pcsc.Append(c.out[:0], m), cmd...)
		if err := c.write(doing); err != nil {
			return err
		}
		if err := c.read(doing, m); err != nil || m.Result != pcsc.Success {
			return err
		}
		return c.readResponse(&out, int(m.Receive))
	})
	if err == nil {
		err = outcome(doing, m.Result)
	}
	if err == nil {
		err = checkResponse(int(m.Receive))
	}
	if err != nil {
		return dst, c.note(err)
	}
	return out, nil
}

// readResponse appends a response APDU of n bytes to out.
func (c *pcscCard) readResponse(out *[]byte, n int) error {
	if n > pcsc.MaxAPDU {
		return fault("reading the answer", ErrUnavailable, errTooLong)
	}
	start := len(*out)
	*out = append(*out, make([]byte, n)...)
	if _, err := io.ReadFull(c.in, (*out)[start:]); err != nil {
		return lost("reading the answer", err)
	}
	return nil
}

var errTooLong = errors.New("pcscd gives more bytes than an APDU has")

// Close implements [Card]. A card that others share is reset instead, so that
// they do not find it with a PIN verified.
func (c *pcscCard) Close() error {
	if c.broken != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	then := pcsc.UnpowerCard
	if c.shared {
		then = pcsc.ResetCard
	}
	if c.gone != nil {
		// pcscd 1.9.9 that fails to take the power from a card that has left
		// overlooks the next one if that comes within its polling time of 0.4 s.
		then = pcsc.LeaveCard
	}
	var err error
	if c.shared {
		err = c.call(ctx, "giving the card to others", &pcsc.End{Handle: c.handle, Then: pcsc.LeaveCard})
	}
	err = errors.Join(err, c.call(ctx, "closing the card", &pcsc.Disconnect{Handle: c.handle, Then: then}))
	err = errors.Join(err, c.call(ctx, "leaving pcscd", &pcsc.Release{Context: c.context}))
	c.close(fault("using a closed card", ErrCardGone, nil))
	if errors.Is(err, ErrCardGone) || errors.Is(err, ErrNoCard) {
		return nil // it was taken out first, which is no fault
	}
	return err
}
