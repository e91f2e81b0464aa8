package gate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/journey"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
)

// noAnswer is a card that has left.
var noAnswer = kernel.Event{Kind: kernel.CardLeft}

// exitGate is a gate for transit at the southern station.
func (w *world) exitGate(t *gate.Transit) *station {
	out, _ := w.book.StationByName("北京南站")
	return w.addGate("out", "south", gate.Config{
		Terminal: 2, Mode: gate.Exit, Station: out, Medium: fare.MunicipalCard, RetapWindow: time.Minute, PassWindow: time.Minute, Transit: t,
	})
}

// TestDatedBooks: with rule books by date, they decide and not the pricer alone.
func TestDatedBooks(t *testing.T) {
	w := newWorld(t)
	rules := *w.book.Journeys()
	rules.MissingEntry = fare.ChargeRefuse
	w.rules = &rules
	r := w.makeCard("rider", cardSpec{profile: "transit-sm", balance: 9000})
	if res := w.tap(w.exitGate(&gate.Transit{}), r, noCut, nil); res.Display != gate.NoEntry || res.Refusal != journey.MissingEntry {
		t.Errorf("the pricer's rules: %v", res.Display)
	}
	books, err := fare.NewBooks(w.book)
	w.must(err)
	if res := w.tap(w.exitGate(&gate.Transit{Books: books}), r, noCut, nil); !res.Opened {
		t.Errorf("the book of the day: %v", res.Display)
	}
	w.now = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	if res := w.tap(w.exitGate(&gate.Transit{Books: books}), w.makeCard("early", cardSpec{profile: "transit-sm", balance: 9000}), noCut, nil); res.Display != gate.OutOfOrder || !errors.Is(res.Setting, fare.ErrNotCovered) {
		t.Errorf("no book is in force: %v, %v", res.Display, res.Setting)
	}
}

// plainPricer is a rule book of before journeys were carried by cards.
type plainPricer struct{ book *fare.Book }

func (p plainPricer) Price(t fare.Trip) (fare.Quote, error)         { return p.book.Price(t) }
func (p plainPricer) HighestFrom(s fare.StationID) money.Fen        { return p.book.HighestFrom(s) }
func (p plainPricer) BusPrice(m int, card bool) (fare.Quote, error) { return p.book.BusPrice(m, card) }
func (p plainPricer) Version() uint16                               { return p.book.Version() }

func TestTransitConfig(t *testing.T) {
	w := newWorld(t)
	out, _ := w.book.StationByName("北京南站")
	good := gate.Config{Terminal: 1, Mode: gate.Exit, Station: out, Medium: fare.MunicipalCard, Kernel: w.kernelConfig(), Transit: &gate.Transit{}}
	if _, err := gate.New(good, gate.NewArray(), w.records, w.book); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(c *gate.Config)
		pricer gate.Pricer
	}{
		"a pricer without journey rules": {func(*gate.Config) {}, plainPricer{w.book}},
		"doors without Transit":          {func(c *gate.Config) { c.Mode, c.Transit = gate.Board, nil }, w.book},
		"mode 6":                         {func(c *gate.Config) { c.Mode = 6 }, w.book},
		"a short prefix": {func(c *gate.Config) {
			c.Transit = &gate.Transit{Applications: []gate.Application{{Prefix: []byte{1, 2, 3, 4}, Kind: gate.TUnionPurse}}}
		}, w.book},
		"no kind": {func(c *gate.Config) {
			c.Transit = &gate.Transit{Applications: []gate.Application{{Prefix: make([]byte, 5)}}}
		}, w.book},
		"one twice": {func(c *gate.Config) {
			c.Transit = &gate.Transit{Applications: append(gate.DefaultApplications(), gate.DefaultApplications()[0])}
		}, w.book},
	} {
		cfg := good
		c.change(&cfg)
		if g, err := gate.New(cfg, gate.NewArray(), w.records, c.pricer); err == nil || g != nil {
			t.Errorf("%s: made, %v", name, err)
		}
	}
	g, err := gate.New(good, gate.NewArray(), w.records, w.book)
	w.must(err)
	if err := g.SetPricer(plainPricer{w.book}); err == nil {
		t.Error("a pricer without journey rules was taken")
	}
}

