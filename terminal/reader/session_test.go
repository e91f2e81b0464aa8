package reader

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/wire/pcsc"
)

// within gives a context that ends long after anything that works.
func within(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	tb.Cleanup(cancel)
	return ctx
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		name  string
		own   [2]int32
		takes func(major, minor int32) bool // nil: its own alone
		ok    bool
		asked int // how often we ask for a version
	}{
		{"1.8.23", [2]int32{4, 3}, nil, false, 1},
		{"1.9.9", [2]int32{4, 4}, nil, true, 1},
		{"2.3.3", [2]int32{4, 5}, nil, true, 2},
		{"2.4.1", [2]int32{4, 5}, func(_, minor int32) bool { return minor >= 4 }, true, 1},
		{"2.5.0", [2]int32{4, 6}, func(_, minor int32) bool { return minor >= 4 && minor <= 6 }, true, 1},
		{"later", [2]int32{4, 7}, nil, false, 1},
		{"5", [2]int32{5, 4}, nil, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := startFake(t)
			d.own = c.own
			if c.takes != nil {
				d.takes = c.takes
			}
			list, err := List(within(t), d.socket)
			if c.ok && (err != nil || len(list) != 2) || !c.ok && !errors.Is(err, ErrUnavailable) {
				t.Errorf("%v, %v", list, err)
			}
			asked := 0
			for _, seen := range d.commands() {
				if seen == pcsc.CommandVersion {
					asked++
				}
			}
			if asked != c.asked {
				t.Errorf("asked %d times, want %d", asked, c.asked)
			}
		})
	}
}

// TestOutcomes: every refusal of pcscd has its kind, at every step.
func TestOutcomes(t *testing.T) {
	for outcome, want := range map[pcsc.Outcome]error{
		pcsc.NoSmartCard: ErrNoCard, pcsc.UnknownReader: ErrNoReader, pcsc.NoReaders: ErrNoReader,
		pcsc.SharingViolation: ErrBusy, pcsc.UnresponsiveCard: ErrMute, pcsc.UnsupportedCard: ErrMute,
		pcsc.CardRemoved: ErrCardGone, pcsc.CardReset: ErrCardGone, pcsc.ReaderUnavailable: ErrCardGone,
		pcsc.NotTransacted: ErrCardGone, pcsc.SecurityViolation: ErrUnavailable, pcsc.Outcome(0x80109999): ErrUnavailable,
	} {
		for _, at := range []pcsc.Command{pcsc.CommandEstablish, pcsc.CommandConnect, pcsc.CommandTransmit, pcsc.CommandReconnect} {
			d := startFake(t)
			d.refuse[at] = outcome
			card, err := openPCSC(within(t), "", Doors{Socket: d.socket})
			if err == nil && at == pcsc.CommandTransmit {
				_, err = card.Transmit(within(t), nil, []byte{0, 1, 2, 3})
			} else if err == nil && at == pcsc.CommandReconnect {
				_, err = card.Reset(within(t), Warm)
			}
			var e *Error
			if !errors.Is(err, want) || !errors.Is(err, outcome) || !errors.As(err, &e) || e.Hint == "" {
				t.Errorf("%v at %v: %v, want the kind %v and a hint", outcome, at, err, want)
			}
			if card != nil {
				card.Close()
			}
		}
	}
}

func TestTransmit(t *testing.T) {
	d := startFake(t)
	card, err := Open(within(t), "pcsc:", Doors{Socket: d.socket})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{4, 5, 261, 4096, 65535} {
		cmd := bytes.Repeat([]byte{byte(n)}, n)
		got, err := card.Transmit(within(t), []byte("before"), cmd)
		if err != nil || string(got[:6]) != "before" || !bytes.Equal(got[6:], append(cmd, 0x90, 0)) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
	}
	for _, n := range []int{0, 1, 3, 65536} {
		if _, err := card.Transmit(within(t), nil, make([]byte, n)); !errors.Is(err, ErrCommand) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	d.mu.Lock()
	d.answer = func([]byte) []byte { return []byte{0x90} }
	d.mu.Unlock()
	if out, err := card.Transmit(within(t), []byte{1}, make([]byte, 5)); !errors.Is(err, ErrMute) || len(out) != 1 {
		t.Errorf("an answer of one byte: %X, %v", out, err)
	}
	if err := card.Close(); err != nil {
		t.Error(err)
	}
	seen := d.commands()
	if end := seen[len(seen)-2:]; end[0] != pcsc.CommandDisconnect || end[1] != pcsc.CommandRelease {
		t.Errorf("closing sent %v", end)
	}
}

// TestGivenUp: after an exchange that was given up no answer is taken for
// another's.
func TestGivenUp(t *testing.T) {
	d := startFake(t)
	d.answer = func([]byte) []byte { return nil }
	card, err := Open(within(t), "pcsc:", Doors{Socket: d.socket})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if out, err := card.Transmit(ctx, []byte{1}, make([]byte, 5)); !errors.Is(err, context.DeadlineExceeded) || len(out) != 1 {
		t.Errorf("given up: %X, %v", out, err)
	}
	if _, err := card.Transmit(within(t), nil, make([]byte, 5)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after it: %v", err)
	}
	if _, err := card.Reset(within(t), Cold); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("reset after it: %v", err)
	}
	if err := card.Close(); err != nil {
		t.Errorf("closing after it: %v", err)
	}
}

