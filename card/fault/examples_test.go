package fault_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/card/fault"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	fare    money.Fen = 123
	opening money.Fen = 100000
)

// taps is what a gate sees in one tap of a script: its result, why, and what the
// card has afterwards.
type taps struct {
	result  kernel.Result
	commit  kernel.Commit
	code    kernel.FaultCode
	balance money.Fen
	note    string // part of a note
}

// exampleTaps says for each example what a gate must make of the taps of a card.
var exampleTaps = map[string][]taps{
	"torn-before-commit": {
		{kernel.Torn, kernel.CommitUnknown, 0, opening, "the power failed at write 1"},
		{kernel.Approved, kernel.Committed, 0, opening - fare, ""},
	},
	"torn-commit": {
		{kernel.Torn, kernel.CommitUnknown, 0, opening, "first half of write 1: the power failed at write 1"},
		{kernel.Torn, kernel.CommitUnknown, 0, opening, "last half of write 2: the power failed at write 2"},
		{kernel.Torn, kernel.CommitUnknown, 0, opening, "first half of write 3: the power failed at write 3"},
		{kernel.Approved, kernel.Committed, 0, opening - fare, ""},
	},
	"flash-card": {
		{kernel.Torn, kernel.CommitUnknown, 0, opening - fare, "no answer"},
		{kernel.Approved, kernel.Committed, 0, opening - 2*fare, ""},
	},
	"slow-card": {{kernel.Approved, kernel.Committed, 0, opening - fare, "the answer comes 400ms later"}},
	"mute-card": {
		{kernel.Torn, kernel.NotCommitted, 0, opening, "no answer"},
		{kernel.Approved, kernel.Committed, 0, opening - fare, ""},
	},
	"wrong-signature":   {{kernel.Declined, kernel.CommitUnknown, kernel.NotGenuine, opening - fare, "flip 9F4B"}},
	"wrong-certificate": {{kernel.Declined, kernel.CommitUnknown, kernel.NotGenuine, opening - fare, "flip 9F46"}},
	"wrong-cryptogram": {
		{kernel.Approved, kernel.Committed, 0, opening - fare, "flip-mac"},
		{kernel.Approved, kernel.Committed, 0, opening - 2*fare, "flip 9F26"},
	},
	"legal-encodings": {{kernel.Approved, kernel.Committed, 0, opening - fare, "long-lengths"}},
	"long-name":       {{kernel.Approved, kernel.Committed, 0, opening - fare, "long-name"}},
	"formats":         {{kernel.Approved, kernel.Committed, 0, opening - fare, "format-77 did not happen"}},
	"malformed": {
		{kernel.Failed, kernel.NotCommitted, kernel.BadTLV, opening, "truncate"},
		{kernel.Failed, kernel.NotCommitted, kernel.BadTLV, opening, "wrong-length"},
		{kernel.Failed, kernel.NotCommitted, kernel.Missing, opening, "remove 94"},
		{kernel.Approved, kernel.Committed, 0, opening - fare, "duplicate 9F36"},
		{kernel.Failed, kernel.NotCommitted, kernel.BadValue, opening - fare, "set 94"},
		{kernel.Failed, kernel.NotCommitted, kernel.Missing, opening - fare, "data left out"},
	},
	"refusals": {
		{kernel.Failed, kernel.NotCommitted, kernel.BadStatus, opening, "status word 6283"},
		{kernel.OtherInterface, kernel.NotCommitted, kernel.BadStatus, opening, "status word 6985"},
		{kernel.Failed, kernel.NotCommitted, kernel.BadStatus, opening, "status word 6A83"},
		{kernel.Approved, kernel.Committed, 0, opening - fare, ""},
	},
}