// TestModuleIsDriven: the module's answer comes when it was asked for, and nothing else
// comes meanwhile.
func TestModuleIsDriven(t *testing.T) {
	w := newWorld(t)
	st := w.exitGate(&gate.Transit{})
	if a := st.gate.StepSAM(nil); a.Done == nil {
		t.Error("an answer without a tap is not passed over")
	}
	panics := func(what string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: taken", what)
			}
		}()
		f()
	}
	a := st.gate.Begin(w.now, gate.Field{Cards: 1}, w.nextUN())
	if a.SAM == nil {
		t.Fatalf("the module is not started: %+v", a)
	}
	panics("the card's answer while the module works", func() { st.gate.Step(noAnswer) })
	if a = st.gate.StepSAM(nil); a.Send == nil {
		t.Fatalf("a silent module stops cards that do not need it: %+v", a)
	}
	panics("an answer of the module while the card works", func() { st.gate.StepSAM([]byte{0x90, 0}) })
	if a = st.gate.Step(noAnswer); a.Done == nil || a.Done.Module == nil || a.Done.Display != gate.TapAgain {
		t.Fatalf("%+v", a.Done)
	}
}

// TestNoNumberOfACarrierInPrint: neither the account number nor the number in the journey
// record is in what a host may log.
func TestNoNumberOfACarrierInPrint(t *testing.T) {
	w := newWorld(t)
	st := w.exitGate(&gate.Transit{})
	for _, profile := range []string{"transit-sm", "tunion"} {
		r := w.makeCard(profile, cardSpec{profile: profile, balance: 9000})
		where := cutAfterLast
		if profile == "tunion" {
			where = cutAfterDebit
		}
		res := w.tap(st, r, where, nil)
		if !res.Retap {
			t.Fatalf("%s: %v", profile, res.Display)
		}
		digits := r.key.PAN.Digits()
		hidden := []string{digits, digits[len(digits)-14:], fmt.Sprintf("%x", r.key.PAN[2:8]), fmt.Sprint(r.key.PAN[2:8])}
		for _, v := range []any{res, *res, st.gate, st.array, res.Waiting} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X"} {
				text := fmt.Sprintf(verb, v)
				for _, h := range hidden {
					if strings.Contains(strings.ToLower(text), h) {
						t.Errorf("%s, %T with %s shows %s", profile, v, verb, h)
					}
				}
			}
		}
	}
	for _, rec := range st.array.Flush() {
		if rec.Row.Kind != txn.Doubt {
			t.Errorf("%v", rec.Row.Kind)
		}
	}
}

// TestMemoryLost: the power fails right after a card has paid, and the array's memory is
// lost. The card's own record proves that it has paid here, so the gate opens, once, and
// nothing is charged again.
func TestMemoryLost(t *testing.T) {
	w := newWorld(t)
	r := w.makeCard("rider", cardSpec{profile: "transit-sm", balance: 9000})
	if res := w.tap(w.exitGate(&gate.Transit{}), r, noCut, nil); !res.Opened {
		t.Fatal(res.Display)
	}
	left := r.chip.Inspect().Balance
	w.arrays = map[string]*gate.Array{}
	w.now += 20
	fresh := w.exitGate(&gate.Transit{})
	for n, want := range []gate.Display{gate.AlreadyPaid, gate.AlreadyUsed} {
		res := w.tap(fresh, r, noCut, nil)
		if res.Display != want || res.Opened != (n == 0) || len(res.Records) != 0 {
			t.Errorf("tap %d: %v, %d records", n, res.Display, len(res.Records))
		}
		w.restart("south", fresh.array)
	}
	if r.chip.Inspect().Balance != left {
		t.Error("it was charged again")
	}
	w.now += 60
	if res := w.tap(fresh, r, noCut, nil); res.Display != gate.Goodbye || !res.Records[0].Row.Flags.Has(txn.EntryUnread) {
		t.Errorf("after the window: %v", res.Display)
	}
	w.arrays = map[string]*gate.Array{}
	other := w.addGate("other", "north", gate.Config{Terminal: 9, Mode: gate.Exit, Station: w.mustStation("西直门"), Medium: fare.MunicipalCard, PassWindow: time.Minute, Transit: &gate.Transit{}})
	if res := w.tap(other, r, noCut, nil); res.Display == gate.AlreadyPaid {
		t.Error("what it paid elsewhere opens this gate")
	}
}

func (w *world) mustStation(name string) fare.StationID {
	id, ok := w.book.StationByName(name)
	if !ok {
		w.t.Fatal(name)
	}
	return id
}

