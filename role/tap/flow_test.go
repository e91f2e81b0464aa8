package tap_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/rf"
	"github.com/citycard/citycard/terminal/stripe"
	"github.com/citycard/citycard/txn"
)

// TestEveryProfilePaysOffline over the air, with a proof that the issuer accepts, in
// the time and with the commands of the budget.
func TestEveryProfilePaysOffline(t *testing.T) {
	for _, p := range profiles(t) {
		for _, mute := range []bool{false, true} {
			if mute && p.Algorithms[0].Cryptogram == "SM4" {
				continue // it has no other algorithm
			}
			s := &shop{t: t, profile: p.Name, mute: mute}
			tr := s.sell(pos.Sale{Amount: 150})
			if p.Quota { // gates alone spend its quota: a shop asks the issuer
				want(t, tr, pos.OnlineApproved)
				if left := s.sell(pos.Sale{Kind: pos.Balance}).Result.Balance; tr.Result.Cash || int64(left) != p.Opening {
					t.Errorf("%s: cash %v, %v on the card, want %d", p.Name, tr.Result.Cash, left, p.Opening)
				}
				continue
			}
			want(t, tr, pos.OfflineApproved)
			if tr.Verified != tap.Genuine || !tr.Result.ODA.OK() || int64(tr.Result.Balance) != p.Opening-150 || tr.Before != p.Opening {
				t.Errorf("%s: %v, %v, balance %v, before %d", p.Name, tr.Verified, tr.Result.ODA, tr.Result.Balance, tr.Before)
			}
			flow, ok := tr.Flow()
			if !ok || flow != rf.QPBOC {
				t.Fatalf("%s: flow %v, %v", p.Name, flow, ok)
			}
			if most, _ := rf.BudgetOf(flow); most.Check(tr.Used) != nil {
				t.Errorf("%s: %v", p.Name, most.Check(tr.Used))
			}
			if tr.Field <= 0 || tr.Field > 210*time.Millisecond {
				t.Errorf("%s: %v in the field, at most 210 ms", p.Name, tr.Field)
			}
			slow := (&shop{t: t, profile: p.Name, mute: mute, crypto: 150 * time.Millisecond}).sell(pos.Sale{Amount: 150})
			if slow.Field <= tr.Field || slow.Field > 300*time.Millisecond {
				t.Errorf("%s: a slow card is %v in the field, at most 300 ms", p.Name, slow.Field)
			}
		}
	}
}

