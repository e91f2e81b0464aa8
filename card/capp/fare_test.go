package capp_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/money"
)

// TestWorkedNumbers are the numbers of a public card test of pre-authorisation: 100000,
// held 60000, a fare of 80000 beside it, completion with 30000.
func TestWorkedNumbers(t *testing.T) {
	p := capp.Purse{Balance: 100000, Deposit: 50000}
	step := func(name string, ok bool, balance, used, held money.Fen) {
		t.Helper()
		if !ok || p.Balance != balance || p.Used != used || p.Held() != held {
			t.Fatalf("%s: %v, %+v", name, ok, p)
		}
	}
	step("hold", p.Hold(0x15, 1, 60000), 40000, 0, 60000)
	step("fare", p.Pay(80000), 0, 40000, 60000)
	step("complete", p.Complete(0x15, 1, 30000), 0, 10000, 0)
	p.Load(4000)
	step("small load", true, 0, 6000, 0)
	p.Load(20000)
	step("load", true, 14000, 0, 0)
}

// naive keeps one number: what the holder has, deposit included.
type naive struct {
	worth, deposit money.Fen
	holds          map[uint16]money.Fen
}

// TestPurseProperty: whatever is done, what a holder has changes by what was paid and
// loaded only, no part is negative, and used deposit and balance never stand together.
func TestPurseProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := capp.Purse{Balance: money.Fen(rapid.IntRange(0, 5000).Draw(t, "balance")), Deposit: money.Fen(rapid.IntRange(0, 2000).Draw(t, "deposit"))}
		n := naive{p.Balance, p.Deposit, map[uint16]money.Fen{}}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			amount := money.Fen(rapid.IntRange(0, 3000).Draw(t, "amount"))
			id := uint16(rapid.IntRange(1, 5).Draw(t, "id"))
			held, open := n.holds[id]
			before := p
			var got, want bool
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				got, want = p.Pay(amount), amount <= n.worth+n.deposit
				if want {
					n.worth -= amount
				}
			case 1:
				got, want = p.Hold(0x15, id, amount), !open && len(n.holds) < capp.MaxHolds && amount <= max(0, n.worth)
				if want {
					n.worth -= amount
					n.holds[id] = amount
				}
			case 2:
				got, want = p.Complete(0x15, id, amount), open && amount-held <= n.worth+n.deposit
				if want {
					n.worth += held - amount
					delete(n.holds, id)
				}
			default:
				// The value becomes the balance, less the deposit used.
				p.Load(amount)
				n.worth = amount + min(0, n.worth)
				got, want = true, true
			}
			if got != want || !got && p != before {
				t.Fatalf("%v, want %v: %+v after %+v", got, want, p, before)
			}
			if p.Balance-p.Used != n.worth || p.Balance < 0 || p.Used < 0 || p.Used > p.Deposit || p.Used > 0 && p.Balance > 0 {
				t.Fatalf("%+v, worth %d", p, n.worth)
			}
		}
	})
}