// TestGateBreaksUnderACarrier: the card has paid and its record says that it has left, but
// the leaves are stuck: the next gate of the array lets it out without a charge, once.
func TestGateBreaksUnderACarrier(t *testing.T) {
	for _, profile := range []string{"transit-sm", "tunion"} {
		w := newWorld(t)
		first := w.exitGate(&gate.Transit{})
		second := w.addGate("second", "south", gate.Config{Terminal: 3, Mode: gate.Exit, Station: w.mustStation("北京南站"), Medium: fare.MunicipalCard, PassWindow: time.Minute, Transit: &gate.Transit{}})
		r := w.makeCard("rider", cardSpec{profile: profile, balance: 9000})
		res := w.tap(first, r, noCut, func(cmd, _ []byte) {
			if name := commandName(cmd); name == "DEBIT FOR PURCHASE" || name == "UPDATE CAPP DATA CACHE" {
				first.gate.SetBroken(true)
			}
		})
		if res.Opened || res.Display != gate.OutOfOrder || len(res.Records) != 0 || len(res.Waiting) != 1 || res.Amount == 0 {
			t.Fatalf("%s: %v, %d records, paid %v", profile, res.Display, len(res.Records), res.Amount)
		}
		if f := res.Waiting[0].Row.Flags; f.Reason() != txn.GateFault || !f.Has(txn.LastRecordRead) || f.Has(txn.ServiceGiven) || f.Has(txn.EvidenceKept) != (profile == "transit-sm") {
			t.Errorf("%s: flags %04X wait", profile, uint16(f))
		}
		w.restart("south", first.array)
		for n, want := range []gate.Display{gate.Goodbye, gate.AlreadyPaid, gate.AlreadyUsed} {
			w.now += 5
			res := w.tap(second, r, noCut, nil)
			if res.Display != want || res.Opened != (n < 2) || (len(res.Records) == 1) != (n == 0) {
				t.Fatalf("%s, tap %d at the next gate: %v", profile, n, res.Display)
			}
			if n == 0 && (!res.Records[0].Row.Flags.Has(txn.ServiceGiven|txn.ClosedByProve) || res.Records[0].Row.Terminal != 2) {
				t.Errorf("%s: it left %v", profile, res.Records[0].Row)
			}
		}
	}
}

// TestExtensionWithoutOurRecord: a card with the low-value extension that has no record of
// the city goes by the station records; one with a quota spends nothing then.
func TestExtensionWithoutOurRecord(t *testing.T) {
	w := newWorld(t)
	w.transit = &gate.Transit{}
	entry := w.addGate("in", "a", gate.Config{Terminal: 1, Mode: gate.Entry, Station: w.mustStation("建国门"), Medium: fare.MunicipalCard})
	exit := w.exitGate(&gate.Transit{})
	board := w.addGate("front", "b", gate.Config{Terminal: 5, Mode: gate.Board, Route: 52, Medium: fare.MunicipalCard})
	r := w.makeCard("stranger", cardSpec{profile: "transit-sm", balance: 9000})
	r.relay = "hides"
	if res := w.tap(entry, r, noCut, nil); !res.Opened || res.Entered == nil || res.Records[0].Row.DF60 != 0 || res.Records[0].Row.CAPPFile != 0 {
		t.Fatalf("entry: %v", res.Display)
	}
	w.now += 1800
	if res := w.tap(exit, r, noCut, nil); !res.Opened || res.Closed == nil || res.Amount != 400 {
		t.Fatalf("exit: %v, paid %v", res.Display, res.Amount)
	}
	if res := w.tap(board, r, noCut, nil); res.Opened || res.Display != gate.CardNotKnown || len(res.Records) != 0 {
		t.Errorf("boarding: %v", res.Display)
	}
	quota := w.makeCard("quota", cardSpec{profile: "quota-sm", balance: 5000})
	quota.relay = "hides"
	if res := w.tap(entry, quota, noCut, nil); res.Opened || res.Display != gate.AskStaff || quota.chip.Inspect().Balance != 5000 {
		t.Errorf("a quota without its record: %v", res.Display)
	}
}

