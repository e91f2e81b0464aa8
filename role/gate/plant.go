package gate

import (
	"context"
	"fmt"
	"time"

	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/inspect"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// Plant is what the gates of a city share: its rule book, the reader with its security
// module, and what the arrays remember.
type Plant struct {
	City    City
	Session *Session
	State   *State
}

// NewPlant puts them together.
func NewPlant(c City, s *Session, state *State) *Plant {
	return &Plant{City: c, Session: s, State: state}
}

// Number is the terminal's number in this city: of a metro gate ten times the station,
// of a reader in a bus 600,000 and ten times the route, and its mode.
func (s *Setup) Number() txn.TerminalID {
	base := txn.TerminalID(600_000) + 10*txn.TerminalID(s.Route)
	if s.Mode <= gate.Exit {
		base = 10 * txn.TerminalID(s.Station)
	}
	return base + txn.TerminalID(s.Mode)
}

// Tap lets one card tap at a terminal, at a time in unix seconds. Rows get the next
// sequence numbers of the State, and the station records are told. Errors are those of
// Setup.Terminal and Session.Tap; then nothing has happened.
func (p *Plant) Tap(ctx context.Context, s Setup, at int64) (*Trace, error) {
	array := p.State.Array(s.Place())
	// A new terminal for each tap: all of them share one security module, and what one
	// of them knows of its state another one changes.
	g, err := s.Terminal(p.City, array, p.State.Records)
	if err != nil {
		return nil, err
	}
	t, err := p.Session.Tap(ctx, g, at)
	if err != nil {
		return nil, err
	}
	t.Expired = p.number(array.Expire(at))
	t.Waiting = array.Waiting()
	p.number(t.Result.Records)
	if err := t.Result.Settle(p.State.Records); err != nil {
		return nil, fmt.Errorf("station records: %w", err)
	}
	return t, nil
}

// stays are how long a ride is good for in an inspector's eyes where the rule book sets no
// limit, and one of a single tap: our choice.
const (
	maxStay    = 4 * time.Hour
	oneTapStay = 2 * time.Hour
)

// Inspect lets an inspector look at a card: in the metro, or in a bus of the route of s.
// Nothing on the card changes.
func (p *Plant) Inspect(ctx context.Context, s Setup, bus bool, at int64) (*Trace, error) {
	cfg := inspect.Config{SM: s.SM, Bus: bus, Route: s.Route, MaxStay: maxStay, OneTapStay: oneTapStay}
	if after := p.City.Book.Journeys().OverTime.After; after > 0 {
		cfg.MaxStay = time.Duration(after) * time.Second
	}
	return p.Session.Inspect(ctx, inspect.New(&cfg), at)
}

// number gives rows the next sequence numbers.
func (p *Plant) number(rows []row.Record) []row.Record {
	for i := range rows {
		p.State.Rows++
		rows[i].Row.Sequence = p.State.Rows
	}
	return rows
}
