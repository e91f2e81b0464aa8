package purse_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/cos"
	cardpurse "github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// bank is the host of the card company with one account. It grants one trade under each
// online number, as often as it is asked for, and books it once: a load before it is
// granted, an unload after the card has proved it.
type bank struct {
	t       testing.TB
	account money.Fen
	refuse  bool
	lost    bool // its answer is lost, after it has booked
	granted map[online]money.Fen
	settled map[online]bool
}

// online names a trade with the host.
type online struct {
	card   epurse.Factor
	number uint16
	kind   epurse.Type
}

func onlineOf(r *purse.Request) online { return online{r.Card.Serial, r.Sequence, r.Trade.Type} }

func (b *bank) keys(r *purse.Request) *keystore.PurseHost {
	h, err := keystore.Development(0).PurseHost(keystore.PurseMasters(r.Alg), r.Alg, r.Card.Issuer)
	check(b.t, err)
	return h
}

// genuine tells whether the request is a card's own.
func (b *bank) genuine(r *purse.Request) bool {
	trade := r.Trade
	return b.keys(r).Open(r.Card.Serial, r.Random, r.Sequence, r.Balance, &trade, r.MAC1)
}

// ask grants what a genuine card wants.
func (b *bank) ask(r *purse.Request) purse.Grant {
	amount, known := b.granted[onlineOf(r)]
	if b.refuse || !b.genuine(r) || known && amount != money.Fen(r.Trade.Amount) {
		return purse.Grant{}
	}
	if !known {
		if b.granted == nil {
			b.granted, b.settled = map[online]money.Fen{}, map[online]bool{}
		}
		b.granted[onlineOf(r)] = money.Fen(r.Trade.Amount)
		if r.Trade.Type == epurse.LoadEP {
			b.account -= money.Fen(r.Trade.Amount)
		}
	}
	trade := r.Trade
	trade.Stamp = txn.StampBCD(now)
	return purse.Grant{Approved: true, Stamp: trade.Stamp, MAC2: b.keys(r).Grant(r.Card.Serial, r.Random, r.Sequence, &trade)}
}

// takeBack is what the host does when its grant has not reached the card.
func (b *bank) takeBack(r *purse.Request) {
	if r.Trade.Type == epurse.LoadEP {
		b.account += b.granted[onlineOf(r)]
	}
	delete(b.granted, onlineOf(r))
}

// done judges the card's last word about a trade, and pays an unload out.
func (b *bank) done(d *purse.LoadData, code epurse.MAC) bool {
	trade := d.Request.Trade
	trade.Stamp = d.Grant.Stamp
	r := &d.Request
	ok := b.keys(r).Done(r.Card.Serial, r.Random, r.Sequence, uint32(d.After()), &trade, code)
	if ok && r.Trade.Type == epurse.Unload && !b.settled[onlineOf(r)] {
		b.account += b.granted[onlineOf(r)]
	}
	if ok && b.settled != nil {
		b.settled[onlineOf(r)] = true
	}
	return ok
}

func loadInput(x *player, amount money.Fen, unload bool) *purse.LoadInput {
	return &purse.LoadInput{AID: x.aid, Network: x.network, Unload: unload, Amount: amount, KeyIndex: 1, Terminal: epurse.Terminal{0, 0, 1, 0, 0, 0x50},
		PIN: []byte{0x12, 0x34, 0x56}, Time: now}
}

