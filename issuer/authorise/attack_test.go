package authorise_test

import (
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// state is the state of the decision about a counter.
func (w *world) state(atc uint16) authorise.State {
	return w.book.decisions[authorise.Number{Counter: true, ATC: atc}].State
}

// The card's second cryptogram has the same counter and first decision as its ARQC. A
// terminal that never sent that one must not be paid for the other: with a TC the card
// may have paid already.
func TestASecondCryptogramIsNoQuestion(t *testing.T) {
	for name, c := range map[string]struct {
		p1  byte
		arc string
	}{"TC": {0x40, "Y3"}, "AAC": {0x00, "Z3"}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "dev-3des", card.Contact)
			w.arqc(txn.OnlinePurchase, 100, 0)
			_, err := w.Generate(c.p1, c.arc)
			noError(t, err)
			q := w.Request(txn.OnlinePurchase, devKey(), 100)
			for _, cid := range [][]byte{{0x80}, nil} { // no cryptogram covers 9F27
				q.ICC = replaced(q.ICC, tlv.TagCID, cid)
				w.ask(q, "12")
			}
			if w.book.stores != 0 {
				t.Error("it was kept")
			}
		})
	}
}

// A terminal says that the card left before the script of a load, and has sent it: the
// card itself knows better, and what the account got back goes out again.
func TestTheCardContradictsAReversal(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contact)
	q := w.arqc(txn.OnlineLoad, 20_000, 0x60)
	w.finish(w.ask(q, "00"), 0x40, 0x40, apdu.SWOK)
	noError(t, w.issuer.Reverse(&q, authorise.CardGone, nil))
	if w.book.card.Available != 100_000 {
		t.Fatalf("account %v after the reversal", w.book.card.Available)
	}
	w.again()
	a := w.ask(w.arqc(txn.OnlineInquiry, 0, 0), "00")
	if w.state(1) != authorise.Confirmed || a.Available != 80_000 || w.book.card.Available != 80_000 {
		t.Errorf("state %d, account %v, want Confirmed and 800.00", w.state(1), w.book.card.Available)
	}
}

// An unload whose script never reached the card, a counter that the issuer does not
// hear of, and an unload again: the account gets the money once.
func TestNoCardIsUnloadedTwice(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contact)
	held := w.balance()
	first := w.arqc(txn.OnlineUnload, 0, 0)
	w.ask(first, "00")
	w.again()
	noError(t, w.Start(100, 0))
	w.again()
	a := w.ask(w.arqc(txn.OnlineUnload, 0, 0), "00")
	w.finish(a, 0x40, 0x40, apdu.SWOK)
	// What is still on the card was not taken off; the second one is credited when somebody
	// says that it ran.
	if w.state(1) != authorise.Undone || w.book.card.Available != 100_000 || w.balance() != 0 {
		t.Errorf("state %d, account %v, card %v", w.state(1), w.book.card.Available, w.balance())
	}
	noError(t, w.issuer.Reverse(&first, authorise.CardGone, nil))
	w.again()
	w.ask(w.arqc(txn.OnlineInquiry, 0, 0), "00")
	if w.state(1) != authorise.Undone || w.state(3) != authorise.Confirmed || w.book.card.Available != 100_000+held {
		t.Errorf("state %d of the second unload, account %v", w.state(3), w.book.card.Available)
	}
}

// The late reversal of an older load does not make the issuer forget the newer one.
func TestALateReversalDoesNotHideANewerLoad(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contact)
	first := w.arqc(txn.OnlineLoad, 10_000, 0x60)
	w.ask(first, "00")
	w.again()
	noError(t, w.Start(100, 0))
	w.again()
	w.ask(w.arqc(txn.OnlineLoad, 20_000, 0x60), "00")
	noError(t, w.issuer.Reverse(&first, authorise.ScriptUnknown, nil))
	w.again()
	w.ask(w.arqc(txn.OnlineInquiry, 0, 0), "00")
	if w.state(3) != authorise.Undone || w.book.card.Available != 90_000 {
		t.Errorf("state %d of the newer load, account %v, want Undone and 900.00", w.state(3), w.book.card.Available)
	}
	noError(t, w.issuer.Reverse(&first, authorise.CardGone, nil))
	if w.state(1) != authorise.Undone || w.book.card.Available != 100_000 {
		t.Errorf("state %d of the older load, account %v", w.state(1), w.book.card.Available)
	}
}

// A request whose reversal comes first still shows the balance of the card.
func TestAReversedRequestSettlesTheLoadBeforeIt(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contact)
	w.ask(w.arqc(txn.OnlineLoad, 20_000, 0x60), "00")
	w.again()
	q := w.arqc(txn.OnlinePurchase, 100, 0)
	noError(t, w.issuer.Reverse(&q, authorise.AnswerLost, nil))
	if w.state(1) != authorise.Undone || w.state(2) != authorise.Undone || w.book.card.Available != 100_000 {
		t.Errorf("states %d and %d, account %v", w.state(1), w.state(2), w.book.card.Available)
	}
}

// A card with a deposit that owes something pays that first: 0 after a load of it does
// not show that the load was not carried out.
func TestALoadThatPaysADebtIsNotGivenBack(t *testing.T) {
	for _, deposit := range []bool{true, false} {
		w := newWorld(t, "dev-3des", card.Contact)
		w.finish(w.ask(w.arqc(txn.OnlineUnload, 0, 0), "00"), 0x40, 0x40, apdu.SWOK)
		w.again()
		w.book.card.Deposit = deposit
		w.ask(w.arqc(txn.OnlineLoad, 100, 0x60), "00")
		w.again()
		w.ask(w.arqc(txn.OnlineInquiry, 0, 0), "00")
		want := map[bool]authorise.State{true: authorise.Agreed, false: authorise.Undone}[deposit]
		if w.state(2) != want {
			t.Errorf("deposit %v: state %d, want %d", deposit, w.state(2), want)
		}
	}
}

