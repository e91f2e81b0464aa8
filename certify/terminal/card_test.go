package terminal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

func testOptions(t testing.TB) *Options {
	t.Helper()
	o := &Options{Setup: Everything(), Records: &RecordKeys{}, Purse: &PurseKeys{}, RSA: &RSAKeys{Index: devkeys.RSACAIndex}, SM2: &SM2Keys{Index: devkeys.SM2CAIndex}, At: time.Unix(1773453600, 0), Rand: rand.NewChaCha8([32]byte{2})}
	for to, from := range map[**oda.RSAPrivate]oda.RSAComponents{&o.RSA.CA: devkeys.RSACA(), &o.RSA.Issuer: devkeys.RSAIssuer(0), &o.RSA.Card: devkeys.RSACard(0)} {
		k, err := oda.NewRSAPrivate(from)
		if err != nil {
			t.Fatal(err)
		}
		*to = k
	}
	for to, from := range map[**oda.SM2Private][32]byte{&o.SM2.CA: devkeys.SM2CA(), &o.SM2.Issuer: devkeys.SM2Issuer(0), &o.SM2.Card: devkeys.SM2Key("x")} {
		k, err := oda.NewSM2Private(from)
		if err != nil {
			t.Fatal(err)
		}
		*to = k
	}
	return o
}

// caseCard makes the card of a case.
func caseCard(t testing.TB, o *Options, id string) (*Card, *Host) {
	t.Helper()
	for _, c := range choose([]string{id}) {
		card, err := c.prepare(o, 0)
		if err != nil {
			t.Fatal(err)
		}
		return card, &Host{card: card, reply: c.plan.host}
	}
	t.Fatalf("no case %s", id)
	return nil, nil
}

// TestEveryCard: the card of every case can be made, SM2 and RSA, and its account number
// is a good one and nobody else's.
func TestEveryCard(t *testing.T) {
	o := testOptions(t)
	seen := map[[10]byte]string{}
	for _, c := range choose(nil) {
		for _, national := range []bool{false, true} {
			card, err := c.prepare(o, 0)
			if err != nil {
				t.Fatalf("%s: %v", c.ID, err)
			}
			pan := txn.PAN(card.pan)
			if err := pan.Validate(); err != nil || pan.Len() != 16 {
				t.Errorf("%s: account number %v: %v", c.ID, pan, err)
			}
			if other := seen[card.pan]; other != "" && other != c.ID {
				t.Errorf("%s has the account number of %s", c.ID, other)
			}
			seen[card.pan] = c.ID
			if national {
				s := good(c.plan.face, c.number)
				s.sm = true
				if err := s.build(o); err != nil {
					t.Errorf("%s with SM2: %v", c.ID, err)
				}
			}
		}
	}
}

// TestAccountNumber: check digits by ISO/IEC 7812-1.
func TestAccountNumber(t *testing.T) {
	for n, want := range map[int]string{0: "6228000100000002", 1: "6228000100000010", 1234567: "6228000112345676"} {
		if got := panDigits(accountNumber(n)); got != want {
			t.Errorf("number %d is %s, want %s", n, got, want)
		}
		sum := 0
		for i, c := range want {
			d := int(c - '0')
			if i%2 == 0 {
				if d *= 2; d > 9 {
					d -= 9
				}
			}
			sum += d
		}
		if sum%10 != 0 {
			t.Errorf("%s has a wrong check digit", want)
		}
	}
}

// TestLocator: records share an entry where they may.
func TestLocator(t *testing.T) {
	got := locator([]record{{sfi: 1, number: 1, signed: true}, {sfi: 1, number: 2}, {sfi: 2, number: 1}, {sfi: 2, number: 2}, {sfi: 1, number: 4, signed: true}, {sfi: 1, number: 3, signed: true}})
	want := []byte{0x08, 1, 2, 1, 0x10, 1, 2, 0, 0x08, 4, 4, 1, 0x08, 3, 3, 1}
	if !bytes.Equal(got, want) {
		t.Errorf("%X, want %X", got, want)
	}
	if got := locator([]record{{sfi: 1, number: 1}, {sfi: 1, number: 2, signed: true}}); !bytes.Equal(got, []byte{0x08, 1, 1, 0, 0x08, 2, 2, 1}) {
		t.Errorf("a signed record behind an unsigned one: %X", got)
	}
}

