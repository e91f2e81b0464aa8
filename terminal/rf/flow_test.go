package rf_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/rf"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// holder takes the first application and knows the PIN.
type holder struct{}

func (holder) Choose(context.Context, *emv.Choice) emv.Event { return emv.Event{Kind: emv.Chosen} }

func (holder) PIN(context.Context, *emv.PINRequest) emv.Event {
	p, err := pin.New("123456")
	if err != nil {
		return emv.Event{Kind: emv.PINPadFailed}
	}
	return emv.Event{Kind: emv.PINEntered, PIN: p}
}

func (holder) Again(context.Context, *pos.TornSale) bool { return false }

// sell makes one sale at a whole till with its issuer, and counts it.
func sell(t *testing.T, profile string, side card.Interface, mode pos.Mode, sale pos.Sale) *tap.Trace {
	t.Helper()
	r, err := devcard.Default(profile)
	check(t, err)
	img, err := devcard.Issue(r)
	check(t, err)
	v, err := virtualcard.New(virtualcard.Config{Image: img, Interface: side, Rand: rand.NewChaCha8([32]byte{1})})
	check(t, err)
	issuer, err := host.NewInProcess(host.OpeningAccount)
	check(t, err)
	cfg, err := tap.Shop(tap.Setup{Mode: mode, SM: true})
	check(t, err)
	till, err := pos.New(cfg)
	check(t, err)
	c := tap.Config{
		Till: till, Mode: mode, Host: issuer, Person: holder{}, Seal: host.EncipherPIN, Explain: tap.NewExplainer("en", false),
		Open:    func(context.Context) (reader.Card, error) { return virtualcard.Reader(v) },
		Medium:  rf.NewLink(rf.TypeA, rf.Rate106),
		Card:    rf.DefaultCard(60 * time.Millisecond),
		Elapsed: func() time.Duration { return 0 },
	}
	sale.Interface = pos.Contactless
	if side == card.Contact {
		c.Medium, sale.Interface = rf.NewContact(), pos.Contact
	}
	sale.Time, sale.Sequence = noon, 1
	trace, err := tap.Run(context.Background(), c, sale)
	check(t, err)
	return trace
}

// TestFlowBudgets runs every flow of a till with whole cards.
func TestFlowBudgets(t *testing.T) {
	for _, f := range []struct {
		flow rf.Flow
		side card.Interface
		mode pos.Mode
		sale pos.Sale
		want pos.Outcome
	}{
		{rf.QPBOC, card.Contactless, pos.QPBOC, pos.Sale{Kind: pos.Purchase, Amount: 300}, pos.OfflineApproved},
		{rf.QPBOCOnline, card.Contactless, pos.QPBOC, pos.Sale{Kind: pos.Purchase, Amount: 60000}, pos.OnlineApproved},
		{rf.StripeData, card.Contactless, pos.MSD, pos.Sale{Kind: pos.Purchase, Amount: 300}, pos.OnlineApproved},
		{rf.DebitAir, card.Contactless, pos.DebitCredit, pos.Sale{Kind: pos.Purchase, Amount: 300}, pos.OfflineApproved},
		{rf.DebitContact, card.Contact, pos.QPBOC, pos.Sale{Kind: pos.Purchase, Amount: 60000}, pos.OnlineApproved},
		{rf.CashContact, card.Contact, pos.QPBOC, pos.Sale{Kind: pos.Purchase, Amount: 300}, pos.OfflineApproved},
		{rf.Load, card.Contact, pos.QPBOC, pos.Sale{Kind: pos.Load, Amount: 5000}, pos.OnlineApproved},
		{rf.Load, card.Contactless, pos.QPBOC, pos.Sale{Kind: pos.Load, Amount: 5000}, pos.OnlineApproved},
	} {
		for _, profile := range []string{"dev-3des", "dev-sm", "dev-full"} {
			if f.flow == rf.StripeData && profile != "dev-full" {
				continue // the others have no magnetic stripe data
			}
			t.Run(f.flow.String()+" "+profile, func(t *testing.T) {
				tr := sell(t, profile, f.side, f.mode, f.sale)
				flow, ok := tr.Flow()
				if tr.Result.Outcome != f.want || !ok || flow != f.flow {
					t.Fatalf("%v: %v, flow %v", tr.Result.Outcome, tr.Result.Fault, flow)
				}
				checkBudget(t, f.flow, tr.Used)
			})
		}
	}
}

// TestRecoveryBudget: a card that has paid, whose last answer was lost, comes back.
func TestRecoveryBudget(t *testing.T) {
	for _, p := range profiles {
		m, chip := newKernel(t, kernel.GateTTQ, p.sm), newChip(t, p.name, card.Contactless)
		meter := rf.NewMeter(rf.NewLink(rf.TypeA, rf.Rate106), rf.DefaultCard(60*time.Millisecond))
		records := 0
		o := tapOnce(t, m, chip, 300, meter, func(cmd []byte) bool {
			if cmd[1] == 0xB2 {
				records++
			}
			return records == 4
		})
		if o.Result != kernel.Torn || o.Commit != kernel.CommitUnknown {
			t.Fatalf("%s: %v, %v", p.name, o.Result, o.Commit)
		}
		torn := o.Data.Clone()
		chip.PowerOff()
		check(t, chip.PowerOn(zeros{}))
		meter = rf.NewMeter(rf.NewLink(rf.TypeA, rf.Rate106), rf.DefaultCard(60*time.Millisecond))
		r := m.Probe(torn)
		for r.Probe == nil {
			cmd := bytes.Clone(r.Send)
			answer, err := chip.Transmit(nil, cmd)
			check(t, err)
			meter.Exchange(cmd, answer)
			r = m.Step(kernel.Answered(answer))
		}
		if v := r.Probe.Verdict(torn); v != kernel.Finishable {
			t.Errorf("%s: %v", p.name, v)
		}
		if o := m.Resume(torn).Outcome; o == nil || o.Result != kernel.Approved {
			t.Errorf("%s: the old transaction does not end", p.name)
		}
		checkBudget(t, rf.Recovery, meter.Used())
	}
}

// TestBudgetCheck: each figure counts.
func TestBudgetCheck(t *testing.T) {
	b := rf.Budget{APDUs: 1, Sent: 2, Received: 3}
	if err := b.Check(rf.Used{APDUs: 1, Sent: 2, Received: 3}); err != nil {
		t.Error(err)
	}
	for _, u := range []rf.Used{{APDUs: 2}, {Sent: 3}, {Received: 4}} {
		if b.Check(u) == nil {
			t.Errorf("%+v is within %+v", u, b)
		}
	}
	if _, ok := rf.BudgetOf(200); ok {
		t.Error("flow 200 has a budget")
	}
}
