package pboc_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// airGPO is GET PROCESSING OPTIONS over the air.
func airGPO(ttq, amount, currency string) string {
	return "80A8000023 8321" + ttq + amount + "000000000000 0156 0000000000" + currency + "251120 00 11223344 00"
}

const (
	stripeRecord = "00B2012C00"
	msdOffline   = "80000080" // 9F66: magnetic stripe data, no cryptogram wanted
	msdOnline    = "80800080"
	onlyQuick    = "28000080"
)

// objects lists the data objects of an answer's template.
func (i *issuer) objects(template tlv.Tag, answer []byte) (order []tlv.Tag, values map[tlv.Tag][]byte) {
	i.t.Helper()
	it := tlv.Iterate(answer)
	if !it.Next() || it.Tag != template {
		i.t.Fatalf("answer %X does not begin with template %v", answer, template)
	}
	values = map[tlv.Tag][]byte{}
	for in := it.Enter(); in.Next(); {
		order = append(order, in.Tag)
		values[in.Tag] = in.Value
	}
	return order, values
}

// TestStripe is the flow without a cryptogram: AIP and AFL, then track 2 with the
// counter and the dynamic check value, which is the card verification value (CVV) of
// the PAN with the counter in its first four digits.
func TestStripe(t *testing.T) {
	for _, alg := range scriptAlgs {
		i := newIssuer(t, alg)
		i.powerOn(card.Contactless)
		i.ok(selectDC)
		i.want(stripeRecord, apdu.SWConditions)
		seen := map[string]bool{}
		for n := 1; n <= 3; n++ {
			i.ok(selectDC)
			if got := i.ok(airGPO(msdOffline, "000000000100", "0156")); !bytes.Equal(got, hexBytes(t, "8006 0080 28010100")) {
				t.Fatalf("%v: GPO answers %X", alg, got)
			}
			record := i.ok(stripeRecord)
			track, found := tlv.Find(record, tlv.TagRecordTemplate, tlv.TagTrack2Equivalent)
			want := fmt.Sprintf("6228000100001117D3012220%04d", n)
			text := fmt.Sprintf("%X", track)
			if !found || !strings.HasPrefix(text, want) || len(text) != len(want)+4 || text[len(text)-1] != 'F' {
				t.Fatalf("%v: track 2 is %s, want %s, three digits and F", alg, text, want)
			}
			code := text[len(want) : len(want)+3]
			if alg == cryptogram.TDES {
				pan := [10]byte(hexBytes(t, fmt.Sprintf("%04d000100001117FFFF", n)))
				cvv, err := pin.CVV(i.card.Keys.DCVN, pan, pin.Track{Expiry: [2]byte{0x30, 0x12}, Service: [2]byte{0x02, 0x20}})
				noError(t, err)
				if code != string(cvv[:]) {
					t.Errorf("dynamic check value %s, want %s", code, cvv[:])
				}
			}
			seen[code] = true
			if !bytes.Equal(record, i.ok(stripeRecord)) {
				t.Errorf("%v: the record changes within a transaction", alg)
			}
			i.want(airGPO(msdOffline, "000000000100", "0156"), apdu.SWConditions)
		}
		if len(seen) < 2 {
			t.Errorf("%v: three transactions with one check value", alg)
		}
		if st := i.state(); st.ATC != 3 || st.Balance != 10000 || st.LogRecords != 0 {
			t.Errorf("%v: %+v", alg, st)
		}
		i.ok(selectDC)
		i.want(stripeRecord, apdu.SWConditions)
		i.ok(airGPO(onlyQuick, "000000000100", "0156"))
		i.want(stripeRecord, apdu.SWConditions)
	}
}

// TestStripeOnline is the flow with a cryptogram: 57 and an ARQC of version 17, on a
// card whose other cryptograms are version 01.
func TestStripeOnline(t *testing.T) {
	for _, alg := range scriptAlgs {
		i := newIssuer(t, alg)
		i.powerOn(card.Contactless)
		i.ok(selectDC)
		order, v := i.objects(tlv.TagResponseFormat2, i.ok(airGPO(msdOnline, "000000000100", "0156")))
		if fmt.Sprint(order) != "[82 9F36 57 9F10 9F26 5F34 5F20]" {
			t.Errorf("%v: answer holds %v", alg, order)
		}
		iad, err := cryptogram.ParseIAD(v[tlv.TagIAD])
		noError(t, err)
		if iad.CVN != cryptogram.CVN17 || iad.Alg != alg || iad.Result() != cryptogram.ARQC {
			t.Errorf("%v: 9F10 is %+v", alg, iad)
		}
		if b, ok := iad.Balance(); !ok || b != 10000 {
			t.Errorf("%v: 9F10 states %v", alg, b)
		}
		// 9F02 9F37 9F36 and the first byte of CVR.
		sk := cryptogram.DeriveSessionKey(alg, i.card.Keys.AC, 1)
		want := cryptogram.MAC(alg, sk, hexBytes(t, "000000000100 11223344 0001 A0"))
		if !bytes.Equal(v[tlv.TagAC], want[:]) || !bytes.Equal(v[tlv.TagTrack2Equivalent], i.card.Track2) {
			t.Errorf("%v: 9F26 %X, want %X; 57 %X", alg, v[tlv.TagAC], want, v[tlv.TagTrack2Equivalent])
		}
		if st := i.state(); st.ATC != 1 || st.Balance != 10000 {
			t.Errorf("%v: %+v", alg, st)
		}
	}
}

