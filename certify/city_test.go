package certify_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/wire/tlv"
)

// cityProfiles are cards with journeys, quota, purse, keys of terminals and public
// service applications.
var cityProfiles = []string{"dev-transit-sm", "dev-transit-3des", "dev-quota", "dev-tunion", "dev-cityunion", "dev-psam", "livelihood"}

// cityGroups are the groups about what a card has beside the finance application.
var cityGroups = []string{"journey", "update", "fare", "deposit", "hold", "quota", "push", "purse", "compound", "issuer", "module", "civic", "firewall"}

// TestOtherCards runs everything against cards that are no bank cards.
func TestOtherCards(t *testing.T) {
	for name, passed := range map[string]int{"dev-tunion": 65, "dev-cityunion": 65, "dev-psam": 32} {
		t.Run(name, func(t *testing.T) {
			card := newCard(t, name)
			before := purseBalance(t, card, name)
			r := runAll(t, name, card)
			t.Logf("%d passed, %d skipped; %+v", r.Passed, r.Skipped, r.Card)
			showFailures(t, r)
			if r.Passed < passed || !r.Conforms() {
				t.Errorf("%d cases passed, want at least %d", r.Passed, passed)
			}
			spent := before - purseBalance(t, card, name)
			if spent != int64(r.Card.PurseSpent) || name != "dev-psam" && (spent <= 0 || spent > int64(certify.DefaultMaxSpend)) {
				t.Errorf("%d fen are gone, the report says %d", spent, r.Card.PurseSpent)
			}
			aid := map[string]string{"dev-tunion": "A000000632010105", "dev-cityunion": "A00000000386980701"}[name]
			if r.Card.AID != aid || r.Card.Purse != aid {
				t.Errorf("the report has application %q and purse %q", r.Card.AID, r.Card.Purse)
			}
			if name == "dev-psam" && r.Card.Terminal != "112233445566" {
				t.Errorf("the report has terminal %q", r.Card.Terminal)
			}
		})
	}
}

// purseBalance is what GET BALANCE says; 0 on a card without a purse.
func purseBalance(t *testing.T, card *chipCard, profile string) int64 {
	t.Helper()
	aid := map[string]string{"dev-tunion": "\xA0\x00\x00\x06\x32\x01\x01\x05", "dev-cityunion": "\xA0\x00\x00\x00\x03\x86\x98\x07\x01"}[profile]
	if aid == "" {
		return 0
	}
	if _, err := card.Reset(); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []string{"\x00\xA4\x04\x00" + string(rune(len(aid))) + aid + "\x00", "\x80\x5C\x00\x02\x04"} {
		out, err := card.Transmit(nil, []byte(cmd))
		if err != nil || len(out) < 6 || out[len(out)-2] != 0x90 {
			t.Fatalf("%X: %X, %v", cmd, out, err)
		}
		if len(out) == 6 {
			return int64(binary.BigEndian.Uint32(out))
		}
	}
	return 0
}

// TestCityWithoutSecrets: of cards of which nothing is known what can be seen is
// tested, and what cannot is skipped with a reason; a run that may not change the
// card changes nothing but what is paid.
func TestCityWithoutSecrets(t *testing.T) {
	for _, name := range cityProfiles {
		for _, secrets := range []bool{false, true} {
			o := options(t, name)
			if !secrets {
				o.Keys, o.CAKeys, o.Secrets, o.PIN, o.CityPIN = nil, nil, nil, pin.PIN{}, pin.PIN{}
			}
			r, err := certify.Run(newCard(t, name), o)
			if err != nil {
				t.Fatal(err)
			}
			showFailures(t, r)
			for _, c := range r.Cases {
				if (c.Result == certify.Skip) != (c.Reason != "" && c.ReasonZH != "") {
					t.Errorf("%s: %s: %s with reason %q %q", name, c.ID, c.Result, c.Reason, c.ReasonZH)
				}
			}
			if r.Passed < 12 {
				t.Errorf("%s: %d cases passed", name, r.Passed)
			}
		}
	}
}

// TestCityAlone: every case of the city gives alone what it gives among the others.
func TestCityAlone(t *testing.T) {
	for _, name := range cityProfiles {
		o := options(t, name)
		o.Only, o.Destructive, o.Sacrifice = cityGroups, true, true
		all, err := certify.Run(newCard(t, name), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range all.Cases {
			if want.Result == certify.Skip {
				continue
			}
			o.Only = []string{want.ID}
			o.Rand = rand.NewChaCha8([32]byte{8})
			r, err := certify.Run(newCard(t, name), o)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Cases) != 1 || r.Cases[0].Result != want.Result {
				t.Errorf("%s: %s: %s among others, alone %+v", name, want.ID, want.Result, r.Cases)
			}
		}
	}
}

