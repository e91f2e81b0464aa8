package gate

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
)

// Setup is what may be chosen about a development terminal; the rest is Terminal's.
type Setup struct {
	Mode    gate.Mode
	Station fare.StationID // of a metro gate
	Route   uint16         // of a bus
	// Stop, Direction and Metres are where the bus is, as for gate.Gate.SetStop.
	Stop, Direction byte
	Metres          int
	// Hold lets entries and boardings hold an amount where the rule book says so.
	Hold bool
	// Module: the terminal has a security module, so that it takes cards which carry
	// their journeys, and purses.
	Module bool
	// SM offers SM2 and SM4 (DF69 = 01) to cards that have them.
	SM bool
	// CAKeys are trusted besides those of development, or in place of one with the same
	// index.
	CAKeys []oda.CAKey
}

// issuerCache is how many issuer certificates a terminal remembers.
const issuerCache = 16

// City is the rule book and the calendar of the terminals.
type City struct {
	Book     *fare.Book
	Calendar *fare.Calendar
}

// Beijing is the embedded rule book with its calendar.
func Beijing() (City, error) {
	book, err := beijing.Book()
	if err != nil {
		return City{}, fmt.Errorf("rule book: %w", err)
	}
	calendar, err := beijing.Calendar()
	if err != nil {
		return City{}, fmt.Errorf("calendar: %w", err)
	}
	return City{book, calendar}, nil
}

// workday says whether a day is one; of years that the calendar does not cover none is.
func (c *City) workday(unix int64) bool {
	works, err := c.Calendar.IsWorkday(fare.DateOf(unix))
	return err == nil && works
}

// Place is where the terminal's array is.
func (s *Setup) Place() Place {
	if s.Mode <= gate.Exit {
		return Place{Station: s.Station}
	}
	return Place{Route: s.Route}
}

// Terminal makes a gate, or a reader in a bus, of an array. It fails if a CA key cannot
// be used, or the settings make no terminal.
func (s *Setup) Terminal(c City, array *gate.Array, records gate.Records) (*gate.Gate, error) {
	keys, err := devkeys.CAKeys()
	if err != nil {
		return nil, fmt.Errorf("development CA keys: %w", err)
	}
	keys = slices.DeleteFunc(keys, func(k oda.CAKey) bool {
		return slices.ContainsFunc(s.CAKeys, func(other oda.CAKey) bool { return other.RID == k.RID && other.Index == k.Index })
	})
	verifier, err := oda.NewVerifier(append(keys, s.CAKeys...), issuerCache)
	if err != nil {
		return nil, fmt.Errorf("CA keys: %w", err)
	}
	cfg := gate.Config{
		Terminal: s.Number(), Mode: s.Mode, Station: s.Station, Route: s.Route, Medium: fare.MunicipalCard,
		RetapWindow: gate.DefaultRetapWindow, PassWindow: gate.DefaultPassWindow, LookUpByCard: true,
		Workday: c.workday,
		Kernel: kernel.Config{
			TTQ: kernel.GateTTQ, Country: yuan, Currency: yuan, TerminalType: gateType, Merchant: []byte(merchant),
			AppVersion: [2]byte{0x00, 0x30}, AIDs: kernel.DebitCredit(), SM: s.SM, Verify: verifier,
		},
	}
	if s.Mode == gate.Bus { // one card may pay for several riders; who boards or alights does so once
		cfg.PassWindow = gate.DefaultBusPassWindow
	}
	if s.Module {
		cfg.Transit = &gate.Transit{AllowHold: s.Hold, Factor: factor}
	}
	g, err := gate.New(cfg, array, records, c.Book)
	if err != nil {
		return nil, err
	}
	return g, g.SetStop(s.Stop, s.Direction, s.Metres)
}

var yuan = [2]byte{0x01, 0x56}

// factor is the number in the journey record of the cards of our profiles.
func factor(k txn.CardKey) journey.Serial {
	return perso.CardFactor(perso.Identity{PAN: k.PAN, PSN: k.PSN})
}

// What the terminal is (9F35 unattended, offline only; 9F4E).
const (
	gateType = 0x26
	merchant = "CITYCARD GATE"
)