// TestStripeWithoutRecord: a card that has no AFL for it gives the cryptogram to
// every reader; one without magnetic stripe data refuses.
func TestStripeWithoutRecord(t *testing.T) {
	c := scriptCard(t, cryptogram.TDES)
	c.Product.Contact.MSD.Path.AFL = nil
	noError(t, c.Product.Prepare())
	i := (&issuer{t: t, card: c, image: scriptImage(t, c)}).insert(nil)
	i.powerOn(card.Contactless)
	i.ok(selectDC)
	i.objects(tlv.TagResponseFormat2, i.ok(airGPO(msdOffline, "000000000100", "0156")))
	c.Product.Contact.MSD = nil
	i.ok(selectDC)
	i.want(airGPO(msdOffline, "000000000100", "0156"), apdu.SWConditions)
}

// TestStripeCounterEnd: track 2 has four digits of the counter.
func TestStripeCounterEnd(t *testing.T) {
	i := newIssuer(t, cryptogram.TDES)
	nvm := i.card.Personalise(nil)
	binary.BigEndian.PutUint16(nvm, 12344)
	i = i.insert(append([]byte{1}, bytes.TrimRight(nvm, "\x00")...))
	i.powerOn(card.Contactless)
	i.ok(selectDC)
	i.ok(airGPO(msdOffline, "000000000100", "0156"))
	track, _ := tlv.Find(i.ok(stripeRecord), tlv.TagRecordTemplate, tlv.TagTrack2Equivalent)
	if text := fmt.Sprintf("%X", track); !strings.HasPrefix(text, "6228000100001117D30122202345") {
		t.Errorf("track 2 %s with counter 12345", text)
	}
}

// TestStripeCheck: what a card with magnetic stripe data must have.
func TestStripeCheck(t *testing.T) {
	for _, track := range []string{"6228000100001117", "6228000100001117D3012", "6228000100001117D301222", "6228000100001117D30A2220", "622800D3012220", "62280001000011171234D3012220"} {
		c := scriptCard(t, cryptogram.TDES)
		c.Track2 = hexBytes(t, track+strings.Repeat("F", len(track)%2))
		if c.Check() == nil {
			t.Errorf("a card with track 2 %s passes", track)
		}
	}
	c := scriptCard(t, cryptogram.TDES)
	c.Keys.DCVN = cryptogram.Key{}
	if c.Check() == nil {
		t.Error("a card without a key for its check values passes")
	}
	for what, edit := range map[string]func(k *pboc.Contact){
		"AFL":            func(k *pboc.Contact) { k.MSD.Path.AFL = []byte{1} },
		"both track 2":   func(k *pboc.Contact) { k.MSD.Path.AFL = []byte{0x18, 1, 1, 0} },
		"in the log":     func(k *pboc.Contact) { k.MSD.Path.AFL = []byte{0x60, 1, 1, 0} },
		"changed record": func(k *pboc.Contact) { k.Updatable = pboc.MaxUpdatable + 1 },
		"without 9A":     func(k *pboc.Contact) { k.LoadLogFormat = k.LoadLogFormat[1:] },
	} {
		p := scriptProduct(t, cryptogram.TDES)
		edit(p.Contact)
		if err := p.Prepare(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("want an error with %q, got %v", what, err)
		}
	}
}

// TestStripeLongPAN: nineteen digits and an odd place for what follows.
func TestStripeLongPAN(t *testing.T) {
	c := scriptCard(t, cryptogram.TDES)
	c.Track2 = hexBytes(t, "6228000100001117123D3012220F")
	i := (&issuer{t: t, card: c, image: scriptImage(t, c)}).insert(nil)
	i.powerOn(card.Contactless)
	i.ok(selectDC)
	i.ok(airGPO(msdOffline, "000000000100", "0156"))
	track, _ := tlv.Find(i.ok(stripeRecord), tlv.TagRecordTemplate, tlv.TagTrack2Equivalent)
	if text := fmt.Sprintf("%X", track); len(text) != 34 || !strings.HasPrefix(text, "6228000100001117123D30122200001") || strings.ContainsAny(text[31:], "ABCDEF") {
		t.Errorf("track 2 %s", text)
	}
}
