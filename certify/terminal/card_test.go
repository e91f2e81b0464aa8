package terminal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

func testOptions(t testing.TB) *Options {
	t.Helper()
	o := &Options{Setup: Everything(), RSA: &RSAKeys{Index: devkeys.RSACAIndex}, SM2: &SM2Keys{Index: devkeys.SM2CAIndex}, At: time.Unix(1773453600, 0), Rand: rand.NewChaCha8([32]byte{2})}
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
