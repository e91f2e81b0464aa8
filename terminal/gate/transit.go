package gate

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/journey"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	wire "github.com/citycard/citycard/wire/journey"
)

// Transit is what a terminal needs for cards that carry their own journeys: bank cards
// with the low-value extension (JR/T 0025.14) and city purses. Its Pricer must be a
// JourneyPricer.
type Transit struct {
	// Applications that the terminal takes, the one that it likes best first; nil: those
	// of DefaultApplications.
	Applications []Application
	// Module says where the security module has which keys; zero: sam.Usual.
	Module sam.Layout
	// AllowHold lets entries and boardings hold an amount where the rules say so
	// (pre-authorisation); else such a journey is paid at its end like others.
	AllowHold bool
	// ProofBefore says that purses name a purchase in GET TRANSACTION PROVE by the number
	// before it (purse.Config).
	ProofBefore bool
	// Factor is the number that a bank card's journey record has inside, by the issuer's
	// rule: what the record's keys are diversified by. A card with a record of another
	// card is then refused, so that two genuine cards behind one relay cannot make a
	// dear journey of the one out of a cheap one of the other. nil: not compared.
	Factor func(txn.CardKey) wire.Serial
	// AllowSilent takes bank cards that put a journey record by without a code of their
	// own in the answer. DF60 is under no signature: without that code a relay can make a
	// payment of the extension a plain one, so that the fare is paid and the journey stays
	// open.
	AllowSilent bool
	// AllowUnverified lets a rider pass whose purse proves a torn purchase by a TAC that
	// the module has no key for. Anybody can send eight bytes, so that such a pass can be
	// a free ride; else the row waits for the issuer, and the rider is sent to the staff.
	AllowUnverified bool
	// Books are the rule books by date: a journey is priced by the one in force at its
	// beginning. nil: the Pricer alone.
	Books *fare.Books

	// What the card's records say about the terminal beside its number; may be zero.
	Line        uint16 // of a gate
	City        [2]byte
	Institution [8]byte
	Operator    uint16
	Vehicle     [8]byte
}

// JourneyPricer is the rule book of a terminal with Config.Transit; *fare.Book is one.
type JourneyPricer interface {
	Pricer
	HoldFrom(fare.StationID) money.Fen
	Journeys() *fare.JourneyRules
}

// Files of the low-value extension that the city's cards have (JR/T 0025.14; which file
// is whose is our choice).
const (
	fileMetro = 0x15
	fileBus   = 0x1A
	fileLog   = 0x1E
)

func (t *Transit) validate(p Pricer) error {
	if _, ok := p.(JourneyPricer); !ok {
		return fmt.Errorf("Transit: the pricer knows no journey rules, give a JourneyPricer such as fare.Book: %w", errConfig)
	}
	for i, a := range t.Applications {
		switch {
		case len(a.Prefix) < 5 || len(a.Prefix) > 16:
			return fmt.Errorf("Transit.Applications[%d]: a prefix of %d bytes, want 5 to 16: %w", i, len(a.Prefix), errConfig)
		case a.Kind < FinanceApplication || a.Kind > CityUnionPurse:
			return fmt.Errorf("Transit.Applications[%d]: kind %d is not defined: %w", i, a.Kind, errConfig)
		case slices.ContainsFunc(t.Applications[:i], func(b Application) bool { return string(b.Prefix) == string(a.Prefix) }):
			return fmt.Errorf("Transit.Applications[%d]: %X is there twice: %w", i, a.Prefix, errConfig)
		}
	}
	return nil
}

// installTransit makes what a terminal with Config.Transit needs.
func (g *Gate) installTransit() (err error) {
	t := g.cfg.Transit
	layout := t.Module
	if layout == (sam.Layout{}) {
		layout = sam.Usual
	}
	g.module, g.journeys, g.order = sam.New(layout), g.pricer.(JourneyPricer), t.Applications
	if len(g.order) == 0 {
		g.order = DefaultApplications()
	}
	g.pay, err = purse.New(purse.Config{Module: g.module, ProofBefore: t.ProofBefore})
	return err
}

// trip is what a tap with a journey record has come to.
type trip struct {
	step   tripStep
	file   byte
	id     uint16
	random [8]byte
	reads  byte
	alg    epurse.Alg // of the card's record keys, once one was checked
	data   [apdu.MaxShortData]byte
	key    sam.RecordKey
	prev   [wire.Size]byte // as the card has it, under MAC
	next   [wire.Size]byte // as it is to be
	log    [wire.TripSize]byte
	card   journey.Card
	other  wire.Record
	does   journey.Decision
}

// serial is the card's number in its record, the factor of the record's key.
func (t *trip) serial() wire.Serial { return wire.Serial(t.prev[6:14]) }

// tripStep is what the answer that comes next is to.
type tripStep uint8

const (
	noStep tripStep = iota
	stepStart
	stepReadOther
	stepCheckOther
	stepRead
	stepCheck
	stepCodeRecord
	stepUpdateRecord
	stepCheckAnswer
	stepCodeLog
	stepUpdateLog
)
