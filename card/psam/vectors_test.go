package psam_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/wire/apdu"
)

// The vectors here were made with an independent program (Python, DES checked
// against openssl) from the masters of the development profile; those of SM4 are
// this project's choice of form.

func TestPurchaseVectors(t *testing.T) {
	s := insert(t, spec(t, 0x122))
	s.union()
	s.gives("00000123 29763771", initPurchase)
	s.want(apdu.SWOK, rightMAC2)
	// A compound purchase follows.
	s.gives("00000124 71E8D69A", "80700000"+lc("99AABBCC 0011 0000012C 09 20260115103000 01 00"+bothFactors)+"08")
	s.want(apdu.SWOK, "80720000041BEC3D80")

	city := insert(t, spec(t, 0x122))
	city.cityUnion()
	city.want(apdu.SWOK, "80CA000009851122334455667788")
	city.gives("00000123 28B5E7C2", initPurchase)
	city.want(apdu.SWOK, rightMAC2)

	sm := insert(t, spec(t, 0x122))
	sm.union()
	sm.gives("00000123 4E243E16", "80700000"+lc("55667788 0010 000000C8 06 20260115101112 01 04"+bothFactors)+"00")
	sm.want(apdu.SWOK, "8072000004CAA5A982")
}

// TestOneLevel takes the key of the card from the master by its serial number
// alone: the same as a module whose master is the region's key.
func TestOneLevel(t *testing.T) {
	region := spec(t, 0x122)
	one := region.Applications[0]
	one.Keys = []psam.KeySpec{{Type: psam.TypePurchase, Index: 7, Alg: epurse.TDES, Levels: 1,
		Value: epurse.Key(unhex(t, "51E5BCFDB2B8F9CC0002ECD8427EC874"))}}
	one.Files = nil
	region.Applications = []psam.Directory{one}
	s := insert(t, region)
	s.union()
	s.gives("00000123 29763771", "80700000"+lc("55667788 0010 000000C8 06 20260115101112 07 00"+cardFactor)+"08")
	s.want(apdu.SWOK, rightMAC2)
}

// TestCrypt gives DES CRYPT what protects commands to cards.
func TestCrypt(t *testing.T) {
	s := insert(t, spec(t, 0))
	s.union()
	tac := lc("0000000000000000 000000C8 06 112233445566 00000123 20260115101112 8000")
	for _, c := range []struct {
		name, init, crypt, want string
	}{
		{"TAC", "801A4602", "80FA0500" + tac, "676AED93"},
		{"UPDATE BINARY", "801A4501", "80FA0500" + lc("1234567800000000 04D6951C06 0102 80"), "EF1AE1A9"},
		{"APPLICATION BLOCK", "801A4501", "80FA0500" + lc("1234567800000000 841E000004 800000"), "6DED48C5"},
		{"UPDATE BINARY, data", "801A4501", "80FA0000" + lc("02 0102 80 00000000"), "E6F34E433F9C6613"},
		{"UPDATE BINARY, MAC over them", "801A4501", "80FA0500" + lc("1234567800000000 04D6951C0C E6F34E433F9C6613 800000"), "11873C27"},
		{"EXTERNAL AUTHENTICATE", "801A4501", "80FA0000" + lc("1122334455667788"), "7F61F0D43CCF4DD9"},
		{"RELOAD PIN", "801A4401", "80FA0500" + lc("0000000000000000 123456 8000000000"), "BB7B9239"},
		{"TAC with SM4", "801A4642", "80FA0500" + lc("00000000000000000000000000000000 000000C8 06 112233445566 00000123 20260115101112 80 000000000000000000"), "BD48FFF0"},
	} {
		s.want(apdu.SWOK, c.init+lc(bothFactors))
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			s.gives(c.want, c.crypt+"00")
		})
	}
}

// TestRecords makes the MACs of UPDATE CAPP DATA CACHE, of its answer, and of READ
// CAPP DATA (JR/T 0025.14) under the record key of the vectors.
func TestRecords(t *testing.T) {
	m := spec(t, 0)
	capp := psam.Directory{ID: 0x8011, Keys: []psam.KeySpec{{Type: psam.TypeMAC, Index: 1, Value: epurse.Key(unhex(t, "404142434445464748494A4B4C4D4E4F"))}}}
	m.Applications = []psam.Directory{capp}
	s := insert(t, m)
	s.union()
	s.want(apdu.SWOK, "801A0601")
	record := "27010D01010000112233445566778899"
	s.gives("40C7CF2E", "80FA0500"+lc("0000000000000001 84DE00A814"+record+"800000")+"04")
	s.gives("CB1051AB", "80FA0500"+lc("0000000040C7CF2E 9000 800000000000")+"04")
	s.gives("4876A6BA", "80FA0500"+lc("1122334455667788"+record+"8000000000000000")+"04")
	// The same in parts.
	s.want(apdu.SWOK, "80FA0700"+lc("0000000000000001 84DE00A814 27010D"))
	s.want(apdu.SWOK, "80FA0300"+lc("0101000011223344"))
	s.gives("40C7CF2E", "80FA0100"+lc("5566778899 800000")+"04")
}

