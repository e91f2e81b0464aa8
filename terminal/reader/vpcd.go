package reader

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/citycard/citycard/wire/vpcd"
)

// vpcdCard is a card that has connected to us, the virtual reader.
type vpcdCard struct {
	link
	in  *vpcd.Reader
	out *vpcd.Writer
	atr []byte
}

// openVPCD waits on a port of this machine until a card connects and powers it.
// Only one card fits into a slot, so the port is closed after the first.
func openVPCD(ctx context.Context, port uint16, listening func(string)) (Card, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))
	doing := "waiting for a virtual card on " + address
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		e := fault(doing, ErrUnavailable, err)
		e.Hint = "take another port, or stop the program that has this one (pcscd with vpcd has 35963 and 35964)"
		return nil, e
	}
	// Closed when a card has come, when the context ends, or both.
	shut := sync.OnceValue(l.Close)
	defer shut()
	defer context.AfterFunc(ctx, func() { shut() })()
	if listening != nil {
		listening(address)
	}
	conn, err := l.Accept()
	if ctx.Err() != nil {
		if err == nil {
			conn.Close()
		}
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fault(doing, ErrUnavailable, err)
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		conn.Close()
		return nil, fault(doing, ErrUnavailable, fmt.Errorf("a connection that is not TCP"))
	}
	c := newVPCDCard(Quick(tcp))
	if _, err := c.Reset(ctx, Cold); err != nil {
		c.link.close(err)
		return nil, err
	}
	return c, nil
}

func newVPCDCard(conn net.Conn) *vpcdCard {
	return &vpcdCard{
		link: link{conn: conn},
		in:   vpcd.NewReader(bufio.NewReader(conn), maxResponse),
		out:  vpcd.NewWriter(conn),
	}
}

// ATR implements [Card].
func (c *vpcdCard) ATR() []byte { return c.atr }

// Reset implements [Card].
func (c *vpcdCard) Reset(ctx context.Context, kind ResetKind) ([]byte, error) {
	order := []vpcd.Kind{vpcd.Reset, vpcd.GetATR}
	if kind == Cold {
		order = []vpcd.Kind{vpcd.PowerOff, vpcd.PowerOn, vpcd.GetATR}
	}
	err := c.do(ctx, func() error {
		for _, k := range order {
			if err := c.out.Request(vpcd.Request{Kind: k}); err != nil {
				return fault("resetting the card", ErrCardGone, err)
			}
		}
		atr, err := c.in.ATR()
		if err != nil {
			return broke("reading the ATR", err)
		}
		c.atr = append([]byte(nil), atr...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.atr, nil
}

// Transmit implements [Card].
func (c *vpcdCard) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	if err := checkCommand(cmd); err != nil {
		return dst, err
	}
	out := dst
	err := c.do(ctx, func() error {
		if err := c.out.Request(vpcd.Request{Kind: vpcd.APDU, Command: cmd}); err != nil {
			return fault("sending a command", ErrCardGone, err)
		}
		answer, err := c.in.Response()
		if err != nil {
			return broke("reading the answer", err)
		}
		out = append(out, answer...)
		return nil
	})
	if err != nil {
		return dst, err
	}
	return out, nil
}

// Close implements [Card].
func (c *vpcdCard) Close() error {
	if c.broken != nil {
		return nil
	}
	// The card sees the end of the connection, too, if this does not reach it.
	err := c.out.Request(vpcd.Request{Kind: vpcd.PowerOff})
	c.link.close(fault("using a closed card", ErrCardGone, nil))
	if err != nil {
		return fault("closing the card", ErrCardGone, err)
	}
	return nil
}
