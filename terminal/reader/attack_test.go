package reader_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/reader/recording"
)

// twoResets is a terminal that resets its card half way, and gets another answer.
const twoResets = `{"seq":1,"command":null,"atr":"3B00","response":null}
{"seq":2,"command":"00A4040000","response":"9000"}
{"seq":3,"command":null,"atr":"3B01AA","response":null}
{"seq":4,"command":"80CA9F3600","response":"9F360200029000"}
`

// TestReplayWithResets: the terminal that resets where the recorded one did hears
// what that one heard, and so does the terminal that does not reset.
func TestReplayWithResets(t *testing.T) {
	for _, reset := range []bool{true, false} {
		c := reader.Replay(mustParse(t, twoResets), false)
		if _, err := c.Transmit(background, nil, unhex(t, "00A4040000")); err != nil {
			t.Fatal(err)
		}
		if reset {
			if atr, err := c.Reset(background, reader.Warm); err != nil || !bytes.Equal(atr, unhex(t, "3B01AA")) || !bytes.Equal(c.ATR(), atr) {
				t.Errorf("the second answer to reset: %X, %v", atr, err)
			}
		}
		if got, err := c.Transmit(background, nil, unhex(t, "80CA9F3600")); err != nil || len(got) != 7 {
			t.Errorf("reset %v: %X, %v", reset, got, err)
		}
		if atr, err := c.Reset(background, reader.Cold); err != nil || !bytes.Equal(atr, unhex(t, "3B00")) {
			t.Errorf("after the end it begins again: %X, %v", atr, err)
		}
		if _, err := c.Transmit(background, nil, unhex(t, "00A4040000")); err != nil {
			t.Error(err)
		}
	}
}

// TestRecordedResetsPlay: what Record wrote of a terminal with resets, two of them
// at the very beginning, plays for the same terminal.
func TestRecordedResetsPlay(t *testing.T) {
	talk := func(c reader.Card) (heard []byte) {
		for _, cmd := range []string{"", "00A4040000", "", "80CA9F3600"} {
			var got []byte
			var err error
			if cmd == "" {
				got, err = c.Reset(background, reader.Cold)
			} else {
				got, err = c.Transmit(background, nil, unhex(t, cmd))
			}
			if err != nil {
				t.Fatalf("%q: %v", cmd, err)
			}
			heard = append(heard, got...)
		}
		return heard
	}
	var out bytes.Buffer
	r, err := reader.Record(reader.Replay(mustParse(t, twoResets), false), &out, recording.Clear, "", "x")
	if err != nil {
		t.Fatal(err)
	}
	want := talk(r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := talk(reader.Replay(mustParse(t, out.String()), false)); !bytes.Equal(got, want) {
		t.Errorf("%X, recorded %X", got, want)
	}
}

// huge answers every command with as much as a response APDU can hold.
type huge struct{ reader.Card }

func (huge) ATR() []byte { return []byte{0x3B, 0} }

func (huge) Transmit(_ context.Context, dst, cmd []byte) ([]byte, error) {
	if len(cmd) > 65535 {
		return dst, &reader.Error{Doing: "sending a command", Kind: reader.ErrCommand}
	}
	return append(append(dst, make([]byte, 65533)...), 0x90, 0), nil
}

func (huge) Close() error { return nil }

// TestRecordCanBeReadAgain: however much the card says, and whatever the terminal
// tries to send.
func TestRecordCanBeReadAgain(t *testing.T) {
	var out bytes.Buffer
	r, err := reader.Record(huge{}, &out, recording.Clear, "", "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Transmit(background, nil, make([]byte, 70000)); !errors.Is(err, reader.ErrCommand) {
		t.Errorf("%v", err)
	}
	for range 300 {
		if _, err := r.Transmit(background, nil, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); !errors.Is(err, reader.ErrRecording) {
		t.Errorf("nothing says that the end is missing: %v", err)
	}
	s := mustParse(t, out.String())
	if n := len(s.Exchanges); n < 10 || s.Exchanges[1].Lost() {
		t.Errorf("%d exchanges, the refused command among them", n)
	}
}

// TestRecordStopsWithTheCard: commands after the card has left never reached it.
func TestRecordStopsWithTheCard(t *testing.T) {
	var out bytes.Buffer
	r, err := reader.Record(reader.Replay(mustParse(t, `{"seq":1,"command":"00A4040000","response":null}`), false), &out, recording.Masked, "", "x")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := r.Transmit(background, nil, unhex(t, "00A4040000")); !errors.Is(err, reader.ErrCardGone) {
			t.Errorf("%v", err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}

// TestRecordWhileTheContextEnds: an exchange that is given up is recorded as lost,
// and the card says no more.
func TestRecordWhileTheContextEnds(t *testing.T) {
	var out bytes.Buffer
	r, err := reader.Record(reader.Replay(mustParse(t, byHand), false), &out, recording.Clear, "", "x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(background)
	stop := errors.New("the barrier was hit")
	cancel(stop)
	if _, err := r.Transmit(ctx, nil, unhex(t, "00A4040000")); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	if _, err := r.Reset(background, reader.Cold); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if s := mustParse(t, out.String()); !s.Exchanges[len(s.Exchanges)-1].Lost() || len(s.Exchanges) != 2 {
		t.Errorf("%v", s)
	}
}

// TestHalfARecording: a file whose end is missing says so and names the line.
func TestHalfARecording(t *testing.T) {
	s, _ := record(t, "sm", recording.Masked)
	text := string(s.Append(nil))
	path := write(t, text[:len(text)-20])
	_, err := reader.Open(background, "replay:"+path, reader.Doors{})
	if !errors.Is(err, reader.ErrRecording) || !strings.Contains(err.Error(), "too early") || !strings.Contains(err.Error(), "line ") {
		t.Errorf("%v", err)
	}
	if _, err := reader.Open(background, "replay:"+write(t, ""), reader.Doors{}); !errors.Is(err, reader.ErrRecording) {
		t.Errorf("an empty file: %v", err)
	}
}
