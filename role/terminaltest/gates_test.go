package terminaltest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/wire/apdu"
)

func newGates(t testing.TB, s terminal.Setup) *Gates {
	t.Helper()
	g, err := NewGates(s, func() time.Time { return testTime }, random())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// gateOptions are those of a run against our gates.
func gateOptions(t testing.TB, only ...string) terminal.Options {
	t.Helper()
	o := options(t, only...)
	o.Setup = terminal.Gates()
	var err error
	if o.Setup.Fare, err = newGates(t, o.Setup).Fare(); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestOurGates: the gates of this program pass every case for gates, whether the reader
// tells the cards' identifiers or not, with purses and without.
func TestOurGates(t *testing.T) {
	for _, purse := range []bool{true, false} {
		for _, noUID := range []bool{false, true} {
			o := gateOptions(t)
			o.Setup.Purse = purse
			g := newGates(t, o.Setup)
			g.NoUID = noUID
			report, err := terminal.Run(t.Context(), g, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range report.Cases {
				if elsewhere := c.ID == "gate-no-purse" && purse || c.Group == "gate-purse" && !purse; strings.HasPrefix(c.Group, "gate") && c.Result != certify.Pass && !elsewhere {
					t.Errorf("purse %t, no UID %t: %s: %s %s %v", purse, noUID, c.ID, c.Detail, c.Reason, c.APDUs)
				}
			}
			if report.Passed < 60 {
				t.Errorf("%d passed", report.Passed)
			}
		}
	}
}

// wrongGates are our gates with something wrong between them and the card, or in what they
// say; the named case must fail.
var wrongGates = []wrongTerminal{
	{"writes no records", "gate-entry", instead(0xDE, 0x90, 0x00)},
	{"asks for no payment of the extension", "gate-quota", indicates(0)},
	{"asks every card for a pre-authorisation", "gate-hold-unsupported", indicates(2)},
	{"never completes a pre-authorisation", "gate-completion", before(0xA8, func(cmd []byte) {
		if cmd[len(cmd)-2] == 3 {
			cmd[len(cmd)-2] = 1
		}
	})},
	{"asks for another fare than it writes", "gate-exit", before(0xA8, func(cmd []byte) { cmd[airAmount+5] = 1 })},
	{"asks a bus rider for another fare", "gate-bus-trip", before(0xA8, func(cmd []byte) { cmd[airAmount+5] = 1 })},
	{"has always the same unpredictable number", "gate-random", before(0xA8, func(cmd []byte) { copy(cmd[airUN:], []byte{1, 2, 3, 4}) })},
	{"reads the record without a random number", "gate-few", &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		if parsed(cmd).INS == 0xB4 {
			return send([]byte{cmd[0], cmd[1], cmd[2], cmd[3], 2, cmd[5], cmd[6], 0})
		}
		return send(cmd)
	}}},
	{"asks for the balance before the record", "gate-before", also(0xB4, 0x80, 0xCA, 0x9F, 0x79, 0x00)},
	{"alters the records that it writes", "gate-sm", before(0xDE, func(cmd []byte) { cmd[len(cmd)/2] ^= 1 })},
	{"writes every record twice", "gate-entry-trip", afterwards(0xDE)},
	{"overlooks that an update was refused", "gate-update-code", trusting(behind(0xDE, replaced(apdu.SWMACWrong, apdu.SWOK)))},
	{"overlooks that the log was refused", "gate-update-log", behind(0xDE, replaced(apdu.SWMemory, apdu.SWOK))},
	{"overlooks a blocked application", "gate-blocked", behind(0xA4, replaced(apdu.SWInvalidated, apdu.SWOK))},
	{"speaks of journeys to cards that have none", "gate-old-card", also(0xA8, readJourney...)},
	{"takes the records of other cards", "gate-serial", &fault{mixes: true}},
	{"opens though the card declines", "gate-declined", ends("offline_approved")},
	{"opens though the record is locked", "gate-locked", ends("offline_approved")},
	{"opens though the last record was refused", "gate-other-record", ends("offline_approved")},
	{"calls a doubt lost", "gate-torn-gone", says("doubt", "card_lost")},
	{"never asks GET TRANS PROVE", "gate-torn-proved", instead(0x5A, 0x6D, 0x00)},
	{"asks GET TRANS PROVE with another counter", "gate-torn-bus", before(0x5A, func(cmd []byte) { cmd[6] ^= 1 })},
	{"never lets a torn card pay again", "gate-torn-unpaid", &fault{report: func(r *terminal.Reported) {
		if r.Outcome == "offline_approved" {
			r.Outcome = "doubt"
		}
	}}},
	{"selects a purse that it does not take", "gate-no-purse", also(0xB4, selectPurse...)},
	{"tries the social security application", "gate-unknown-apps", also(0xB4, selectSocial...)},
}

// trusting is a gate that asks for no code in the answer to UPDATE CAPP DATA CACHE.
func trusting(f *fault) *fault {
	f.trusts = true
	return f
}

// TestWrongGates: each is caught by the case that is there for it.
func TestWrongGates(t *testing.T) {
	for _, b := range wrongGates {
		t.Run(b.name, func(t *testing.T) {
			o := gateOptions(t, b.caught)
			o.Setup.Purse = false
			g := newGates(t, o.Setup)
			g.wrong = b.wrong
			report, err := terminal.Run(t.Context(), g, o)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Cases) != 1 || report.Failed != 1 {
				t.Errorf("case %s did not catch it: %+v", b.caught, report.Cases)
			}
		})
	}
}

// TestGateKinds: what is not for gates is an error of the driver.
func TestGateKinds(t *testing.T) {
	g := newGates(t, terminal.Gates())
	if _, err := g.Run(t.Context(), nil, terminal.Transaction{Kind: terminal.Load}, nil); !errors.Is(err, errKind) {
		t.Errorf("a load at a gate: %v", err)
	}
}
