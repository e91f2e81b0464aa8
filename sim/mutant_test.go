package sim

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// Each mutant puts one broken part on the road. The day must then not close, and
// the figures named must be among those that say so. A mutant that closes is a
// hole in the truth test.
type mutant struct {
	name string
	put  func(c *City, p *Ports)
	want string // keys of Result.Open, separated by blanks
}

func TestMutantsAreSeen(t *testing.T) {
	first := newCity(t, Options{Riders: 800, Seed: 1, Workers: 1})
	for _, m := range slices.Concat(blockMutants, rowMutants, moneyMutants, fareMutants, reconMutants) {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			city := first.anew(t)
			run := &Run{Dir: t.TempDir()}
			run.Ports = func(p *Ports) {
				m.put(city, p)
				if rule := feesOf[m.name]; rule != nil {
					run.road.fees = rule
				}
			}
			res, err := run.Do(t.Context(), city)
			if err != nil {
				t.Fatalf("the run breaks off, so that no figure speaks: %v", err)
			}
			open := res.Open()
			if res.Closed() != (len(open) == 0) || res.Closed() {
				t.Errorf("the day closes: nobody has seen it; %+v", res)
			}
			for _, key := range strings.Fields(m.want) {
				if !slices.Contains(open, key) {
					t.Errorf("%s is as it must be; only these are not: %v", key, open)
				}
			}
			t.Logf("%v", open)
		})
	}
}

// keysForAll has a key for every terminal, registered or not.
type keysForAll struct{ city *City }

func (k keysForAll) Key(id txn.TerminalID) (*oda.SM2Public, bool) {
	pub, err := oda.NewSM2Public(k.city.terminalKey(id).Public())
	return pub, err == nil
}

// forgetful is an acquirer's store that finds no receipt.
type forgetful struct{ acquirer.Store }

func (forgetful) Receipt(seal.Hash) (acquirer.Receipt, bool, error) {
	return acquirer.Receipt{}, false, nil
}

// listless is an empty deny list.
type listless struct{}

func (listless) Denied(txn.CardKey, int64) bool { return false }

var blockMutants = []mutant{
	{"signature always right", func(_ *City, p *Ports) {
		p.Signatures = func(b *acquirer.Prepared, _ *oda.SM2Public) (seal.Hash, error) {
			return seal.HashOf(b.Raw[:len(b.Raw)-block.SignatureSize]), nil
		}
	}, "bad_signature"},
	{"unknown terminal accepted", func(c *City, p *Ports) { p.Keys = keysForAll{c} }, "unknown_terminal"},
	{"chain always follows", func(_ *City, p *Ports) {
		p.Chain = func(acquirer.Head, *acquirer.Prepared) bool { return true }
	}, "broken_chain"},
	{"chain looks at numbers only", func(_ *City, p *Ports) {
		p.Chain = func(h acquirer.Head, b *acquirer.Prepared) bool { return b.Sealed.Header.Number == h.Number+1 }
	}, "blocks_unreceipted"}, // the copy goes through, the block itself is refused
	{"sequence always gapless", func(_ *City, p *Ports) {
		p.Sequence = func(h acquirer.Head, b *acquirer.Prepared) (uint32, error) {
			return h.NextSequence + uint32(b.Sealed.Header.Rows), nil
		}
	}, "sequence_gap"},
	{"receipts forgotten", func(_ *City, p *Ports) {
		p.Receipts = func(s acquirer.Store) acquirer.Store { return forgetful{s} }
	}, "replayed_block"},
	{"deny list empty", func(_ *City, p *Ports) { p.Deny = listless{} }, "denied_card"},
	{"never too late", func(_ *City, p *Ports) { p.LateLimit = 1 << 40 }, "late_over_limit"},
	{"too late after an hour", func(_ *City, p *Ports) { p.LateLimit = 3600 }, "late_over_limit"},
}

// lenient is the issuers' verifier that lets one reason pass.
type lenient struct {
	clearing.Verifier
	pass txn.Verdict
}

func (l lenient) Verify(rows []txn.Presented, out []txn.Verdict) error {
	err := l.Verifier.Verify(rows, out)
	for i := range out {
		if out[i] == l.pass {
			out[i] = txn.Cleared
		}
	}
	return err
}

func lets(pass txn.Verdict) func(*City, *Ports) {
	return func(_ *City, p *Ports) {
		honest := p.Verifier
		p.Verifier = func() clearing.Verifier { return lenient{honest(), pass} }
	}
}

// says replaces an answer of the counters.
func says(from, to clearing.Seen) func(*City, *Ports) {
	return func(_ *City, p *Ports) {
		honest := p.Counters
		p.Counters = func(c *clearing.Counters, atc uint16, hash [8]byte) clearing.Seen {
			s := honest(c, atc, hash)
			if s == from {
				return to
			}
			return s
		}
	}
}