// TestFlows: every flow of a whole card, in both families of algorithms.
func TestFlows(t *testing.T) {
	type flow struct {
		name   string
		side   card.Interface
		mode   pos.Mode
		sale   pos.Sale
		pin    string
		host   host.Host
		want   pos.Outcome
		fault  kernel.FaultCode
		shown  pos.Display
		after  int64 // balance, -1: not looked at
		online bool
	}
	for _, f := range []flow{
		{name: "electronic cash over the contacts", side: card.Contact, sale: pos.Sale{Amount: 100}, want: pos.OfflineApproved, shown: pos.ShowApproved, after: 99900},
		{name: "debit/credit over the air", mode: pos.DebitCredit, sale: pos.Sale{Amount: 100}, want: pos.OfflineApproved, shown: pos.ShowApproved, after: 100000},
		{name: "debit/credit over the contacts, PIN for the card", side: card.Contact, sale: pos.Sale{Amount: 60000}, pin: "123456",
			want: pos.OnlineApproved, shown: pos.ShowApproved, after: 100000, online: true},
		{name: "wrong PIN", side: card.Contact, sale: pos.Sale{Amount: 60000}, pin: "999999", want: pos.Declined, fault: kernel.HostRefused, after: -1, online: true},
		{name: "online PIN over the air", sale: pos.Sale{Amount: 60000}, pin: "123456", want: pos.OnlineApproved, shown: pos.ShowApproved, after: 100000, online: true},
		{name: "no PIN over the air", sale: pos.Sale{Amount: 60000}, want: pos.Declined, after: 100000},
		{name: "wrong online PIN", sale: pos.Sale{Amount: 60000}, pin: "1111", want: pos.Declined, fault: kernel.HostRefused, shown: pos.ShowHostDeclined, after: 100000, online: true},
		{name: "no issuer", sale: pos.Sale{Amount: 60000}, pin: "123456", host: host.None{}, want: pos.Declined, fault: kernel.HostLost, shown: pos.ShowNoIssuer, after: 100000},
		{name: "load over the air", sale: pos.Sale{Kind: pos.Load, Amount: 5000}, want: pos.OnlineApproved, shown: pos.ShowLoaded, after: 105000, online: true},
		{name: "load over the contacts", side: card.Contact, sale: pos.Sale{Kind: pos.Load, Amount: 5000}, want: pos.OnlineApproved, shown: pos.ShowLoaded, after: 105000, online: true},
		{name: "load above the account", sale: pos.Sale{Kind: pos.Load, Amount: 100001}, want: pos.Declined, fault: kernel.HostRefused, after: -1, online: true},
		{name: "unload", side: card.Contact, sale: pos.Sale{Kind: pos.Unload}, want: pos.OnlineApproved, shown: pos.ShowUnloaded, after: 0, online: true},
		{name: "inquiry", sale: pos.Sale{Kind: pos.Inquiry}, want: pos.OnlineApproved, shown: pos.ShowBalance, after: 100000, online: true},
		{name: "balance", sale: pos.Sale{Kind: pos.Balance}, want: pos.OfflineApproved, shown: pos.ShowBalance, after: 100000},
		{name: "balance over the contacts", side: card.Contact, sale: pos.Sale{Kind: pos.Balance}, want: pos.OfflineApproved, shown: pos.ShowBalance, after: 100000},
	} {
		for _, profile := range []string{"dev-3des", "dev-sm"} {
			t.Run(f.name+" "+profile, func(t *testing.T) {
				s := &shop{t: t, profile: profile, side: f.side, mode: f.mode, host: f.host, person: &holder{pin: f.pin}}
				tr := s.sell(f.sale)
				want(t, tr, f.want)
				r := &tr.Result
				if f.fault != 0 && r.Fault.Code != f.fault || f.shown != 0 && r.Display != f.shown || f.after >= 0 && int64(r.Balance) != f.after {
					t.Errorf("fault %v, display %v, balance %v:\n%s", r.Fault, r.Display, r.Balance, story(tr))
				}
				if f.online != (r.HostCode != [2]byte{}) || r.Reversal != nil {
					t.Errorf("issuer's code %q, reversal %v", r.HostCode, r.Reversal)
				}
				if tr.Verified == tap.Forged {
					t.Error("the issuer's keys refuse the cryptogram")
				}
			})
		}
	}
}

// TestStripeDataOverTheAir: the card gives its track, the issuer decides, and finds the
// account that the chip of the card has too.
func TestStripeDataOverTheAir(t *testing.T) {
	h, err := host.NewInProcess(host.OpeningAccount)
	check(t, err)
	s := &shop{t: t, profile: "dev-full", mode: pos.MSD, host: h, person: &holder{pin: "123456"}}
	tr := s.sell(pos.Sale{Amount: 100})
	want(t, tr, pos.OnlineApproved)
	flow, ok := tr.Flow()
	if r := &tr.Result; !r.MSD || !ok || flow != rf.StripeData || r.HostCode != [2]byte{'0', '0'} || r.Card.PSN != 0 || r.Amount != 100 {
		t.Errorf("MSD %v, flow %v, issuer's code %q, card %v:\n%s", r.MSD, flow, r.HostCode, r.Card, story(tr))
	}
	own, err := devcard.Default("dev-full")
	check(t, err)
	if got := h.Available(txn.CardKey{PAN: own.PAN, PSN: own.PSN}); got != host.OpeningAccount-100 {
		t.Errorf("the account of the card has %v", got)
	}
	s.person = &holder{pin: "111111"}
	tr = s.sell(pos.Sale{Amount: 100})
	want(t, tr, pos.Declined)
	if tr.Result.HostCode != [2]byte{'5', '5'} {
		t.Errorf("wrong PIN: code %q", tr.Result.HostCode)
	}
}