// short is field 55 with a cryptogram of version 17, which covers neither currency nor
// type, over amount 1.00 and a stated balance.
func short(atc uint16, balance [5]byte, more string) []byte {
	n := keystore.IssuerMasters(0, cryptogram.TDES)
	session := func(name string) cryptogram.Key {
		master, err := cryptogram.NewBlock(cryptogram.TDES, keystore.DevelopmentKey(name))
		if err != nil {
			panic(err)
		}
		return cryptogram.DeriveSessionKey(cryptogram.TDES, cryptogram.DeriveCardKey(cryptogram.TDES, master, devKey().PAN, devKey().PSN), atc)
	}
	in := cryptogram.TerminalInput{Amount: [6]byte{4: 1}, UN: [4]byte{1, 2, 3, 4}}
	own := cryptogram.CardInput{ATC: atc, CVR: [3]byte{0xA0}}
	ac := cryptogram.MAC(cryptogram.TDES, session(n.AC), cryptogram.ACData(nil, cryptogram.CVN17, &in, &own))
	iad := cryptogram.IAD{DKI: 1, CVN: cryptogram.CVN17, CVR: own.CVR, Alg: cryptogram.TDES, IDD: cryptogram.IDDBalance, Amount1: balance,
		MAC: cryptogram.BalanceMAC(cryptogram.TDES, session(n.MAC), atc, cryptogram.IDDBalance, balance, [5]byte{})}
	b := tlv.Append(unhex(more), tlv.TagAC, ac[:])
	b = tlv.Append(b, tlv.TagIAD, iad.Append(nil))
	b = tlv.Append(b, tlv.TagATC, []byte{byte(atc >> 8), byte(atc)})
	b = tlv.Append(b, tlv.TagUN, in.UN[:])
	return tlv.Append(b, tlv.TagAmountAuthorised, in.Amount[:])
}

// In a transaction in the card's second currency (JR/T 0025.15) 9F10 states the second
// balance. Version 17 does not say so: no load may start from it, and it settles none.
func TestABalanceOfUnknownCurrencyMovesNoMoney(t *testing.T) {
	b := newBook()
	before := authorise.Decision{Number: authorise.Number{Counter: true, ATC: 4}, Kind: txn.OnlineLoad, State: authorise.Agreed, Moved: -5_000, Before: 10_000, After: 15_000}
	noError(t, b.Store(devKey(), &authorise.Change{Decision: before, Move: -5_000, High: 4}))
	for _, c := range []struct {
		name string
		atc  uint16
		kind txn.OnlineKind
		more string
		want string
	}{
		{"a purchase", 5, txn.OnlinePurchase, "", "00"},
		{"a load", 6, txn.OnlineLoad, "9C0160 5F2A020156", "57"},
		{"an unload", 7, txn.OnlineUnload, "", "57"},
		{"a purchase that says another currency", 8, txn.OnlinePurchase, "5F2A020344", "30"},
	} {
		q := txn.OnlineRequest{Kind: c.kind, Card: devKey(), Amount: 100, Currency: [2]byte{1, 0x56}, Time: now, Entry: txn.EntryChip, ICC: short(c.atc, [5]byte{2: 1}, c.more)}
		a, note, err := newIssuer(t, b).Authorise(&q)
		noError(t, err)
		if string(a.Code[:]) != c.want {
			t.Errorf("%s: code %s (%s), want %s", c.name, a.Code[:], note, c.want)
		}
	}
	if got := b.decisions[before.Number].State; got != authorise.Agreed || b.card.Available != 94_900 {
		t.Errorf("state %d of the load, account %v: a balance of unknown currency settled it", got, b.card.Available)
	}
}

// No clock of a terminal, however wrong, brings the issuer down.
func TestTimesBeyondReason(t *testing.T) {
	for _, at := range []int64{-1 << 63, -1, 0, 253402300800, 1 << 40, 1<<63 - 1} {
		q := txn.OnlineRequest{Kind: txn.OnlinePurchase, Card: devKey(), Amount: 100, Currency: [2]byte{1, 0x56}, Time: at, Sequence: 5,
			Entry: txn.EntryFallback, Track2: []byte("6228000100001117D3512101")}
		issuer, err := authorise.New(authorise.Config{Cards: newBook(), Keys: func(string, cryptogram.Alg) authorise.Keys { return nil }})
		noError(t, err)
		if _, _, err := issuer.Authorise(&q); err != nil {
			t.Errorf("time %d: %v", at, err)
		}
	}
}

// A change that is not for this card is refused whole.
func TestApplyRefusesOrdersThatDoNotWait(t *testing.T) {
	for _, c := range []authorise.Change{{Done: -1}, {Done: 2}, {Sending: authorise.Sending{Orders: -1}}, {Done: 1, Sending: authorise.Sending{Orders: 1}}} {
		k := authorise.Card{Available: money.Fen(5), Orders: make([]authorise.Order, 1)}
		c.Move = 1
		if err := k.Apply(&c); err == nil || k.Available != 5 || len(k.Orders) != 1 {
			t.Errorf("%d orders done and %d sent of one: %v, account %v", c.Done, c.Sending.Orders, err, k.Available)
		}
	}
}
