package topup_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/issuer/topup"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

const (
	at     int64 = 1_795_147_200 // 2026-11-20 12:00 at UTC+8
	window int64 = 20 * 86400
)

func load(s authorise.State, more ...func(*authorise.Decision)) *authorise.Decision {
	d := &authorise.Decision{Kind: txn.OnlineLoad, State: s, Before: 100, After: 5100, Time: at}
	for _, f := range more {
		f(d)
	}
	return d
}

func unload(d *authorise.Decision) { d.Kind, d.Before, d.After = txn.OnlineUnload, 5000, 0 }
func shown(d *authorise.Decision)  { d.Shown = true }
func told(d *authorise.Decision)   { d.Told = true }

// TestWords: what is told for everything that host and timeline can know.
func TestWords(t *testing.T) {
	proof := func(p topup.Proof) topup.Proof { p.Later = true; return p }
	final := at + window
	for _, c := range []struct {
		name  string
		d     *authorise.Decision
		p     topup.Proof
		now   int64
		word  topup.Word
		why   topup.Why
		sum   money.Fen
		until int64

		advanced bool
	}{
		{"approved, nothing heard", load(authorise.Agreed), topup.Proof{}, at + 60, topup.Checking, topup.AwaitsCard, 5000, at + 60 + window, false},
		{"approved, the host's clock is behind", load(authorise.Agreed), topup.Proof{}, at - 60, topup.Checking, topup.AwaitsCard, 5000, at + window, false},
		{"in doubt", load(authorise.Doubtful), topup.Proof{}, at, topup.Checking, topup.AwaitsCard, 5000, at + window, false},
		{"the terminal says that it ran", load(authorise.Agreed, told), topup.Proof{}, at, topup.Done, topup.TerminalTold, 5000, 0, false},
		{"the terminal has taken it back", load(authorise.Undone), topup.Proof{}, at, topup.Back, topup.TerminalUndid, 5000, 0, true},
		{"taken back after the card was seen", load(authorise.Undone), proof(topup.Proof{Final: final}), at, topup.Checking, topup.AwaitsRows, 5000, final, false},
		{"unload called done", load(authorise.Agreed, unload, told), topup.Proof{}, at, topup.Done, topup.TerminalTold, 5000, 0, true},
		{"unload called done after the card was seen", load(authorise.Agreed, unload, told), proof(topup.Proof{Final: final}), at, topup.Checking, topup.AwaitsRows, 5000, final, false},
		{"taken back before it came", &authorise.Decision{Kind: txn.OnlineLoad, State: authorise.Undone}, topup.Proof{}, at, topup.Back, topup.NeverCame, 0, 0, false},
		{"the card has shown it to the host", load(authorise.Confirmed, shown), topup.Proof{}, at, topup.Done, topup.CardShowed, 5000, 0, false},
		{"shown not to have run, refunded", load(authorise.Undone, shown), proof(topup.Proof{Ran: topup.No, Settled: true}), at, topup.Back, topup.CardShowed, 5000, 0, false},
		{"a row shows that it ran", load(authorise.Doubtful), proof(topup.Proof{Ran: topup.Yes}), at, topup.Done, topup.CardShowed, 5000, 0, false},
		{"the balance is believed above the terminal", load(authorise.Undone), proof(topup.Proof{Ran: topup.Yes}), at, topup.Done, topup.CardShowed, 5000, 0, false},
		{"and above its notice", load(authorise.Agreed, told), proof(topup.Proof{Ran: topup.No, Settled: true}), at, topup.Back, topup.CardShowed, 5000, 0, false},
		{"not run, the card is stopped", load(authorise.Agreed), proof(topup.Proof{Ran: topup.No, Frozen: true}), at, topup.Checking, topup.AwaitsRelease, 5000, 0, false},
		{"not run, a second person", load(authorise.Agreed), proof(topup.Proof{Ran: topup.No, Waits: true}), at, topup.Checking, topup.AwaitsPerson, 5000, 0, false},
		{"not run, not paid yet", load(authorise.Agreed), proof(topup.Proof{Ran: topup.No}), at, topup.Checking, topup.AwaitsTransfer, 5000, 0, false},
		{"open, rows may come", load(authorise.Agreed), proof(topup.Proof{Final: final}), at, topup.Checking, topup.AwaitsRows, 5000, final, false},
		{"open, window over, not paid yet", load(authorise.Agreed), proof(topup.Proof{Final: final}), final, topup.Checking, topup.AwaitsTransfer, 5000, 0, false},
		{"open, window over, a second person", load(authorise.Agreed), proof(topup.Proof{Final: final, Waits: true}), final, topup.Checking, topup.AwaitsPerson, 5000, 0, false},
		{"open, window over, the card is stopped", load(authorise.Agreed), proof(topup.Proof{Final: final, Frozen: true}), final, topup.Checking, topup.AwaitsRelease, 5000, 0, false},
		{"open, the card is stopped for what it says", load(authorise.Agreed), proof(topup.Proof{Frozen: true}), at, topup.Checking, topup.AwaitsRelease, 5000, 0, false},
		{"called done, and the card's next balance does not prove it", load(authorise.Agreed, told), proof(topup.Proof{Final: final}), at, topup.Checking, topup.AwaitsRows, 5000, final, false},
		{"unload, window over, total given back", load(authorise.Agreed, unload), proof(topup.Proof{Final: final, Settled: true, Total: 5000}), final, topup.Done, topup.WindowOver, 5000, 0, false},
		{"open, window over, total given back", load(authorise.Agreed), proof(topup.Proof{Final: final, Settled: true, Total: 700}), final, topup.Back, topup.WindowOver, 700, 0, false},
		{"open, window over, nothing lacks", load(authorise.Agreed), proof(topup.Proof{Final: final, Settled: true}), final, topup.Done, topup.WindowOver, 0, 0, false},
		{"unload that ran", load(authorise.Confirmed, unload, shown), proof(topup.Proof{Ran: topup.Yes, Settled: true}), at, topup.Done, topup.CardShowed, 5000, 0, false},
		{"unload that ran, not credited yet", load(authorise.Confirmed, unload, shown), proof(topup.Proof{Ran: topup.Yes}), at, topup.Checking, topup.AwaitsTransfer, 5000, 0, false},
		{"unload that did not run", load(authorise.Undone, unload, shown), proof(topup.Proof{Ran: topup.No}), at, topup.Back, topup.CardShowed, 5000, 0, false},
		{"unload that ran by the host's own ears", load(authorise.Confirmed, unload, shown), topup.Proof{Settled: true}, at, topup.Done, topup.CardShowed, 5000, 0, false},
	} {
		a, ok := topup.Tell(&topup.Case{Decision: c.d, Proof: c.p, Advanced: c.advanced, Now: c.now, Window: window})
		if !ok || a.Word != c.word || a.Why != c.why || a.Amount != c.sum || a.Until != c.until {
			t.Errorf("%s: %v %v, %v, until %d; want %v %v, %v, until %d", c.name, a.Word, a.Why, a.Amount, a.Until, c.word, c.why, c.sum, c.until)
		}
	}
	for _, d := range []*authorise.Decision{load(authorise.Refused), {Kind: txn.OnlinePurchase, State: authorise.Agreed}} {
		if a, ok := topup.Tell(&topup.Case{Decision: d}); ok {
			t.Errorf("%v in state %d has the word %v", d.Kind, d.State, a.Word)
		}
	}
}

