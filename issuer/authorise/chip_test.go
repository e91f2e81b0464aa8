package authorise_test

import (
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

func TestThePurchaseOfARealCardIsApprovedAndTheCardBelievesIt(t *testing.T) {
	eachCard(t, func(t *testing.T, w *world) {
		a := w.ask(w.arqc(txn.OnlinePurchase, 12_300, 0), "00")
		if w.book.card.Available != 87_700 || a.Available != 87_700 || !a.Known || len(a.AuthCode) != 6 {
			t.Errorf("account %v, answer %v %q, want 877.00", w.book.card.Available, a.Available, a.AuthCode)
		}
		w.finish(a, 0x40, 0x40)
	})
}

func TestADeclinedCardGetsItsProofToo(t *testing.T) {
	eachCard(t, func(t *testing.T, w *world) {
		w.finish(w.ask(w.arqc(txn.OnlinePurchase, 100_001, 0), "51"), 0x00, 0x00)
		if w.book.card.Available != 100_000 {
			t.Errorf("a refused purchase has left %v", w.book.card.Available)
		}
	})
}

func TestALoadSetsTheBalanceThatTheCardStatedPlusTheAmount(t *testing.T) {
	eachCard(t, func(t *testing.T, w *world) {
		before := w.balance()
		w.finish(w.ask(w.arqc(txn.OnlineLoad, 20_000, 0x60), "00"), 0x40, 0x40, apdu.SWOK)
		if got := w.balance(); got != before+20_000 {
			t.Errorf("9F79 is %v after a load of 200.00, was %v", got, before)
		}
		if w.book.card.Available != 80_000 {
			t.Errorf("account %v, want 800.00", w.book.card.Available)
		}
		w.again()
		w.finish(w.ask(w.arqc(txn.OnlineUnload, before+20_000, 0), "00"), 0x40, 0x40, apdu.SWOK)
		if got := w.balance(); got != 0 {
			t.Errorf("9F79 is %v after an unload", got)
		}
		if got := w.book.card.Available; got != 80_000 {
			t.Errorf("account %v after an unload of which nobody has heard yet", got)
		}
		w.again()
		w.ask(w.arqc(txn.OnlineInquiry, 0, 0), "00")
		if got := w.book.card.Available; got != 80_000+before+20_000 {
			t.Errorf("account %v after the card has shown the unload", got)
		}
	})
}

func TestALoadAboveTheCardsLimitIsRefusedBeforeTheCardIsTouched(t *testing.T) {
	eachCard(t, func(t *testing.T, w *world) {
		w.book.card.Available = 1_000_000
		room := 500_000 - w.balance()
		w.finish(w.ask(w.arqc(txn.OnlineLoad, room+1, 0x60), "61"), 0x00, 0x00)
		w.again()
		w.finish(w.ask(w.arqc(txn.OnlineLoad, room, 0x60), "00"), 0x40, 0x40, apdu.SWOK)
		if got := w.balance(); got != 500_000 {
			t.Errorf("9F79 is %v, want the limit", got)
		}
	})
}

func TestOrdersReachTheCardWithTheNextAnswer(t *testing.T) {
	eachCard(t, func(t *testing.T, w *world) {
		next, err := pin.New("654321")
		noError(t, err)
		w.book.card.Orders = []authorise.Order{
			{Template: tlv.TagIssuerScript2, ID: [4]byte{1}, Commands: []authorise.Command{authorise.PutData(tlv.TagECSingleLimit, unhex("000000060000"))}},
			{Template: tlv.TagIssuerScript2, ID: [4]byte{2}, Commands: []authorise.Command{authorise.ChangePIN(next, nil), authorise.UnblockPIN()}},
			{Template: tlv.TagIssuerScript2, ID: [4]byte{3}, Commands: []authorise.Command{authorise.BlockApplication()}},
			{Template: tlv.TagIssuerScript2, ID: [4]byte{4}, Commands: []authorise.Command{authorise.PutData(tlv.TagECBalanceLimit, unhex("000000500000")), authorise.PutData(tlv.TagECSingleLimit, unhex("000000050000"))}},
		}
		a := w.ask(w.arqc(txn.OnlinePurchase, 100, 0), "00")
		if k := w.book.card; len(k.Orders) != 4 || k.Sending.Orders != 3 {
			t.Fatalf("%d orders wait and %d are on their way, want all but the one for which there was no room", len(k.Orders), k.Sending.Orders)
		}
		w.finish(a, 0x40, 0x40, apdu.SWOK, apdu.SWOK, apdu.SWOK, apdu.SWOK)
		if err := w.Start(100, 0); err == nil {
			t.Error("a blocked application answered SELECT with 9000")
		}
	})
}

func TestAQuickCardGetsNoScript(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contactless)
	w.Values[tlv.TagTTQ] = unhex("26800080") // qPBOC, online asked for
	w.book.card.Orders = []authorise.Order{{Template: tlv.TagIssuerScript2, Commands: []authorise.Command{authorise.BlockApplication()}}}
	noError(t, w.Start(12_300, 0))
	a := w.ask(w.Request(txn.OnlinePurchase, devKey(), 12_300), "00")
	if _, ok := tlv.Find(a.ICC, tlv.TagIssuerScript2); ok || len(w.book.card.Orders) != 1 {
		t.Error("a script for a card that has left")
	}
	if w.book.card.Available != 87_700 {
		t.Errorf("account %v", w.book.card.Available)
	}
}

