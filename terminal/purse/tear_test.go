package purse_test

import (
	"fmt"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
)

// purchases are what is torn.
var purchases = []struct {
	name, profile string
	amount        money.Fen
	compound      bool
}{
	{"purchase at a till", "dev-tunion", 350, false},
	{"entry", "dev-tunion", 0, true},
	{"exit", "dev-tunion", 400, true},
	{"exit of the city profile", "tunion", 400, true},
	{"City Union purchase", "dev-cityunion", 350, false},
	{"City Union exit", "dev-cityunion", 400, true},
}

// verifier is the card company, with the keys of both networks' development cards.
func verifier(t testing.TB) *issuer.Verifier {
	store := keystore.Development(0)
	return issuer.NewVerifier(nil).WithPurses(func(card txn.CardKey, alg epurse.Alg, version byte) *keystore.PurseVerifier {
		factor := epurse.Factor(unhex(t, "0101100001011000"))
		if card.PSN == txn.PSNCityUnion {
			factor = epurse.Factor(unhex(t, "0731410000000000"))
		}
		v, err := store.PurseVerifier(keystore.PurseMasters(alg), alg, factor)
		check(t, err)
		return v
	})
}

func verdict(t testing.TB, r txn.Row) txn.Verdict {
	t.Helper()
	out := []txn.Verdict{99}
	check(t, verifier(t).Verify([]txn.Presented{{Row: r}}, out))
	return out[0]
}

// TestTears breaks a purchase at every place: every write of the card's memory in every
// way, every answer of the card lost and every command unheard, every step of the
// module lost on either way, every write of its memory. What the machine says of the payment is never wrong; the
// card comes back, and the fare is paid exactly once, whatever happened.
func TestTears(t *testing.T) {
	for _, p := range purchases {
		for _, tac := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, TAC key %v", p.name, tac), func(t *testing.T) {
				w := wants{amount: p.amount, compound: p.compound, mark: 0x5A}
				fresh := func() (*stage, string) {
					s := stageWith(t, func(spec *psam.Spec) {
						if !tac {
							withoutTAC(spec)
						}
					})
					s.issue("card", p.profile, 5000, nil)
					return s, "card"
				}
				s, name := fresh()
				whole := s.tap(s.cards[name], w)
				if whole.out.Result != kernel.Approved {
					t.Fatalf("the whole purchase: %v, %v", whole.out.Result, whole.out.Fault)
				}
				seen := map[string]int{}
				broken := func(f fault) {
					s, name := fresh()
					w := w
					w.fault = f
					seen[recovered(t, s, s.cards[name], w)]++
				}
				for n := 1; n <= whole.commands; n++ {
					broken(fault{lost: n})
					broken(fault{unheard: n})
				}
				for n := 1; n <= whole.steps; n++ {
					broken(fault{samLost: n})
					broken(fault{samCut: n})
				}
				for n := 1; n <= whole.writes; n++ {
					for _, how := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
						broken(fault{cut: n, tear: how})
					}
				}
				for n := 1; n <= whole.samWrites; n++ {
					for _, how := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
						broken(fault{samWrite: n, tear: how})
					}
				}
				t.Log(seen)
				if whole.samWrites < 4 || seen["proved"] == 0 || seen["not paid"] == 0 || seen["anew"] == 0 {
					t.Errorf("ends: %v", seen)
				}
				if tac && seen["not verified"] > 0 {
					t.Error("a doubt is left where there is a proof")
				}
			})
		}
	}
}

// withoutTAC takes the keys for TACs out of a module.
func withoutTAC(spec *psam.Spec) {
	for i := range spec.Applications {
		d := &spec.Applications[i]
		kept := d.Keys[:0:0]
		for _, k := range d.Keys {
			if d.ID != 0x8011 && d.ID != 0x1001 || k.Type != psam.TypeMAC {
				kept = append(kept, k)
			}
		}
		d.Keys = kept
	}
}

