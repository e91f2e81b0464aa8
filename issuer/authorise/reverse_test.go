package authorise_test

import (
	"errors"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// result is DF31 for the script of a load at counter 1.
func result(outcome byte) []byte {
	return tlv.Append(nil, tlv.TagIssuerScriptResult, []byte{outcome << 4, 0x9F, 0x79, 0, 1})
}

func TestReversals(t *testing.T) {
	const opening = money.Fen(100_000)
	for _, c := range []struct {
		name    string
		kind    txn.OnlineKind
		type9C  byte
		why     authorise.Reason
		icc     []byte
		state   authorise.State
		moved   money.Fen // what is missing from the account afterwards
		refused bool
	}{
		{"a purchase that the card declined", txn.OnlinePurchase, 0, authorise.CardRefusedLate, nil, authorise.Undone, 0, false},
		{"a purchase whose answer was lost", txn.OnlinePurchase, 0, authorise.AnswerLost, nil, authorise.Undone, 0, false},
		{"a load that the card left before its script", txn.OnlineLoad, 0x60, authorise.CardGone, nil, authorise.Undone, 0, false},
		{"a load whose answer was lost", txn.OnlineLoad, 0x60, authorise.AnswerLost, nil, authorise.Undone, 0, false},
		{"a load whose script failed", txn.OnlineLoad, 0x60, authorise.CardRefusedLate, result(1), authorise.Undone, 0, false},
		{"a load whose script was not sent", txn.OnlineLoad, 0x60, authorise.ScriptUnknown, result(0), authorise.Undone, 0, false},
		{"a load that was carried out", txn.OnlineLoad, 0x60, authorise.CardRefusedLate, result(2), authorise.Agreed, 100, true},
		{"a load of which nobody knows", txn.OnlineLoad, 0x60, authorise.ScriptUnknown, nil, authorise.Doubtful, 100, false},
		{"a load with another script's result", txn.OnlineLoad, 0x60, authorise.CardRefusedLate, tlv.Append(nil, tlv.TagIssuerScriptResult, []byte{0x20, 1, 2, 3, 4}), authorise.Doubtful, 100, false},
		{"an unload of which nobody knows", txn.OnlineUnload, 0, authorise.ScriptUnknown, nil, authorise.Doubtful, 0, false},
		{"an unload that was carried out", txn.OnlineUnload, 0, authorise.ScriptUnknown, result(2), authorise.Agreed, -100_000, true},
		{"an unload that the card refused", txn.OnlineUnload, 0, authorise.CardRefusedLate, result(1), authorise.Undone, 0, false},
		{"a load whose command was not answered", txn.OnlineLoad, 0x60, authorise.ScriptUnknown, result(1), authorise.Doubtful, 100, false},
		{"a load with two results for its script", txn.OnlineLoad, 0x60, authorise.CardRefusedLate,
			tlv.Append(nil, tlv.TagIssuerScriptResult, []byte{0x10, 0x9F, 0x79, 0, 1, 0x20, 0x9F, 0x79, 0, 1}), authorise.Agreed, 100, true},
		{"no reason", txn.OnlinePurchase, 0, 0, nil, authorise.Agreed, 100, true},
		{"results of four bytes", txn.OnlinePurchase, 0, authorise.CardGone, tlv.Append(nil, tlv.TagIssuerScriptResult, []byte{0x20, 0, 0, 0}), authorise.Agreed, 100, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "dev-3des", card.Contact)
			amount := money.Fen(100)
			if c.kind == txn.OnlineUnload {
				amount = 0
			}
			q := w.arqc(c.kind, amount, c.type9C)
			w.ask(q, "00")
			for range 2 { // a reversal may come twice
				if err := w.issuer.Reverse(&q, c.why, c.icc); errors.Is(err, authorise.ErrRefused) != c.refused || (err != nil) != c.refused {
					t.Fatalf("reversal: %v, want refused: %v", err, c.refused)
				}
			}
			d := w.book.decisions[authorise.Number{Counter: true, ATC: 1}]
			if d.State != c.state || w.book.card.Available != opening-c.moved {
				t.Errorf("state %d and account %v, want %d and %v", d.State, w.book.card.Available, c.state, opening-c.moved)
			}
			other := q
			other.Sequence++
			if err := w.issuer.Reverse(&other, authorise.CardGone, nil); !errors.Is(err, authorise.ErrRefused) {
				t.Errorf("reversal of another request: %v", err)
			}
		})
	}
}