// TestCityTwice: a card passes a second run, so that the first left it in order.
func TestCityTwice(t *testing.T) {
	for _, name := range cityProfiles {
		card := newCard(t, name)
		o := options(t, name)
		o.Destructive = true
		for run := range 2 {
			r, err := certify.Run(card, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Failed > 0 {
				t.Errorf("%s, run %d", name, run+1)
				showFailures(t, r)
			}
		}
	}
}

// TestCityMasked: no number of a card and no name of its holder is in a report.
func TestCityMasked(t *testing.T) {
	for name, secrets := range map[string][]string{
		"livelihood":     {"3103104", "31303130353139343931323331303032", "D5C5C8FD", "6228000100001117", "2800010000111701", "123456FF"},
		"dev-tunion":     {"3103104810010000001"},
		"dev-cityunion":  {"4100000080000001"},
		"dev-transit-sm": {"6228000100001117", "2800010000111701"},
	} {
		o := options(t, name)
		o.Destructive = true
		failing := &brokenCard{good: newCard(t, name), fault: func(b *brokenCard, cmd []byte) []byte {
			if cmd == nil {
				return nil
			}
			out := b.pass(cmd...)
			if b.count++; b.count > 120 && b.count%7 == 0 && good(out) {
				out = append(slices.Clone(out), 0x90, 0x01)
			}
			return out
		}}
		r, err := certify.Run(failing, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Failed < 10 {
			t.Errorf("%s: %d cases failed", name, r.Failed)
		}
		var out bytes.Buffer
		if err := r.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		for _, x := range secrets {
			if strings.Contains(out.String(), x) {
				at := strings.Index(out.String(), x)
				t.Errorf("%s: %s is in the report: %s", name, x, out.String()[max(0, at-200):at+60])
			}
		}
	}
}

// TestOwnKeys: keys of the card itself serve as well as masters.
func TestOwnKeys(t *testing.T) {
	o := options(t, "dev-tunion")
	o.Only = []string{"purse-purchase"}
	o.Secrets = func(alg cryptogram.Alg, name string) (certify.Secret, bool) {
		own := map[string]string{
			"purse-purchase-01": "\xD3\xBE\xFC\x05\x9F\x0B\xC2\x78\xCB\x80\x1B\xCE\x33\xDB\x02\xD8",
			"purse-tac-01":      "\x50\xA8\x28\xFA\x7C\xD8\xF5\x6A\xC6\x12\x39\xB7\x69\xB6\xD0\x77",
		}[name]
		var k cryptogram.Key
		copy(k[:], own)
		return certify.Secret{Value: k, Own: true}, own != "" && alg == cryptogram.TDES
	}
	r, err := certify.Run(newCard(t, "dev-tunion"), o)
	if err != nil {
		t.Fatal(err)
	}
	showFailures(t, r)
	if r.Passed != 1 {
		t.Errorf("%+v", r.Cases)
	}
}

// withoutIndex is a card whose PDOL does not ask for DF60: what it gets is 00.
func withoutIndex(b *brokenCard, cmd []byte) []byte {
	switch {
	case cmd == nil:
		return nil
	case cmd[1] == 0xA8 && b.count == 1:
		cmd[4]++
		cmd[6]++
		cmd = append(cmd[:len(cmd)-1], 0, 0)
	}
	out := b.pass(cmd...)
	if cmd[1] == 0xA4 {
		b.count = 0
		pdol := []byte{0xDF, 0x60, 1}
		return edit(func(t tlv.Tag, v []byte) []byte {
			if t == 0x9F38 && bytes.Contains(v, pdol) {
				b.count = 1
				v = bytes.Replace(v, pdol, nil, 1)
			}
			return object(t, v)
		})(b, cmd, out)
	}
	return out
}

// TestQuotaWithoutIndex: a quota card that never hears of DF60 passes the cases about
// shops, and those about fares are skipped; it must be said that it has a quota.
func TestQuotaWithoutIndex(t *testing.T) {
	for _, quota := range []bool{true, false} {
		o := options(t, "dev-quota")
		o.Quota, o.Destructive, o.Only = quota, true, []string{"quota", "fare", "push"}
		r, err := certify.Run(&brokenCard{good: newCard(t, "dev-quota"), fault: withoutIndex}, o)
		if err != nil {
			t.Fatal(err)
		}
		showFailures(t, r)
		for _, c := range r.Cases {
			want := certify.Skip
			if quota && slices.Contains([]string{"quota-gate", "quota-shop", "quota-shop-nothing", "quota-contact", "push-sets"}, c.ID) {
				want = certify.Pass
			}
			if c.Group == "push" && want == certify.Skip {
				continue
			}
			if c.Result != want {
				t.Errorf("said to have a quota %t: %s: %s %s", quota, c.ID, c.Result, c.Reason)
			}
		}
	}
}

// TestWrongSecrets: keys and a PIN that are not the card's lock nothing, for what the
// card has once refused is not tried again.
func TestWrongSecrets(t *testing.T) {
	for _, name := range cityProfiles {
		card := newCard(t, name)
		o := options(t, name)
		o.Destructive = true
		right := o.Secrets
		o.Secrets = func(alg cryptogram.Alg, name string) (certify.Secret, bool) {
			k, ok := right(alg, name)
			k.Value[3] ^= 0x10
			return k, ok
		}
		var err error
		if o.CityPIN, err = pin.New("654321"); err != nil {
			t.Fatal(err)
		}
		if r, err := certify.Run(card, o); err != nil || r.Failed == 0 {
			t.Fatalf("%s: %d cases failed with wrong keys, %v", name, r.Failed, err)
		}
		o = options(t, name)
		o.Destructive = true
		r, err := certify.Run(card, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Failed > 0 {
			t.Errorf("%s, after a run with wrong keys", name)
			showFailures(t, r)
		}
	}
}
