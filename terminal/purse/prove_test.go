package purse_test

import (
	"fmt"
	"testing"

	"github.com/citycard/citycard/card/psam"
	cardpurse "github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/txn"
)

// TestNumberOfTheProof: cards name a purchase in GET TRANSACTION PROVE by the number
// before or after it, and a terminal that is set to the wrong one still never says of a
// purchase that was paid that it was not.
func TestNumberOfTheProof(t *testing.T) {
	for _, card := range []bool{false, true} {
		for _, set := range []bool{false, true} {
			for _, tac := range []bool{false, true} {
				for _, paid := range []bool{false, true} {
					for _, since := range []string{"", "plain", "compound"} {
						say := fmt.Sprintf("card names by the number before %v, set %v, TAC key %v, paid %v, since %q", card, set, tac, paid, since)
						s := stageWith(t, func(spec *psam.Spec) {
							if !tac {
								withoutTAC(spec)
							}
						})
						s.install(purse.Config{Module: s.sam, ProofBefore: set})
						x := s.issue("card", "dev-tunion", 5000, func(spec *cardpurse.Spec) { spec.ProofBefore = card })
						if s.tap(x, wants{amount: 100, compound: true}).out.Result != kernel.Approved {
							t.Fatal("the purchase before")
						}
						w := wants{amount: 400, compound: true, fault: fault{unheard: 7}}
						if paid {
							w.fault = fault{lost: 7}
						}
						torn := *s.tap(x, w).out.Data
						if since != "" && newStage(t).tap(x, wants{amount: 50, compound: since == "compound"}).out.Result != kernel.Approved {
							t.Fatal("the purchase since")
						}
						p := s.tap(x, wants{prove: &torn}).probe
						switch {
						case p.Verdict == purse.NotPaid && paid, p.Verdict == purse.Paid && !paid:
							t.Errorf("%s: %v", say, p.Verdict)
						case p.Verdict == purse.Paid && verdict(t, row(t, txn.Exit, txn.ClosedByProve, p.Data)) != txn.Cleared:
							t.Errorf("%s: the issuer does not take the row", say)
						case since == "" && paid && tac && p.Verdict != purse.Paid:
							t.Errorf("%s: %v, %v", say, p.Verdict, p.Fault)
						case since != "compound" && card == set && !paid && p.Verdict != purse.NotPaid:
							t.Errorf("%s: %v, %v", say, p.Verdict, p.Fault)
						case since == "" && paid && !tac && card != set && (p.Verdict != purse.Unclear || p.Fault.Code != purse.NoKey):
							t.Errorf("%s: %v, %v: MAC2 of what may be another purchase was tried", say, p.Verdict, p.Fault)
						case p.Verdict == purse.Unclear && p.Data.Answered:
							t.Errorf("%s: unclear, and answered", say)
						}
					}
				}
			}
		}
	}
}

// A card that is turned away before Trade has a row that can be written.
func TestRowOfARefusedCard(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	s.now = 2300000000
	out := s.tap(x, wants{}).out
	if out.Reason != txn.Expired {
		t.Fatalf("%v", out.Fault)
	}
	if v := verdict(t, row(t, txn.Declined, txn.Flags(0).WithReason(out.Reason), out.Data)); v != txn.Cleared {
		t.Errorf("the row is %s", v)
	}
}

// A genuine TAC is proof though the module fails when MAC2 is handed to it.
func TestProofWithoutMAC2(t *testing.T) {
	for _, f := range []fault{{samLost: 3}, {samCut: 3}} {
		s := newStage(t)
		x := s.issue("card", "dev-tunion", 5000, nil)
		torn := *s.tap(x, wants{amount: 400, compound: true, fault: fault{lost: 7}}).out.Data
		last := byte(0)
		p := s.tap(x, wants{prove: &torn, fault: f, log: func(who string, command, _ []byte) {
			if who != "" {
				last = command[1]
			}
		}}).probe
		if last != 0x72 || p.Verdict != purse.Paid || !p.Data.Answered || s.sam.Ready() {
			t.Errorf("%+v: %v, %v, last command %02X", f, p.Verdict, p.Fault, last)
		}
	}
}
