package reader

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"

	"github.com/citycard/citycard/wire/pcsc"
)

// socketVariable is where pcsc-lite's own library looks for the socket, too.
const socketVariable = "PCSCLITE_CSOCK_NAME"

// Versions of the protocol that wire/pcsc knows.
const (
	protocolMajor = 4
	minorFirst    = 4
	minorLast     = 6
)

// session is a connection to pcscd with a context of its own.
type session struct {
	link
	in      *bufio.Reader
	out     []byte
	body    []byte
	context uint32
}

// socketPath is where pcscd listens. It fails on systems without pcscd.
func socketPath(socket string) (string, error) {
	if socket == "" {
		socket = os.Getenv(socketVariable)
	}
	if socket == "" {
		socket = defaultSocket
	}
	if socket == "" {
		return "", &Error{
			Doing: "looking for pcscd", Kind: ErrUnavailable, Cause: fmt.Errorf("not available on this system (%s)", runtime.GOOS),
			Hint: "use sim:PROFILE or vpcd:PORT; if pcscd does run here, say in " + socketVariable + " where its socket is",
		}
	}
	return socket, nil
}

// dial connects to pcscd, agrees on a version and gets a context.
func dial(ctx context.Context, socket string) (*session, error) {
	socket, err := socketPath(socket)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, refused(err)
	}
	s := newSession(conn)
	if err := s.open(ctx); err != nil {
		s.close(err)
		return nil, err
	}
	return s, nil
}

func newSession(conn net.Conn) *session {
	return &session{link: link{conn: conn}, in: bufio.NewReader(conn), body: make([]byte, pcsc.ReadersSize)}
}

// refused explains why the socket did not open.
func refused(err error) error {
	e := fault("connecting to pcscd", ErrUnavailable, err)
	if errors.Is(err, os.ErrPermission) {
		e.Hint = "this user may not use pcscd: run as a user who may, or allow it in pcscd's polkit rules"
	} else if errors.Is(err, os.ErrNotExist) {
		e.Hint = "pcscd does not run: install it (apt-get install pcscd) and start it (systemctl start pcscd), or use a simulated card (sim:PROFILE)"
	}
	return e
}

func (s *session) open(ctx context.Context) error {
	if err := s.agree(ctx); err != nil {
		return err
	}
	m := pcsc.Establish{Scope: pcsc.ScopeSystem}
	if err := s.call(ctx, "getting a context of pcscd", &m); err != nil {
		return err
	}
	s.context = m.Context
	return nil
}

// agree offers our first version and then, if pcscd wants only another that we
// know, that one.
func (s *session) agree(ctx context.Context) error {
	m := pcsc.Version{Major: protocolMajor, Minor: minorFirst}
	if err := s.exchange(ctx, "agreeing on a version with pcscd", &m); err != nil {
		return err
	}
	if m.Result == pcsc.Success {
		return nil
	}
	known := m.Major == protocolMajor && m.Minor > minorFirst && m.Minor <= minorLast
	if known {
		m.Result = pcsc.Success
		if err := s.exchange(ctx, "agreeing on a version with pcscd", &m); err != nil {
			return err
		}
	}
	if known && m.Result == pcsc.Success {
		return nil
	}
	return &Error{
		Doing: "agreeing on a version with pcscd", Kind: ErrUnavailable,
		Cause: fmt.Errorf("it speaks %d:%d, we speak %d:%d to %d:%d", m.Major, m.Minor, protocolMajor, minorFirst, protocolMajor, minorLast),
		Hint:  "use pcsc-lite 1.8.24 to 2.5",
	}
}

// call does one exchange and turns pcscd's refusal into an error.
func (s *session) call(ctx context.Context, doing string, m pcsc.Message) error {
	if err := s.exchange(ctx, doing, m); err != nil {
		return err
	}
	return outcome(doing, m.Outcome())
}

// exchange sends a message and reads it back as pcscd has completed it.
func (s *session) exchange(ctx context.Context, doing string, m pcsc.Message) error {
	return s.do(ctx, func() error {
		s.out = pcsc.Append(s.out[:0], m)
		if err := s.write(doing); err != nil {
			return err
		}
		return s.read(doing, m)
	})
}

// write sends what is in s.out.
func (s *session) write(doing string) error {
	if _, err := s.conn.Write(s.out); err != nil {
		return fault(doing, ErrUnavailable, err)
	}
	return nil
}

func (s *session) read(doing string, m pcsc.Message) error {
	b := s.body[:m.Size()]
	if _, err := io.ReadFull(s.in, b); err != nil {
		return lost(doing, err)
	}
	if err := m.Decode(b); err != nil {
		return fault(doing, ErrUnavailable, err)
	}
	return nil
}

// lost explains why pcscd has hung up.
func lost(doing string, err error) error {
	e := fault(doing, ErrUnavailable, fmt.Errorf("pcscd closed the connection: %w", err))
	e.Hint = "look into pcscd's log: it stopped, it does not let this user in, or it did not understand us"
	return e
}

// table reads the table of readers that follows a command without a body.
func (s *session) table(ctx context.Context, c pcsc.Command) (list []pcsc.Reader, err error) {
	const doing = "listing the readers"
	err = s.do(ctx, func() error {
		s.out = pcsc.AppendHeader(s.out[:0], c, 0)
		if err := s.write(doing); err != nil {
			return err
		}
		b := s.body[:pcsc.ReadersSize]
		if _, err := io.ReadFull(s.in, b); err != nil {
			return lost(doing, err)
		}
		var err error
		if list, err = pcsc.ParseReaders(b); err != nil {
			return fault(doing, ErrUnavailable, err)
		}
		return nil
	})
	return list, err
}

// outcome turns an outcome of pcscd into an error of this package.
func outcome(doing string, o pcsc.Outcome) error {
	switch o {
	case pcsc.Success:
		return nil
	case pcsc.NoSmartCard:
		return fault(doing, ErrNoCard, o)
	case pcsc.UnknownReader, pcsc.NoReaders:
		return fault(doing, ErrNoReader, o)
	case pcsc.SharingViolation:
		return fault(doing, ErrBusy, o)
	case pcsc.UnresponsiveCard, pcsc.UnsupportedCard, pcsc.ProtocolMismatch:
		return fault(doing, ErrMute, o)
	case pcsc.CardRemoved, pcsc.CardReset, pcsc.UnpoweredCard, pcsc.ReaderUnavailable, pcsc.NotTransacted,
		pcsc.CommError, pcsc.InvalidHandle:
		return fault(doing, ErrCardGone, o)
	}
	return fault(doing, ErrUnavailable, o)
}
