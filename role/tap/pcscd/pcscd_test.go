package pcscd

import (
	"context"
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/fault"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/internal/pcsctest"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
)

func TestMain(m *testing.M) { os.Exit(pcsctest.Main(m)) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve puts a card of a profile into slot 0 until the test ends.
func serve(t *testing.T, profile string, side card.Interface, faults string) {
	t.Helper()
	d := pcsctest.Start(t)
	r, err := devcard.Default(profile)
	check(t, err)
	img, err := devcard.Issue(r)
	check(t, err)
	var script *fault.Script
	if faults != "" {
		script, err = fault.Parse([]byte(faults))
		check(t, err)
	}
	v, err := virtualcard.New(virtualcard.Config{Image: img, Interface: side, Faults: script, Rand: rand.Reader})
	check(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- virtualcard.Serve(ctx, v, virtualcard.Slot{Address: d.Slot(0), Reconnect: 10 * time.Second})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serving the card: %v", err)
		}
	})
}

// holder knows the PIN of the development cards and comes back.
type holder struct{}

func (holder) Choose(context.Context, *emv.Choice) emv.Event { return emv.Event{Kind: emv.Chosen} }

func (holder) PIN(context.Context, *emv.PINRequest) emv.Event {
	p, err := pin.New(host.DevelopmentPIN)
	if err != nil {
		return emv.Event{Kind: emv.PINPadFailed}
	}
	return emv.Event{Kind: emv.PINEntered, PIN: p}
}

func (holder) Again(context.Context, *pos.TornSale) bool { return true }

// till makes sales with the card in slot 0.
type till struct {
	t    *testing.T
	host host.Host
	n    uint32
	wait time.Duration // that an answer may take
}

func (s *till) sell(mode pos.Mode, sale pos.Sale) *tap.Trace {
	s.t.Helper()
	cfg, err := tap.Shop(tap.Setup{Mode: mode, SM: true})
	check(s.t, err)
	machine, err := pos.New(cfg)
	check(s.t, err)
	s.n++
	sale.Time, sale.Sequence = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC).Unix(), s.n
	_, err = rand.Read(sale.Random[:])
	check(s.t, err)
	started := time.Now()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	tr, err := tap.Run(ctx, tap.Config{
		Till: machine, Mode: mode, Host: s.host, Person: holder{}, Seal: host.EncipherPIN, Explain: tap.NewExplainer("en", false),
		Elapsed: func() time.Duration { return time.Since(started) }, AnswerTime: s.wait,
		Open: func(ctx context.Context) (reader.Card, error) {
			return reader.Open(ctx, "pcsc:0", reader.Doors{Wait: true, Cooked: true})
		},
	}, sale)
	check(s.t, err)
	return tr
}

// TestEveryProfile: a balance, a purchase over the air and one over the contacts, a
// load and its effect; counters and balances follow each other.
func TestEveryProfile(t *testing.T) {
	list, err := devcard.Profiles()
	check(t, err)
	for _, p := range list {
		if p.Blank {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			serve(t, p.Name, card.Auto, "")
			issuer, err := host.NewInProcess(5 * host.OpeningAccount)
			check(t, err)
			s := &till{t: t, host: issuer}
			balance := p.Opening
			expect := func(what string, tr *tap.Trace, o pos.Outcome) {
				t.Helper()
				if tr.Result.Outcome != o || int64(tr.Result.Balance) != balance || tr.Broken != nil {
					t.Errorf("%s: %v, %v, balance %v, want %v and %d; %v", what, tr.Result.Outcome, tr.Result.Fault, tr.Result.Balance, o, balance, tr.Broken)
				}
			}
			expect("balance", s.sell(0, pos.Sale{Kind: pos.Balance, Interface: pos.Contactless}), pos.OfflineApproved)
			if p.Quota { // gates alone spend its quota: a shop gets debit/credit
				for _, side := range []pos.Interface{pos.Contactless, pos.Contact} {
					if side == pos.Contact && !p.Contact {
						continue
					}
					if tr := s.sell(0, pos.Sale{Kind: pos.Purchase, Interface: side, Amount: 150}); !tr.Result.Outcome.Approved() || tr.Result.Cash {
						t.Errorf("interface %d: %v, %v, cash %v", side, tr.Result.Outcome, tr.Result.Fault, tr.Result.Cash)
					}
				}
				expect("balance afterwards", s.sell(0, pos.Sale{Kind: pos.Balance, Interface: pos.Contactless}), pos.OfflineApproved)
				return
			}
			balance -= 150
			expect("qPBOC", s.sell(0, pos.Sale{Kind: pos.Purchase, Interface: pos.Contactless, Amount: 150}), pos.OfflineApproved)
			if !p.Contact {
				return
			}
			balance -= 275
			expect("electronic cash", s.sell(0, pos.Sale{Kind: pos.Purchase, Interface: pos.Contact, Amount: 275}), pos.OfflineApproved)
			expect("debit/credit over the air", s.sell(pos.DebitCredit, pos.Sale{Kind: pos.Purchase, Interface: pos.Contactless, Amount: 60000}), pos.OnlineApproved)
			expect("debit/credit over the contacts", s.sell(0, pos.Sale{Kind: pos.Purchase, Interface: pos.Contact, Amount: 60000}), pos.OnlineApproved)
			balance += 5000
			expect("load", s.sell(0, pos.Sale{Kind: pos.Load, Interface: pos.Contact, Amount: 5000}), pos.OnlineApproved)
		})
	}
}

// TestLateCard: an answer that comes too late is not waited for, and the card counts as
// one that left.
func TestLateCard(t *testing.T) {
	serve(t, "dev-dual", card.Auto, "name: late\nfaults:\n  - {name: late, when: {ins: A8}, then: {delay_ms: 1500}}\n")
	s := &till{t: t, host: host.None{}, wait: 200 * time.Millisecond}
	tr := s.sell(0, pos.Sale{Kind: pos.Purchase, Interface: pos.Contactless, Amount: 150})
	if tr.Result.Outcome != pos.CardLost || tr.Broken != nil || tr.Misbehaved == nil || tr.Measured > 1200*time.Millisecond {
		t.Errorf("%v, %v, %v, %v", tr.Result.Outcome, tr.Broken, tr.Misbehaved, tr.Measured)
	}
}

// TestTornCardComesBack: its answer is lost after it has paid, pcscd sees it leave,
// and the second tap finishes the first without another charge, although a recovery
// does not select the PPSE, so that a card of both sides cannot know that it is over
// the air.
func TestTornCardComesBack(t *testing.T) {
	serve(t, "dev-dual", card.Auto, "name: torn\nfaults:\n  - {name: lost, when: {ins: B2, p1: \"01\", p2: \"1C\", times: 1}, then: {silent: true}}\n")
	s := &till{t: t, host: host.None{}}
	tr := s.sell(0, pos.Sale{Kind: pos.Purchase, Interface: pos.Contactless, Amount: 150})
	r := &tr.Result
	if r.Outcome != pos.OfflineApproved || r.ATC != 1 || r.Balance != 99850 || len(r.Records) != 1 {
		t.Errorf("%v, counter %d, balance %v, %d rows", r.Outcome, r.ATC, r.Balance, len(r.Records))
		for i := range tr.Steps {
			t.Logf("%v %s %v", tr.Steps[i].Kind, tr.Steps[i].Words("en"), tr.Steps[i].Took)
		}
	}
}