// visit brings a card before the loader: a load, an unload, or a proof.
func (s *stage) visit(x *player, b *bank, in *purse.LoadInput, torn *purse.LoadData, f fault, log func(command, answer []byte)) (out *purse.LoadOutcome, p *purse.LoadProbe, commands, writes int) {
	s.t.Helper()
	x.chip.PowerOff()
	check(s.t, x.chip.PowerOn(&x.rand))
	defer x.chip.PowerOff()
	before := x.chip.Memory().Writes()
	if f.cut > 0 {
		x.chip.Memory().CutAt(f.cut, f.tear)
	}
	var ready purse.LoadReady
	var err error
	if torn != nil {
		ready, err = s.loader.Prove(in, torn)
	} else {
		ready, err = s.loader.Begin(in)
	}
	check(s.t, err)
	left := false
	for range 20 {
		switch {
		case ready.Send != nil:
			commands++
			var answer []byte
			if !left && commands != f.unheard {
				got, err := x.chip.Transmit(nil, ready.Send)
				if errors.Is(err, cos.ErrPowerCut) {
					left = true
				} else {
					check(s.t, err)
				}
				if commands != f.lost && !left {
					answer = got
				}
			}
			if log != nil {
				log(ready.Send, answer)
			}
			if answer == nil {
				left, ready = true, s.loader.Left()
				continue
			}
			ready = s.loader.Answer(answer)
		case ready.Host != nil:
			g := b.ask(ready.Host)
			if b.lost {
				ready = s.loader.Refused()
				continue
			}
			ready = s.loader.Granted(g)
		case ready.Outcome != nil:
			o := *ready.Outcome
			return &o, nil, commands, x.chip.Memory().Writes() - before
		case ready.Probe != nil:
			q := *ready.Probe
			return nil, &q, commands, x.chip.Memory().Writes() - before
		}
	}
	s.t.Fatal("the loader does not end")
	return nil, nil, 0, 0
}

// settle does what the host must do at the end of a visit; false while it does not know
// yet.
func (b *bank) settle(out *purse.LoadOutcome) bool {
	switch {
	case out.Commit == kernel.CommitUnknown:
		return false
	case out.Commit == kernel.Committed:
		return b.done(&out.Data, out.Code)
	case out.Granted:
		b.takeBack(&out.Data.Request)
	}
	return true
}

// TestLoadTears breaks loads and unloads at every place. Card and account together hold
// what they held, at the latest when the card has come back, and never more.
func TestLoadTears(t *testing.T) {
	for _, profile := range []string{"dev-tunion", "dev-cityunion", "tunion"} {
		for _, unload := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s unload %v", profile, unload), func(t *testing.T) {
				seen := map[string]int{}
				try := func(f fault, hostLost bool) (commands, writes int) {
					s := newStage(t)
					x := s.issue("card", profile, 5000, nil)
					b := &bank{t: t, account: 100000, lost: hostLost}
					in := loadInput(x, 1500, unload)
					if profile == "tunion" {
						in.PIN = nil
					}
					sum := func() money.Fen { return b.account + money.Fen(x.state().Balance) }
					out, _, commands, writes := s.visit(x, b, in, nil, f, nil)
					if sum() > 105000 && out.Commit == kernel.CommitUnknown {
						t.Fatalf("%+v: card and account hold %v while nobody knows", f, sum())
					}
					end := "committed"
					if out.Commit == kernel.NotCommitted {
						end = "not committed"
					}
					if !b.settle(out) {
						torn := out.Data
						_, p, _, _ := s.visit(x, b, in, &torn, fault{}, nil)
						switch p.Verdict {
						case purse.Unverified:
							end = "proved"
							if !b.done(&torn, p.Code) {
								t.Fatalf("%+v: the issuer does not take the proof", f)
							}
						case purse.NotPaid:
							end = "done anew"
							if !b.genuine(p.Again) || p.Again.Sequence != torn.Request.Sequence {
								t.Fatalf("%+v: MAC1 of the counter is wrong", f)
							}
							if out, _, _, _ := s.visit(x, b, in, nil, fault{}, nil); out.Result != kernel.Approved || !b.settle(out) {
								t.Fatalf("%+v: the same trade again: %v", f, out.Fault)
							}
						default:
							t.Fatalf("%+v: %v %v", f, p.Verdict, p.Fault)
						}
					}
					seen[end]++
					if sum() != 105000 {
						t.Fatalf("%+v: card and account hold %v, %s", f, sum(), end)
					}
					return commands, writes
				}
				commands, writes := try(fault{}, false)
				try(fault{}, true)
				for n := 1; n <= commands; n++ {
					try(fault{lost: n}, false)
					try(fault{unheard: n}, false)
				}
				for n := 1; n <= writes; n++ {
					for _, how := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
						try(fault{cut: n, tear: how}, false)
					}
				}
				t.Log(seen)
				for _, end := range []string{"committed", "not committed", "proved", "done anew"} {
					if seen[end] == 0 {
						t.Errorf("no visit ended %s", end)
					}
				}
			})
		}
	}
}

