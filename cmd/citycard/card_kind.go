package main

import (
	"bytes"
	"context"
	"time"

	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/apdu"
)

// cardKind is what a card is that a command cannot work with.
type cardKind uint8

const (
	otherCard  cardKind = iota
	purseCard           // an electronic purse of T-Union or City Union
	moduleCard          // a security module of a terminal (PSAM)
)

// lookTime bounds a second look at a card that was refused.
const lookTime = 10 * time.Second

// kindOf asks a card what it is; otherCard if it does not say. Nothing is written and no
// counter used.
func kindOf(ctx context.Context, c reader.Card) cardKind {
	c = reader.Cook(c)
	for _, a := range gate.DefaultApplications() {
		if a.Kind != gate.TUnionPurse && a.Kind != gate.CityUnionPurse {
			continue
		}
		if _, ok := asks(ctx, c, apdu.Command{INS: 0xA4, P1: 0x04, Data: a.Prefix, Le: apdu.MaxShortLe}); ok {
			return purseCard
		}
	}
	// A module has the number of its terminal in file 22 of its master file.
	if _, ok := asks(ctx, c, apdu.Command{INS: 0xA4, Data: []byte{0x3F, 0x00}, Le: apdu.NoLe}); !ok {
		return otherCard
	}
	if number, ok := asks(ctx, c, apdu.Command{INS: 0xB0, P1: 0x96, Le: 6}); ok && len(number) == 6 && !bytes.Equal(number, make([]byte, 6)) {
		return moduleCard
	}
	return otherCard
}

// asks sends a command that changes nothing; false if the card refuses it.
func asks(ctx context.Context, c reader.Card, cmd apdu.Command) ([]byte, bool) {
	b, err := cmd.Append(nil)
	if err != nil {
		return nil, false
	}
	if b, err = c.Transmit(ctx, nil, b); err != nil {
		return nil, false
	}
	data, sw, err := apdu.ParseResponse(b)
	return data, err == nil && sw == apdu.SWOK
}

// look opens a refused card once more and asks what it is; a card that calls by itself
// (vpcd:) has hung up by now, and a recorded one knows no other questions.
func (f *readerFlags) look(ctx context.Context, open func(context.Context) (reader.Card, error)) cardKind {
	door, err := reader.ParseName(f.name)
	if err != nil || door.Door != reader.Sim && door.Door != reader.PCSC {
		return otherCard
	}
	ctx, stop := context.WithTimeout(ctx, lookTime)
	defer stop()
	c, err := open(ctx)
	if err != nil {
		return otherCard
	}
	kind := kindOf(ctx, c)
	_ = c.Close() // it was refused already
	return kind
}
