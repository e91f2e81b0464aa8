package cardview

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Options say how a card is read.
type Options struct {
	// CAKeys are the certification authorities that are trusted.
	CAKeys []oda.CAKey
	// Rand gives the unpredictable numbers.
	Rand io.Reader
	// At is the time of the reading.
	At time.Time
	// Passive uses up no transaction counter; the card is not authenticated.
	Passive bool
	// Station names a station of a journey record by the version of its rule book and
	// its number there, empty if it does not know. nil: nobody knows.
	Station func(rule, number uint16) string
	// LogsOnly leaves out limits and authentication, and is passive.
	LogsOnly bool
}

// dialogue is a reading under way.
type dialogue struct {
	ctx      context.Context
	card     reader.Card
	o        Options
	verifier *oda.Verifier
	view     *View
	buf      []byte
	cmd      []byte
}

// Read reads a card. The card should give complete answers (reader.Cook). Errors
// are those of the reader and of options that are not complete.
func Read(ctx context.Context, card reader.Card, o Options) (*View, error) {
	d := &dialogue{ctx: ctx, card: card, o: o, view: &View{Applications: []Application{}, Notes: []string{}}}
	if o.Rand == nil || o.At.IsZero() {
		return nil, fmt.Errorf("read card: Rand and At must be given")
	}
	var err error
	if d.verifier, err = oda.NewVerifier(o.CAKeys, 4); err != nil {
		return nil, fmt.Errorf("read card: %w", err)
	}
	atr, err := card.Reset(ctx, reader.Cold)
	if err != nil {
		return nil, err
	}
	d.view.ATR, d.view.Historical = fmt.Sprintf("%X", atr), historical(atr)
	found, err := d.directories()
	if err != nil {
		return nil, err
	}
	for i := range found {
		if err := d.application(&found[i]); err != nil {
			return nil, err
		}
		d.view.Applications = append(d.view.Applications, found[i].Application)
	}
	if o.LogsOnly {
		return d.view, nil
	}
	return d.view, d.domain()
}

// send transmits a command. data are valid until the next one. An answer that ends
// in no status word counts as 6F00.
func (d *dialogue) send(c apdu.Command) (data []byte, sw apdu.SW, err error) {
	if d.cmd, err = c.Append(d.cmd[:0]); err != nil {
		return nil, 0, fmt.Errorf("read card: %w", err)
	}
	if d.buf, err = d.card.Transmit(d.ctx, d.buf[:0], d.cmd); err != nil {
		return nil, 0, err
	}
	if data, sw, err = apdu.ParseResponse(d.buf); err != nil {
		d.note("%X: %v", d.cmd[:4], err)
		return nil, apdu.SWUnknown, nil
	}
	return data, sw, nil
}

func (d *dialogue) selectName(name []byte, next bool) ([]byte, apdu.SW, error) {
	c := apdu.Command{INS: 0xA4, P1: 0x04, Data: name, Le: apdu.MaxShortLe}
	if next {
		c.P2 = 0x02
	}
	return d.send(c)
}

func (d *dialogue) readRecord(sfi, number byte) ([]byte, apdu.SW, error) {
	return d.send(apdu.Command{INS: 0xB2, P1: number, P2: sfi<<3 | 4, Le: apdu.MaxShortLe})
}

// getData gives the value of a data object; nil if the card does not give it.
func (d *dialogue) getData(tag tlv.Tag) ([]byte, error) {
	data, sw, err := d.send(apdu.Command{CLA: 0x80, INS: 0xCA, P1: byte(tag >> 8), P2: byte(tag), Le: apdu.MaxShortLe})
	if err != nil || sw != apdu.SWOK {
		return nil, err
	}
	v, ok := tlv.Find(data, tag)
	if !ok {
		d.note("GET DATA %X: the answer holds another object", uint32(tag))
		return nil, nil
	}
	return v, nil
}

func (d *dialogue) note(format string, args ...any) {
	const most = 50
	if len(d.view.Notes) < most {
		d.view.Notes = append(d.view.Notes, fmt.Sprintf(format, args...))
	}
}

// historical gives the historical bytes of an answer to reset as text (ISO/IEC
// 7816-3, 8.2); empty if they are not letters.
func historical(atr []byte) string {
	if len(atr) < 2 {
		return ""
	}
	count, at := int(atr[1]&0x0F), 2
	for y := atr[1] >> 4; ; {
		next := -1
		for bit := range 4 {
			if y>>bit&1 == 1 {
				if bit == 3 {
					next = at
				}
				at++
			}
		}
		if next < 0 || next >= len(atr) {
			break
		}
		y = atr[next] >> 4
	}
	if at+count > len(atr) {
		return ""
	}
	return printable(atr[at : at+count])
}

// printable gives text of ASCII, or nothing.
func printable(b []byte) string {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	return string(b)
}
