package terminaltest

import (
	"bytes"
	"slices"
	"testing"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/wire/apdu"
)

// inAnswer replaces something in answers to an instruction.
func inAnswer(ins byte, from, to []byte) *fault {
	return behind(ins, func(b []byte) []byte { return bytes.ReplaceAll(b, from, to) })
}

// inRecord sets a byte of a journey record that the purse gives.
func inRecord(at int, value byte) *fault {
	return behind(0xB2, func(b []byte) []byte {
		if len(b) > 100 {
			b[at] = value
		}
		return b
	})
}

// onWrite alters a record of the purse on its way: long the journey, short the trip.
func onWrite(long bool, at int) *fault {
	return before(0xDC, func(cmd []byte) {
		if len(cmd) > 100 == long {
			cmd[5+at] ^= 1
		}
	})
}

// hidesPurse hides the purse in the directory from the second tap on.
func hidesPurse() *fault {
	taps := 0
	return behind(0xA4, func(b []byte) []byte {
		if bytes.Contains(b, []byte("2PAY")) {
			taps++
		}
		if taps > 1 {
			return bytes.Replace(b, []byte{0xA0, 0x00, 0x00, 0x06, 0x32}, []byte{0xF0, 0x00, 0x00, 0x06, 0x32}, 1)
		}
		return b
	})
}

// opensForProofs opens for every proof and debits nothing for it.
func opensForProofs() *fault {
	asked := false
	return &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		asked = asked || parsed(cmd).INS == 0x5A
		if asked && parsed(cmd).INS == 0x50 {
			return terminal.Answer{Data: []byte{0x69, 0x85}}
		}
		return send(cmd)
	}, report: func(r *terminal.Reported) { r.Outcome = "offline_approved" }}
}

// wrongWithPurses are our gates with something wrong between them and a purse; the named
// case must fail.
var wrongWithPurses = []wrongTerminal{
	{"asks the purse for money at the entry", "purse-entry", before(0x50, func(cmd []byte) { cmd[9] = 1 })},
	{"debits without a journey", "purse-entry", instead(0xDC, 0x90, 0x00)},
	{"has a wrong code in DEBIT", "purse-entry", before(0x54, func(cmd []byte) { cmd[len(cmd)-2] ^= 1 })},
	{"writes another state", "purse-exit", onWrite(true, 14)},
	{"logs another amount", "purse-trips", onWrite(false, 20)},
	{"writes another amount of a bus ride", "purse-bus", onWrite(true, 99)},
	{"chooses another application at the exit", "purse-and-bank", hidesPurse()},
	{"opens for an empty purse", "purse-short", ends("offline_approved")},
	{"overlooks that the record was refused", "purse-update-refused", behind(0xDC, replaced(apdu.SWWrongData, apdu.SWOK))},
	{"opens though the debit was refused", "purse-debit-refused", ends("offline_approved")},
	{"looks at no MAC2", "purse-wrong-answer", ends("offline_approved")},
	{"overlooks the last day", "purse-expired", inAnswer(0xA4, []byte{0x20, 0x20, 0x12, 0x31}, []byte{0x20, 0x49, 0x12, 0x31})},
	{"overlooks the first day", "purse-not-yet", inAnswer(0xA4, []byte{0x20, 0x48, 0x01, 0x01}, []byte{0x20, 0x20, 0x01, 0x01})},
	{"overlooks the lock", "purse-locked", inRecord(5, 0)},
	{"overlooks that the purse is blocked", "purse-blocked", behind(0xA4, replaced(apdu.SWInvalidated, apdu.SWOK))},
	{"overlooks a senseless state", "purse-garbled", inRecord(14, 0)},
	{"asks for no proof", "purse-torn-paid", instead(0x5A, 0x94, 0x06)},
	{"never lets a torn purse pay again", "purse-torn-unpaid", says("offline_approved", "doubt")},
	{"forgets what it began", "purse-torn-early", says("offline_approved", "declined")},
	{"calls a torn purse lost", "purse-torn-gone", says("doubt", "card_lost")},
	{"opens for every proof", "purse-torn-forged", opensForProofs()},
}

// TestWrongWithPurses: each is caught by the case that is there for it, and there is one
// for every case.
func TestWrongWithPurses(t *testing.T) {
	for _, b := range wrongWithPurses {
		t.Run(b.name, func(t *testing.T) {
			o := gateOptions(t, b.caught)
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
	for _, g := range terminal.Groups() {
		for _, c := range g.Cases {
			if g.Key == "gate-purse" && !slices.ContainsFunc(wrongWithPurses, func(w wrongTerminal) bool { return w.caught == c.ID }) {
				t.Errorf("no wrong gate is there for %s", c.ID)
			}
		}
	}
}
