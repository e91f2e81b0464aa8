package authorise_test

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

func FuzzParseICC(f *testing.F) {
	w := newWorld(f, "dev-3des", card.Contact)
	good := w.arqc(txn.OnlinePurchase, 100, 0)
	for _, b := range [][]byte{good.ICC, good.ICC[:len(good.ICC)-3], nil, {0x9F}, bytes.Repeat([]byte{0x82, 0}, 70), replaced(good.ICC, tlv.TagIAD, unhex("07011103A0000001"))} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := authorise.ParseICC(b)
		if err != nil {
			if x != nil {
				t.Fatal("field 55 and an error")
			}
			return
		}
		if v, ok := tlv.Find(b, tlv.TagAC); !ok || !bytes.Equal(v, x.AC[:]) {
			t.Fatalf("9F26 read as %X", x.AC)
		}
		if x.Card.CVR != x.IAD.CVR {
			t.Fatal("the CVR is not that of 9F10")
		}
	})
}

func FuzzParseResults(f *testing.F) {
	for _, s := range []string{"", "DF310A 209F790001 1300000002", "9F5B05 0000000001", "DF3104 20000000", "DF3105 3000000000", "DF31"} {
		f.Add(unhex(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := authorise.ParseResults(b)
		if err != nil && all != nil {
			t.Fatal("results and an error")
		}
		for _, r := range all {
			if r.Outcome > 2 || r.Number > 15 {
				t.Fatalf("result %+v", r)
			}
		}
	})
}

func FuzzParseTrack(f *testing.F) {
	for _, s := range []string{"6228000100001117D35122200001007F", "6228000100001117D3512220", "", "D351222", "FFFFFFFFFFFF"} {
		f.Add(unhex(s + map[bool]string{true: "0"}[len(s)%2 == 1]))
	}
	f.Add([]byte("6228000100001117=35122200001007"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := authorise.ParseTrack(b)
		if err != nil {
			return
		}
		if err := x.PAN.Validate(); err != nil || x.PAN.Len()+8+len(x.Discretionary) > 37 {
			t.Fatalf("a track of %d and %d digits: %v", x.PAN.Len(), len(x.Discretionary), err)
		}
	})
}

// FuzzAuthorise gives the issuer requests that nobody proved: whatever they hold, no
// money moves.
func FuzzAuthorise(f *testing.F) {
	w := newWorld(f, "dev-3des", card.Contact)
	q := w.arqc(txn.OnlinePurchase, 100, 0)
	f.Add(replaced(q.ICC, tlv.TagUN, []byte{0, 0, 0, 0}), q.Track2, uint8(q.Kind), uint8(q.Entry), int64(100))
	f.Add([]byte(nil), []byte("6228000100001117D35122200001007"), uint8(1), uint8(txn.EntryMSD), int64(0))
	f.Add([]byte(nil), []byte("6228000100001117D3512101000000"), uint8(1), uint8(txn.EntryStripe), int64(1))
	f.Fuzz(func(t *testing.T, icc, track []byte, kind, entry uint8, amount int64) {
		b := newBook()
		b.card.Available = 0 // a guess of three digits may be right, and pays nothing
		q := q
		q.ICC, q.Track2, q.Kind, q.Entry = icc, track, txn.OnlineKind(kind), txn.EntryMode(entry)
		q.Amount = money.Fen(amount)
		if amount%2 == 0 {
			q.Card = nameless()
		}
		if x, err := authorise.ParseICC(icc); err == nil && x.Terminal.UN == [4]byte{0x11, 0x22, 0x33, 0x44} {
			return // the fuzzer may find the way back to the real request
		}
		a, _, err := newIssuer(t, b).Authorise(&q)
		if err != nil || b.card.Available != 0 || a.Approved() && q.Kind != txn.OnlineInquiry && q.Amount > 0 {
			t.Fatalf("code %s, account %v, error %v", a.Code[:], b.card.Available, err)
		}
		if err := newIssuer(t, b).Reverse(&q, authorise.CardGone, icc); b.card.Available != 0 {
			t.Fatalf("a reversal moved money: %v", err)
		}
	})
}
