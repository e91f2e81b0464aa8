package pboc_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// secondTags are the tags under which GET DATA gives the second electronic cash, and
// those of the first that give it too while its transaction runs (JR/T 0025.15).
var secondTags = map[string]string{"9F79": "DF79", "9F6D": "DF76", "9F77": "DF77", "9F78": "DF78", "9F6B": "DF72"}

func (i *issuer) data(tag string) []byte {
	i.t.Helper()
	b := i.ok("80CA" + tag + "00")
	return b[3:]
}

// aliased tells whether the tags of the first electronic cash give the second one.
func (i *issuer) aliased() bool {
	i.t.Helper()
	same := 0
	for first, second := range secondTags {
		if bytes.Equal(i.data(first), i.data(second)) {
			same++
		}
	}
	if same != 0 && same != len(secondTags) {
		i.t.Fatalf("%d of %d tags give the second currency", same, len(secondTags))
	}
	return same != 0
}

// secondIssuer has a card on which every twin differs.
func secondIssuer(t *testing.T, alg cryptogram.Alg) *issuer {
	i := newIssuer(t, alg)
	noError(t, i.online())
	i.ok(i.putData("9F6D", "000000000100"))
	i.ok(i.putData("DF76", "000000000200"))
	i.ok(i.putData("DF72", "000000030000"))
	return i
}

// TestSecondOverTheAir: a qPBOC payment in the second currency takes from DF79 only,
// under the limits of DF77, DF78 and DF72.
func TestSecondOverTheAir(t *testing.T) {
	for _, alg := range scriptAlgs {
		i := secondIssuer(t, alg)
		i.powerOn(card.Contactless)
		i.ok(selectDC)
		if i.aliased() {
			t.Fatalf("%v: aliased before a transaction", alg)
		}
		_, v := i.objects(tlv.TagResponseFormat2, i.ok(airGPO(onlyQuick, "000000001200", "0344")))
		iad, err := cryptogram.ParseIAD(v[tlv.TagIAD])
		noError(t, err)
		if b, ok := iad.Balance(); iad.Result() != cryptogram.TC || !ok || b != 3800 {
			t.Errorf("%v: 9F10 is %+v", alg, iad)
		}
		if got := v[tlv.TagAvailableOffline]; !bytes.Equal(got, hexBytes(t, "000000003800")) {
			t.Errorf("%v: 9F5D %X", alg, got)
		}
		if !i.aliased() || !bytes.Equal(i.data("9F5D"), hexBytes(t, "000000005000")) {
			t.Errorf("%v: GET DATA during the transaction: 9F79 %X, 9F5D %X", alg, i.data("9F79"), i.data("9F5D"))
		}
		i.ok("00B2011C00")
		if st := i.state(); st.Second != 3800 || st.Balance != 10000 || st.LogRecords != 2 {
			t.Errorf("%v: %+v", alg, st)
		}
		i.ok(selectDC)
		if i.aliased() {
			t.Errorf("%v: aliased after the transaction", alg)
		}
		// More than DF79 holds, more than DF78 allows: 9F79 would cover both.
		for _, amount := range []string{"000000003801", "000000020001"} {
			i.ok(selectDC)
			_, v := i.objects(tlv.TagResponseFormat2, i.ok(airGPO(onlyQuick, amount, "0344")))
			if iad, err := cryptogram.ParseIAD(v[tlv.TagIAD]); err != nil || iad.Result() != cryptogram.AAC {
				t.Errorf("%v: %s in the second currency: %v %+v", alg, amount, err, iad)
			}
			i.want("00B2011C00", apdu.SWConditions)
		}
		i.ok(selectDC)
		i.ok(airGPO(onlyQuick, "000000000300", "0156"))
		i.ok("00B2011C00")
		if st := i.state(); st.Second != 3800 || st.Balance != 9700 {
			t.Errorf("%v: then in the first currency: %+v", alg, st)
		}
	}
}

