package pcsctest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/vpcd"
)

// open opens a card and closes it at the end of the test.
func open(tb testing.TB, name string, doors reader.Doors) reader.Card {
	tb.Helper()
	card, err := reader.Open(soon(tb), name, doors)
	if err != nil {
		tb.Fatalf("opening %s: %v", name, err)
	}
	tb.Cleanup(func() { card.Close() })
	return card
}

func send(tb testing.TB, card reader.Card, cmd, want string) {
	tb.Helper()
	got, err := card.Transmit(soon(tb), nil, unhex(cmd))
	if err != nil {
		tb.Fatalf("sending %s: %v", cmd, err)
	}
	if !bytes.Equal(got, unhex(want)) {
		tb.Errorf("answer to %s is %X, want %s", cmd, got, want)
	}
}

func TestNoDaemon(t *testing.T) {
	Private(t)
	for _, name := range []string{"pcsc:", "pcsc:0", "pcsc:Virtual"} {
		_, err := reader.Open(soon(t), name, reader.Doors{Wait: true})
		if !errors.Is(err, reader.ErrUnavailable) || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("opening %s without pcscd: %v", name, err)
		}
		if err != nil && !strings.Contains(err.Error(), "start it") {
			t.Errorf("%q does not say what to do", err)
		}
	}
	if list, err := reader.List(soon(t), ""); !errors.Is(err, reader.ErrUnavailable) {
		t.Errorf("readers without pcscd: %v, %v", list, err)
	}
}

