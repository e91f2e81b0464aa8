package dispute_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/recon/timeline"
)

// week works from Monday to Friday.
type week struct{}

// IsWorkday implements dispute.Calendar.
func (week) IsWorkday(d fare.Date) (bool, error) {
	w := d.Weekday()
	return w != time.Saturday && w != time.Sunday, nil
}

func rules(t testing.TB) *dispute.Rules {
	r, err := dispute.DefaultRules(week{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	day   = 86400
	trade = 1_795_003_433 // 2026-11-18 at UTC+8
)

func subject(kind dispute.Trade, claimed bool) dispute.Subject {
	return dispute.Subject{Card: "621226*********6015/01", ATC: 4, Terminal: 1200001, Sequence: 9, Acquirer: 11, Issuer: 2, Trade: kind, TradeAt: trade, Amount: 400, Claimed: claimed}
}

func open(t testing.TB, kind dispute.Trade, claimed bool) *dispute.Case {
	c, err := dispute.New(rules(t), 1, subject(kind, claimed), trade+day)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// openRefused is a case about a row that did not clear.
func openRefused(t testing.TB) *dispute.Case {
	s := subject(dispute.Credit, false)
	s.Refused = true
	c, err := dispute.New(rules(t), 1, s, trade+day)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// way is a list of steps, each so many days after the trade, with the state that
// follows and the money that moves.
type way []struct {
	step   dispute.Step
	day    int64
	reason string
	amount money.Fen
	state  dispute.State
	moved  string
}

func TestWays(t *testing.T) {
	for name, c := range map[string]struct {
		kind    dispute.Trade
		claimed bool
		way     way
	}{
		"electronic cash: charged back, and that is the end": {dispute.ECash, true, way{
			{"query", 3, "Q2", 0, "queried", ""}, {"answer", 10, "", 0, "answered", ""}, {"chargeback", 20, "C1", 0, "won", "take back 4.00"}}},
		"electronic cash: the acquirer gives it back": {dispute.ECash, true, way{
			{"query", 3, "Q1", 0, "queried", ""}, {"credit_adjustment", 10, "A1", 0, "adjusted", "give back 4.00"}}},
		"a part given back does not end it": {dispute.ECash, true, way{
			{"credit_adjustment", 2, "A1", 100, "opened", "give back 1.00"}, {"chargeback", 20, "C1", 0, "won", "take back 3.00"}}},
		"withdrawn: the claim is written off": {dispute.ECash, true, way{
			{"withdraw", 2, "W1", 0, "withdrawn", "write off 4.00"}}},
		"withdrawn, not claimed": {dispute.Debit, false, way{{"withdraw", 2, "W1", 0, "withdrawn", ""}}},
		"credit: the long way, the issuer wins": {dispute.Credit, false, way{
			{"chargeback", 5, "C5", 0, "charged_back", "take back 4.00"}, {"represent", 20, "R1", 0, "represented", "return 4.00"},
			{"second_chargeback", 30, "C5", 0, "charged_back_again", "take back 4.00"}, {"arbitrate", 35, "", 0, "arbitration", ""}, {"rule_issuer", 50, "", 0, "won", ""}}},
		"credit: the long way, the acquirer wins": {dispute.Credit, true, way{
			{"chargeback", 5, "C1", 0, "charged_back", "take back 4.00"}, {"represent", 20, "R1", 0, "represented", "return 4.00"},
			{"second_chargeback", 30, "C1", 0, "charged_back_again", "take back 4.00"}, {"arbitrate", 35, "", 0, "arbitration", ""},
			{"rule_acquirer", 50, "", 0, "lost", "return 4.00, write off 4.00"}}},
		"credit: a request for payment": {dispute.Credit, false, way{
			{"request_payment", 5, "P1", 0, "payment_requested", ""}, {"accept_payment", 9, "", 0, "paid", "pay 4.00"}}},
		"credit: a request refused": {dispute.Credit, false, way{
			{"request_payment", 5, "P1", 0, "payment_requested", ""}, {"refuse_payment", 9, "", 0, "refused", ""}}},
	} {
		k := open(t, c.kind, c.claimed)
		if c.way[0].step == dispute.RequestPayment {
			k = openRefused(t)
		}
		for i, s := range c.way {
			moves, err := k.Take(rules(t), dispute.Event{Step: s.step, At: trade + s.day*day, Reason: s.reason, Amount: s.amount})
			if err != nil {
				t.Fatalf("%s, %d %s: %v", name, i, s.step, err)
			}
			var said []string
			for _, m := range moves {
				said = append(said, m.Kind.String()+" "+m.Amount.String())
			}
			if k.State != s.state || strings.Join(said, ", ") != s.moved {
				t.Errorf("%s, %d %s: state %s, moved %q; want %s, %q", name, i, s.step, k.State, said, s.state, s.moved)
			}
		}
		if !k.State.Closed() || k.Due != 0 {
			t.Errorf("%s: the case is %s and due on %s", name, k.State, dispute.Day(k.Due))
		}
	}
}

func TestRefusals(t *testing.T) {
	r := rules(t)
	for _, c := range []struct {
		name string
		kind dispute.Trade
		e    dispute.Event
		want error
		text string
	}{
		{"no second chargeback now", dispute.ECash, dispute.Event{Step: "second_chargeback", At: trade + 2*day, Reason: "C1"}, dispute.ErrStep, "the case is opened"},
		{"no such step", dispute.ECash, dispute.Event{Step: "dance", At: trade + 2*day}, dispute.ErrStep, "dance"},
		{"electronic cash knows no request for payment", dispute.ECash, dispute.Event{Step: "request_payment", At: trade + 2*day, Reason: "P1"}, dispute.ErrTrade, "ecash"},
		{"a row that cleared is not paid again", dispute.Credit, dispute.Event{Step: "request_payment", At: trade + 2*day, Reason: "P1"}, dispute.ErrTrade, "cleared: true"},
		{"too late", dispute.ECash, dispute.Event{Step: "query", At: trade + 121*day, Reason: "Q1"}, dispute.ErrExpired, "2027-03-18"},
		{"no reason", dispute.ECash, dispute.Event{Step: "chargeback", At: trade + 2*day}, dispute.ErrReason, "C1"},
		{"reason of another step", dispute.ECash, dispute.Event{Step: "chargeback", At: trade + 2*day, Reason: "Q1"}, dispute.ErrReason, "Q1"},
		{"reason of a former step only", dispute.Credit, dispute.Event{Step: "second_chargeback", At: trade + 2*day, Reason: "C6"}, dispute.ErrStep, ""},
		{"too much", dispute.ECash, dispute.Event{Step: "chargeback", At: trade + 2*day, Reason: "C1", Amount: 401}, dispute.ErrAmount, "4.01"},
		{"amount where none moves", dispute.ECash, dispute.Event{Step: "query", At: trade + 2*day, Reason: "Q1", Amount: 1}, dispute.ErrAmount, ""},
		{"negative", dispute.ECash, dispute.Event{Step: "chargeback", At: trade + 2*day, Reason: "C1", Amount: -1}, dispute.ErrAmount, ""},
		{"before the opening", dispute.ECash, dispute.Event{Step: "query", At: trade, Reason: "Q1"}, dispute.ErrOrder, ""},
		{"long note", dispute.ECash, dispute.Event{Step: "query", At: trade + 2*day, Reason: "Q1", Note: strings.Repeat("x", 401)}, dispute.ErrStep, "note"},
	} {
		k := open(t, c.kind, true)
		before := *k
		if _, err := k.Take(r, c.e); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.want, c.text)
		}
		if !reflect.DeepEqual(*k, before) {
			t.Errorf("%s: the refused step changed the case", c.name)
		}
	}
	for _, s := range []func(*dispute.Subject){
		func(s *dispute.Subject) { s.Amount = 0 }, func(s *dispute.Subject) { s.Card = "" }, func(s *dispute.Subject) { s.TradeAt = trade + 2*day },
		func(s *dispute.Subject) { s.Why = strings.Repeat("x", 500) },
	} {
		x := subject(dispute.ECash, false)
		s(&x)
		if _, err := dispute.New(r, 1, x, trade+day); !errors.Is(err, dispute.ErrSubject) {
			t.Errorf("%+v: %v", x, err)
		}
	}
	if _, err := dispute.New(r, 1, subject(dispute.ECash, false), trade+200*day); !errors.Is(err, dispute.ErrExpired) {
		t.Errorf("opened after all terms: %v", err)
	}
	x := subject("gold", false)
	if _, err := dispute.New(r, 1, x, trade+day); err == nil || !strings.Contains(err.Error(), "gold") {
		t.Errorf("unknown trade: %v", err)
	}
	x = subject(dispute.ECash, false)
	x.TradeAt = 1_400_000_000
	if _, err := dispute.New(r, 1, x, trade+day); err == nil || !strings.Contains(err.Error(), "so early") {
		t.Errorf("before the first rules: %v", err)
	}
}

func TestWhatIsLetPass(t *testing.T) {
	r := rules(t)
	c := open(t, dispute.ECash, true)
	if _, lapsed, err := c.Lapse(r, trade+100*day); lapsed || err != nil {
		t.Fatalf("lapsed early: %v", err)
	}
	if _, err := c.Take(r, dispute.Event{Step: dispute.Query, At: trade + 10*day, Reason: "Q1"}); err != nil {
		t.Fatal(err)
	}
	// The acquirer does not answer for 20 days: the issuer may go on, and does not.
	if moves, lapsed, err := c.Lapse(r, trade+40*day); !lapsed || err != nil || len(moves) != 0 || c.State != dispute.Answered {
		t.Fatalf("%s, %v, %v", c.State, lapsed, err)
	}
	moves, lapsed, err := c.Lapse(r, trade+400*day)
	if !lapsed || err != nil || c.State != dispute.Lost || len(moves) != 1 || moves[0].Kind != dispute.WriteOff {
		t.Fatalf("%s, %v, %v, %v", c.State, moves, lapsed, err)
	}
	c = open(t, dispute.Credit, false)
	if _, err := c.Take(r, dispute.Event{Step: dispute.Chargeback, At: trade + 10*day, Reason: "C1"}); err != nil {
		t.Fatal(err)
	}
	if _, lapsed, err := c.Lapse(r, trade+41*day); !lapsed || err != nil || c.State != dispute.Won || c.Got != 400 {
		t.Errorf("not presented again: %s, %v", c.State, err)
	}
}

func TestFromBreak(t *testing.T) {
	s, reason, err := dispute.FromBreak(subject(dispute.ECash, false), &timeline.Break{P: 4, Q: 5, Part: timeline.PartRow, State: timeline.Unbacked, Amount: 300})
	if err != nil || !s.Claimed || s.Amount != 300 || reason != "C1" {
		t.Errorf("%+v, %s, %v", s, reason, err)
	}
	for _, state := range []timeline.State{timeline.Proven, timeline.Suspected, timeline.Impossible} {
		if _, _, err := dispute.FromBreak(subject(dispute.ECash, false), &timeline.Break{State: state}); !errors.Is(err, dispute.ErrSubject) {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// table is the machine written down a second time: what follows which step.
var table = map[string]string{
	"opened query": "queried", "opened credit_adjustment": "adjusted", "opened request_payment": "payment_requested", "opened chargeback": "charged_back", "opened withdraw": "withdrawn",
	"queried answer": "answered", "queried credit_adjustment": "adjusted", "queried chargeback": "charged_back", "queried withdraw": "withdrawn",
	"answered credit_adjustment": "adjusted", "answered chargeback": "charged_back", "answered withdraw": "withdrawn",
	"payment_requested accept_payment": "paid", "payment_requested refuse_payment": "refused",
	"charged_back represent": "represented", "represented second_chargeback": "charged_back_again", "represented withdraw": "withdrawn",
	"charged_back_again arbitrate": "arbitration", "arbitration rule_issuer": "won", "arbitration rule_acquirer": "lost",
}

var steps = []dispute.Step{"query", "answer", "credit_adjustment", "request_payment", "accept_payment", "refuse_payment", "chargeback", "represent", "second_chargeback",
	"arbitrate", "rule_issuer", "rule_acquirer", "withdraw"}

// Any steps at any times: the states are those of the table, the money is right, a
// closed case stays closed, and a replay of its events gives the same case.
func TestAnyWay(t *testing.T) {
	r := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]dispute.Trade{dispute.ECash, dispute.Debit, dispute.Credit}).Draw(t, "trade")
		s := subject(kind, rapid.Bool().Draw(t, "claimed"))
		if kind == dispute.Credit && !s.Claimed {
			s.Refused = rapid.Bool().Draw(t, "refused")
		}
		now := int64(trade + day)
		c, err := dispute.New(r, 7, s, now)
		if err != nil {
			t.Fatal(err)
		}
		got, written := money.Fen(0), money.Fen(0)
		claim, customer := money.Fen(0), money.Fen(0) // what the case has put there
		account := func(moves []dispute.Move) {
			for _, m := range moves {
				if m.Amount <= 0 {
					t.Fatalf("move of %s", m.Amount)
				}
				switch m.Kind {
				case dispute.GiveBack, dispute.TakeBack:
					got += m.Amount
				case dispute.Return:
					got -= m.Amount
				case dispute.WriteOff:
					written += m.Amount
				case dispute.TakeUp:
					written -= m.Amount
				case dispute.ToClaim:
					customer -= m.Amount
					claim += m.Amount
				case dispute.Pay:
					customer -= m.Amount
				}
				side := m.Amount
				switch m.Kind {
				case dispute.Return, dispute.TakeUp:
					side = -side
				case dispute.ToClaim, dispute.Pay:
					side = 0
				}
				if m.Claim {
					claim += side
				} else {
					customer += side
				}
			}
		}
		for range rapid.IntRange(1, 20).Draw(t, "events") {
			now += rapid.Int64Range(0, 40*day).Draw(t, "later")
			for range 3 {
				was := c.State
				moves, lapsed, err := c.Lapse(r, now)
				if err != nil {
					t.Fatal(err)
				}
				if lapsed && was.Closed() {
					t.Fatal("a closed case lapsed")
				}
				account(moves)
			}
			if !s.Refused && rapid.IntRange(0, 3).Draw(t, "reconciliation") == 0 {
				moves, changed, err := c.Reconcile(r, rapid.Bool().Draw(t, "stands"), now)
				if err != nil || !changed && len(moves) > 0 {
					t.Fatal(moves, err)
				}
				account(moves)
			}
			e := dispute.Event{Step: rapid.SampledFrom(steps).Draw(t, "step"), At: now, Amount: rapid.SampledFrom([]money.Fen{0, 0, 0, 100, 400}).Draw(t, "amount")}
			if codes := r.Reasons(e.Step); len(codes) > 0 {
				e.Reason = rapid.SampledFrom(codes).Draw(t, "reason")
			}
			was := c.State
			moves, err := c.Take(r, e)
			if err != nil {
				if c.State != was || len(moves) != 0 {
					t.Fatal("a refused step did something")
				}
				continue
			}
			account(moves)
			want := dispute.State(table[string(was)+" "+string(e.Step)])
			part := e.Step == dispute.CreditAdjustment && c.Got < s.Amount
			ended := kind != dispute.Credit && want == dispute.ChargedBack && c.State == dispute.Won
			if c.State != want && !(part && c.State == was) && !ended {
				t.Fatalf("%s in %s gave %s, want %s", e.Step, was, c.State, want)
			}
			if !c.State.Closed() && c.State != dispute.Arbitration && c.Due == 0 {
				t.Fatalf("%s has no deadline", c.State)
			}
		}
		if got != c.Got || got < 0 || got > s.Amount {
			t.Fatalf("got %s, by its moves %s, amount %s", c.Got, got, s.Amount)
		}
		switch paid := c.State == dispute.Paid; {
		case c.Claimed && (claim != got+written || customer != 0), !c.Claimed && !paid && (claim != 0 || customer != got), paid && customer != -s.Amount:
			t.Fatalf("claimed %v: claim has %s, customer %s; got %s, written off %s", c.Claimed, claim, customer, got, written)
		}
		switch closedWithClaim := c.State.Closed() && c.Claimed; {
		case closedWithClaim && got+written != s.Amount:
			t.Fatalf("got %s and wrote off %s of %s", got, written, s.Amount)
		case !closedWithClaim && written != 0:
			t.Fatalf("wrote off %s", written)
		}
		again, err := dispute.Replay(r, 7, s, c.Events)
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("replay differs: %v\n%+v\n%+v", err, again, c)
		}
	})
}