// TestNothingPrints: card and issuer hide keys and account number, and a trace hides PIN
// and account number.
func TestNothingPrints(t *testing.T) {
	card, h := caseCard(t, testOptions(t), "cvm-plain")
	pan := panDigits(card.pan)
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %x %s", card, card, card, card, card), fmt.Sprintf("%v %+v %#v", h, h, h)} {
		if strings.Contains(s, pan) || strings.Contains(s, "A0010203") || strings.Contains(s, "[160 1") || !strings.Contains(s, "****") {
			t.Errorf("%s", s)
		}
	}
	card.Transmit([]byte{0x00, 0x20, 0x00, 0x80, 0x08, 0x24, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
	x := card.shown()
	if last := x[len(x)-1]; last.Command != "0020008008****************" {
		t.Errorf("VERIFY is shown as %s", last.Command)
	}
}

// TestJourneyCode: the codes of READ CAPP DATA, UPDATE CAPP DATA CACHE and its answer, as
// JR/T 0025.14 annex C describes them (values worked out twice, independently), and that of
// a block that is shorter than the algorithm's.
func TestJourneyCode(t *testing.T) {
	key := cryptogram.Key{0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F}
	record := []byte{0x27, 0x01, 0x0D, 0x01, 0x01, 0x00, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99}
	random := [8]byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}
	if got := journeyCode(cryptogram.TDES, key, random, record); got != [4]byte{0x48, 0x76, 0xA6, 0xBA} {
		t.Errorf("READ CAPP DATA: %X", got)
	}
	update := journeyCode(cryptogram.TDES, key, [8]byte{7: 1}, append([]byte{0x84, 0xDE, 0x00, 0xA8, 0x14}, record...))
	if update != [4]byte{0x40, 0xC7, 0xCF, 0x2E} {
		t.Errorf("UPDATE CAPP DATA CACHE: %X", update)
	}
	start := [8]byte{4: update[0], 5: update[1], 6: update[2], 7: update[3]}
	if got := journeyCode(cryptogram.TDES, key, start, []byte{0x90, 0x00}); got != [4]byte{0xCB, 0x10, 0x51, 0xAB} {
		t.Errorf("answer to UPDATE CAPP DATA CACHE: %X", got)
	}
	for n := range 40 {
		data := bytes.Repeat([]byte{0xA5}, n)
		if got, want := journeyCode(cryptogram.SM4, key, random, data), capp.ReadMAC(cryptogram.SM4, key, random, data); got != want {
			t.Errorf("SM4 over %d bytes: %X, the card has %X", n, got, want)
		}
		if got, want := journeyCode(cryptogram.TDES, key, random, data), capp.ReadMAC(cryptogram.TDES, key, random, data); got != want {
			t.Errorf("3DES over %d bytes: %X, the card has %X", n, got, want)
		}
	}
}

// TestJourneysAreMasked: the serial number in journey records and the purse's number are
// not shown in the clear.
func TestJourneysAreMasked(t *testing.T) {
	o := testOptions(t)
	o.Setup = Gates()
	for _, x := range []struct {
		id  string
		cmd [][]byte
	}{
		{"gate-entry", [][]byte{append(append([]byte{0x00, 0xA4, 0x04, 0x00, 0x08}, debit...), 0), {0x80, 0xB4, 0x00, 0xA8, 0x02, 0x01, 0x10, 0x00}}},
		{"gate-serial", [][]byte{append(append([]byte{0x00, 0xA4, 0x04, 0x00, 0x08}, debit...), 0), {0x80, 0xB4, 0x00, 0xA8, 0x02, 0x01, 0x10, 0x00}}},
		{"purse-entry", [][]byte{append(append([]byte{0x00, 0xA4, 0x04, 0x00, 0x08}, tunion.aid...), 0), {0x00, 0xB2, 0x02, 0xD0, 0x00}}},
	} {
		card, _ := caseCard(t, o, x.id)
		for _, cmd := range x.cmd {
			card.Transmit(cmd)
		}
		for _, e := range card.shown() {
			if number := panDigits(card.pan); strings.Contains(e.Answer, number) || strings.Contains(e.Answer, number[len(number)-factorDigits:]) || len(e.Answer) < 8 {
				t.Errorf("%s: %s is answered %s", x.id, e.Command, e.Answer)
			}
		}
		if last := card.shown()[len(x.cmd)]; !strings.Contains(last.Answer, "****") {
			t.Errorf("%s: %s shows no masked number", x.id, last.Answer)
		}
	}
}