// TestRecordKey diversifies the industry's master by the card's factor, as the card
// was made, and compares with what the card checks.
func TestRecordKey(t *testing.T) {
	s := insert(t, spec(t, 0))
	s.want(apdu.SWOK, "00A4000C02DF14")
	record := unhex(t, "27010D01010000112233445566778899")
	header := [5]byte{0x84, 0xDE, 0x00, 0xA8, 0x14}
	for sfi, title := range map[byte]string{0x15: "industry/record/15", 0x1A: "industry/record/1A", 0x1E: "industry/record/1E"} {
		for alg, c := range map[cryptogram.Alg]struct {
			alg     epurse.Alg
			index   byte
			iv, pad string
		}{
			cryptogram.TDES: {epurse.TDES, sfi, "0000000000000123", "800000"},
			cryptogram.SM4:  {epurse.SM4, sfi | 0x40, "00000000000000000000000000000123", "8000000000000000000000"},
		} {
			key := epurse.Diversify(c.alg, keystore.DevelopmentKey(title), epurse.Factor(unhex(t, cardFactor)))
			want := capp.UpdateMAC(alg, key, 0x123, header, record)
			s.want(apdu.SWOK, fmt.Sprintf("801A26%02X", c.index)+lc(cardFactor))
			s.gives(fmt.Sprintf("%X", want), "80FA0500"+lc(c.iv+fmt.Sprintf("%X%X", header, record)+c.pad)+"04")
		}
	}
}

// social is a module for social security cards with the master of the vector.
func social(t testing.TB) psam.Spec {
	m := spec(t, 0)
	d := psam.Directory{ID: 0xDF90, Name: unhex(t, "D15600000590")}
	d.Keys = []psam.KeySpec{
		{Type: psam.TypeBoth, Index: 0x07, Levels: 2, Form: psam.FormFactor, Value: epurse.Key(purchaseMaster)},
		{Type: psam.TypeBoth, Index: 0x47, Alg: epurse.SM4, Levels: 2, Form: psam.FormFactor, Value: epurse.Key(purchaseMaster)},
		{Type: psam.TypeBoth, Index: 0x08, Levels: 2, Value: epurse.Key{1: 2}},
	}
	m.Applications = []psam.Directory{d}
	return m
}

// TestSocialSecurity proves a terminal to a social security card with a process
// factor (LD/T 32, our form), through the module's own command and through
// INIT_FOR_DESCRYPT.
func TestSocialSecurity(t *testing.T) {
	factors := "8660110000123456 3131303030307378"
	s := insert(t, social(t))
	s.want(apdu.SWOK, "00A4040C06D15600000590")
	s.want(apdu.SWOK, "801A4807"+lc(factors+"1122334455667788"))
	s.gives("706FCE2C30BB50EF", "80FA000008A1A2A3A4A5A6A7A800")

	s = insert(t, social(t))
	for _, c := range []struct{ cmd, want string }{
		{"00A4040C06D15600000590", "9000"},
		{"BFDE4807" + lc(factors+"1122334455667788"), "9000"},
		{"80FA000008A1A2A3A4A5A6A7A800", "706FCE2C30BB50EF9000"},
		{"BFDE4808" + lc(factors+"1122334455667788"), "6985"}, // a key without process factor
		{"BFDE4809" + lc(factors+"1122334455667788"), "6A88"},
		{"80FA000008A1A2A3A4A5A6A7A800", "6901"},
		// Nothing else is of this class, and no other class is known.
		{"BFB0970001", "6E00"}, {"BFC0000008", "6E00"}, {"BF00000000", "6E00"}, {"BFA4040C06D15600000590", "6E00"},
		{"BBDE4807" + lc(factors+"1122334455667788"), "6E00"}, {"9FDE4807" + lc(factors+"1122334455667788"), "6E00"},
		{"80DE4807" + lc(factors+"1122334455667788"), "6E00"}, {"81DE4807" + lc(factors+"1122334455667788"), "6881"},
	} {
		if got, err := s.chip.Transmit(nil, unhex(t, c.cmd)); err != nil || !bytes.Equal(got, unhex(t, c.want)) {
			t.Fatalf("%s: %X %v, want %s", c.cmd, got, err, c.want)
		}
	}

	// Over the contacts GET RESPONSE is not of this class either.
	s.chip.UseInterface(card.Contact)
	for last, want := range map[string]string{"00C0000008": "706FCE2C30BB50EF9000", "BFC0000008": "6E00"} {
		s.powerOn()
		s.want(apdu.SWOK, "00A4040C06D15600000590")
		s.want(apdu.SWOK, "BFDE4807"+lc(factors+"1122334455667788"))
		s.want(0x6108, "80FA000008A1A2A3A4A5A6A7A8")
		if got, err := s.chip.Transmit(nil, unhex(t, last)); err != nil || !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("%s: %X %v, want %s", last, got, err, want)
		}
	}
}

// TestSM4ProcessFactor compares with the cryptogram that a card would check.
func TestSM4ProcessFactor(t *testing.T) {
	s := insert(t, social(t))
	s.want(apdu.SWOK, "00A4040C06D15600000590")
	s.want(apdu.SWOK, "801A4847"+lc("8660110000123456 3131303030307378 1122334455667788"))
	got := s.want(apdu.SWOK, "80FA000008A1A2A3A4A5A6A7A800")
	key := naiveDiversify(epurse.SM4, unhex(t, "0123456789ABCDEFFEDCBA9876543210"), unhex(t, "3131303030307378"), unhex(t, "8660110000123456"))
	session := naiveECB(epurse.SM4, key, unhex(t, "11223344556677880000000000000000"))
	block := naiveECB(epurse.SM4, session, unhex(t, "A1A2A3A4A5A6A7A80000000000000000"))
	for i := range 8 {
		block[i] ^= block[8+i]
	}
	if string(got) != string(block[:8]) {
		t.Errorf("%X, want %X", got, block[:8])
	}
}
