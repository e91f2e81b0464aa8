package terminaltest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
)

// Gates are two metro gates, a bus validator and a bus with two readers of this program as the terminal under
// test, in this process, each with a security module of its own. Every case finds them new.
type Gates struct {
	// NoUID has the reader know no identifier of a card, as many readers over PC/SC.
	NoUID bool

	setup    terminal.Setup
	now      func() time.Time
	rand     io.Reader
	book     *fare.Book
	verifier *oda.Verifier
	modules  *psam.Profile
	wrong    *fault

	run      string // case that the gates below are for
	elapsed  time.Duration
	at       map[terminal.Kind]*place
	cards    map[*terminal.Card]gate.UID
	stations stations
}

// place is one gate with its module.
type place struct {
	gate   *gate.Gate
	module *card.Chip
}

// The journey of the run is on a line where gates hold an amount at the entry.
const (
	enters = "3号航站楼"
	leaves = "2号航站楼"
	ride   = 4 * time.Minute // longer than a card may pass again, shorter than a torn one is waited for
	hurry  = 5 * time.Second // till a torn card is back
	metres = 4000            // that a bus rider pays for, or rides
)

// NewGates makes them with the development keys and the embedded rule book. now and rand
// are their clock and their unpredictable numbers.
func NewGates(s terminal.Setup, now func() time.Time, rand io.Reader) (*Gates, error) {
	g := &Gates{setup: s, now: now, rand: rand}
	keys, err := devkeys.CAKeys()
	if err != nil {
		return nil, fmt.Errorf("development CA keys: %w", err)
	}
	if g.verifier, err = oda.NewVerifier(keys, 16); err != nil {
		return nil, fmt.Errorf("development CA keys: %w", err)
	}
	if g.book, err = beijing.Book(); err != nil {
		return nil, fmt.Errorf("rule book: %w", err)
	}
	if g.modules, err = psam.Embedded("dev-psam"); err != nil {
		return nil, fmt.Errorf("security module: %w", err)
	}
	return g, nil
}

// Fare is what the journey of the run costs, for terminal.Setup.
func (g *Gates) Fare() (money.Fen, error) {
	at := g.now().Unix()
	trip := fare.Trip{Medium: fare.MunicipalCard, EnterAt: at, ExitAt: at + int64(ride/time.Second)}
	for name, id := range map[string]*fare.StationID{enters: &trip.Entry, leaves: &trip.Exit} {
		var ok bool
		if *id, ok = g.book.StationByName(name); !ok {
			return 0, fmt.Errorf("station %s is not in the rule book: %w", name, errNoStation)
		}
	}
	q, err := g.book.Price(trip)
	if err != nil {
		return 0, fmt.Errorf("fare of the run: %w", err)
	}
	return q.Pay, nil
}

var errNoStation = errors.New("no such station")

// begin makes the gates of a case.
func (g *Gates) begin(name string) error {
	g.run, g.elapsed, g.stations = name, 0, stations{}
	g.at, g.cards = map[terminal.Kind]*place{}, map[*terminal.Card]gate.UID{}
	for i, k := range []struct {
		kind    terminal.Kind
		mode    gate.Mode
		station string
	}{
		{terminal.Entry, gate.Entry, enters}, {terminal.Exit, gate.Exit, leaves},
		{terminal.Bus, gate.Bus, ""}, {terminal.Board, gate.Board, ""}, {terminal.Alight, gate.Alight, ""},
	} {
		p, err := g.place(txn.TerminalID(i+1), k.mode, k.station)
		if err != nil {
			return fmt.Errorf("gate under test, %s: %w", k.kind, err)
		}
		g.at[k.kind] = p
	}
	return nil
}

func (g *Gates) place(number txn.TerminalID, mode gate.Mode, station string) (*place, error) {
	c := gate.Config{
		Terminal: number, Mode: mode, Medium: fare.MunicipalCard, RetapWindow: gate.DefaultRetapWindow, PassWindow: gate.DefaultPassWindow,
		Kernel: kernel.Config{
			TTQ: kernel.GateTTQ, Country: g.setup.Country, Currency: g.setup.Currency, TerminalType: 0x26, Merchant: []byte("TERMINAL TEST"),
			AppVersion: g.setup.Version, AIDs: kernel.DebitCredit(), SM: g.setup.SM, Verify: g.verifier,
		},
		Transit: &gate.Transit{AllowHold: g.setup.Hold, AllowSilent: g.wrong != nil && g.wrong.trusts},
	}
	if g.setup.Serial && (g.wrong == nil || !g.wrong.mixes) {
		c.Transit.Factor = factor
	}
	if !g.setup.Purse {
		for _, a := range gate.DefaultApplications() {
			if a.Kind == gate.FinanceApplication {
				c.Transit.Applications = append(c.Transit.Applications, a)
			}
		}
	}
	if station != "" {
		id, ok := g.book.StationByName(station)
		if !ok {
			return nil, fmt.Errorf("station %s is not in the rule book: %w", station, errNoStation)
		}
		c.Station = id
	} else {
		c.Route, c.PassWindow = 1, gate.DefaultBusPassWindow
	}
	out := &place{module: card.New()}
	image, err := g.modules.Default()
	if err != nil {
		return nil, fmt.Errorf("security module: %w", err)
	}
	if err := out.module.Insert(image, nil); err != nil {
		return nil, fmt.Errorf("security module: %w", err)
	}
	if err := out.module.PowerOn(g.rand); err != nil {
		return nil, fmt.Errorf("security module: %w", err)
	}
	if out.gate, err = gate.New(c, gate.NewArray(), g.stations, g.book); err != nil {
		return nil, err
	}
	at := metres
	if mode == gate.Board {
		at = 0
	}
	return out, out.gate.SetStop(1, 0, at)
}