// TestFactor: the serial number in journey records, against the cards of card/perso.
func TestFactor(t *testing.T) {
	for _, x := range []struct {
		digits string
		want   [8]byte
	}{
		{"6228000100041600", [8]byte{0x28, 0x00, 0x01, 0x00, 0x04, 0x16, 0x00, 0x07}},
		{"6228000100041600123", [8]byte{0x00, 0x10, 0x00, 0x41, 0x60, 0x01, 0x23, 0x07}},
		{"622800010004", [8]byte{0x00, 0x62, 0x28, 0x00, 0x01, 0x00, 0x04, 0x07}},
	} {
		pan, err := txn.ParsePAN(x.digits)
		if err != nil {
			t.Fatal(err)
		}
		if got := factor(pan, 7); got != x.want || got != perso.CardFactor(perso.Identity{PAN: pan, PSN: 7}) {
			t.Errorf("%s: %X, want %X", x.digits, got, x.want)
		}
	}
}

// TestGone: a card that has left answers nothing, and comes back once if its case says so.
func TestGone(t *testing.T) {
	card, _ := caseCard(t, testOptions(t), "again-finished")
	selectPPSE := append([]byte{0x00, 0xA4, 0x04, 0x00, 0x0E}, append(bytes.Clone(namePPSE), 0)...)
	card.edits = []*edit{at(insSelect, 1).unheard()}
	if a := card.Transmit(selectPPSE); !a.Gone || !card.Gone() || card.Reset() {
		t.Fatal("the card did not leave")
	}
	if a := card.Transmit(selectPPSE); !a.Gone || len(card.seen) != 1 {
		t.Error("a card that is gone sees commands")
	}
	if !card.Return() || card.Gone() {
		t.Fatal("the card did not come back")
	}
	if a := card.Transmit(selectPPSE); a.Gone || !bytes.HasSuffix(a.Data, []byte{0x90, 0x00}) {
		t.Errorf("answer %X", a.Data)
	}
	card.away = true
	if card.Return() {
		t.Error("the card comes back twice")
	}
}

// TestEnough: a terminal that never ends is ended.
func TestEnough(t *testing.T) {
	card, _ := caseCard(t, testOptions(t), "qpboc-approved")
	for range MaxCommands {
		if a := card.Transmit([]byte{0x80, 0xCA, 0x9F, 0x36, 0x00}); a.Gone {
			t.Fatal("gone too early")
		}
	}
	if a := card.Transmit([]byte{0x80, 0xCA, 0x9F, 0x36, 0x00}); !a.Gone {
		t.Error("still there")
	}
}