// recovered taps with a fault, brings the card back, and says how it ended; every claim
// of the machine is compared with the chip.
func recovered(t *testing.T, s *stage, x *player, w wants) string {
	t.Helper()
	begin := x.state()
	r := s.tap(x, w)
	paid := x.state().Offline == begin.Offline+1
	say := fmt.Sprintf("%+v", w.fault)
	if (begin.Balance-x.state().Balance == uint32(w.amount)) != paid && w.amount > 0 || w.compound && (x.mark(t) == w.mark) != paid {
		t.Fatalf("%s: balance, number and record of the card do not agree", say)
	}
	switch out := r.out; {
	case out.Result == kernel.Approved:
		if !paid || out.Commit != kernel.Committed {
			t.Fatalf("%s: approved, and the card has not paid", say)
		}
		if got := verdict(t, row(t, kindOf(w), txn.LastRecordRead|txn.ODAVerified, out.Data)); got != txn.Cleared {
			t.Fatalf("%s: the row is %s", say, got)
		}
		return "approved"
	case out.Commit == kernel.Committed:
		t.Fatalf("%s: %v and committed", say, out.Result)
	case out.Commit == kernel.NotCommitted:
		if paid {
			t.Fatalf("%s: the card has paid: %v", say, out.Fault)
		}
		w.fault = fault{}
		if again := s.tap(x, w); again.out.Result != kernel.Approved || x.state().Offline != begin.Offline+1 {
			t.Fatalf("%s: the second tap: %v, %v", say, again.out.Result, again.out.Fault)
		}
		return "anew"
	case out.Reason != txn.LastAnswerLost:
		t.Fatalf("%s: in doubt for %v", say, out.Reason)
	}
	// The terminal may lose its power while the tap waits.
	torn, err := purse.DecodeData(r.out.Data.Append(nil))
	check(t, err)
	if torn != *r.out.Data {
		t.Fatalf("%s: the torn purchase comes back as another one", say)
	}
	row(t, txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost), &torn)
	w.fault, w.prove, w.again = fault{}, &torn, true
	back := s.tap(x, w)
	now := x.state()
	if now.Offline != begin.Offline+1 && back.probe.Verdict != purse.Unverified {
		t.Fatalf("%s: after the recovery the card's number has gone up by %d", say, now.Offline-begin.Offline)
	}
	if r := row(t, kindOf(w), txn.ClosedByProve, back.probe.Data); paid && verdict(t, r) != txn.Cleared {
		t.Fatalf("%s: the row of the proof is %s", say, verdict(t, r))
	}
	switch v := back.probe.Verdict; {
	case v == purse.Paid && paid:
		return "proved"
	case v == purse.NotPaid && !paid && back.out.Result == kernel.Approved:
		return "not paid"
	case v == purse.Unverified && paid:
		return "not verified"
	default:
		t.Fatalf("%s: the card has paid: %v; the machine says %v, %v", say, paid, v, back.probe.Fault)
	}
	return ""
}

func kindOf(w wants) txn.Kind {
	if w.amount == 0 {
		return txn.Entry
	}
	if w.compound {
		return txn.Exit
	}
	return txn.Purchase
}

// TestTornProof breaks the recovery itself at every place; the card comes back once more
// and the fare is still paid once.
func TestTornProof(t *testing.T) {
	for _, last := range []fault{{lost: 7}, {unheard: 7}} { // DEBIT of an exit
		for n := 1; n <= 12; n++ {
			for _, f := range []fault{{lost: n}, {unheard: n}, {samLost: n}, {samCut: n}} {
				s := newStage(t)
				x := s.issue("card", "dev-tunion", 5000, nil)
				w := wants{amount: 400, compound: true, mark: 7, fault: last}
				torn := *s.tap(x, w).out.Data
				w.fault, w.prove, w.again = f, &torn, true
				mid := s.tap(x, w)
				w.fault = fault{}
				if mid.out != nil && mid.out.Commit == kernel.CommitUnknown {
					// The second purchase is torn now; the first was not paid.
					torn = *mid.out.Data
				}
				w.prove = &torn
				settled := mid.probe != nil && mid.probe.Verdict == purse.Paid || mid.out != nil && mid.out.Result == kernel.Approved
				if !settled {
					if mid.out != nil && mid.out.Commit == kernel.NotCommitted && mid.probe != nil && mid.probe.Verdict == purse.NotPaid {
						w.prove = nil
					}
					end := s.tap(x, w)
					if !(end.probe != nil && end.probe.Verdict == purse.Paid || end.out != nil && end.out.Result == kernel.Approved) {
						t.Fatalf("%+v then %+v: %+v", last, f, end)
					}
				}
				if x.state().Offline != 1 || x.state().Balance != 4600 {
					t.Fatalf("%+v then %+v: the card has %d fen, number %d", last, f, x.state().Balance, x.state().Offline)
				}
			}
		}
	}
}

// TestProofOfAnother: between the torn purchase and the recovery the card was used
// elsewhere. One other purchase under the torn number shows that it was not paid; more
// show nothing.
func TestProofOfAnother(t *testing.T) {
	for _, c := range []struct {
		paid     bool
		others   int
		compound bool // of the others
		want     purse.Verdict
	}{
		{false, 0, false, purse.NotPaid}, {false, 1, false, purse.NotPaid}, {false, 1, true, purse.Unclear}, {false, 2, false, purse.Unclear},
		{true, 0, false, purse.Paid}, {true, 1, false, purse.Unclear}, {true, 1, true, purse.Unclear},
	} {
		s := newStage(t)
		x := s.issue("card", "dev-tunion", 5000, nil)
		w := wants{amount: 400, compound: true, fault: fault{unheard: 7}}
		if c.paid {
			w.fault = fault{lost: 7}
		}
		torn := *s.tap(x, w).out.Data
		for range c.others {
			if out := s.tap(x, wants{amount: 100, compound: c.compound}).out; out.Result != kernel.Approved {
				t.Fatal(out.Fault)
			}
		}
		p := s.tap(x, wants{prove: &torn}).probe
		if p.Verdict != c.want {
			t.Errorf("paid %v, %d others: %v, want %v", c.paid, c.others, p.Verdict, c.want)
		}
		if p.Verdict != purse.Paid && p.Data.TAC != (epurse.MAC{}) {
			t.Errorf("paid %v, %d others: the torn purchase has a TAC of another", c.paid, c.others)
		}
	}
	s := newStage(t)
	a, b := s.issue("a", "dev-tunion", 5000, nil), s.issue("b", "dev-cityunion", 5000, nil)
	torn := *s.tap(a, wants{amount: 400, compound: true, fault: fault{lost: 7}}).out.Data
	for name, x := range map[string]*player{"another network": b, "the same network": s.issueNumber("c", "dev-tunion", 1, 5000, nil)} {
		if r := s.tap(x, wants{amount: 400, compound: true, prove: &torn, again: true}); r.probe.Verdict != purse.OtherCard || r.out.Result != kernel.Approved {
			t.Errorf("a card of %s: %v, %v", name, r.probe.Verdict, r.out)
		}
	}
}

