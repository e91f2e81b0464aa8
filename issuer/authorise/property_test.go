package authorise_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Whatever is asked, delivered, lost, repeated and reversed, also against the truth:
// once the card has asked again, account, electronic cash and what was paid are together
// what they were. Where the issuer does not hear of each counter, it may keep money that
// is in doubt, and gives none away.
func TestNoMoneyIsMadeOrLost(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, "dev-3des", card.Contact)
		total := w.book.card.Available + w.balance()
		var paid money.Fen
		gaps := rapid.Bool().Draw(r, "gaps")
		skip := func() {
			if gaps && rapid.Bool().Draw(r, "gap") {
				w.again()
				noError(t, w.Start(100, 0))
			}
		}
		for range rapid.IntRange(1, 8).Draw(r, "requests") {
			kind := rapid.SampledFrom([]txn.OnlineKind{txn.OnlinePurchase, txn.OnlineLoad, txn.OnlineUnload, txn.OnlineInquiry}).Draw(r, "kind")
			amount := money.Fen(rapid.IntRange(1, 60_000).Draw(r, "amount"))
			transaction := byte(0)
			switch kind {
			case txn.OnlineLoad:
				transaction = 0x60
			case txn.OnlineUnload, txn.OnlineInquiry:
				amount = 0
			}
			skip()
			w.again()
			q := w.arqc(kind, amount, transaction)
			a, _, err := w.issuer.Authorise(&q)
			noError(t, err)
			if rapid.Bool().Draw(r, "repeated") {
				if b, _, err := w.issuer.Authorise(&q); err != nil || string(b.ICC) != string(a.ICC) {
					r.Fatalf("the repeat was answered otherwise: %v", err)
				}
			}
			delivered := a.Approved() && rapid.Bool().Draw(r, "delivered")
			if delivered {
				if _, err = w.Authenticate(a.ICC); err == nil {
					_, err = w.Generate(0x40, "00")
				}
				noError(t, err)
				_, err = w.Scripts(a.ICC, tlv.TagIssuerScript2)
				noError(t, err)
			}
			if a.Approved() && kind == txn.OnlinePurchase {
				paid += amount
			}
			lie := delivered && !gaps && kind != txn.OnlinePurchase && rapid.Bool().Draw(r, "lie")
			if a.Approved() && (!delivered || lie) && rapid.Bool().Draw(r, "reversed") {
				noError(t, w.issuer.Reverse(&q, authorise.CardGone, nil))
				if kind == txn.OnlinePurchase {
					paid -= amount
				}
			} else if a.Approved() && kind != txn.OnlinePurchase && rapid.Bool().Draw(r, "doubtful") {
				noError(t, w.issuer.Reverse(&q, authorise.ScriptUnknown, nil))
			} else if moves := kind == txn.OnlineLoad || kind == txn.OnlineUnload; a.Approved() && moves && (delivered || !gaps) && rapid.Bool().Draw(r, "advised") {
				// without gaps a lie costs nothing: the next request shows the truth
				noError(t, w.issuer.Advise(&q, performed(q)))
			}
		}
		skip()
		w.again()
		q := w.arqc(txn.OnlineInquiry, 0, 0)
		if _, _, err := w.issuer.Authorise(&q); err != nil {
			r.Fatal(err)
		}
		if got := w.book.card.Available + w.balance() + paid; got > total || got < total && !gaps {
			r.Fatalf("account %v, card %v, paid %v: together %v, want %v", w.book.card.Available, w.balance(), paid, got, total)
		}
	})
}

func BenchmarkAuthorise(b *testing.B) {
	w := newWorld(b, "dev-3des", card.Contact)
	q := w.arqc(txn.OnlineLoad, 20_000, 0x60)
	fresh := w.book.card
	b.ReportAllocs()
	for b.Loop() {
		w.book.card, w.book.decisions = fresh, map[authorise.Number]authorise.Decision{}
		if a, _, err := w.issuer.Authorise(&q); err != nil || !a.Approved() {
			b.Fatal(err)
		}
	}
}