func TestStripeDataOverTheAir(t *testing.T) {
	for _, c := range []struct {
		name, ttq string
		key       txn.CardKey
	}{
		{"cryptogram", "80800000", devKey()}, {"check value", "80000000", devKey()},
		{"cryptogram without sequence number", "80800000", nameless()}, {"check value without sequence number", "80000000", nameless()},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "dev-full", card.Contactless)
			w.Entry = txn.EntryMSD
			w.Values[tlv.TagTTQ] = unhex(c.ttq)
			noError(t, w.Start(5_000, 0))
			first := w.Request(txn.OnlinePurchase, c.key, 5_000)
			w.ask(first, "00")
			w.ask(first, "00")
			w.again()
			noError(t, w.Start(5_000, 0))
			w.ask(w.Request(txn.OnlinePurchase, c.key, 5_000), "00")
			if w.book.card.Available != 90_000 {
				t.Errorf("account %v after two purchases of 50.00", w.book.card.Available)
			}
			// The first one again, at another terminal: stolen.
			first.Sequence += 10
			a, _, err := w.issuer.Authorise(&first)
			noError(t, err)
			if a.Approved() || w.book.card.Available != money.Fen(90_000) {
				t.Error("stripe data were taken twice")
			}
		})
	}
}

func TestADynamicCheckValueOfTheLastTenThousandCountersIsNoNewOne(t *testing.T) {
	w := newWorld(t, "dev-full", card.Contactless)
	w.Entry = txn.EntryMSD
	w.Values[tlv.TagTTQ] = unhex("80000000")
	noError(t, w.Start(5_000, 0))
	q := w.Request(txn.OnlinePurchase, devKey(), 5_000)
	for high, want := range map[uint16]string{0: "00", 1: "59", 2: "59", 4000: "59", 9999: "00", 10001: "59", 65001: "59", 6000: "00"} {
		w.book.card.High, w.book.decisions = high, map[authorise.Number]authorise.Decision{}
		if a := w.ask(q, want); a.Approved() && w.book.card.High <= high {
			t.Errorf("high-water mark %d after %d", w.book.card.High, high)
		}
	}
	q.Track2 = append([]byte(nil), q.Track2...)
	q.Track2[len(q.Track2)-1] ^= 0x10
	w.book.card.High, w.book.decisions = 0, map[authorise.Number]authorise.Decision{}
	w.ask(q, "59")
}
