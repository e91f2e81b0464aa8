package reader

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/wire/pcsc"
	"github.com/citycard/citycard/wire/vpcd"
)

func TestParseName(t *testing.T) {
	for s, want := range map[string]Name{
		"sim:city":              {Door: Sim, Rest: "city"},
		"sim:a:b":               {Door: Sim, Rest: "a:b"},
		"pcsc:":                 {Door: PCSC},
		"pcsc:1":                {Door: PCSC, Rest: "1"},
		"pcsc:Virtual PCD 00 0": {Door: PCSC, Rest: "Virtual PCD 00 0"},
		"vpcd:":                 {Door: VPCD, Port: DefaultPort},
		"vpcd:1":                {Door: VPCD, Port: 1},
		"vpcd:65535":            {Door: VPCD, Port: 65535},
	} {
		got, err := ParseName(s)
		if err != nil || got != want {
			t.Errorf("%q is %+v, %v, want %+v", s, got, err, want)
		}
		if back, err := ParseName(got.String()); err != nil || back != want {
			t.Errorf("%q written as %q is %+v, %v", s, got, back, err)
		}
	}
	for _, s := range []string{"", "pcsc", "sim:", "usb:1", "vpcd:0", "vpcd:65536", "vpcd:-1", "vpcd:x", ":1", "PCSC:"} {
		if got, err := ParseName(s); !errors.Is(err, ErrName) || !strings.Contains(err.Error(), "write sim:PROFILE") {
			t.Errorf("%q is %+v, %v", s, got, err)
		}
	}
}

// script is a card that expects commands in order.
type script struct {
	t     *testing.T
	steps [][2]string // command and answer
}

func (s *script) ATR() []byte                                      { return []byte{0x3B, 0} }
func (s *script) Reset(context.Context, ResetKind) ([]byte, error) { return s.ATR(), nil }
func (s *script) Close() error                                     { return nil }
func (s *script) Transmit(_ context.Context, dst, cmd []byte) ([]byte, error) {
	if len(s.steps) == 0 {
		return dst, fault("sending a command", ErrCardGone, nil)
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	if !bytes.Equal(cmd, []byte(step[0])) {
		s.t.Errorf("sent % X, want % X", cmd, step[0])
	}
	return append(dst, step[1]...), nil
}

func TestCook(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps [][2]string
		want  string
	}{
		{"complete", [][2]string{{"\x00\xB2\x01\x0C\x00", "ab\x90\x00"}}, "ab\x90\x00"},
		{"error", [][2]string{{"\x00\xB2\x01\x0C\x00", "\x6A\x82"}}, "\x6A\x82"},
		{"6Cxx", [][2]string{{"\x00\xB2\x01\x0C\x00", "\x6C\x02"}, {"\x00\xB2\x01\x0C\x02", "ab\x90\x00"}}, "ab\x90\x00"},
		{"6C00 is 256", [][2]string{{"\x00\xB2\x01\x0C\x05", "\x6C\x00"}, {"\x00\xB2\x01\x0C\x00", "ab\x90\x00"}}, "ab\x90\x00"},
		{"6Cxx twice is an answer", [][2]string{{"\x00\xB2\x01\x0C\x00", "\x6C\x02"}, {"\x00\xB2\x01\x0C\x02", "\x6C\x03"}}, "\x6C\x03"},
		{"6Cxx case 4", [][2]string{{"\x00\xA4\x04\x00\x01x\x00", "\x6C\x02"}, {"\x00\xA4\x04\x00\x01x\x02", "ab\x90\x00"}}, "ab\x90\x00"},
		{"61xx", [][2]string{{"\x00\xA4\x04\x00\x01x", "\x61\x02"}, {"\x00\xC0\x00\x00\x02", "ab\x90\x00"}}, "ab\x90\x00"},
		{"61xx in pieces", [][2]string{
			{"\x80\xCA\x9F\x79", "a\x61\x00"}, {"\x00\xC0\x00\x00\x00", "b\x61\x01"}, {"\x00\xC0\x00\x00\x01", "c\x90\x00"},
		}, "abc\x90\x00"},
		{"61xx, then 6Cxx", [][2]string{
			{"\x00\xA4\x04\x00\x01x", "\x61\x10"}, {"\x00\xC0\x00\x00\x10", "\x6C\x02"}, {"\x00\xC0\x00\x00\x02", "ab\x90\x00"},
		}, "ab\x90\x00"},
		{"channel 2, secured", [][2]string{{"\x0E\xA4\x04\x00\x01x", "\x61\x01"}, {"\x02\xC0\x00\x00\x01", "a\x90\x00"}}, "a\x90\x00"},
		{"channel 6", [][2]string{{"\x62\xA4\x04\x00\x01x", "\x61\x01"}, {"\x42\xC0\x00\x00\x01", "a\x90\x00"}}, "a\x90\x00"},
		{"no command", [][2]string{{"\x00\xB2\x01\x0C\x09x", "\x6C\x02"}}, "\x6C\x02"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{t, c.steps}
			got, err := Cook(s).Transmit(t.Context(), []byte(">"), []byte(c.steps[0][0]))
			if err != nil || string(got) != ">"+c.want {
				t.Errorf("% X, %v, want % X", got, err, ">"+c.want)
			}
			if len(s.steps) > 0 {
				t.Errorf("%d commands were not sent", len(s.steps))
			}
		})
	}
	lost := &script{t, [][2]string{{"\x00\xA4\x04\x00\x01x", "\x61\x02"}}}
	if out, err := Cook(lost).Transmit(t.Context(), []byte(">"), []byte("\x00\xA4\x04\x00\x01x")); !errors.Is(err, ErrCardGone) || string(out) != ">" {
		t.Errorf("a card that leaves before GET RESPONSE: %q, %v", out, err)
	}
	endless := &script{t: t}
	for range 1000 {
		endless.steps = append(endless.steps, [2]string{"\x00\xC0\x00\x00\x01", "a\x61\x01"})
	}
	if out, err := Cook(endless).Transmit(t.Context(), []byte(">"), []byte("\x00\xC0\x00\x00\x01")); !errors.Is(err, ErrMute) || !errors.Is(err, ErrEndless) || string(out) != ">" {
		t.Errorf("a card that always has more: %q, %v", out, err)
	}
}

