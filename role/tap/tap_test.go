package tap_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/fault"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/rf"
	"github.com/citycard/citycard/txn"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shop is a terminal with its issuer, and one card.
type shop struct {
	t       testing.TB
	profile string
	side    card.Interface
	mode    pos.Mode
	faults  string
	host    host.Host
	person  tap.Person
	lang    string
	showPAN bool
	mute    bool // no SM2 and SM4
	crypto  time.Duration
	answer  time.Duration // that a card may take
	step    func(*tap.Step)
	ctx     context.Context
	open    func() (reader.Card, error)   // instead of the card
	wrap    func(reader.Card) reader.Card // around the card
	seal    func(txn.CardKey, pin.PIN) ([8]byte, error)

	card *virtualcard.Card
}

// holder is a cardholder who knows the PIN and comes back.
type holder struct {
	pin   string
	again int // times that the card comes back
}

func (h *holder) Choose(context.Context, *emv.Choice) emv.Event { return emv.Event{Kind: emv.Chosen} }

func (h *holder) PIN(context.Context, *emv.PINRequest) emv.Event {
	p, err := pin.New(h.pin)
	if err != nil {
		return emv.Event{Kind: emv.PINBypassed}
	}
	return emv.Event{Kind: emv.PINEntered, PIN: p}
}

func (h *holder) Again(context.Context, *pos.TornSale) bool {
	h.again--
	return h.again >= 0
}

var noon = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC).Unix()

// insert makes the card.
func (s *shop) insert() {
	s.t.Helper()
	r, err := devcard.Default(s.profile)
	check(s.t, err)
	img, err := devcard.Issue(r)
	check(s.t, err)
	var script *fault.Script
	if s.faults != "" {
		script, err = fault.Parse([]byte(s.faults))
		check(s.t, err)
	}
	s.card, err = virtualcard.New(virtualcard.Config{Image: img, Interface: s.side, Faults: script, Rand: rand.NewChaCha8([32]byte{1})})
	check(s.t, err)
}

// sell makes one sale.
func (s *shop) sell(sale pos.Sale) *tap.Trace {
	s.t.Helper()
	if s.card == nil && s.open == nil {
		s.insert()
	}
	if s.host == nil {
		var err error
		s.host, err = host.NewInProcess(host.OpeningAccount)
		check(s.t, err)
	}
	cfg, err := tap.Shop(tap.Setup{Mode: s.mode, SM: !s.mute})
	check(s.t, err)
	till, err := pos.New(cfg)
	check(s.t, err)
	var clock time.Duration
	c := tap.Config{
		Till: till, Mode: s.mode, Host: s.host, Person: s.person, Seal: host.EncipherPIN, Explain: tap.NewExplainer(s.lang, s.showPAN), Step: s.step, AnswerTime: s.answer,
		Open:    func(context.Context) (reader.Card, error) { return virtualcard.Reader(s.card) },
		Medium:  rf.NewLink(rf.TypeA, rf.Rate106),
		Card:    rf.DefaultCard(cmp.Or(s.crypto, 60*time.Millisecond)),
		Elapsed: func() time.Duration { clock += 100 * time.Microsecond; return clock },
	}
	switch {
	case sale.Interface == pos.Stripe:
		c.Medium = nil
	case s.side == card.Contact:
		c.Medium = rf.NewContact()
		sale.Interface = pos.Contact
	default:
		sale.Interface = pos.Contactless
	}
	if sale.Kind == 0 {
		sale.Kind = pos.Purchase
	}
	sale.Time, sale.Sequence = noon, 1
	for i := range sale.Random {
		sale.Random[i] = byte(i + 1)
	}
	if s.open != nil {
		c.Open = func(context.Context) (reader.Card, error) { return s.open() }
	}
	if s.wrap != nil {
		c.Open = func(context.Context) (reader.Card, error) {
			card, err := virtualcard.Reader(s.card)
			return s.wrap(card), err
		}
	}
	if s.seal != nil {
		c.Seal = s.seal
	}
	ctx := s.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	trace, err := tap.Run(ctx, c, sale)
	check(s.t, err)
	checker, err := tap.NewIssuance()
	check(s.t, err)
	trace.Verified = checker.Check(&trace.Result)
	return trace
}

// story is a trace in one line a step, for messages of tests.
func story(tr *tap.Trace) string {
	var b strings.Builder
	for i := range tr.Steps {
		s := &tr.Steps[i]
		b.WriteString(s.Kind.String() + " " + s.Words("en") + " " + s.SW + "\n")
	}
	b.WriteString(tr.Result.Outcome.String() + " " + tr.Result.Fault.String())
	return b.String()
}

// want compares an outcome.
func want(t testing.TB, tr *tap.Trace, o pos.Outcome) {
	t.Helper()
	if tr.Result.Outcome != o {
		t.Fatalf("outcome %v, want %v:\n%s", tr.Result.Outcome, o, story(tr))
	}
}

// profiles are those of cards that can pay.
func profiles(t testing.TB) []devcard.Profile {
	t.Helper()
	list, err := devcard.Profiles()
	check(t, err)
	var out []devcard.Profile
	for _, p := range list {
		if !p.Blank {
			out = append(out, p)
		}
	}
	return out
}