// Faults of a card that leaves.
const (
	leavesAtGPO  = "name: x\nfaults:\n  - {name: mute, when: {ins: A8}, then: {silent: true}}\n"
	leavesAtPay  = "name: x\nfaults:\n  - {name: paid and lost, when: {ins: B2, p1: \"01\", p2: \"1C\", times: 1}, then: {silent: true}}\n"
	leavesAtGAC2 = "name: x\nfaults:\n  - {name: gone, when: {ins: AE, nth: 2}, then: {silent: true}}\n"
)

// TestTornCards: what is certain is said, and what is not leaves a row.
func TestTornCards(t *testing.T) {
	lost := (&shop{t: t, profile: "dev-sm", faults: leavesAtGPO}).sell(pos.Sale{Amount: 100})
	want(t, lost, pos.CardLost)
	if len(lost.Result.Records) != 0 || lost.Broken != nil {
		t.Errorf("%d rows, %v", len(lost.Result.Records), lost.Broken)
	}

	doubt := (&shop{t: t, profile: "dev-sm", faults: leavesAtPay}).sell(pos.Sale{Amount: 100})
	want(t, doubt, pos.Doubt)
	if rows := doubt.Result.Records; len(rows) != 1 || rows[0].Row.Flags.Reason() != txn.LastAnswerLost || doubt.Result.Commit != kernel.CommitUnknown {
		t.Errorf("rows %v, %v", rows, doubt.Result.Commit)
	}

	back := (&shop{t: t, profile: "dev-sm", faults: leavesAtPay, person: &holder{again: 1}}).sell(pos.Sale{Amount: 100})
	want(t, back, pos.OfflineApproved)
	if rows := back.Result.Records; len(rows) != 1 || rows[0].Row.Kind != txn.Purchase || back.Result.Balance != 99900 || back.Verified != tap.Genuine {
		t.Errorf("rows %v, balance %v, %v", rows, back.Result.Balance, back.Verified)
	}
	if _, ok := back.Flow(); ok {
		t.Error("two taps have a budget")
	}
}

// TestReversal: the issuer has approved and the card left, so the issuer undoes it.
func TestReversal(t *testing.T) {
	h, err := host.NewInProcess(host.OpeningAccount)
	check(t, err)
	s := &shop{t: t, profile: "dev-sm", side: card.Contact, faults: leavesAtGAC2, host: h, person: &holder{pin: "123456"}}
	tr := s.sell(pos.Sale{Amount: 60000})
	want(t, tr, pos.CardLost)
	last := tr.Steps[len(tr.Steps)-1]
	if tr.Result.Reversal == nil || tr.Result.Reversal.Reason != emv.CardGone || last.Kind != tap.Reversal || last.Lost != nil {
		t.Fatalf("reversal %v, last step %v %v", tr.Result.Reversal, last.Kind, last.Lost)
	}
	if got := h.Available(tr.Result.Card); got != host.OpeningAccount {
		t.Errorf("the account holds %v after the reversal, want %v", got, host.OpeningAccount)
	}
	if r := tr.Report("en"); r.Reversal == nil || !r.Reversal.Sent || r.Reversal.Reason != "card_gone" {
		t.Errorf("reported as %+v", r.Reversal)
	}
}

// TestNobodyAtTheTerminal: without a person nothing is asked, and nothing hangs.
func TestNobodyAtTheTerminal(t *testing.T) {
	want(t, (&shop{t: t, profile: "dev-sm"}).sell(pos.Sale{Amount: 60000}), pos.Declined)
}

// everything is all that a trace says.
func everything(t testing.TB, tr *tap.Trace) string {
	b, err := json.Marshal(tr.Report("en"))
	check(t, err)
	return string(b) + fmt.Sprintf("%+v", tr.Steps)
}

// TestNumbersAreMasked in every message and explanation, in packed form and as text,
// and shown only on request; the PIN never.
func TestNumbersAreMasked(t *testing.T) {
	const number, block = "6228000100001117", "26123456FFFFFFFF"
	for _, s := range []shop{
		{profile: "dev-sm"}, {profile: "dev-3des"}, {profile: "dev-sm", side: card.Contact}, {profile: "dev-3des", side: card.Contact},
		{profile: "dev-full", mode: pos.MSD},
	} {
		for _, amount := range []txn.OnlineKind{0, 1} {
			sale := pos.Sale{Amount: 100}
			if amount == 1 {
				sale.Amount = 60000
			}
			s.t, s.card, s.host, s.person, s.showPAN = t, nil, nil, &holder{pin: "123456"}, false
			if text := everything(t, s.sell(sale)); strings.Contains(text, number) || strings.Contains(text, block) {
				t.Errorf("%s: number or PIN in the trace", s.profile)
			}
			s.card, s.showPAN = nil, true
			if text := everything(t, s.sell(sale)); !strings.Contains(text, number) || strings.Contains(text, block) {
				t.Errorf("%s: number not shown, or the PIN is", s.profile)
			}
		}
	}
}