// TestModuleUsedSince: other riders have tapped between tear and recovery, so that the
// module has closed the purchase. The TAC proves it all the same.
func TestModuleUsedSince(t *testing.T) {
	for _, tac := range []bool{true, false} {
		s := stageWith(t, func(spec *psam.Spec) {
			if !tac {
				withoutTAC(spec)
			}
		})
		x, y := s.issue("x", "dev-tunion", 5000, nil), s.issue("y", "dev-cityunion", 5000, nil)
		torn := *s.tap(x, wants{amount: 400, compound: true, fault: fault{lost: 7}}).out.Data
		if s.tap(y, wants{amount: 300, compound: true}).out.Result != kernel.Approved {
			t.Fatal("the other rider")
		}
		want := purse.Paid
		if !tac {
			want = purse.Unverified
		}
		p := s.tap(x, wants{prove: &torn}).probe
		if p.Verdict != want || !p.Data.Answered || verdict(t, row(t, txn.Exit, txn.ClosedByProve, p.Data)) != txn.Cleared {
			t.Errorf("TAC key %v: %v", tac, p.Verdict)
		}
	}
}

// TestForgedProof: a card that is not genuine proves nothing, and MAC2 that is not its
// own is not taken while the module can judge it. The module is not locked by it.
func TestForgedProof(t *testing.T) {
	for name, change := range map[string]func(b []byte){
		"TAC": func(b []byte) { b[4] ^= 1 }, "MAC2": func(b []byte) { b[0] ^= 1 }, "both": func(b []byte) { b[0], b[7] = b[0]^1, b[7]^1 },
	} {
		s := newStage(t)
		x := s.issue("card", "dev-tunion", 5000, nil)
		torn := *s.tap(x, wants{amount: 400, compound: true, fault: fault{lost: 7}}).out.Data
		for range 4 {
			p := s.tap(x, wants{prove: &torn, change: func(_ int, command, answer []byte) []byte {
				if command[1] == 0x5A {
					change(answer)
				}
				return answer
			}}).probe
			if name == "MAC2" && p.Verdict == purse.Paid {
				break // the second time the module has closed the purchase
			}
			if p.Verdict != purse.Unclear || p.Fault.Code != purse.NotGenuine || p.Data.Answered || p.Data.TAC != (epurse.MAC{}) {
				t.Fatalf("%s: %v, %v", name, p.Verdict, p.Fault)
			}
		}
		if p := s.tap(x, wants{prove: &torn}).probe; p.Verdict != purse.Paid {
			t.Errorf("%s: the genuine proof afterwards: %v, %v", name, p.Verdict, p.Fault)
		}
		if out := s.tap(x, wants{amount: 100}).out; out.Result != kernel.Approved {
			t.Errorf("%s: the module is locked: %v", name, out.Fault)
		}
	}
}

// A card that gives wrong codes at DEBIT is in doubt for ever, opens nothing, and does not
// lock the module that has the key for the TAC.
func TestForgedDebit(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	for at := range 8 {
		out := s.tap(x, wants{amount: 100, change: func(_ int, command, answer []byte) []byte {
			if command[1] == 0x54 {
				answer[at] ^= 1
			}
			return answer
		}}).out
		if out.Result != kernel.Failed || out.Commit != kernel.CommitUnknown || out.Reason != txn.ODAFailed || out.Fault.Code != purse.NotGenuine {
			t.Fatalf("byte %d: %v, %v, %v", at, out.Result, out.Commit, out.Fault)
		}
		if r := row(t, txn.Doubt, txn.Flags(0).WithReason(out.Reason), out.Data); verdict(t, r) != txn.BadCryptogram {
			t.Errorf("byte %d: the doubt row is %s", at, verdict(t, r))
		}
		if at >= 4 { // a wrong MAC2 counts, so a right purchase must come between
			if s.tap(x, wants{amount: 1}).out.Result != kernel.Approved {
				t.Fatal("the module is locked")
			}
		}
	}
	if s.tap(x, wants{amount: 100}).out.Result != kernel.Approved || !s.sam.Supports(sam.TUnion) {
		t.Error("the module is locked")
	}
}
