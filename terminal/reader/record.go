package reader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/citycard/citycard/terminal/reader/recording"
)

// Bounds of a recording, so that it can be read again; a conversation that is longer
// goes on, and Close says that its end is not recorded.
const (
	maxRecorded      = 4000
	maxRecordedBytes = MaxRecording / 4 // of commands and answers: each is two characters
)

// Recorder is a card whose conversation is written down.
type Recorder struct {
	card    Card
	to      io.Writer
	numbers recording.Numbers
	session recording.Session
	size    int  // bytes of commands and answers
	more    int  // exchanges that did not fit
	lost    bool // an answer did not come: the card says no more
	closed  bool
}

// Record wraps a card, and writes its conversation to w when the card is closed,
// because only then all account numbers in it are known. numbers says whether they
// are masked. source and name go into the recording; see package recording.
func Record(card Card, w io.Writer, numbers recording.Numbers, source, name string) (*Recorder, error) {
	if numbers != recording.Masked && numbers != recording.Clear {
		return nil, &Error{
			Doing: "recording a card", Kind: ErrRecording, Cause: fmt.Errorf("nothing says what becomes of account numbers"),
			Hint: "choose recording.Masked or recording.Clear",
		}
	}
	r := &Recorder{card: card, to: w, numbers: numbers, session: recording.Session{Name: name, Source: source}}
	r.reset(card.ATR(), 0)
	return r, nil
}

// Note adds words for people to the last exchange, or to the reset before the
// first. They must not hold an account number.
func (r *Recorder) Note(text string) {
	if n := len(r.session.Exchanges); n > 0 {
		r.session.Exchanges[n-1].Note = text
	}
}

// ATR implements [Card].
func (r *Recorder) ATR() []byte { return r.card.ATR() }

// Transmit implements [Card].
func (r *Recorder) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	start := time.Now()
	out, err := r.card.Transmit(ctx, dst, cmd)
	x := recording.Exchange{Command: copied(cmd), Micros: time.Since(start).Microseconds()}
	if err == nil {
		x.Response = copied(out[len(dst):])
	}
	if r.lost || errors.Is(err, ErrCommand) { // the card has not seen the command
		return out, err
	}
	r.lost = err != nil
	r.add(x)
	return out, err
}

// Reset implements [Card].
func (r *Recorder) Reset(ctx context.Context, kind ResetKind) ([]byte, error) {
	start := time.Now()
	atr, err := r.card.Reset(ctx, kind)
	if err == nil {
		r.reset(atr, time.Since(start).Microseconds())
	}
	return atr, err
}

// reset notes a reset; without an answer there is nothing to be played again.
func (r *Recorder) reset(atr []byte, micros int64) {
	if len(atr) > 0 {
		r.add(recording.Exchange{ATR: copied(atr), Micros: micros})
	}
}

func (r *Recorder) add(x recording.Exchange) {
	size := r.size + len(x.Command) + len(x.Response)
	if r.more > 0 || len(r.session.Exchanges) == maxRecorded || size > maxRecordedBytes {
		r.more++
		return
	}
	r.size = size
	x.Seq = len(r.session.Exchanges) + 1
	r.session.Exchanges = append(r.session.Exchanges, x)
}

// Close implements [Card] and writes the recording. The card's error comes first.
func (r *Recorder) Close() error {
	err := r.card.Close()
	if r.closed {
		return err
	}
	r.closed = true
	r.session.BlankPINs()
	if r.numbers == recording.Masked {
		r.session.Mask()
	}
	_, failed := r.to.Write(r.session.Append(nil))
	switch {
	case err != nil:
		return err
	case failed != nil:
		return fmt.Errorf("reader: writing the recording of %d exchanges: %w", len(r.session.Exchanges), failed)
	case r.more > 0:
		return fault("writing the recording", ErrRecording, fmt.Errorf("%d exchanges after the first %d are not in it", r.more, maxRecorded))
	}
	return nil
}

// Format keeps the conversation out of logs.
func (r *Recorder) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "recorder of %v", r.session) }

func copied(b []byte) []byte { return append([]byte{}, b...) }