// TestFirstOpening: only that the card is not there at first is an error.
func TestFirstOpening(t *testing.T) {
	s := &shop{t: t, profile: "sm"}
	cfg, err := tap.Shop(tap.Setup{})
	check(t, err)
	till, err := pos.New(cfg)
	check(t, err)
	c := tap.Config{
		Till: till, Host: host.None{}, Explain: tap.NewExplainer("en", false), Elapsed: func() time.Duration { return 0 },
		Open: func(context.Context) (reader.Card, error) { return nil, &reader.Error{Kind: reader.ErrNoCard} },
	}
	if _, err := tap.Run(context.Background(), c, pos.Sale{Kind: pos.Purchase, Interface: pos.Contactless, Amount: 1, Time: noon, Sequence: 1}); !errors.Is(err, reader.ErrNoCard) {
		t.Errorf("%v", err)
	}
	s.insert()
}

// TestStripe: no reader is opened, the issuer decides, and a card with a chip is sent
// to its chip unless that is mute.
func TestStripe(t *testing.T) {
	for _, c := range []struct {
		track string
		mute  int
		want  pos.Outcome
		entry string
	}{
		{";6228000100001117=35121010000000000?", 0, pos.OnlineApproved, "00"},
		{";6228000100001117=35122200000000000?", 0, pos.OtherInterface, ""},
		{";6228000100001117=35122200000000000?", 3, pos.OnlineApproved, "00"},
		{";6228000100001117=20011010000000000?", 0, pos.Declined, ""},
		{";6228000100001117==1010000000000?", 0, pos.Declined, ""},
		{";6228?", 0, pos.Error, ""},
	} {
		s := &shop{t: t, person: &holder{pin: "123456"}, open: func() (reader.Card, error) { t.Error("a reader is opened"); return nil, errors.New("no reader") }}
		sale := pos.Sale{Amount: 100, Interface: pos.Stripe, Track2: []byte(c.track), Mute: c.mute}
		if c.mute > 0 {
			sale.Chip = stripe.ChipMute
		}
		tr := s.sell(sale)
		want(t, tr, c.want)
		r := tr.Report("en")
		if c.want == pos.Declined && !strings.Contains(r.Fault, "5F24") {
			t.Errorf("%s: %s, want the expiry date", c.track, r.Fault)
		}
		if r.HostCode != c.entry || len(r.Steps) != 0 || r.PSN != "" || r.ATC != nil || strings.Contains(everything(t, tr), "6228000100001117") {
			t.Errorf("%s: code %q, %d steps, %+v", c.track, r.HostCode, len(r.Steps), r)
		}
	}
}

// TestInterrupt: the sale ends with a result, and the reversal goes out all the same.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &shop{t: t, profile: "dev-sm", ctx: ctx}
	n := 0
	s.step = func(*tap.Step) {
		if n++; n == 3 {
			cancel()
		}
	}
	tr := s.sell(pos.Sale{Amount: 100})
	if o := tr.Result.Outcome; o != pos.CardLost || tr.Broken != nil {
		t.Errorf("%v, %v:\n%s", o, tr.Broken, story(tr))
	}
}

// TestSealIsNeeded: a terminal without a key for PINs cannot ask the issuer with one.
func TestSealIsNeeded(t *testing.T) {
	s := &shop{t: t, profile: "dev-sm", person: &holder{pin: "123456"}, seal: func(txn.CardKey, pin.PIN) ([8]byte, error) { return [8]byte{}, errors.New("no key") }}
	tr := s.sell(pos.Sale{Amount: 60000})
	want(t, tr, pos.Declined)
	if tr.Result.Fault.Code != kernel.HostLost {
		t.Errorf("%v", tr.Result.Fault)
	}
}