func TestLoadRefusals(t *testing.T) {
	s := newStage(t)
	for name, c := range map[string]struct {
		in   func(in *purse.LoadInput)
		host bank
		want purse.FaultCode
		sw   apdu.SW
	}{
		"wrong PIN":    {func(in *purse.LoadInput) { in.PIN = []byte{0x65, 0x43, 0x21} }, bank{}, purse.WrongPIN, 0x63C2},
		"no PIN":       {func(in *purse.LoadInput) { in.PIN = nil }, bank{}, purse.BadStatus, apdu.SWSecurity},
		"key":          {func(in *purse.LoadInput) { in.KeyIndex = 9 }, bank{}, purse.NoKey, apdu.SWPurseKeyIndex},
		"too much":     {func(in *purse.LoadInput) { in.Amount = 500000 }, bank{}, purse.BadStatus, apdu.SWConditions},
		"to take out":  {func(in *purse.LoadInput) { in.Amount, in.Unload = 5001, true }, bank{}, purse.NoFunds, apdu.SWPurseFunds},
		"issuer":       {func(*purse.LoadInput) {}, bank{refuse: true}, purse.HostRefused, 0},
		"expired":      {func(in *purse.LoadInput) { in.Time = 2300000000 }, bank{}, purse.Expired, 0},
		"no such card": {func(in *purse.LoadInput) { in.AID = unhex(t, cityUnionAID) }, bank{}, purse.BadStatus, apdu.SWFileNotFound},
	} {
		x := s.issue("card", "dev-tunion", 5000, nil)
		in := loadInput(x, 100, false)
		c.in(in)
		host := c.host
		host.t = t
		out, _, _, _ := s.visit(x, &host, in, nil, fault{}, nil)
		if out.Commit != kernel.NotCommitted || out.Fault.Code != c.want || out.Fault.SW != c.sw || out.Granted {
			t.Errorf("%s: %v, %v, granted %v", name, out.Commit, out.Fault, out.Granted)
		}
	}
	x := s.issue("card", "dev-tunion", 5000, nil)
	for name, change := range map[string]func(in *purse.LoadInput){
		"AID": func(in *purse.LoadInput) { in.AID = nil }, "network": func(in *purse.LoadInput) { in.Network = 0 }, "PIN": func(in *purse.LoadInput) { in.PIN = []byte{1} },
		"amount": func(in *purse.LoadInput) { in.Amount = 0 }, "time": func(in *purse.LoadInput) { in.Time = -1 },
	} {
		in := loadInput(x, 100, false)
		change(in)
		if _, err := s.loader.Begin(in); !errors.Is(err, purse.ErrConfig) && !errors.Is(err, money.ErrRange) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The codes of a wrong host: the card refuses, and proves to the issuer that it did
// nothing.
func TestLoadOfAWrongHost(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	b := &bank{t: t}
	in := loadInput(x, 100, false)
	x.chip.PowerOff()
	check(t, x.chip.PowerOn(&x.rand))
	ready, err := s.loader.Begin(in)
	check(t, err)
	for ready.Host == nil {
		ready = s.loader.Answer(s.transmit(x.chip, ready.Send))
	}
	ready = s.loader.Granted(purse.Grant{Approved: true})
	ready = s.loader.Answer(s.transmit(x.chip, ready.Send))
	out := *ready.Outcome
	if out.Commit != kernel.CommitUnknown || out.Fault.SW != apdu.SWPurseMAC {
		t.Fatalf("%v, %v", out.Commit, out.Fault)
	}
	if _, p, _, _ := s.visit(x, b, in, &out.Data, fault{}, nil); p.Verdict != purse.NotPaid || p.Again.Sequence != 0 {
		t.Errorf("%v, %v", p.Verdict, p.Again)
	}
	y := s.issue("other", "dev-cityunion", 5000, nil)
	if _, p, _, _ := s.visit(y, b, loadInput(y, 100, false), &out.Data, fault{}, nil); p.Verdict != purse.OtherCard {
		t.Errorf("another card: %v", p.Verdict)
	}
	// A later load under the same number: the proof is that one's, and the issuer sees it.
	if o, _, _, _ := s.visit(x, b, loadInput(x, 200, false), nil, fault{}, nil); o.Result != kernel.Approved {
		t.Fatal(o.Fault)
	}
	if _, p, _, _ := s.visit(x, b, in, &out.Data, fault{}, nil); p.Verdict != purse.Unverified || b.done(&out.Data, p.Code) {
		t.Errorf("the proof of another load: %v", p.Verdict)
	}
	if o, _, _, _ := s.visit(x, b, loadInput(x, 200, false), nil, fault{}, nil); o.Result != kernel.Approved {
		t.Fatal(o.Fault)
	}
	if _, p, _, _ := s.visit(x, b, in, &out.Data, fault{}, nil); p.Verdict != purse.Unclear || p.Again.Sequence != 2 {
		t.Errorf("two loads later: %v", p.Verdict)
	}
	for lost := 1; lost <= 4; lost++ {
		if _, p, _, _ := s.visit(x, b, in, &out.Data, fault{lost: lost}, nil); p.Verdict != purse.Unclear || !p.Left {
			t.Errorf("the card leaves at %d: %v", lost, p.Verdict)
		}
	}
}

// TestLoadCollected: a rider has an answer to INITIALIZE from before a load, tears the
// load after the card has done it, and shows the old answer instead of a proof. Its MAC1
// is genuine, and still nothing is given twice.
func TestLoadCollected(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	b := &bank{t: t, account: 100000}
	in := loadInput(x, 1500, false)
	var old []byte
	relay := func(torn *purse.LoadData, hear func(command, answer []byte) []byte) (*purse.LoadOutcome, *purse.LoadProbe) {
		x.chip.PowerOff()
		check(t, x.chip.PowerOn(&x.rand))
		ready, err := s.loader.Begin(in)
		if torn != nil {
			ready, err = s.loader.Prove(in, torn)
		}
		check(t, err)
		for {
			switch {
			case ready.Host != nil:
				ready = s.loader.Granted(b.ask(ready.Host))
			case ready.Outcome != nil || ready.Probe != nil:
				return ready.Outcome, ready.Probe
			default:
				if answer := hear(ready.Send, s.transmit(x.chip, ready.Send)); answer != nil {
					ready = s.loader.Answer(answer)
				} else {
					ready = s.loader.Left()
				}
			}
		}
	}
	out, _ := relay(nil, func(command, answer []byte) []byte {
		switch command[1] {
		case 0x50:
			old = append([]byte(nil), answer...) // the one that is kept
			return s.transmit(x.chip, command)
		case 0x52:
			return nil
		}
		return answer
	})
	torn := out.Data
	if x.state().Balance != 6500 || out.Commit != kernel.CommitUnknown {
		t.Fatalf("%d fen, %v", x.state().Balance, out.Commit)
	}
	lie := func(command, answer []byte) []byte {
		switch command[1] {
		case 0x50:
			return old
		case 0x5A:
			return []byte{0x94, 0x06}
		}
		return answer
	}
	if _, p := relay(&torn, lie); p.Verdict != purse.NotPaid || !b.genuine(p.Again) || p.Again.Random == torn.Request.Random {
		t.Fatalf("%v", p.Verdict)
	}
	out, _ = relay(nil, lie)
	if out.Result == kernel.Approved || b.account != 98500 || x.state().Balance != 6500 {
		t.Errorf("%v: the account has %v, the card %d", out.Result, b.account, x.state().Balance)
	}
}

func TestLoadPrintsNoSecrets(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	b := &bank{t: t}
	in := loadInput(x, 100, false)
	out, _, _, _ := s.visit(x, b, in, nil, fault{}, nil)
	text := fmt.Sprintf("%v %+v %#v %v %+v", in, *in, *in, out.Data.Request, out.Data.Request)
	for _, secret := range []string{"123456", "0x12, 0x34", "[18 52 86]", "3103104810010000001", "4810010"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is printed: %s", secret, text)
		}
	}
}

// A card that leaves while the issuer is asked has not been changed; the issuer, which may
// have booked, must hear of that.
func TestCardLeavesWhileTheIssuerIsAsked(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	b := &bank{t: t, account: 100000}
	x.chip.PowerOff()
	check(t, x.chip.PowerOn(&x.rand))
	ready, err := s.loader.Begin(loadInput(x, 100, false))
	check(t, err)
	for ready.Host == nil {
		ready = s.loader.Answer(s.transmit(x.chip, ready.Send))
	}
	b.ask(ready.Host)
	out := s.loader.Left().Outcome
	if out.Commit != kernel.NotCommitted || !out.Granted || !b.settle(out) || b.account != 100000 {
		t.Errorf("%v, granted %v, the account has %v", out.Commit, out.Granted, b.account)
	}
}

// A card that names its proof by the number before the trade gives none; its counter, under
// MAC1, shows that the number of the torn load was used.
func TestLoadShownByTheCounter(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, func(spec *cardpurse.Spec) { spec.ProofBefore = true })
	b := &bank{t: t, account: 100000}
	in := loadInput(x, 100, false)
	out, _, _, _ := s.visit(x, b, in, nil, fault{lost: 4}, nil)
	if out.Commit != kernel.CommitUnknown || x.state().Balance != 5100 {
		t.Fatalf("%v, %d fen", out.Commit, x.state().Balance)
	}
	if _, p, _, _ := s.visit(x, b, in, &out.Data, fault{}, nil); p.Verdict != purse.Unclear || p.Again == nil || p.Again.Sequence != 1 || p.Again.Balance != 5100 || !b.genuine(p.Again) {
		t.Errorf("%v, %v", p.Verdict, p.Again)
	}
}