func TestARequestThatComesAfterItsReversalIsRefused(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contact)
	q := w.arqc(txn.OnlinePurchase, 100, 0)
	forged := q
	forged.ICC = replaced(q.ICC, tlv.TagAC, make([]byte, 8))
	noError(t, w.issuer.Reverse(&forged, authorise.AnswerLost, nil))
	if w.book.stores != 0 {
		t.Fatal("a forged reversal was kept")
	}
	noError(t, w.issuer.Reverse(&q, authorise.AnswerLost, nil))
	w.ask(q, "12")
	if w.book.card.Available != 100_000 {
		t.Errorf("account %v", w.book.card.Available)
	}
	w.again()
	w.ask(w.arqc(txn.OnlinePurchase, 100, 0), "00")
}

// A terminal must not keep a PIN block, so its reversal comes without.
func TestAReversalNeedsNoPINBlock(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contact)
	w.book.pin = authorise.PINRight
	q := w.arqc(txn.OnlinePurchase, 100, 0)
	bare := q
	q.HasPIN, q.PINBlock = true, [8]byte{1}
	w.ask(q, "00")
	w.ask(q, "00")
	w.ask(bare, "94") // but for a repeat it counts
	noError(t, w.issuer.Reverse(&bare, authorise.CardGone, nil))
	if w.book.card.Available != 100_000 {
		t.Errorf("account %v after the reversal", w.book.card.Available)
	}
	w.ask(q, "12")
	w.again()
	q = w.arqc(txn.OnlinePurchase, 100, 0)
	noError(t, w.issuer.Reverse(&q, authorise.AnswerLost, nil))
	q.HasPIN = true
	w.ask(q, "12")
	if w.book.card.Available != 100_000 {
		t.Errorf("account %v after a request that was reversed before", w.book.card.Available)
	}
}

// The balance that the card states at the very next counter says whether a load was
// carried out; a later one does not, since purchases may lie between.
func TestTheNextRequestOfTheCardSettlesALoad(t *testing.T) {
	for _, c := range []struct {
		name           string
		deliver, doubt bool
		skip           int // counters between
		state          authorise.State
		account        money.Fen
	}{
		{"carried out", true, true, 0, authorise.Confirmed, 80_000},
		{"not carried out", false, true, 0, authorise.Undone, 100_000},
		{"not carried out, and no reversal came", false, false, 0, authorise.Undone, 100_000},
		{"carried out, and no doubt", true, false, 0, authorise.Confirmed, 80_000},
		{"not carried out, a counter between", false, true, 1, authorise.Doubtful, 80_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "dev-sm", card.Contact)
			w.Values[tlv.TagSMSupport] = []byte{1}
			q := w.arqc(txn.OnlineLoad, 20_000, 0x60)
			a := w.ask(q, "00")
			if c.deliver {
				w.finish(a, 0x40, 0x40, apdu.SWOK)
			}
			if c.doubt {
				noError(t, w.issuer.Reverse(&q, authorise.ScriptUnknown, nil))
			}
			for range c.skip {
				w.again()
				noError(t, w.Start(100, 0))
			}
			w.again()
			w.ask(w.arqc(txn.OnlineInquiry, 0, 0), "00")
			d := w.book.decisions[authorise.Number{Counter: true, ATC: 1}]
			if d.State != c.state || w.book.card.Available != c.account {
				t.Errorf("state %d and account %v, want %d and %v", d.State, w.book.card.Available, c.state, c.account)
			}
			err := w.issuer.Reverse(&q, authorise.CardGone, nil)
			if refused := errors.Is(err, authorise.ErrRefused); refused != (c.state == authorise.Confirmed) {
				t.Errorf("reversal after the card has shown its balance: %v", err)
			}
		})
	}
}