var rowMutants = []mutant{
	{"every cryptogram right", lets(txn.BadCryptogram), "bad_cryptogram"},
	{"every balance MAC right", lets(txn.BadBalanceMAC), "bad_balance_mac"},
	{"counters always new", func(_ *City, p *Ports) {
		p.Counters = func(*clearing.Counters, uint16, [8]byte) clearing.Seen { return clearing.New }
	}, "duplicate conflicting_counter float_identity_gap_fen"},
	{"never a duplicate", says(clearing.Same, clearing.New), "duplicate float_identity_gap_fen"},
	{"never a conflict", says(clearing.Conflict, clearing.New), "conflicting_counter float_identity_gap_fen"},
	{"conflicts are duplicates", says(clearing.Conflict, clearing.Same), "duplicate conflicting_counter"},
	{"duplicates are conflicts", says(clearing.Same, clearing.Conflict), "duplicate conflicting_counter"},
}

// without leaves out the nth posting of a code, counted from 0.
func without(code uint16, nth int) func(*City, *Ports) {
	return func(_ *City, p *Ports) {
		p.Posts = func(in []ledger.Transfer) []ledger.Transfer {
			return slices.DeleteFunc(slices.Clone(in), func(t ledger.Transfer) bool {
				if t.Code == code {
					nth--
				}
				return t.Code == code && nth == -1
			})
		}
	}
}

// altered changes the first posting of a code.
func altered(code uint16, change func(*ledger.Transfer)) func(*City, *Ports) {
	return func(_ *City, p *Ports) {
		done := false
		p.Posts = func(in []ledger.Transfer) []ledger.Transfer {
			in = slices.Clone(in)
			for i := range in {
				if in[i].Code == code && !done {
					done = true
					change(&in[i])
				}
			}
			return in
		}
	}
}

func fenMore(t *ledger.Transfer) { t.Amount++ }

// splits is the fare book with another way to split.
type splits struct {
	clearing.Fares
	change func([]fare.Share) []fare.Share
}

func (s splits) SplitByOperator(entry, exit fare.StationID, amount money.Fen) ([]fare.Share, error) {
	shares, err := s.Fares.SplitByOperator(entry, exit, amount)
	return s.change(slices.Clone(shares)), err
}

func splitting(change func([]fare.Share) []fare.Share) func(*City, *Ports) {
	return func(_ *City, p *Ports) { p.Fares = splits{p.Fares, change} }
}

var moneyMutants = []mutant{
	{"a card's fares not posted", without(issuer.CodeFares, 3), "unexplained_fen unsettled_fen owed_fen"},
	{"a refund not posted", without(issuer.CodeRefund, 0), "unexplained_fen"},
	{"a provisional credit not posted", without(issuer.CodeProvisional, 0), "unexplained_fen"},
	{"principal not posted", without(clearing.CodePrincipal, 1), "unsettled_fen"},
	{"issuer fee not posted", without(clearing.CodeIssuerFee, 0), "unsettled_fen"},
	{"share of an operator not posted", without(clearing.CodeOperatorShare, 0), "unsettled_fen"},
	{"acquirer fee not posted", without(clearing.CodeAcquirerFee, 0), "unsettled_fen"},
	{"rebate not posted", without(issuer.CodeRebate, 0), "unsettled_fen"},
	{"a fen too many in fares", altered(issuer.CodeFares, fenMore), "unexplained_fen float_identity_gap_fen"},
	{"a fen too many in a refund", altered(issuer.CodeRefund, fenMore), "unexplained_fen float_identity_gap_fen"},
	{"fares of another card", altered(issuer.CodeFares, func(t *ledger.Transfer) { t.Ref[1]++ }), "float_identity_gap_fen"},
	{"a split loses a fen", splitting(func(s []fare.Share) []fare.Share { s[0].Fen--; return s }), "unsettled_fen"},
	{"a split makes a fen", splitting(func(s []fare.Share) []fare.Share { s[len(s)-1].Fen++; return s }), "unsettled_fen"},
}

// dearer asks a yuan more for every ride.
type dearer struct{ gate.Pricer }

func (d dearer) Price(t fare.Trip) (fare.Quote, error) {
	q, err := d.Pricer.Price(t)
	q.Pay += 1_00
	return q, err
}

func (d dearer) BusPrice(metres int, card bool) (fare.Quote, error) {
	q, err := d.Pricer.BusPrice(metres, card)
	q.Pay += 1_00
	return q, err
}

// forgetsDiscounts prices every ride as the first of the month.
type forgetsDiscounts struct{ gate.Pricer }