func TestExchange(t *testing.T) {
	d := Start(t)
	insert(t, d, 0, atrT0, atrWarm)
	card := open(t, "pcsc:", reader.Doors{Wait: true})
	if !bytes.Equal(card.ATR(), atrT0) {
		t.Errorf("ATR is %X, want %X", card.ATR(), atrT0)
	}
	for cmd, want := range fixed {
		send(t, card, cmd, want)
	}
	send(t, card, "00FF0000", "6D00")
	if _, err := card.Transmit(soon(t), nil, []byte{0}); !errors.Is(err, reader.ErrCommand) {
		t.Errorf("a command of one byte: %v", err)
	}
	if err := card.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	if _, err := card.Transmit(soon(t), nil, unhex("00B2040C00")); !errors.Is(err, reader.ErrCardGone) {
		t.Errorf("sending to a closed card: %v", err)
	}
	if err := card.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestCooked(t *testing.T) {
	d := Start(t)
	insert(t, d, 0, atrT0, atrWarm)
	card := open(t, "pcsc:0", reader.Doors{Wait: true, Cooked: true})
	send(t, card, "00B2040C00", "7003800142 9000")
	send(t, card, "0088000000", "0102030405 9000")
}

func TestTwoReaders(t *testing.T) {
	d := Start(t)
	insert(t, d, 1, atrT1, atrT1)
	// The only card is in the second reader, and "pcsc:" finds it.
	first := open(t, "pcsc:", reader.Doors{Wait: true})
	if !bytes.Equal(first.ATR(), atrT1) {
		t.Errorf("ATR is %X, want %X", first.ATR(), atrT1)
	}
	if _, err := reader.Open(soon(t), "pcsc:"+ReaderName(0), reader.Doors{}); !errors.Is(err, reader.ErrNoCard) {
		t.Errorf("opening the empty reader: %v", err)
	}
	insert(t, d, 0, atrT0, atrWarm)
	second := open(t, "pcsc:"+ReaderName(0), reader.Doors{Wait: true})
	send(t, first, "00B2040C05", "7003800142 9000")
	send(t, second, "00B2040C05", "7003800142 9000")

	list, err := reader.List(soon(t), "")
	if err != nil {
		t.Fatal(err)
	}
	for i, atr := range [][]byte{atrT0, atrT1} {
		if i >= len(list) {
			t.Fatalf("%d readers, want 2", len(list))
		}
		if r := list[i]; r.Name != ReaderName(i) || !r.Present || !r.InUse || !bytes.Equal(r.ATR, atr) {
			t.Errorf("reader %d is %+v", i, r)
		}
	}
	for _, name := range []string{"pcsc:2", "pcsc:Acme"} {
		if _, err := reader.Open(soon(t), name, reader.Doors{}); !errors.Is(err, reader.ErrNoReader) {
			t.Errorf("opening %s: %v", name, err)
		}
	}
}

func TestReset(t *testing.T) {
	d := Start(t)
	virtual := insert(t, d, 0, atrT0, atrWarm)
	card := open(t, "pcsc:0", reader.Doors{Wait: true})
	virtual.kinds()
	for _, step := range []struct {
		kind reader.ResetKind
		atr  []byte
		want vpcd.Kind
	}{{reader.Warm, atrWarm, vpcd.Reset}, {reader.Cold, atrT0, vpcd.PowerOn}, {reader.Warm, atrWarm, vpcd.Reset}} {
		atr, err := card.Reset(soon(t), step.kind)
		if err != nil {
			t.Fatalf("%v reset: %v", step.kind, err)
		}
		if !bytes.Equal(atr, step.atr) || !bytes.Equal(card.ATR(), step.atr) {
			t.Errorf("ATR after a %v reset is %X, want %X", step.kind, atr, step.atr)
		}
		if kinds := virtual.kinds(); !slices.Contains(kinds, step.want) {
			t.Errorf("a %v reset reached the card as %v", step.kind, kinds)
		}
		send(t, card, "00B2040C05", "7003800142 9000")
	}
	if err := card.Close(); err != nil {
		t.Fatal(err)
	}
	// Power off is not answered, so it may arrive a little later.
	for begin := time.Now(); !slices.Contains(virtual.kinds(), vpcd.PowerOff); time.Sleep(time.Millisecond) {
		if time.Since(begin) > startTime {
			t.Fatal("closing did not take the card's power")
		}
	}
}

func TestRemovalAndInsertion(t *testing.T) {
	d := Start(t)
	virtual := insert(t, d, 0, atrT0, atrWarm)
	card := open(t, "pcsc:0", reader.Doors{Wait: true})
	send(t, card, "00B2040C05", "7003800142 9000")
	virtual.eject()
	for range 2 {
		if out, err := card.Transmit(soon(t), []byte{1}, unhex("00B2040C05")); !errors.Is(err, reader.ErrCardGone) || len(out) != 1 {
			t.Errorf("sending after removal: %X, %v", out, err)
		}
	}
	if err := card.Close(); err != nil {
		t.Errorf("closing after removal: %v", err)
	}
	gone := false
	err := reader.Watch(soon(t), "", func(list []reader.State) bool {
		gone = !list[0].Present
		return !gone
	})
	if err != nil || !gone {
		t.Fatalf("waiting for the removal: %v, gone %v", err, gone)
	}
	if _, err := reader.Open(soon(t), "pcsc:", reader.Doors{}); !errors.Is(err, reader.ErrNoCard) {
		t.Errorf("opening after removal: %v", err)
	}
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := reader.Open(short, "pcsc:", reader.Doors{Wait: true}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for a card that does not come: %v", err)
	}
	insert(t, d, 0, atrT1, atrT1)
	back := open(t, "pcsc:0", reader.Doors{Wait: true})
	if !bytes.Equal(back.ATR(), atrT1) {
		t.Errorf("ATR after insertion is %X, want %X", back.ATR(), atrT1)
	}
	send(t, back, "00B2040C05", "7003800142 9000")
}

func TestSharing(t *testing.T) {
	d := Start(t)
	insert(t, d, 0, atrT0, atrT0)
	alone := open(t, "pcsc:0", reader.Doors{Wait: true})
	for _, shared := range []bool{false, true} {
		if _, err := reader.Open(soon(t), "pcsc:0", reader.Doors{Shared: shared}); !errors.Is(err, reader.ErrBusy) {
			t.Errorf("opening a card that another has, shared %v: %v", shared, err)
		}
	}
	if err := alone.Close(); err != nil {
		t.Fatal(err)
	}
	first := open(t, "pcsc:0", reader.Doors{Wait: true, Shared: true})
	send(t, first, "00B2040C05", "7003800142 9000")
	// The second waits for its turn, which comes when the first has closed.
	short, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := reader.Open(short, "pcsc:0", reader.Doors{Shared: true}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a turn out of turn: %v", err)
	}
	closed := make(chan error)
	time.AfterFunc(100*time.Millisecond, func() { closed <- first.Close() })
	second := open(t, "pcsc:0", reader.Doors{Shared: true})
	if err := <-closed; err != nil {
		t.Errorf("closing: %v", err)
	}
	send(t, second, "00B2040C05", "7003800142 9000")
	if _, err := second.Reset(soon(t), reader.Warm); err != nil {
		t.Errorf("resetting a shared card: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Errorf("closing a shared card: %v", err)
	}
}

func TestDaemonStops(t *testing.T) {
	d := Start(t)
	insert(t, d, 0, atrT0, atrT0)
	card := open(t, "pcsc:0", reader.Doors{Wait: true})
	d.Stop(t)
	for range 2 {
		if _, err := card.Transmit(soon(t), nil, unhex("00B2040C05")); err == nil {
			t.Error("an answer without pcscd")
		} else if !errors.Is(err, reader.ErrUnavailable) && !errors.Is(err, reader.ErrCardGone) {
			t.Errorf("sending after pcscd has stopped: %v", err)
		}
	}
	card.Close()
	if _, err := reader.List(soon(t), ""); !errors.Is(err, reader.ErrUnavailable) {
		t.Errorf("readers after pcscd has stopped: %v", err)
	}
}

// TestVirtualReader: the same card at our own virtual reader.
func TestVirtualReader(t *testing.T) {
	Private(t)
	card := openVirtual(t, "vpcd:", reader.Doors{})
	if !bytes.Equal(card.ATR(), atrT0) {
		t.Errorf("ATR is %X, want %X", card.ATR(), atrT0)
	}
	for cmd, want := range fixed {
		send(t, card, cmd, want)
	}
	if atr, err := card.Reset(soon(t), reader.Warm); err != nil || !bytes.Equal(atr, atrWarm) {
		t.Errorf("warm reset: %X, %v", atr, err)
	}
	if atr, err := card.Reset(soon(t), reader.Cold); err != nil || !bytes.Equal(atr, atrT0) {
		t.Errorf("cold reset: %X, %v", atr, err)
	}
	// The port is free again: a slot holds one card.
	second := openVirtual(t, "vpcd:35963", reader.Doors{Cooked: true})
	send(t, second, "00B2040C00", "7003800142 9000")
}
