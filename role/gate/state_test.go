package gate_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/role/gate"
	terminal "github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// used is a state with entries, months, and an array where a card has just paid.
func used(t testing.TB) *gate.State {
	t.Helper()
	s := gate.NewState()
	uid, err := terminal.ParseUID("04010203040506")
	check(t, err)
	for i, digits := range []string{"6228000100001117", "6228000100001125"} {
		pan, err := txn.ParsePAN(digits)
		check(t, err)
		card := txn.CardKey{PAN: pan, PSN: byte(i)}
		check(t, s.Records.PutEntry(terminal.EntryRecord{Card: card, UID: uid, Station: 14, Terminal: 141, Time: noon, ATC: 7}))
		check(t, s.Records.CloseJourney(terminal.Closing{Card: card, Month: [2]byte{0x26, 0x11}, Counted: 300}))
		if i == 0 {
			check(t, s.Records.PutEntry(terminal.EntryRecord{Card: card, UID: uid, Station: 14, Terminal: 141, Time: noon, ATC: 8}))
		}
	}
	s.Array(gate.Place{Station: 14})
	s.Array(gate.Place{Route: 300})
	s.Rows = 5
	return s
}

// TestStateIsStoredWhole: what comes back is the same, and is found again.
func TestStateIsStoredWhole(t *testing.T) {
	s := used(t)
	b, err := s.Append(nil)
	check(t, err)
	back, err := gate.ParseState(b)
	check(t, err)
	again, err := back.Append(nil)
	check(t, err)
	if !bytes.Equal(again, b) || back.Rows != 5 {
		t.Errorf("another state:\n%s\n%s", b, again)
	}
	uid, err := terminal.ParseUID("04010203040506")
	check(t, err)
	entry, err := back.Records.OpenEntry(uid)
	check(t, err)
	if entry.ATC != 8 || entry.Station != fare.StationID(14) {
		t.Errorf("%+v", entry)
	}
	if sum, err := back.Records.MonthSum(entry.Card, [2]byte{0x26, 0x11}); err != nil || sum != 300 {
		t.Errorf("month's sum %v, %v", sum, err)
	}
	if _, err := back.Records.MonthSum(entry.Card, [2]byte{0x26, 0x12}); !errors.Is(err, terminal.ErrNoRecord) {
		t.Errorf("another month: %v", err)
	}
	random, err := terminal.ParseUID("08010203")
	check(t, err)
	for _, none := range []terminal.UID{{}, random} {
		if _, err := back.Records.OpenEntry(none); !errors.Is(err, terminal.ErrNoRecord) {
			t.Errorf("UID %q: %v", none, err)
		}
	}
}

// TestRecords: a journey's end takes its entry away and adds to the month; a UID that
// changes with each tap is nobody's.
func TestRecords(t *testing.T) {
	pan, err := txn.ParsePAN("6228000100001117")
	check(t, err)
	random, err := terminal.ParseUID("08010203")
	check(t, err)
	card := txn.CardKey{PAN: pan, PSN: 1}
	r := gate.NewRecords()
	for range 2 {
		check(t, r.PutEntry(terminal.EntryRecord{Card: card, UID: random, Station: 14, Terminal: 141, Time: noon, ATC: 7}))
		if _, err := r.OpenEntry(random); !errors.Is(err, terminal.ErrNoRecord) {
			t.Errorf("random UID: %v", err)
		}
		if _, err := r.OpenEntryOf(card); err != nil {
			t.Error(err)
		}
		check(t, r.CloseJourney(terminal.Closing{Card: card, Month: [2]byte{0x26, 0x11}, Counted: 300}))
		if _, err := r.OpenEntryOf(card); !errors.Is(err, terminal.ErrNoRecord) {
			t.Errorf("entry of an ended journey: %v", err)
		}
	}
	if sum, err := r.MonthSum(card, [2]byte{0x26, 0x11}); err != nil || sum != 600 {
		t.Errorf("month's sum %v, %v", sum, err)
	}
}

func TestStateIsChecked(t *testing.T) {
	b, err := used(t).Append(nil)
	check(t, err)
	good := string(b)
	for name, bad := range map[string]string{
		"empty":               "",
		"no JSON":             "{",
		"format":              strings.Replace(good, `"format":1`, `"format":2`, 1),
		"unknown key":         strings.Replace(good, `"rows"`, `"wows"`, 1),
		"array":               strings.Replace(good, `"memory":"01`, `"memory":"07`, 1),
		"no hexadecimal":      strings.Replace(good, `"memory":"01`, `"memory":"0x`, 1),
		"account number":      strings.Replace(good, `"pan":"6228000100001117"`, `"pan":"62x8000100001117"`, 1),
		"UID":                 strings.Replace(good, `"uid":"04010203040506"`, `"uid":"0401"`, 1),
		"month":               strings.Replace(good, `"month":"2611"`, `"month":"26"`, 1),
		"sum below zero":      strings.Replace(good, `"sum_fen":300`, `"sum_fen":-300`, 1),
		"something behind it": good + " ",
		"white space":         strings.Replace(good, `"format":1`, `"format": 1`, 1),
		"too long":            good + strings.Repeat(" ", gate.MaxState),
	} {
		if bad == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := gate.ParseState([]byte(bad)); !errors.Is(err, gate.ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParseState: what is taken has one form only.
func FuzzParseState(f *testing.F) {
	b, err := used(f).Append(nil)
	check(f, err)
	f.Add(b)
	f.Add([]byte(`{"format":1,"rows":0,"arrays":[],"entries":[],"months":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := gate.ParseState(b)
		if err != nil {
			return
		}
		if again, err := s.Append(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("another form, %v", err)
		}
	})
}