func (f forgetsDiscounts) Price(t fare.Trip) (fare.Quote, error) {
	t.MonthPaid = 0
	return f.Pricer.Price(t)
}

func asking(price func(gate.Pricer) gate.Pricer) func(*City, *Ports) {
	return func(c *City, _ *Ports) {
		c.prices = price(c.book)
		c.places, c.terminals, c.shared = nil, map[uint32]*terminal{}, nil
		if err := c.build(); err != nil {
			panic(err)
		}
	}
}

// neverCheaper is clearing's fare book in which no ride costs less than was charged.
type neverCheaper struct{ clearing.Fares }

func (n neverCheaper) Price(t fare.Trip) (fare.Quote, error) {
	q, err := n.Fares.Price(t)
	q.Pay = 1 << 30
	return q, err
}

// allToExit splits nothing.
type allToExit struct {
	clearing.Fares
	city *City
}

func (a allToExit) SplitByOperator(_, exit fare.StationID, amount money.Fen) ([]fare.Share, error) {
	return []fare.Share{{Operator: a.city.operatorAt(exit), Fen: amount}}, nil
}

// feesOf are fee rules in place of the one in force, by mutant.
var feesOf = map[string]*clearing.FeeRule{
	"no fees":                  {},
	"twice the network's fees": {Merchant: 5_000, Issuer: 3_500, IssuerCap: 13_00, NetworkIssuer: 650, NetworkAcquire: 650},
}

var fareMutants = []mutant{
	{name: "gates ask a yuan more", put: asking(func(p gate.Pricer) gate.Pricer { return dearer{p} }), want: "fare_gap_fen"},
	{name: "gates know no discount", put: asking(func(p gate.Pricer) gate.Pricer { return forgetsDiscounts{p} }), want: "fare_gap_fen"},
	{name: "nothing is paid back", put: func(_ *City, p *Ports) { p.Fares = neverCheaper{p.Fares} }, want: "fare_gap_fen"},
	{name: "all to the operator of the exit", put: func(c *City, p *Ports) { p.Fares = allToExit{p.Fares, c} }, want: "split_gap_fen"},
	{name: "no fees", put: func(*City, *Ports) {}, want: "unsettled_fen"},
	{name: "twice the network's fees", put: func(*City, *Ports) {}, want: "unsettled_fen"},
	{name: "money of a card under another code", put: func(_ *City, p *Ports) {
		done := false
		p.Posts = func(in []ledger.Transfer) []ledger.Transfer {
			for i := range in {
				if t := in[i]; t.Code == issuer.CodeFares && !done {
					done = true
					t.ID[15] ^= 1
					t.Credit = t.Debit
					t.Credit[0] = byte(ledger.CustomerBank)
					t.Amount, t.Code, t.Ref = 1, 99, nil
					return append(slices.Clone(in), t)
				}
			}
			return in
		}
	}, want: "float_identity_gap_fen"},
}

// observing changes what reconciliation is told about rows of a kind.
func observing(fits func(*recon.Event) bool, change func(*City, *recon.Event)) func(*City, *Ports) {
	return func(c *City, p *Ports) {
		honest := p.Observe
		p.Observe = func(r *txn.Row, v txn.Verdict) (recon.Event, error) {
			e, err := honest(r, v)
			if err == nil && fits(&e) {
				change(c, &e)
			}
			return e, err
		}
	}
}

func doubts(e *recon.Event) bool { return e.Obs.Kind == timeline.Doubt }

// unseen puts in place of an observation what is known of the card anyway.
func unseen(c *City, e *recon.Event) {
	rider, _ := c.riderOf(e.Card)
	e.Obs = timeline.Observation{Kind: timeline.Opening, B: c.openingBalance(rider), Time: c.midnight - secondsPerDay}
}

// once in so many cards, by the last digits of the number.
func oneCardIn(n uint16, kind timeline.ObsKind) func(*recon.Event) bool {
	return func(e *recon.Event) bool {
		return e.Obs.Kind == kind && !e.Obs.Refused && binary.BigEndian.Uint16(e.Card.PAN[6:])%n == 0
	}
}

func params(change func(*timeline.Params)) func(*City, *Ports) {
	return func(_ *City, p *Ports) { change(&p.Recon) }
}

