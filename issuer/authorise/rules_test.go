package authorise_test

import (
	"errors"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// replaced is field 55 with other bytes in one object; without the object for nil.
func replaced(icc []byte, tag tlv.Tag, value []byte) []byte {
	var out []byte
	it := tlv.Iterate(icc)
	for it.Next() {
		switch {
		case it.Tag != tag:
			out = tlv.Append(out, it.Tag, it.Value)
		case value != nil:
			out = tlv.Append(out, it.Tag, value)
		}
	}
	return out
}

// TestRefusals: what is wrong with a request, and the code of GB/T 15150 for it. kept
// says whether the decision is kept: only a proved request counts.
func TestRefusals(t *testing.T) {
	icc := func(tag tlv.Tag, value string) func(*txn.OnlineRequest, *book) {
		return func(q *txn.OnlineRequest, _ *book) {
			var v []byte
			if value != "" {
				v = unhex(value)
			}
			q.ICC = replaced(q.ICC, tag, v)
		}
	}
	request := func(change func(q *txn.OnlineRequest)) func(*txn.OnlineRequest, *book) {
		return func(q *txn.OnlineRequest, _ *book) { change(q) }
	}
	status := func(s authorise.Status) func(*txn.OnlineRequest, *book) {
		return func(_ *txn.OnlineRequest, b *book) { b.card.Status = s }
	}
	withPIN := func(v authorise.PINVerdict) func(*txn.OnlineRequest, *book) {
		return func(q *txn.OnlineRequest, b *book) { q.HasPIN, b.pin = true, v }
	}
	for _, c := range []struct {
		name   string
		change func(*txn.OnlineRequest, *book)
		want   string
		kept   bool
	}{
		{"nothing wrong", request(func(*txn.OnlineRequest) {}), "00", true},
		{"right PIN", withPIN(authorise.PINRight), "00", true},
		{"wrong PIN", withPIN(authorise.PINWrong), "55", true},
		{"a PIN that nobody judged", withPIN(0), "55", true},
		{"no PIN try left", withPIN(authorise.PINBlocked), "75", true},
		{"account too small", func(_ *txn.OnlineRequest, b *book) { b.card.Available = 99 }, "51", true},
		{"card lost", status(authorise.Lost), "41", true},
		{"card stolen", status(authorise.Stolen), "43", true},
		{"card blocked", status(authorise.Restricted), "62", true},
		{"no status", status(0), "62", true},
		{"expired", request(func(q *txn.OnlineRequest) { q.Time += 10 * 365 * 86400 }), "54", true},
		{"other expiry than on track 2", request(func(q *txn.OnlineRequest) { q.Expiry = [2]byte{0x36, 0x12} }), "54", true},
		{"other expiry than the issuer's", func(_ *txn.OnlineRequest, b *book) { b.card.Expiry = [2]byte{0x34, 0x12} }, "54", true},
		{"expiry of month 13", request(func(q *txn.OnlineRequest) { q.Expiry, q.Track2 = [2]byte{0x35, 0x13}, nil }), "30", true},
		{"counter seen before", func(_ *txn.OnlineRequest, b *book) { b.card.High = 9 }, "59", false},
		{"counter of the last request", func(_ *txn.OnlineRequest, b *book) { b.card.High = 1 }, "59", false},
		{"wrong cryptogram", icc(tlv.TagAC, "0102030405060708"), "63", false},
		{"wrong balance MAC", request(func(q *txn.OnlineRequest) {
			iad, _ := tlv.Find(q.ICC, tlv.TagIAD)
			iad[len(iad)-1] ^= 1
		}), "63", false},
		{"another balance under the old MAC", request(func(q *txn.OnlineRequest) {
			iad, _ := tlv.Find(q.ICC, tlv.TagIAD)
			iad[13] ^= 1
		}), "63", false},
		{"unpredictable number changed", icc(tlv.TagUN, "01020304"), "63", false},
		{"TVR changed", icc(tlv.TagTVR, "8000000000"), "63", false},
		{"date changed", icc(tlv.TagTransactionDate, "261121"), "63", false},
		{"other sequence number of the card", request(func(q *txn.OnlineRequest) { q.Card.PSN = 2 }), "14", false},
		{"amount of field 4 changed", request(func(q *txn.OnlineRequest) { q.Amount = 99 }), "13", false},
		{"negative amount", request(func(q *txn.OnlineRequest) { q.Amount = -100 }), "13", false},
		{"currency of field 49 changed", request(func(q *txn.OnlineRequest) { q.Currency = [2]byte{8, 0x40} }), "30", false},
		{"kind 0", request(func(q *txn.OnlineRequest) { q.Kind = 0 }), "12", false},
		{"kind 9", request(func(q *txn.OnlineRequest) { q.Kind = 9 }), "12", false},
		{"an inquiry with an amount", request(func(q *txn.OnlineRequest) { q.Kind = txn.OnlineInquiry }), "13", true},
		{"a load whose 9C is a purchase", request(func(q *txn.OnlineRequest) { q.Kind = txn.OnlineLoad }), "57", true},
		{"a load where no script can go", request(func(q *txn.OnlineRequest) { q.Kind, q.Entry = txn.OnlineLoad, txn.EntryMSD }), "57", true},
		{"an unload of a part", request(func(q *txn.OnlineRequest) { q.Kind = txn.OnlineUnload }), "13", true},
		{"a TC in place of the ARQC", icc(tlv.TagIAD, "07010103900000010A01000001000000000000"), "12", false},
		{"9F27 of a TC", icc(tlv.TagCID, "40"), "12", false},
		{"no 9F10", icc(tlv.TagIAD, ""), "30", false},
		{"no 9F36", icc(tlv.TagATC, ""), "30", false},
		{"no 95", icc(tlv.TagTVR, ""), "30", false},
		{"9F26 of seven bytes", icc(tlv.TagAC, "01020304050607"), "30", false},
		{"9F02 not decimal", icc(tlv.TagAmountAuthorised, "00000000010A"), "30", false},
		{"9C of two bytes", icc(tlv.TagTransactionType, "0000"), "30", false},
		{"9F36 twice", request(func(q *txn.OnlineRequest) { q.ICC = append(q.ICC, unhex("9F36020001")...) }), "30", false},
		{"half an object at the end", request(func(q *txn.OnlineRequest) { q.ICC = append(q.ICC, 0x9F) }), "30", false},
		{"300 bytes", request(func(q *txn.OnlineRequest) { q.ICC = append(q.ICC, tlv.Append(nil, 0x9F7C, make([]byte, 200))...) }), "30", false},
		{"neither field 55 nor track 2", request(func(q *txn.OnlineRequest) { q.ICC, q.Track2 = nil, nil }), "30", false},
		{"a chip without field 55", request(func(q *txn.OnlineRequest) { q.ICC = nil }), "30", false},
		{"track 2 of another card", request(func(q *txn.OnlineRequest) { q.Track2 = unhex("6228000100001125D3512220") }), "30", false},
		{"track 2 without an end", request(func(q *txn.OnlineRequest) { q.Track2 = unhex("6228000100001117") }), "30", false},
		{"a number that is none", request(func(q *txn.OnlineRequest) { q.Card.PAN = txn.PAN{0xAB} }), "30", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "dev-3des", card.Contact)
			q := w.arqc(txn.OnlinePurchase, 100, 0)
			c.change(&q, w.book)
			before := w.book.card.Available
			a := w.ask(q, c.want)
			if kept := w.book.stores == 1; kept != c.kept {
				t.Errorf("kept: %v, want %v", kept, c.kept)
			}
			if _, has := tlv.Find(a.ICC, tlv.TagIssuerAuthenticationData); has != c.kept {
				t.Errorf("91 in the answer: %v, want %v", has, c.kept)
			}
			if moved := w.book.card.Available != before; moved != a.Approved() {
				t.Errorf("account was %v, is %v", before, w.book.card.Available)
			}
			if w.book.stores == 0 {
				return
			}
			if again := w.ask(q, c.want); string(again.ICC) != string(a.ICC) || w.book.stores != 1 {
				t.Error("the same request again was not answered as before")
			}
			q.Sequence++
			w.ask(q, "94")
		})
	}
}