// TestEveryWordHasItsText in both languages, without a gap, and no invalid number has one.
func TestEveryWordHasItsText(t *testing.T) {
	seen := map[string]bool{}
	for w := topup.Done; w <= topup.Checking; w++ {
		for _, kind := range []txn.OnlineKind{txn.OnlineLoad, txn.OnlineUnload} {
			for _, lang := range []string{"en", "zh"} {
				a := topup.Answer{Kind: kind, Word: w}
				if s := a.Short(lang); s == "" || seen[fmt.Sprint(kind, lang, s)] {
					t.Errorf("%v %v %s: %q", kind, w, lang, s)
				} else {
					seen[fmt.Sprint(kind, lang, s)] = true
				}
			}
		}
	}
	for y := topup.CardShowed; y.String() != "invalid"; y++ {
		a := topup.Answer{Kind: txn.OnlineLoad, Word: topup.Checking, Why: y, Amount: 5000, Until: at}
		for lang, want := range map[string]string{"en": "2026-11-20 at the latest", "zh": "最迟2026-11-20"} {
			s := a.Text(lang)
			if y == topup.AwaitsCard {
				want = "2026-11-20"
			}
			if !strings.Contains(s, want) || !strings.Contains(s, "50.00") || strings.Contains(s, "; ;") {
				t.Errorf("%v: %q", y, s)
			}
		}
	}
	if topup.Word(0).String() != "invalid" || topup.Word(9).String() != "invalid" || topup.Why(0).String() != "invalid" {
		t.Error("a number that is none has a name")
	}
}

// TestWhatNeverCameHasNoAmount: it is not told as a load of 0.00 yuan.
func TestWhatNeverCameHasNoAmount(t *testing.T) {
	a, ok := topup.Tell(&topup.Case{Decision: &authorise.Decision{Kind: txn.OnlineLoad, State: authorise.Undone}})
	for _, lang := range []string{"en", "zh"} {
		if s := a.Text(lang); !ok || strings.Contains(s, "0.00") || !strings.HasPrefix(s, a.Short(lang)) {
			t.Errorf("%s: %q", lang, s)
		}
	}
}

// What the rider is told the day after a load whose answer was lost.
func ExampleTell() {
	d := &authorise.Decision{Kind: txn.OnlineLoad, State: authorise.Agreed, Before: 2_000, After: 12_000, Time: at}
	c := topup.Case{Decision: d, Now: at + 86400, Window: window}
	a, _ := topup.Tell(&c)
	fmt.Println(a.Text("en"))
	c.Proof = topup.Proof{Later: true, Ran: topup.No, Settled: true} // the card has paid 3 yuan at a gate since
	a, _ = topup.Tell(&c)
	fmt.Println(a.Text("zh"))
	// Output:
	// being checked: 100.00 yuan; the next use of the card decides: hold it to any reader; by 2026-12-11 at the latest if it is used today
	// 未到账已退回：100.00元；由卡片自身余额证明
}