func TestOpenSim(t *testing.T) {
	card := &script{t: t, steps: [][2]string{{"\x00\xB2\x01\x0C\x00", "\x6C\x02"}, {"\x00\xB2\x01\x0C\x02", "ab\x90\x00"}}}
	doors := Doors{Cooked: true, Sim: func(_ context.Context, profile string) (Card, error) {
		if profile != "city" {
			return nil, fault("making a card", ErrName, nil)
		}
		return card, nil
	}}
	c, err := Open(t.Context(), "sim:city", doors)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Transmit(t.Context(), nil, []byte("\x00\xB2\x01\x0C\x00")); err != nil || string(got) != "ab\x90\x00" {
		t.Errorf("%q, %v", got, err)
	}
	for name, want := range map[string]error{"sim:other": ErrName, "city": ErrName} {
		if _, err := Open(t.Context(), name, doors); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(t.Context(), "sim:city", Doors{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without a maker of cards: %v", err)
	}
}

// freePort gives a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// plug is a card at a virtual reader; each does what it likes with a request.
func plug(t *testing.T, answer func(vpcd.Request, *vpcd.Writer) error) Doors {
	return Doors{Listening: func(address string) {
		conn, err := DialSlot(within(t), address)
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { conn.Close() })
		go func() {
			defer conn.Close()
			in, out := vpcd.NewReader(bufio.NewReader(conn), vpcd.MaxBody), vpcd.NewWriter(conn)
			for {
				r, err := in.Request()
				if err != nil || answer(r, out) != nil {
					return
				}
			}
		}()
	}}
}

func TestVirtual(t *testing.T) {
	kinds := make(chan vpcd.Kind, 100)
	atr := []byte{0x3B, 0}
	doors := plug(t, func(r vpcd.Request, w *vpcd.Writer) error {
		kinds <- r.Kind
		switch r.Kind {
		case vpcd.GetATR:
			return w.ATR(atr)
		case vpcd.APDU:
			if r.Command[1] == 0xFF {
				return io.EOF // the card leaves
			}
			return w.Response(append(r.Command, 0x90, 0))
		}
		return nil
	})
	port := freePort(t)
	card, err := Open(within(t), "vpcd:"+port, doors)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(card.ATR(), atr) {
		t.Errorf("ATR %X", card.ATR())
	}
	for _, n := range []int{4, 261, 65533} {
		cmd := make([]byte, n)
		if got, err := card.Transmit(within(t), []byte{1}, cmd); err != nil || !bytes.Equal(got[1:], append(cmd, 0x90, 0)) {
			t.Errorf("%d bytes: %d back, %v", n, len(got), err)
		}
	}
	if _, err := card.Transmit(within(t), nil, []byte{4}); !errors.Is(err, ErrCommand) {
		t.Errorf("a command that is an order to the card: %v", err)
	}
	if _, err := card.Reset(within(t), Warm); err != nil {
		t.Error(err)
	}
	for range 2 {
		if out, err := card.Transmit(within(t), []byte{1}, []byte{0, 0xFF, 0, 0}); !errors.Is(err, ErrCardGone) || len(out) != 1 {
			t.Errorf("a card that leaves: %X, %v", out, err)
		}
	}
	want := []vpcd.Kind{vpcd.PowerOff, vpcd.PowerOn, vpcd.GetATR, vpcd.APDU, vpcd.APDU, vpcd.APDU, vpcd.Reset, vpcd.GetATR, vpcd.APDU}
	for i, k := range want {
		if got := <-kinds; got != k {
			t.Errorf("request %d to the card is %v, want %v", i, got, k)
		}
	}
	if err := card.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

func TestVirtualFaults(t *testing.T) {
	mute := plug(t, func(vpcd.Request, *vpcd.Writer) error { return nil })
	short, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if _, err := Open(short, "vpcd:"+freePort(t), mute); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a card that says nothing: %v", err)
	}
	short, cancel = context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if _, err := Open(short, "vpcd:"+freePort(t), Doors{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no card: %v", err)
	}
	short, cancel = context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	foreign := Doors{Listening: func(address string) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			_, err = conn.Write([]byte{0, 1, 0x3B})
		}
		if err != nil {
			t.Error(err)
		}
	}}
	if _, err := Open(within(t), "vpcd:"+freePort(t), foreign); !errors.Is(err, ErrMute) {
		t.Errorf("an ATR of one byte: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Open(within(t), "vpcd:"+strconv.Itoa(l.Addr().(*net.TCPAddr).Port), Doors{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a port that is taken: %v", err)
	}
	if _, err := DialSlot(within(t), "127.0.0.1:"+freePort(t)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a slot that is not there: %v", err)
	}
}