var reconMutants = []mutant{
	{"doubt rows dropped", observing(doubts, unseen), "found"},
	{"doubts never paid", observing(doubts, func(_ *City, e *recon.Event) {
		e.Obs.Kind, e.Obs.Debit, e.Obs.Commit = timeline.Zero, 0, timeline.Open
	}), "found"},
	{"doubts always paid", observing(doubts, func(_ *City, e *recon.Event) { e.Obs.Commit = timeline.Yes }), "false_alarms"},
	{"doubts of a wrong amount", observing(doubts, func(_ *City, e *recon.Event) { e.Obs.Debit += 100; e.Obs.B += 100 }), "found"},
	{"doubts whose debit is wrong", observing(doubts, func(_ *City, e *recon.Event) { e.Obs.Debit += 100 }), "found"},
	{"doubts of the counter before", observing(doubts, func(_ *City, e *recon.Event) { e.Obs.ATC-- }), "found"},
	{"service given in doubt", observing(doubts, func(_ *City, e *recon.Event) { e.Obs.Service = true }), "false_alarms"},
	{"paid rows taken for doubts", observing(oneCardIn(16, timeline.Paid), func(_ *City, e *recon.Event) {
		e.Obs.Kind, e.Obs.Commit = timeline.Doubt, timeline.Yes
	}), "false_alarms float_identity_gap_fen"},
	{"paid rows not observed", observing(oneCardIn(16, timeline.Paid), unseen), "unexplained_fen float_identity_gap_fen"},
	{"balances a yuan off", observing(oneCardIn(16, timeline.Paid), func(_ *City, e *recon.Event) { e.Obs.B += 100 }), "unexplained_fen"},
	{"refused rows taken for cleared", observing(func(e *recon.Event) bool { return e.Obs.Refused }, func(_ *City, e *recon.Event) {
		e.Obs.Refused = false
	}), "unexplained_fen"},
	{"limit of 0", params(func(p *timeline.Params) { p.Cap = 0 }), "false_alarms"},
	{"window of a minute", params(func(p *timeline.Params) { p.Window = 60 }), "refunds_undone"},
}

func newCity(t testing.TB, opt Options) *City {
	t.Helper()
	if opt.Date == (fare.Date{}) {
		opt.Date = fare.Date{Year: 2026, Month: 11, Day: 18}
	}
	if opt.Profile == "" {
		opt.Profile = "sm"
	}
	if opt.Workers == 0 {
		opt.Workers = 2
	}
	city, err := NewCity(opt)
	if err != nil {
		t.Fatal(err)
	}
	return city
}

// anew is the same city at the start of its day again. What never changes is
// shared, as are the cards that have been personalised.
func (c *City) anew(t testing.TB) *City {
	t.Helper()
	d := *c
	d.places, d.terminals, d.shared = nil, map[uint32]*terminal{}, nil
	d.injected = newInjection(&d)
	if err := d.build(); err != nil {
		t.Fatal(err)
	}
	return &d
}

// deaf knows only some of the terminals that it should: what the others send is
// lost for good.
type deaf struct{ acquirer.Keys }

func (d deaf) Key(id txn.TerminalID) (*oda.SM2Public, bool) {
	if id%3 == 0 && id < shopTerminals {
		return nil, false
	}
	return d.Keys.Key(id)
}

// Nothing that terminals send is lost for good by the injector, so that the window
// decides about nothing there. Here a third of it is lost, and what cards lack
// between two rows that arrived must have been refunded when the window is over:
// with a window of twice the time it is provisional, and without credits it is owed.
func TestRowsLostForGoodAreRefundedInTime(t *testing.T) {
	first := newCity(t, Options{Riders: 800, Seed: 1})
	lose := func(rules func(*timeline.Params)) *Result {
		res, err := (&Run{Dir: t.TempDir(), Ports: func(p *Ports) { p.Keys = deaf{p.Keys}; rules(&p.Recon) }}).Do(t.Context(), first.anew(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"unknown_terminal", "blocks_unreceipted", "owed_fen"} {
			if !slices.Contains(res.Open(), key) {
				t.Errorf("the lost blocks are not seen in %s: %+v", key, res)
			}
		}
		if res.Unexplained != 0 || res.Unsettled != 0 || res.RefundsUndone != 0 {
			t.Errorf("what arrived does not add up: %+v", res)
		}
		return res
	}
	honest := lose(func(*timeline.Params) {})
	slow := lose(func(p *timeline.Params) { p.Window *= 2 })
	mean := lose(func(p *timeline.Params) { p.Window, p.ProvisionalPerCard = 2*p.Window, 0 })
	if honest.Provisional != 0 || slow.Provisional == 0 || mean.Provisional != 0 {
		t.Errorf("provisional in the end: %s, with twice the window %s, without credits %s", honest.Provisional, slow.Provisional, mean.Provisional)
	}
	// The cards that nobody saw again have their money lost in all three; a credit
	// has its limits, so that it need not cover all that a refund does.
	if slow.Owed < honest.Owed || mean.Owed != slow.Owed+slow.Provisional {
		t.Errorf("owed in the end: %s, with twice the window %s, without credits %s", honest.Owed, slow.Owed, mean.Owed)
	}
}
