package terminal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/role/terminaltest"
)

// gateOptions are those of a run against a gate.
func gateOptions(t testing.TB, only ...string) terminal.Options {
	t.Helper()
	o := options(t)
	o.Setup, o.Only = terminal.Gates(), only
	o.Setup.Purse = false
	return o
}

func newNaiveGate(t testing.TB, wrong string) *naiveGate {
	t.Helper()
	keys, err := devkeys.CAKeys()
	if err != nil {
		t.Fatal(err)
	}
	v, err := oda.NewVerifier(keys, 16)
	if err != nil {
		t.Fatal(err)
	}
	return &naiveGate{keys: terminaltest.RecordKeys(), verify: v, rand: random(), at: at, torn: map[*terminal.Card]*naiveTap{}, wrong: wrong}
}

// TestNaiveGate: a gate that does everything right passes every case for gates, whether
// it asks a card that is back for its last record first or not.
func TestNaiveGate(t *testing.T) {
	for _, way := range []string{"", "only asks GET TRANS PROVE"} {
		report, err := terminal.Run(t.Context(), newNaiveGate(t, way), gateOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range report.Cases {
			if strings.HasPrefix(c.Group, "gate") && c.Group != "gate-purse" && c.Result != certify.Pass {
				t.Errorf("%q: %s: %s %s %v", way, c.ID, c.Detail, c.Reason, c.APDUs)
			}
		}
		if report.Passed < 50 {
			t.Errorf("%d passed", report.Passed)
		}
	}
}

// wrongGates do one thing wrong each; the named cases must fail.
var wrongGates = []struct {
	wrong  string
	caught []string
}{
	{"reads without a random number", []string{"gate-entry", "gate-sm"}},
	{"has one random number", []string{"gate-random"}},
	{"asks for something before the record", []string{"gate-before"}},
	{"asks for money at the entry", []string{"gate-entry", "gate-two-riders", "gate-torn-entry"}},
	{"lets everybody ride for nothing", []string{"gate-exit", "gate-no-entry", "gate-bus", "gate-quota", "gate-alight", "gate-alight-only"}},
	{"logs another amount", []string{"gate-entry-trip", "gate-exit-trip", "gate-bus-trip"}},
	{"writes no log", []string{"gate-exit-trip", "gate-torn-log", "gate-torn-bus"}},
	{"writes no record", []string{"gate-entry", "gate-exit"}},
	{"writes the entry as an exit", []string{"gate-entry", "gate-entry-twice", "gate-metro-and-bus"}},
	{"changes the card's serial number", []string{"gate-entry"}},
	{"has a wrong clock in its records", []string{"gate-entry", "gate-exit-trip"}},
	{"makes codes with an old counter", []string{"gate-entry", "gate-sm", "gate-few"}},
	{"sends DF60 03 to end a ride", []string{"gate-exit", "gate-deposit", "gate-priority", "gate-unknown-apps", "gate-same-order", "gate-board", "gate-bus-twice"}},
	{"makes every card a shop's", []string{"gate-deposit", "gate-quota"}},
	{"speaks of journeys to every card", []string{"gate-old-card"}},
	{"updates a card that declines", []string{"gate-declined", "gate-online", "gate-quota-spent", "gate-deposit-spent"}},
	{"opens for everyone", []string{"gate-locked", "gate-declined", "gate-options-refused", "gate-quota-spent", "gate-hold-open", "gate-other-record"}},
	{"holds with every card", []string{"gate-hold-unsupported"}},
	{"never completes", []string{"gate-completion", "gate-torn-completion"}},
	{"believes every record", []string{"gate-read-code", "gate-read-altered"}},
	{"does not look into the record", []string{"gate-locked", "gate-not-valid", "gate-senseless"}},
	{"takes another card's record", []string{"gate-serial"}},
	{"pays a fare without a record", []string{"gate-no-file", "gate-no-record", "gate-short"}},
	{"overlooks a refused update", []string{"gate-update-code", "gate-update-sequence", "gate-update-memory", "gate-update-log"}},
	{"looks at no signature", []string{"gate-signature"}},
	{"overlooks the expiry date", []string{"gate-expired"}},
	{"overlooks a blocked application", []string{"gate-blocked"}},
	{"takes the last application", []string{"gate-same-order"}},
	{"takes purses", []string{"gate-no-purse"}},
	{"tries its luck", []string{"gate-unknown-apps", "gate-no-purse"}},
	{"forgets torn cards", []string{"gate-torn-paid", "gate-torn-hold", "gate-torn-later"}},
	{"charges again what it cannot read", []string{"gate-torn-proved", "gate-torn-unproved", "gate-torn-other-code", "gate-torn-bus"}},
	{"proves another counter", []string{"gate-torn-proved"}},
	{"never begins anew", []string{"gate-torn-unpaid", "gate-torn-unproved"}},
	{"takes every proof", []string{"gate-torn-other-code"}},
	{"takes a TC for a payment", []string{"gate-torn-replayed"}},
	{"never holds", []string{"gate-hold", "gate-torn-hold"}},
	{"fills up what is cut off", []string{"gate-read-cut", "gate-read-bare"}},
	{"calls a doubt lost", []string{"gate-torn-gone"}},
	{"takes every card for the torn one", []string{"gate-torn-stranger"}},
}

// TestWrongGates: each is caught by the cases that are there for it.
func TestWrongGates(t *testing.T) {
	for _, w := range wrongGates {
		t.Run(w.wrong, func(t *testing.T) {
			report, err := terminal.Run(t.Context(), newNaiveGate(t, w.wrong), gateOptions(t, append(w.caught, "none")...))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range report.Cases {
				if c.Result != certify.Fail {
					t.Errorf("%s does not catch it", c.ID)
				}
			}
			if len(report.Cases) != len(w.caught) {
				t.Errorf("%d cases of %d", len(report.Cases), len(w.caught))
			}
		})
	}
}

// TestEveryGateCase: a wrong gate is there for every case.
func TestEveryGateCase(t *testing.T) {
	for _, g := range terminal.Groups() {
		for _, c := range g.Cases {
			if strings.HasPrefix(g.Key, "gate") && g.Key != "gate-purse" && !slices.ContainsFunc(wrongGates, func(w struct {
				wrong  string
				caught []string
			}) bool {
				return slices.Contains(w.caught, c.ID)
			}) {
				t.Errorf("no wrong gate is there for %s", c.ID)
			}
		}
	}
}