// TestUnverifiedProof: a module without the key of the TAC, and with another purchase since,
// cannot check the proof of a torn purchase, which anybody can make up. The rider is neither
// let through nor charged again, and the issuer finds the codes in the doubt row; with
// AllowUnverified he passes.
func TestUnverifiedProof(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		w := newWorld(t)
		layout := sam.Usual
		layout.TACKey = 0
		st := w.exitGate(&gate.Transit{Module: layout, AllowUnverified: allowed})
		r := w.makeCard("rider", cardSpec{profile: "tunion", balance: 9000})
		if res := w.tap(st, r, cutAfterDebit, nil); !res.Retap {
			t.Fatal(res.Display)
		}
		w.tap(st, w.makeCard("other", cardSpec{profile: "tunion", balance: 9000}), noCut, nil)
		w.now += 5
		res := w.tap(st, r, noCut, nil)
		rows := appendRows(w, nil, res.Records)
		if !allowed {
			if res.Opened || res.Display != gate.AskStaff || len(res.Records) != 0 || st.array.Waiting() != 1 {
				t.Fatalf("%v, %d records, %d wait", res.Display, len(res.Records), st.array.Waiting())
			}
			w.restart("south", st.array)
			w.now += 70
			rows = appendRows(w, nil, st.array.Expire(w.now))
		}
		if len(rows) != 1 || res.Opened != allowed || rows[0].Flags.Has(txn.ClosedByProve|txn.ServiceGiven) != allowed {
			t.Fatalf("%v, %d rows", res.Display, len(rows))
		}
		if reason := rows[0].Flags.Reason(); !allowed && (rows[0].Kind != txn.Doubt || reason != txn.LastAnswerLost) {
			t.Errorf("%v, %v", rows[0].Kind, reason)
		}
		if got := w.checkPurse(&rows[0]); got != "TAC true, MAC2 true" {
			t.Error(got)
		}
		if balance, last := r.purseState(w); balance != 9000-3800 || last != 1 {
			t.Errorf("balance %d, number %d", balance, last)
		}
	}
}

// TestMinEntryBalance: who has too little is turned away before anything is used up, as far
// as his card can tell by then.
func TestMinEntryBalance(t *testing.T) {
	for profile, rows := range map[string]int{"transit-sm": 1, "tunion": 0} {
		w := newWorld(t)
		st := w.addGate("in", "a", gate.Config{Terminal: 1, Mode: gate.Entry, Station: w.mustStation("建国门"), Medium: fare.MunicipalCard, MinEntryBalance: 300, Transit: &gate.Transit{}})
		for balance, want := range map[money.Fen]gate.Display{299: gate.BalanceLow, 300: gate.Welcome} {
			res := w.tap(st, w.makeCard("rider", cardSpec{profile: profile, balance: balance}), noCut, nil)
			if res.Display != want || res.Balance != balance || want == gate.BalanceLow && len(res.Records) != rows {
				t.Errorf("%s with %v: %v, %v, %d records", profile, balance, res.Display, res.Balance, len(res.Records))
			}
		}
	}
}

// TestLateProof: a torn tap whose window has ended is still proved if its card comes before
// it is given up; the rider passes, and is not charged anew.
func TestLateProof(t *testing.T) {
	for _, profile := range []string{"transit-sm", "tunion"} {
		for _, back := range []struct {
			mode  gate.Mode // where the card comes back
			after int64
		}{{gate.Exit, 90}, {gate.Entry, 90}, {gate.Entry, 30}} { // an entry never lets through for an exit
			mode, w := back.mode, newWorld(t)
			st := w.exitGate(&gate.Transit{})
			other := w.addGate("in", "south", gate.Config{Terminal: 4, Mode: gate.Entry, Station: w.mustStation("北京南站"), Medium: fare.MunicipalCard, PassWindow: time.Minute, Transit: &gate.Transit{}})
			r := w.makeCard("rider", cardSpec{profile: profile, balance: 9000})
			last := map[string]fault{"transit-sm": {card: 9, heard: true}, "tunion": {card: 7, heard: true}}[profile]
			if res := w.tapWith(st, r, last).res; !res.Retap {
				t.Fatalf("%s: %v", profile, res.Display)
			}
			w.now += back.after
			at, want := st, gate.AlreadyPaid
			if mode == gate.Entry {
				at, want = other, gate.Welcome
			}
			res := w.tapWith(at, r, fault{forgetful: true}).res
			if res.Display != want || !res.Opened || w.arrays["south"].Waiting() != 0 {
				t.Fatalf("%s at the %v: %v, %d wait", profile, mode, res.Display, w.arrays["south"].Waiting())
			}
			var proved *txn.Row
			for i := range res.Records {
				if res.Records[i].Row.Kind == txn.Exit {
					proved = &res.Records[i].Row
				}
			}
			if proved == nil || !proved.Flags.Has(txn.ClosedByProve) || proved.Terminal != 2 || proved.Flags.Has(txn.ServiceGiven) {
				t.Errorf("%s at the %v: the row of the torn tap is %v", profile, mode, proved)
			}
		}
	}
}