// TestLost: a card that was lost answers nothing any more, whatever pcscd would let
// through to it or to the next card.
func TestLost(t *testing.T) {
	for _, outcome := range []pcsc.Outcome{pcsc.NotTransacted, pcsc.CardReset, pcsc.CardRemoved} {
		d := startFake(t)
		card, err := Open(within(t), "pcsc:", Doors{Socket: d.socket})
		if err != nil {
			t.Fatal(err)
		}
		d.refuseFrom(pcsc.CommandTransmit, outcome)
		_, first := card.Transmit(within(t), nil, make([]byte, 5))
		if !errors.Is(first, ErrCardGone) {
			t.Errorf("%v: %v", outcome, first)
		}
		d.refuseFrom(pcsc.CommandTransmit, pcsc.Success)
		if out, err := card.Transmit(within(t), nil, make([]byte, 5)); err != first || len(out) != 0 {
			t.Errorf("after %v: %X, %v", outcome, out, err)
		}
		if _, err := card.Reset(within(t), Cold); err != first {
			t.Errorf("reset after %v: %v", outcome, err)
		}
		if err := card.Close(); err != nil {
			t.Errorf("closing after %v: %v", outcome, err)
		}
		seen := d.commands()
		if end := seen[len(seen)-2:]; end[0] != pcsc.CommandDisconnect || end[1] != pcsc.CommandRelease {
			t.Errorf("closing after %v sent %v", outcome, end)
		}
	}
}

func TestEndedContext(t *testing.T) {
	d := startFake(t)
	card, err := Open(within(t), "pcsc:", Doors{Socket: d.socket})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := card.Transmit(ctx, nil, make([]byte, 5)); !errors.Is(err, context.Canceled) {
		t.Errorf("sending: %v", err)
	}
	// Nothing was sent, so the card is as good as before.
	if _, err := card.Transmit(within(t), nil, make([]byte, 5)); err != nil {
		t.Errorf("sending afterwards: %v", err)
	}
	if _, err := Open(ctx, "pcsc:", Doors{Socket: d.socket}); !errors.Is(err, context.Canceled) {
		t.Errorf("opening: %v", err)
	}
}

func TestWait(t *testing.T) {
	d := startFake(t)
	take := func(list []pcsc.Reader) { list[0].State, list[0].ATR = pcsc.StateAbsent, nil }
	put := func(list []pcsc.Reader) { list[1].State, list[1].ATR = pcsc.StatePresent, []byte{0x3B, 0x01} }
	if err := d.change(take); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(within(t), "pcsc:", Doors{Socket: d.socket}); !errors.Is(err, ErrNoCard) {
		t.Fatalf("without a card: %v", err)
	}
	changed := make(chan error, 1)
	go func() {
		for !slices.Contains(d.commands(), pcsc.CommandWait) {
			time.Sleep(time.Millisecond)
		}
		err := d.change(func([]pcsc.Reader) {}) // a change of another kind
		changed <- errors.Join(err, d.change(put))
	}()
	card, err := Open(within(t), "pcsc:Acme", Doors{Socket: d.socket, Wait: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-changed; err != nil {
		t.Error(err)
	}
	if !bytes.Equal(card.ATR(), []byte{0x3B, 0x01}) {
		t.Errorf("ATR %X", card.ATR())
	}
	if _, err := card.Transmit(within(t), nil, make([]byte, 5)); err != nil {
		t.Errorf("sending after waiting: %v", err)
	}
}

func TestPick(t *testing.T) {
	list := []pcsc.Reader{
		{Name: "Acme One 00"}, {Name: "Acme One 01", State: pcsc.StatePresent},
		{Name: "Acme", State: pcsc.StatePresent}, {Name: "7 Slots"},
	}
	for _, c := range []struct {
		name string
		want string
		kind error
	}{
		{"", "Acme One 01", nil}, {"Acme", "Acme", nil}, {"Acme O", "Acme One 01", nil}, {"1", "Acme One 01", nil},
		{"0", "", ErrNoCard}, {"Acme One 00", "", ErrNoCard}, {"7 S", "", ErrNoCard}, {"4", "", ErrNoReader},
		{"-1", "", ErrNoReader}, {"acme", "", ErrNoReader},
	} {
		r, err := pick(list, c.name)
		if r.Name != c.want || !errors.Is(err, c.kind) {
			t.Errorf("%q picks %q, %v, want %q, %v", c.name, r.Name, err, c.want, c.kind)
		}
	}
	if _, err := pick(nil, ""); !errors.Is(err, ErrNoReader) {
		t.Errorf("of none: %v", err)
	}
}

func TestNoSocket(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	if _, err := List(within(t), missing); !errors.Is(err, ErrUnavailable) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
	t.Setenv(socketVariable, missing)
	if _, err := Open(within(t), "pcsc:", Doors{}); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), missing) {
		t.Errorf("no socket where %s says: %v", socketVariable, err)
	}
}