// Deadlines, counted day by day.
func TestDeadlines(t *testing.T) {
	r := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		at := int64(trade) + rapid.Int64Range(0, 1000*day).Draw(t, "trade")
		s := subject(dispute.Credit, false)
		s.TradeAt = at
		c, err := dispute.New(r, 1, s, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []dispute.Event{{Step: "chargeback", Reason: "C1"}, {Step: "represent", Reason: "R1"}, {Step: "second_chargeback", Reason: "C1"}} {
			e.At = at
			if _, err := c.Take(r, e); err != nil {
				t.Fatal(err)
			}
		}
		next, err := c.Next(r)
		if err != nil || len(next) != 1 || next[0].Step != dispute.Arbitrate {
			t.Fatal(next, err)
		}
		d := time.Unix(at, 0).In(time.FixedZone("", 8*3600))
		for left := 10; left > 0; {
			d = d.AddDate(0, 0, 1)
			if d.Weekday() != time.Saturday && d.Weekday() != time.Sunday {
				left--
			}
		}
		if got := dispute.Day(next[0].Deadline); got != d.Format(time.DateOnly) || dispute.Day(next[0].Deadline+1) == got {
			t.Fatalf("10 working days after %s end on %s, want %s", dispute.Day(at), got, d.Format(time.DateOnly))
		}
	})
	none, err := dispute.DefaultRules(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, dispute.Credit, false)
	for _, e := range []dispute.Event{{Step: "chargeback", Reason: "C1", At: trade + day}, {Step: "represent", Reason: "R1", At: trade + day}} {
		if _, err := c.Take(none, e); err != nil {
			t.Fatal(err)
		}
	}
	before := *c
	if _, err := c.Take(none, dispute.Event{Step: "second_chargeback", Reason: "C1", At: trade + day}); err == nil || !strings.Contains(err.Error(), "calendar") {
		t.Errorf("working days without a calendar: %v", err)
	}
	if !reflect.DeepEqual(before, *c) {
		t.Error("the failed step changed the case")
	}
}

func TestRuleBooksThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		``: "EOF", `{}`: "sets", `{"x":1}`: "unknown", `{"sets":[]} {}`: "follows",
		`{"sets":[{"from":"18.11.2026"}]}`:                                                                "from",
		`{"sets":[{"from":"2026-01-01","trades":{"gold":[]}}]}`:                                           "gold",
		`{"sets":[{"from":"2026-01-01","trades":{"ecash":["query"]}}]}`:                                   "no term",
		`{"sets":[{"from":"2026-01-01","terms":{"query":{"days":0,"count":"calendar","from":"trade"}}}]}`: "days",
		`{"sets":[{"from":"2026-01-01","terms":{"query":{"days":1,"count":"moons","from":"trade"}}}]}`:    "count",
		`{"sets":[{"from":"2026-01-01"},{"from":"2026-01-01"}]}`:                                          "not after",
		`{"sets":[{"from":"2026-01-01"}],"reasons":[{"code":"X","steps":["dance"],"en":"x","zh":"x"}]}`:   "dance",
		`{"sets":[{"from":"2026-01-01"}],"reasons":[{"code":"X","steps":["query"],"en":"x"}]}`:            "text",
		`{"sets":[{"from":"2026-01-01"}],"reasons":[{"code":"","steps":["query"],"en":"x","zh":"x"}]}`:    "code",
		`{"sets":[{"from":"2026-01-01","trades":{"ecash":["dance"]},"terms":{}}]}`:                        "dance",
	} {
		if _, err := dispute.DecodeRules([]byte(text), nil); !errors.Is(err, dispute.ErrRules) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestReasonsHaveTexts(t *testing.T) {
	r := rules(t)
	for _, s := range steps {
		for _, code := range r.Reasons(s) {
			x, found := r.Reason(code)
			if !found || x.Text("en") == "" || x.Text("zh") == "" || x.Text("en") == x.Text("zh") || !slices.Contains(x.Steps, s) {
				t.Errorf("reason %s of %s: %+v", code, s, x)
			}
		}
	}
}

func FuzzDecodeRules(f *testing.F) {
	f.Add([]byte(`{"sets":[{"from":"2026-01-01","trades":{"ecash":["query"]},"terms":{"query":{"days":1,"count":"calendar","from":"trade"}}}],"reasons":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := dispute.DecodeRules(b, week{})
		if err != nil {
			return
		}
		if c, err := dispute.New(r, 1, subject(dispute.ECash, true), trade+day); err == nil {
			_, _ = c.Take(r, dispute.Event{Step: dispute.Query, At: trade + day})
			_, _, _ = c.Lapse(r, trade+10_000*day)
		}
	})
}

func FuzzDecodeSubject(f *testing.F) {
	s := subject(dispute.ECash, true)
	b, _ := s.Encode()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := dispute.DecodeSubject(b); err == nil {
			if again, err := s.Encode(); err != nil || !bytes.Equal(again, b) {
				t.Fatal("a subject has two forms")
			}
		}
	})
}

func FuzzDecodeEvent(f *testing.F) {
	e := dispute.Event{Step: dispute.Query, At: trade, Reason: "Q1", Note: "x"}
	b, _ := e.Encode()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := dispute.DecodeEvent(b); err == nil {
			if again, err := e.Encode(); err != nil || !bytes.Equal(again, b) {
				t.Fatal("an event has two forms")
			}
		}
	})
}

// The last column of the rules: which finding speaks against which reason.
func TestEvidenceAgainstAReason(t *testing.T) {
	r := rules(t)
	all := []dispute.Finding{dispute.CardPaid, dispute.ExactFall, dispute.InTime}
	against := map[string]dispute.Finding{"C1": dispute.CardPaid, "C3": dispute.InTime, "C4": dispute.ExactFall, "C6": dispute.NotOverdue}
	for _, reason := range r.All() {
		for _, f := range append(all, dispute.NotOverdue) {
			k := open(t, dispute.ECash, true)
			proved := []dispute.Finding{f}
			if f == dispute.NotOverdue {
				proved = nil // it follows from the case
			}
			err := k.Weigh(r, dispute.Event{Step: dispute.Chargeback, Reason: reason.Code}, proved)
			want := against[reason.Code] == f || reason.Code == "C6"
			if errors.Is(err, dispute.ErrEvidence) != want {
				t.Errorf("%s with %s: %v", reason.Code, f, err)
			}
			if want && reason.Code != "C6" && !strings.Contains(err.Error(), f.Text("en")) {
				t.Errorf("%s: %v does not say what is proved", reason.Code, err)
			}
		}
	}
	k := open(t, dispute.ECash, false)
	if _, err := k.Take(r, dispute.Event{Step: dispute.Query, At: trade + day, Reason: "Q1"}); err != nil {
		t.Fatal(err)
	}
	if _, lapsed, err := k.Lapse(r, trade+40*day); err != nil || !lapsed {
		t.Fatal(lapsed, err)
	}
	if err := k.Weigh(r, dispute.Event{Step: dispute.Chargeback, Reason: "C6"}, all); err != nil {
		t.Errorf("the query was not answered: %v", err)
	}
}
