package terminaltest

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/certify/terminal"
)

// TestParseSetup: what a file says, and nothing else, differs from a terminal that has
// everything.
func TestParseSetup(t *testing.T) {
	text, err := os.ReadFile("../../examples/terminals/citycard-tap.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseSetup(text)
	if err != nil {
		t.Fatal(err)
	}
	if s.FloorLimit != 500_00 || s.CashLimit != 1000_00 || s.CVMLimit != 0 || s.Actions.Online != [5]byte{0xDC, 0x40, 0x04, 0xF8, 0} || s.Person || !s.Load || !s.Choice || s.Version != [2]byte{0, 0x30} {
		t.Errorf("%+v", s)
	}
	if s, err = ParseSetup([]byte("floor_limit_fen: 2000")); err != nil || s.FloorLimit != 20_00 || !s.Person || s.CVMLimit != terminal.Everything().CVMLimit {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = ParseSetup([]byte("has: [contact]")); err != nil || !s.Contact || s.Contactless || s.SM {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = ParseSetup([]byte("has: [contactless, gate, hold]\nfare_fen: 400")); err != nil || !s.Gate || !s.Hold || s.Bus || s.Fare != 4_00 {
		t.Errorf("%+v, %v", s, err)
	}
	if text, err = os.ReadFile("../../examples/terminals/citycard-gate.yaml"); err != nil {
		t.Fatal(err)
	}
	if s, err = ParseSetup(text); err != nil || !s.Gate || !s.Bus || !s.Hold || !s.Remembers || s.Contact {
		t.Errorf("%+v, %v", s, err)
	}
	for bad, want := range map[string]string{
		"":                          "setup",
		"has: [contact, magic]":     "magic",
		"floor_limit_fen: -1":       "floor_limit_fen",
		"floor_limit_fen: 99999999": "floor_limit_fen",
		"country: \"156\"":          "country",
		"colour: red":               "colour",
		"has: contact":              "has",
		"tac_denial: \"00\"":        "tac_denial",
	} {
		if _, err := ParseSetup([]byte(bad)); !errors.Is(err, ErrSetup) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzParseSetup: no file makes it panic, and what is accepted has limits that can be worked with.
func FuzzParseSetup(f *testing.F) {
	f.Add([]byte("has: [contact, sm]\ncountry: \"0156\"\nfloor_limit_fen: 100"))
	f.Add([]byte("has: {a: b}"))
	f.Add([]byte("- - -\n\t: ["))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSetup(b)
		if err != nil {
			if !errors.Is(err, ErrSetup) {
				t.Errorf("%v", err)
			}
			return
		}
		if s.FloorLimit < 0 || s.ContactlessFloor < 0 || s.CVMLimit < 0 || s.ContactlessLimit < 0 || s.CashLimit < 0 || s.Fare < 0 {
			t.Errorf("%+v", s)
		}
	})
}