// TestExamples plays every example against a gate's kernel.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "faults", "*.yaml"))
	check(t, err)
	if len(files) != len(exampleTaps) {
		t.Errorf("%d examples, the test knows %d", len(files), len(exampleTaps))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			script, err := os.ReadFile(file)
			check(t, err)
			b := newBench(t, "dev-sm", string(script))
			for i, want := range exampleTaps[name] {
				b.notes = nil
				got := b.tap()
				if got.Result != want.result || got.Commit != want.commit || got.Fault.Code != want.code || b.balance() != want.balance {
					t.Errorf("tap %d: %v, %v, %v, balance %v; want %v, %v, %v, %v", i+1, got.Result, got.Commit, got.Fault, b.balance(), want.result, want.commit, want.code, want.balance)
				}
				if !b.noted(want.note) && want.note != "" || want.note == "" && len(b.notes) > 0 {
					t.Errorf("tap %d: notes %q, want %q", i+1, b.notes, want.note)
				}
			}
		})
	}
}

// TestWithoutFaultsNothingChanges: a door whose faults do not fit is a wire.
func TestWithoutFaultsNothingChanges(t *testing.T) {
	const script = "name: none\nfaults: [{name: never, when: {ins: A8, nth: 99}, then: {sw: 6F00}}]"
	for _, profile := range []string{"sm", "3des", "dev-dual"} {
		with, without := newBench(t, profile, script), newBench(t, profile, script)
		with.tap()
		without.door = fault.NewDoor(&fault.Script{}, without.chip, without.chip.Memory())
		without.tap()
		a, b := with.chip, without.chip
		if !bytes.Equal(a.Snapshot(nil), b.Snapshot(nil)) || a.Memory().Writes() != b.Memory().Writes() || len(with.notes) > 0 {
			t.Errorf("%s: the door changed the card, notes %q", profile, with.notes)
		}
	}
}

// TestFlippedSignature: exactly one bit differs, and the reason is the signature.
func TestFlippedSignature(t *testing.T) {
	for _, profile := range []string{"sm", "3des", "dev-3des", "dev-dual"} {
		b := newBench(t, profile, example(t, "wrong-signature"))
		if out := b.tap(); out.Fault.ODA != oda.SDADBad {
			t.Errorf("%s: %v", profile, out.Fault)
		}
	}
}

// TestContactFormats: the answer over the contacts in the other format says the
// same.
func TestContactFormats(t *testing.T) {
	b := newBench(t, "dev-3des", example(t, "formats"))
	other := newBench(t, "dev-3des", "name: none\nfaults: [{name: back, when: {ins: A8}, then: {alter: [{how: format-77}, {how: format-80}]}}]")
	var answers [2][]byte
	for i, b := range []*bench{b, other} {
		fci, sw := split(t, b.send(unhex(t, "00A4040008 A000000333010101 00")))
		if sw != apdu.SWOK {
			t.Fatalf("SELECT: %v", sw)
		}
		pdol, err := tlv.ParseDOL(find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagPDOL))
		check(t, err)
		cmd, err := apdu.Command{CLA: 0x80, INS: 0xA8, Data: tlv.Append(nil, tlv.TagCommandTemplate, make([]byte, pdol.Len())), Le: 256}.Append(nil)
		check(t, err)
		data, sw := split(t, b.send(cmd))
		if sw != apdu.SWOK {
			t.Fatalf("GPO: %v, notes %q", sw, b.notes)
		}
		answers[i] = data
	}
	aip, afl := find(answers[0], tlv.TagResponseFormat2, tlv.TagAIP), find(answers[0], tlv.TagResponseFormat2, tlv.TagAFL)
	if len(aip) != 2 || len(afl) == 0 || !bytes.Equal(find(answers[1], tlv.TagResponseFormat1), append(bytes.Clone(aip), afl...)) {
		t.Errorf("answers %X, notes %q, %q", answers, b.notes, other.notes)
	}
}

// TestDelayIsTold: delays of several faults add up, and nobody waits here.
func TestDelayIsTold(t *testing.T) {
	const script = "name: slow\nfaults:\n- {name: a, when: {ins: CA}, then: {delay_ms: 60000}}\n- {name: b, then: {delay_ms: 1500, sw: 6F00}}"
	b := newBench(t, "sm", script)
	began := time.Now()
	_, sw := split(t, b.send(unhex(t, "80CA9F3600")))
	if b.last.Delay != 61500*time.Millisecond || sw != 0x6F00 || time.Since(began) > 10*time.Second {
		t.Errorf("delay %v, %v after %v", b.last.Delay, sw, time.Since(began))
	}
}
