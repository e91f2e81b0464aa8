package reader

import (
	"bytes"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/citycard/citycard/wire/pcsc"
)

// fakeDaemon is a pcscd that does what a test says. Its connections follow the
// rules of pcsc-lite that doc.go of wire/pcsc tells.
type fakeDaemon struct {
	socket string
	// takes says which versions it accepts, own is what it answers otherwise.
	takes func(major, minor int32) bool
	own   [2]int32
	// refuse gives the outcome of a command; Success goes on as usual.
	refuse map[pcsc.Command]pcsc.Outcome
	// turns are the outcomes of the next BEGIN TRANSACTIONs; after them Success.
	turns []pcsc.Outcome
	// answer gives the response to an APDU.
	answer func(cmd []byte) []byte

	mu      sync.Mutex
	readers []pcsc.Reader
	waiting []net.Conn
	seen    []pcsc.Command
}

// startFake starts a daemon of version 4:4 with one reader that has a card.
func startFake(t testing.TB) *fakeDaemon {
	t.Helper()
	d := &fakeDaemon{
		socket: filepath.Join(t.TempDir(), "comm"),
		own:    [2]int32{4, 4},
		refuse: map[pcsc.Command]pcsc.Outcome{},
		answer: func(cmd []byte) []byte { return append(bytes.Clone(cmd), 0x90, 0) },
		readers: []pcsc.Reader{
			{Name: "Acme 00", State: pcsc.StatePresent, ATR: []byte{0x3B, 0x00}, Active: pcsc.ProtocolT1},
			{Name: "Acme 01", State: pcsc.StateAbsent},
		},
	}
	d.takes = func(major, minor int32) bool { return [2]int32{major, minor} == d.own }
	l, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(func() { l.Close() })
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			running.Go(func() { d.serve(conn) })
		}
	})
	return d
}

func (d *fakeDaemon) serve(conn net.Conn) {
	defer conn.Close()
	for {
		head := make([]byte, pcsc.HeaderSize)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		c, size, err := pcsc.ParseHeader(head)
		if err != nil {
			return
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		d.mu.Lock()
		d.seen = append(d.seen, c)
		out, err := d.handle(conn, c, body)
		if err == nil {
			_, err = conn.Write(out)
		}
		d.mu.Unlock()
		if err != nil {
			return
		}
	}
}

var errHangUp = errors.New("hang up")

func (d *fakeDaemon) handle(conn net.Conn, c pcsc.Command, body []byte) ([]byte, error) {
	var m pcsc.Message
	switch c {
	case pcsc.CommandReaders, pcsc.CommandWait:
		if c == pcsc.CommandWait {
			d.waiting = append(d.waiting, conn)
		}
		return pcsc.AppendReaders(nil, d.readers)
	case pcsc.CommandStopWaiting:
		if !slices.Contains(d.waiting, conn) {
			return nil, nil // it has been told already
		}
		d.waiting = slices.DeleteFunc(d.waiting, func(w net.Conn) bool { return w == conn })
		return (&pcsc.Wait{}).AppendBody(nil), nil
	case pcsc.CommandVersion:
		m = &pcsc.Version{}
	case pcsc.CommandEstablish:
		m = &pcsc.Establish{}
	case pcsc.CommandRelease:
		m = &pcsc.Release{}
	case pcsc.CommandConnect:
		m = &pcsc.Connect{}
	case pcsc.CommandReconnect:
		m = &pcsc.Reconnect{}
	case pcsc.CommandDisconnect:
		m = &pcsc.Disconnect{}
	case pcsc.CommandBegin:
		m = &pcsc.Begin{}
	case pcsc.CommandEnd:
		m = &pcsc.End{}
	case pcsc.CommandTransmit:
		m = &pcsc.Transmit{}
	default:
		return nil, errHangUp
	}
	if err := m.Decode(body); err != nil {
		return nil, err
	}
	return d.complete(conn, m)
}

// complete fills an answer in.
func (d *fakeDaemon) complete(conn net.Conn, m pcsc.Message) ([]byte, error) {
	outcome := d.refuse[m.Command()]
	var data []byte
	switch m := m.(type) {
	case *pcsc.Version:
		if outcome == pcsc.Success && !d.takes(m.Major, m.Minor) {
			outcome = pcsc.ServiceStopped
		}
		*m = pcsc.Version{Major: d.own[0], Minor: d.own[1], Result: outcome}
	case *pcsc.Establish:
		m.Context, m.Result = 7, outcome
	case *pcsc.Release:
		m.Result = outcome
	case *pcsc.Connect:
		m.Handle, m.Active, m.Result = 9, pcsc.ProtocolT1, outcome
	case *pcsc.Reconnect:
		m.Active, m.Result = pcsc.ProtocolT1, outcome
	case *pcsc.Disconnect:
		m.Result = outcome
	case *pcsc.Begin:
		if len(d.turns) > 0 {
			outcome, d.turns = d.turns[0], d.turns[1:]
		}
		m.Result = outcome
	case *pcsc.End:
		m.Result = outcome
	case *pcsc.Transmit:
		cmd := make([]byte, m.Send)
		if _, err := io.ReadFull(conn, cmd); err != nil {
			return nil, err
		}
		if outcome == pcsc.Success {
			data = d.answer(cmd)
		}
		if data == nil && outcome == pcsc.Success {
			return nil, nil // the card says nothing, and the reader waits
		}
		m.Receive, m.Result = uint32(len(data)), outcome
	}
	return append(m.AppendBody(nil), data...), nil
}

// change puts other readers into the table and tells those who wait.
func (d *fakeDaemon) change(f func([]pcsc.Reader)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d.readers)
	var err error
	for _, w := range d.waiting {
		_, werr := w.Write((&pcsc.Wait{}).AppendBody(nil))
		err = errors.Join(err, werr)
	}
	d.waiting = nil
	return err
}

// refuseFrom changes the outcome of a command while the daemon runs.
func (d *fakeDaemon) refuseFrom(c pcsc.Command, outcome pcsc.Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse[c] = outcome
}

func (d *fakeDaemon) commands() []pcsc.Command {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.seen)
}