func TestAnIssuerThatCannotStoreDoesNotAnswer(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contact)
	q := w.arqc(txn.OnlinePurchase, 100, 0)
	w.book.broken = errors.New("disk full")
	if a, _, err := w.issuer.Authorise(&q); !errors.Is(err, w.book.broken) || a.Approved() {
		t.Fatalf("answer %s and error %v from an issuer that cannot store", a.Code[:], err)
	}
	w.book.broken = nil
	w.ask(q, "00")
}

func TestStripes(t *testing.T) {
	code, err := masters(t, cryptogram.TDES).CVN(devKey(), pin.Track{Expiry: [2]byte{0x35, 0x12}, Service: [2]byte{0x01, 0x01}})
	noError(t, err)
	good := devKey().PAN.Digits() + "D351210100" + string(code[:])
	for _, c := range []struct {
		name, track string
		entry       txn.EntryMode
		kind        txn.OnlineKind
		want        string
	}{
		{"a stripe", good, txn.EntryStripe, txn.OnlinePurchase, "00"},
		{"a stripe as a fall back", good, txn.EntryFallback, txn.OnlinePurchase, "00"},
		{"a load", good, txn.EntryStripe, txn.OnlineLoad, "57"},
		{"wrong check value", good[:len(good)-1] + "x", txn.EntryStripe, txn.OnlinePurchase, "30"},
		{"check value of another card", devKey().PAN.Digits() + "D351210100" + "999", txn.EntryStripe, txn.OnlinePurchase, "59"},
		{"service code changed", devKey().PAN.Digits() + "D351210200" + string(code[:]), txn.EntryStripe, txn.OnlinePurchase, "59"},
		{"no check value", devKey().PAN.Digits() + "D3512101", txn.EntryStripe, txn.OnlinePurchase, "59"},
		{"the stripe of a chip card", devKey().PAN.Digits() + "D3512220", txn.EntryStripe, txn.OnlinePurchase, "57"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBook()
			q := txn.OnlineRequest{Kind: c.kind, Card: nameless(), Amount: 100, Currency: [2]byte{1, 0x56}, Time: now, Terminal: 1, Sequence: 5, Entry: c.entry, Track2: []byte(c.track)}
			a, note, err := newIssuer(t, b).Authorise(&q)
			noError(t, err)
			if string(a.Code[:]) != c.want || len(a.ICC) != 0 {
				t.Errorf("code %s (%s), field 55 of %d bytes, want %s and none", a.Code[:], note, len(a.ICC), c.want)
			}
		})
	}
}

func TestTrack2InBothForms(t *testing.T) {
	const text = "6228000100001117D35122200001007"
	want, err := authorise.ParseTrack([]byte(text))
	noError(t, err)
	if want.PAN != devKey().PAN || want.Fields.Expiry != [2]byte{0x35, 0x12} || want.Fields.Service != [2]byte{2, 0x20} || want.Discretionary != "0001007" {
		t.Error("track 2 as characters is read wrongly")
	}
	packed, err := authorise.ParseTrack(unhex(text + "F"))
	if err != nil || packed != want {
		t.Errorf("track 2 packed as in 57 differs from the characters: %v", err)
	}
	equals, err := authorise.ParseTrack([]byte("6228000100001117=35122200001007"))
	if err != nil || equals != want {
		t.Errorf("track 2 with = differs from the one with D: %v", err)
	}
}