// factor is the number in the journey record of a card of the run.
func factor(k txn.CardKey) journey.Serial {
	return perso.CardFactor(perso.Identity{PAN: k.PAN, PSN: k.PSN})
}

// Run makes one tap (terminal.Terminal): the card of a torn tap is held to the gate again
// if the case has it come back.
func (g *Gates) Run(ctx context.Context, c *terminal.Card, tx terminal.Transaction, _ *terminal.Host) (terminal.Reported, error) {
	if g.run != tx.Case || g.at == nil {
		if err := g.begin(tx.Case); err != nil {
			return terminal.Reported{}, err
		}
	}
	p := g.at[tx.Kind]
	if p == nil {
		return terminal.Reported{}, fmt.Errorf("a gate cannot do %q: %w", tx.Kind, errKind)
	}
	g.elapsed += ride
	r, err := g.tap(ctx, p, c)
	if err == nil && tx.Again && !r.Opened && c.Return() {
		g.elapsed += hurry
		r, err = g.tap(ctx, p, c)
	}
	if err != nil {
		return terminal.Reported{}, err
	}
	out := terminal.Reported{Outcome: outcomeOf(r), Balance: r.Balance, HasBalance: r.Balance >= 0}
	if g.wrong != nil && g.wrong.report != nil {
		g.wrong.report(&out)
	}
	return out, nil
}

var errKind = errors.New("no kind for a gate")

// outcomeOf is a gate's result in a word of terminal.Outcomes.
func outcomeOf(r *gate.Result) string {
	switch {
	case r.Opened:
		return "offline_approved"
	case r.Retap:
		return "doubt"
	case r.Display == gate.TapAgain:
		return "card_lost"
	}
	return "declined"
}

// tap holds the card to a gate.
func (g *Gates) tap(ctx context.Context, p *place, c *terminal.Card) (*gate.Result, error) {
	var un [4]byte
	if _, err := io.ReadFull(g.rand, un[:]); err != nil {
		return nil, fmt.Errorf("random bytes: %w", err)
	}
	in := &slot{card: c}
	if g.wrong != nil {
		in.around = g.wrong.around
	}
	cooked := reader.Cook(in)
	a := p.gate.Begin(g.now().Add(g.elapsed).Unix(), gate.Field{Cards: 1, UID: g.uid(c)}, un)
	for a.Done == nil {
		switch {
		case a.Send != nil:
			ev := kernel.Event{Kind: kernel.CardLeft}
			if answer, err := cooked.Transmit(ctx, nil, a.Send); err == nil {
				ev = kernel.Answered(answer)
			}
			a = p.gate.Step(ev)
		case a.SAM != nil:
			answer, err := p.module.Transmit(nil, a.SAM)
			if err != nil {
				return nil, fmt.Errorf("security module: %w", err)
			}
			a = p.gate.StepSAM(answer)
		default:
			a = p.gate.Step(kernel.Event{Kind: kernel.CardRemoved})
		}
	}
	if err := a.Done.Settle(g.stations); err != nil {
		return nil, fmt.Errorf("station records: %w", err)
	}
	return a.Done, nil
}

// uid is a card's identifier before it is selected: its own for every card of a case.
func (g *Gates) uid(c *terminal.Card) gate.UID {
	if g.NoUID {
		return gate.UID{}
	}
	if u, ok := g.cards[c]; ok {
		return u
	}
	u, err := gate.NewUID(binary.BigEndian.AppendUint32([]byte{0x04, 0xC1, 0x00}, uint32(len(g.cards))))
	if err != nil {
		panic("terminaltest: an identifier of seven bytes is refused: " + err.Error())
	}
	g.cards[c] = u
	return u
}

// stations are station records in memory, for cards that carry no journeys.
type stations map[txn.CardKey]gate.EntryRecord

func (stations) OpenEntry(gate.UID) (gate.EntryRecord, error) {
	return gate.EntryRecord{}, gate.ErrNoRecord
}

func (s stations) OpenEntryOf(c txn.CardKey) (gate.EntryRecord, error) {
	if e, ok := s[c]; ok {
		return e, nil
	}
	return gate.EntryRecord{}, gate.ErrNoRecord
}

func (s stations) PutEntry(e gate.EntryRecord) error {
	s[e.Card] = e
	return nil
}

func (stations) MonthSum(txn.CardKey, [2]byte) (money.Fen, error) { return 0, gate.ErrNoRecord }

func (s stations) CloseJourney(c gate.Closing) error {
	delete(s, c.Card)
	return nil
}