// TestSecondAtContacts: electronic cash over the contacts in the second currency.
func TestSecondAtContacts(t *testing.T) {
	i := secondIssuer(t, cryptogram.TDES)
	i.ok(selectDC)
	i.ok("80A800000B 8309 01 000000000500 0344 00")
	if !i.aliased() {
		t.Error("9F79 is not the second currency's")
	}
	const values = "000000000500 000000000000 0156 0000000000 0344 251120 00 11223344 083015"
	i.ok(fmt.Sprintf("80AE400020 %s 00", values))
	if st := i.state(); st.Second != 4500 || st.Balance != 10000 || st.LogRecords != 2 {
		t.Errorf("%+v", st)
	}
}

// TestSecondLoad: PUT DATA names its balance by tag, whatever currency runs; both
// loads stand in the one log.
func TestSecondLoad(t *testing.T) {
	i := secondIssuer(t, cryptogram.TDES)
	noError(t, i.online())
	i.ok(i.putData("DF79", "000000100000"))
	i.want(i.putData("DF79", "000000100001"), apdu.SWWrongData)
	i.ok(i.load(20000))
	if st := i.state(); st.Second != 100000 || st.Balance != 20000 || st.LoadRecords != 2 {
		t.Errorf("%+v", st)
	}
	for n, want := range []string{"9F79 000000010000 000000020000 251120 083015 0156 0002", "DF79 000000005000 000000100000 251120 083015 0156 0002"} {
		if got := i.ok(fmt.Sprintf("00B2%02X6400", n+1)); !bytes.Equal(got, hexBytes(t, want)) {
			t.Errorf("load record %d is %X, want %s", n+1, got, want)
		}
	}
}

// TestWithoutSecond: a product without a second currency knows none of its tags.
func TestWithoutSecond(t *testing.T) {
	c := scriptCard(t, cryptogram.TDES)
	c.Product.Contact.Second, c.SecondOpening = nil, 0
	noError(t, c.Product.Prepare())
	i := (&issuer{t: t, card: c, image: scriptImage(t, c)}).insert(nil)
	noError(t, i.online())
	for tag, value := range map[string]string{"DF72": "000000000000", "DF76": "000000000000", "DF77": "000000000000", "DF78": "000000000000", "DF79": "000000000000"} {
		i.want("80CA"+tag+"00", apdu.SWDataNotFound)
		i.want(i.putData(tag, value), apdu.SWDataNotFound)
	}
	i.want("80CADF7100", apdu.SWDataNotFound)
	c.Product.Limits.HasCTTAUpper, c.Product.Limits.CTTAUpper = false, 0
	i = i.insert(nil)
	noError(t, i.online())
	i.want("80CA9F5C00", apdu.SWDataNotFound)
	i.want(i.putData("9F5C", "000000000000"), apdu.SWDataNotFound)
}

// TestTornSecond cuts the power before every write of a payment in the second
// currency over the air: DF79 is the old or the new one, 9F79 stays.
func TestTornSecond(t *testing.T) {
	pay := func(i *issuer) error {
		for _, cmd := range []string{selectDC, airGPO(onlyQuick, "000000001200", "0344"), "00B2011C00"} {
			if _, _, err := i.transmit(cmd); err != nil {
				return err
			}
		}
		return nil
	}
	cuts, seen := 0, map[string]int{}
	whole := newIssuer(t, cryptogram.TDES)
	whole.powerOn(card.Contactless)
	noError(t, pay(whole))
	for n := 1; n <= whole.chip.Memory().Writes(); n++ {
		for _, tear := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
			i := newIssuer(t, cryptogram.TDES)
			i.powerOn(card.Contactless)
			i.chip.Memory().CutAt(n, tear)
			if err := pay(i); !errors.Is(err, card.ErrPowerCut) {
				t.Fatalf("write %d: %v", n, err)
			}
			cuts++
			i.powerOn(card.Contact)
			st := i.state()
			if st.Balance != 10000 || st.Second != 5000 && st.Second != 3800 || (st.Second == 3800) != (st.LogRecords == 1) {
				t.Fatalf("write %d: %+v", n, st)
			}
			seen[st.Second.String()]++
			i.continues(false)
		}
	}
	if len(seen) != 2 {
		t.Errorf("only %v was seen", seen)
	}
	t.Logf("%d power cuts", cuts)
}