// TestCardRules: what a terminal that knows no rules sends is refused by the card, and
// nothing is paid.
func TestCardRules(t *testing.T) {
	card, _ := caseCard(t, testOptions(t), "qpboc-approved")
	for _, x := range []struct {
		cmd  []byte
		want apdu.SW
	}{
		{[]byte{0x00, 0xB2, 0x02, 0x0C, 0x00}, apdu.SWConditions},
		{[]byte{0x80, 0xA8, 0x00, 0x00, 0x02, 0x83, 0x00, 0x00}, apdu.SWWrongLength},
		{[]byte{0x80, 0xAE, 0x40, 0x00, 0x00}, apdu.SWConditions},
		{[]byte{0x00, 0x82, 0x00, 0x00, 0x00}, apdu.SWConditions},
		{[]byte{0x84, 0x18, 0x00, 0x00, 0x00}, apdu.SWConditions},
		{[]byte{0x00, 0x20, 0x00, 0x80, 0x00}, apdu.SWConditions},
		{[]byte{0x00, 0xC0, 0x00, 0x00, 0x00}, apdu.SWConditions},
		{[]byte{0xB0, 0xA4, 0x00, 0x00}, apdu.SWUnknownCLA},
		{[]byte{0x00, 0x01, 0x00, 0x00}, apdu.SWUnknownINS},
		{[]byte{0x00, 0xA4}, apdu.SWWrongLength},
	} {
		a := card.Transmit(x.cmd)
		if _, sw, err := apdu.ParseResponse(a.Data); err != nil || sw != x.want {
			t.Errorf("%X is answered %X, want %v", x.cmd, a.Data, x.want)
		}
	}
	if card.paid != 0 || card.atc != 0x0041 {
		t.Errorf("paid %d times, counter %04X", card.paid, card.atc)
	}
}

// FuzzCard: nothing that a terminal sends makes a card panic, and every answer is one.
func FuzzCard(f *testing.F) {
	o := testOptions(f)
	var all []chosen
	for _, c := range choose(nil) {
		if len(all) == 0 || all[len(all)-1].group != c.group {
			all = append(all, c)
		}
	}
	selectPPSE := append([]byte{0x00, 0xA4, 0x04, 0x00, 0x0E}, append(bytes.Clone(namePPSE), 0)...)
	f.Add(uint8(0), append([]byte{byte(len(selectPPSE))}, selectPPSE...))
	f.Add(uint8(9), []byte{14, 0x00, 0xA4, 0x04, 0x00, 0x08, 0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01, 0x00, 5, 0x80, 0xA8, 0x00, 0x00, 0x00})
	f.Add(uint8(14), []byte{4, 0x80, 0xAE, 0xFF, 0xFF, 3, 1, 2, 3})
	for i, c := range all {
		switch c.group {
		case "gate", "gate-shut", "gate-torn":
			f.Add(uint8(i), []byte{14, 0x00, 0xA4, 0x04, 0x00, 0x08, 0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01, 0x00, 8, 0x80, 0xB4, 0x00, 0xA8, 0x02, 0x01, 0x10, 0x00,
				11, 0x84, 0xDE, 0x00, 0xA8, 0x06, 0x01, 0x10, 1, 2, 3, 4, 8, 0x80, 0x5A, 0x00, 0x00, 0x02, 0x00, 0x42, 0x08})
		case "gate-purse":
			f.Add(uint8(i), []byte{14, 0x00, 0xA4, 0x04, 0x00, 0x08, 0xA0, 0x00, 0x00, 0x06, 0x32, 0x01, 0x01, 0x05, 0x00, 5, 0x00, 0xB2, 0x02, 0xD0, 0x00,
				17, 0x80, 0x50, 0x03, 0x02, 0x0B, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 0x0F, 6, 0x80, 0xDC, 0x02, 0xD0, 0x01, 0x27, 5, 0x80, 0x54, 0x01, 0x00, 0x00})
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, script []byte) {
		c := all[int(which)%len(all)]
		card, err := c.prepare(o, 0)
		if err != nil {
			t.Fatal(err)
		}
		h := &Host{card: card, reply: c.plan.host}
		for len(script) > 0 {
			n := min(int(script[0]), len(script)-1)
			a := card.Transmit(script[1 : 1+n])
			if !a.Gone && len(a.Data) < 2 {
				t.Fatalf("no answer to %X", script[1:1+n])
			}
			_, _ = h.Authorise(txn.OnlineRequest{ICC: script[1 : 1+n]})
			script = script[1+n:]
			if a.Gone {
				card.Return()
			}
		}
		card.shown()
	})
}