// What a card may not answer to INITIALIZE FOR LOAD is not shown to the issuer.
func TestLoadOddAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		change func(answer []byte)
		want   purse.FaultCode
	}{
		"counter at its end": {func(b []byte) { b[4], b[5] = 0xFF, 0xFF }, purse.CounterSpent},
		"algorithm":          {func(b []byte) { b[7] = 7 }, purse.NoKey},
		"warning":            {func(b []byte) { b[len(b)-2] = 0x62 }, purse.BadStatus},
	} {
		s := newStage(t)
		x := s.issue("card", "dev-tunion", 5000, nil)
		b := &bank{t: t, account: 100000}
		out, _, _, _ := s.visit(x, b, loadInput(x, 100, false), nil, fault{}, func(command, answer []byte) {
			if command[1] == 0x50 {
				c.change(answer)
			}
		})
		if out.Commit != kernel.NotCommitted || out.Fault.Code != c.want || len(b.granted) != 0 {
			t.Errorf("%s: %v, %v", name, out.Commit, out.Fault)
		}
	}
}

// An answer to CREDIT FOR LOAD of another length leaves a doubt: the card may have done it.
func TestOddCredit(t *testing.T) {
	for _, odd := range []string{"", "90", "9000", "0102039000", "01020304059000", "6104"} {
		s := newStage(t)
		x := s.issue("card", "dev-tunion", 5000, nil)
		b := &bank{t: t, account: 100000}
		x.chip.PowerOff()
		check(t, x.chip.PowerOn(&x.rand))
		ready, err := s.loader.Begin(loadInput(x, 100, false))
		check(t, err)
		for ready.Outcome == nil {
			switch {
			case ready.Host != nil:
				ready = s.loader.Granted(b.ask(ready.Host))
			case ready.Send[1] == 0x52:
				s.transmit(x.chip, ready.Send)
				ready = s.loader.Answer(unhex(t, odd))
			default:
				ready = s.loader.Answer(s.transmit(x.chip, ready.Send))
			}
		}
		out := *ready.Outcome
		if out.Commit != kernel.CommitUnknown || !out.Granted || out.Fault.Code == purse.NoFault {
			t.Errorf("%q: %v, %v", odd, out.Commit, out.Fault)
		}
		if _, p, _, _ := s.visit(x, b, loadInput(x, 100, false), &out.Data, fault{}, nil); p.Verdict != purse.Unverified || !b.done(&out.Data, p.Code) {
			t.Errorf("%q: %v", odd, p.Verdict)
		}
	}
}
