package keystore_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/keystore"
)

// The card of the purse vectors (crypt/epurse/testdata/vectors.json, ours): factors,
// terminal.
var (
	purseIssuer   = epurse.Factor{1, 1, 0x10, 0, 1, 1, 0x10, 0}
	purseSerial   = epurse.Factor{0x31, 4, 0x81, 0, 0x10, 0, 0, 1}
	purseTerminal = epurse.Terminal{0x11, 0x22, 0x33, 0x44, 0x55, 0x66}
)

func code(t testing.TB, s string) epurse.MAC {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return epurse.MAC(b)
}

// Purchase of 2.00 yuan with number 10, TAC and MAC2 of both algorithms.
func TestPurseVerifier(t *testing.T) {
	s := keystore.Development(0)
	for alg, want := range map[epurse.Alg][2]string{epurse.TDES: {"676AED93", "75D66360"}, epurse.SM4: {"BD48FFF0", "CAA5A982"}} {
		v, err := s.PurseVerifier(keystore.PurseMasters(alg), alg, purseIssuer)
		if err != nil {
			t.Fatal(err)
		}
		trade := epurse.Trade{Type: epurse.PurchaseEP, Amount: 200, Terminal: purseTerminal, TerminalSeq: 0x123, Stamp: epurse.Stamp{0x20, 0x26, 1, 0x15, 0x10, 0x11, 0x12}}
		random := [4]byte{0x55, 0x66, 0x77, 0x88}
		tac, mac2 := code(t, want[0]), code(t, want[1])
		if !v.TAC(purseSerial, &trade, tac) || !v.MAC2(purseSerial, random, 0x10, &trade, mac2) {
			t.Errorf("%v: the codes of the vectors are wrong", alg)
		}
		other := purseSerial
		other[7]++
		if v.TAC(other, &trade, tac) || v.MAC2(other, random, 0x10, &trade, mac2) {
			t.Errorf("%v: the codes are right for another card", alg)
		}
		if !v.TAC(purseSerial, &trade, tac) {
			t.Errorf("%v: the keys of the card before are kept", alg)
		}
		if v.MAC2(purseSerial, random, 0x11, &trade, mac2) {
			t.Errorf("%v: MAC2 is right for another number", alg)
		}
		trade.Amount++
		if v.TAC(purseSerial, &trade, tac) || v.MAC2(purseSerial, random, 0x10, &trade, mac2) {
			t.Errorf("%v: the codes are right for another amount", alg)
		}
	}
}

// Load of 100.00 yuan and unload of 1.00 yuan of the vectors.
func TestPurseHost(t *testing.T) {
	h, err := keystore.Development(0).PurseHost(keystore.PurseMasters(epurse.TDES), epurse.TDES, purseIssuer)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind               epurse.Type
		random             [4]byte
		online             uint16
		before, amount     uint32
		after              uint32
		stamp              epurse.Stamp
		mac1, mac2, answer string
	}{
		{epurse.LoadEP, [4]byte{0xA1, 0xB2, 0xC3, 0xD4}, 5, 100, 10000, 10100, epurse.Stamp{0x20, 0x26, 1, 0x15, 9, 0x30, 0}, "4EBB4180", "15D1C907", "48222248"},
		{epurse.Unload, [4]byte{0x0A, 0x0B, 0x0C, 0x0D}, 6, 0x2580, 100, 0x2580 - 100, epurse.Stamp{0x20, 0x26, 1, 0x15, 0x11, 0, 0}, "9685DB88", "6A1B4957", "4AC32DC0"},
	} {
		trade := epurse.Trade{Type: c.kind, Amount: c.amount, Terminal: purseTerminal, Stamp: c.stamp}
		if !h.Open(purseSerial, c.random, c.online, c.before, &trade, code(t, c.mac1)) {
			t.Errorf("%v: MAC1 is wrong", c.kind)
		}
		if h.Open(purseSerial, c.random, c.online, c.before+1, &trade, code(t, c.mac1)) {
			t.Errorf("%v: MAC1 is right for another balance", c.kind)
		}
		if got := h.Grant(purseSerial, c.random, c.online, &trade); got != code(t, c.mac2) {
			t.Errorf("%v: MAC2 is %X", c.kind, got)
		}
		if !h.Done(purseSerial, c.random, c.online, c.after, &trade, code(t, c.answer)) || h.Done(purseSerial, c.random, c.online, c.after, &trade, epurse.MAC{}) {
			t.Errorf("%v: the card's last word is not judged", c.kind)
		}
	}
}

func TestPurseKeysAreForPurses(t *testing.T) {
	s := keystore.Development(1)
	names := keystore.PurseMasters(epurse.TDES)
	bank := keystore.IssuerMasters(0, cryptogram.TDES)
	for name, n := range map[string]keystore.PurseNames{
		"another usage": {Purchase: names.Load, TAC: names.TAC, Load: names.Purchase, Unload: names.Unload},
		"a bank's":      {Purchase: bank.AC, TAC: bank.MAC, Load: bank.AC, Unload: bank.AC},
		"SM4":           keystore.PurseMasters(epurse.SM4),
	} {
		if _, err := s.PurseVerifier(n, epurse.TDES, purseIssuer); !errors.Is(err, keystore.ErrUsage) {
			t.Errorf("%s: verifier %v", name, err)
		}
		if _, err := s.PurseHost(n, epurse.TDES, purseIssuer); !errors.Is(err, keystore.ErrUsage) {
			t.Errorf("%s: host %v", name, err)
		}
	}
	if _, err := keystore.New().PurseVerifier(names, epurse.TDES, purseIssuer); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("an empty store: %v", err)
	}
	for alg, of := range map[epurse.Alg]keystore.PurseNames{epurse.TDES: names, epurse.SM4: keystore.PurseMasters(epurse.SM4)} {
		v, _ := s.PurseVerifier(of, alg, purseIssuer)
		h, _ := s.PurseHost(of, alg, purseIssuer)
		for _, x := range []any{v, *v, h, *h} {
			if text := fmt.Sprintf("%v %+v %#v", x, x, x); strings.Count(text, "withheld") != 3 || strings.Contains(text, "dpk") {
				t.Errorf("keys are printed: %s", text)
			}
		}
		// The key of a development purse is public whatever its name.
		other := keystore.New()
		if err := other.AddSymmetric("x", keystore.PurseUnload, cryptogram.TDES, keystore.DevelopmentKey(of.Unload)); err != nil || !other.IsDevelopment() {
			t.Errorf("%v: a development key is not known for one, %v", alg, err)
		}
	}
}