// hostile is a connection whose other end says what a fuzzer says.
type hostile struct {
	net.Conn
	in *bytes.Reader
}

func (h *hostile) Read(b []byte) (int, error)  { return h.in.Read(b) }
func (h *hostile) Write(b []byte) (int, error) { return len(b), nil }
func (h *hostile) SetDeadline(time.Time) error { return nil }
func (h *hostile) Close() error                { return nil }

// FuzzPeer: whatever a daemon or a virtual card says, a card gives an answer with
// a status word or an error with a kind.
func FuzzPeer(f *testing.F) {
	ok := (&pcsc.Version{Major: 4, Minor: 4}).AppendBody(nil)
	ok = (&pcsc.Establish{Context: 1}).AppendBody(ok)
	table, err := pcsc.AppendReaders(nil, []pcsc.Reader{{Name: "r", State: pcsc.StatePresent, ATR: []byte{0x3B, 0}}})
	if err != nil {
		f.Fatal(err)
	}
	ok = append(ok, table...)
	ok = append((&pcsc.Connect{Handle: 1, Active: pcsc.ProtocolT0}).AppendBody(ok), table...)
	ok = append((&pcsc.Transmit{Receive: 2}).AppendBody(ok), 0x61, 0x01)
	f.Add(ok)
	f.Add(append((&pcsc.Transmit{Receive: 1 << 31}).AppendBody(ok[:len(ok)-34]), 0x90, 0))
	f.Add([]byte("\x00\x02\x3B\x00\x00\x02\x90\x00"))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h := &hostile{in: bytes.NewReader(b)}
		s := newSession(h)
		c := &pcscCard{session: s}
		err := s.open(t.Context())
		if err == nil {
			err = c.open(t.Context(), "", false)
		}
		if err == nil {
			exercise(t, c)
		}
		v := newVPCDCard(&hostile{in: bytes.NewReader(b)})
		if _, err := v.Reset(t.Context(), Cold); err == nil {
			exercise(t, v)
		}
	})
}

func exercise(t *testing.T, c Card) {
	for range 3 {
		out, err := Cook(c).Transmit(t.Context(), nil, []byte{0, 0xB2, 1, 0x0C, 0})
		var e *Error
		if err == nil && len(out) < 2 || err != nil && len(out) > 0 || err != nil && !errors.As(err, &e) {
			t.Errorf("%X, %v", out, err)
		}
	}
	if len(c.ATR()) > vpcd.MaxATR {
		t.Errorf("ATR %X", c.ATR())
	}
	c.Close()
}