// TestHangUp: a daemon that hangs up at any command is an error, never a panic or
// a wait for ever.
func TestHangUp(t *testing.T) {
	d := startFake(t)
	d.takes = func(int32, int32) bool { return true }
	d.answer = func([]byte) []byte { return make([]byte, 70000) } // more than an APDU has
	card, err := Open(within(t), "pcsc:", Doors{Socket: d.socket})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := card.Transmit(within(t), nil, make([]byte, 5)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("an answer of 70,000 bytes: %v", err)
		}
	}
}

// TestTurn: a shared card is waited for, also when the one before has reset it.
func TestTurn(t *testing.T) {
	d := startFake(t)
	d.turns = []pcsc.Outcome{pcsc.SharingViolation, pcsc.CardReset, pcsc.SharingViolation}
	card, err := Open(within(t), "pcsc:", Doors{Socket: d.socket, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := card.Close(); err != nil {
		t.Error(err)
	}
	c := pcsc.CommandBegin
	want := []pcsc.Command{
		pcsc.CommandVersion, pcsc.CommandEstablish, pcsc.CommandReaders, pcsc.CommandConnect,
		c, c, pcsc.CommandReconnect, c, c, pcsc.CommandReaders,
		pcsc.CommandEnd, pcsc.CommandDisconnect, pcsc.CommandRelease,
	}
	if seen := d.commands(); !slices.Equal(seen, want) {
		t.Errorf("pcscd saw %v, want %v", seen, want)
	}
	d.turns = []pcsc.Outcome{pcsc.CardRemoved}
	if _, err := Open(within(t), "pcsc:", Doors{Socket: d.socket, Shared: true}); !errors.Is(err, ErrCardGone) {
		t.Errorf("a card that left while it was waited for: %v", err)
	}
}

func TestWatch(t *testing.T) {
	d := startFake(t)
	calls := 0
	err := Watch(within(t), d.socket, func(list []State) bool {
		calls++
		if present := calls%2 == 1; len(list) != 2 || list[0].Present != present {
			t.Errorf("call %d: %+v", calls, list)
		}
		go d.change(func(list []pcsc.Reader) { list[0].State ^= pcsc.StatePresent | pcsc.StateAbsent })
		return calls < 3
	})
	if err != nil || calls != 3 {
		t.Errorf("%d calls, %v", calls, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := Watch(ctx, d.socket, func([]State) bool { return true }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("watching for ever: %v", err)
	}
}

// replay is a daemon that always says the same.
type replay struct {
	hostile
	says []byte
}

func (r *replay) Read(b []byte) (int, error) {
	if r.in.Len() == 0 {
		r.in.Reset(r.says)
	}
	return r.in.Read(b)
}

func TestNoAllocation(t *testing.T) {
	says := append((&pcsc.Transmit{Receive: 4}).AppendBody(nil), 'o', 'k', 0x90, 0)
	card := &pcscCard{session: newSession(&replay{hostile{in: bytes.NewReader(nil)}, says})}
	cmd, dst := []byte{0, 0xB2, 1, 0x0C, 0}, make([]byte, 0, 16)
	exchange := func() {
		if out, err := card.Transmit(context.Background(), dst, cmd); err != nil || string(out) != "ok\x90\x00" {
			t.Errorf("%q, %v", out, err)
		}
	}
	if n := testing.AllocsPerRun(100, exchange); n > 0 {
		t.Errorf("%v allocations an exchange", n)
	}
}
