package kernel

import (
	"encoding/hex"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/txn"
)

// TestFDDAVersion: version 00 is for cards whose signed 9F08 is older than 0030,
// and only at terminals that allow it.
func TestFDDAVersion(t *testing.T) {
	const with69, without = "9F690801A1A2A3A4000000", ""
	for _, c := range []struct {
		name, version, last string
		signed, require     bool
		ttq4                byte
		approved, checked   bool
	}{
		{"new card", "9F08020030", with69, true, true, 0x80, true, true},
		{"new card, 9F69 taken away", "9F08020030", without, true, false, 0x80, false, false},
		{"newer card, 9F69 taken away", "9F08020031", without, true, false, 0x80, false, false},
		{"old card", "9F08020020", without, true, false, 0x80, true, false},
		{"old card where version 01 is required", "9F08020020", without, true, true, 0x80, false, false},
		{"old by an unsigned word", "9F08020020", without, false, false, 0x80, false, false},
		{"says nothing", "", without, true, false, 0x80, false, false},
		{"terminal without version 01", "9F08020030", without, true, false, 0x00, true, false},
		{"old card that gives 9F69 all the same", "9F08020020", with69, true, false, 0x80, true, true},
		{"old card that would give 9F69, where version 01 is required", "9F08020020", with69, true, true, 0x80, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := &verdict{reason: oda.OK}
			cfg := testConfig(v)
			cfg.RequireFDDA01, cfg.TTQ[3] = c.require, c.ttq4
			card := newPaperCard()
			card.records[[2]byte{2, 0x0C}] = record("8F0139 9003111111 9F4603222222" + c.version)
			if !c.signed {
				card.gpo = paperGPO("90", "0801020110010100")
			}
			card.records[[2]byte{1, 0x14}] = record(c.last)
			out := tap(t, cfg, card)
			if (out.Result == Approved) != c.approved || out.CADChecked != c.checked {
				t.Fatalf("%v, 9F69 checked %v, fault %v", out.Result, out.CADChecked, out.Fault)
			}
			want := ""
			toldBefore := c.require && c.version == "9F08020020" && c.signed // refused where nothing is paid
			switch {
			case toldBefore && (out.Commit != NotCommitted || out.Reason != txn.ODAFailed || len(card.sent) != 5):
				t.Errorf("%v, %v after %d commands", out.Commit, out.Reason, len(card.sent))
			case toldBefore:
			case c.checked:
				want = "11223344" + "000000000400" + "0156" + "01a1a2a3a4000000"
			case c.approved:
				want = "11223344"
			case out.Commit != CommitUnknown || out.Reason != txn.ODAFailed:
				t.Errorf("%v, %v: the answer to the last record proves nothing", out.Commit, out.Reason)
			}
			if got := hex.EncodeToString(v.signed); got != want {
				t.Errorf("terminal data %q, want %q", got, want)
			}
		})
	}
}

// TestLastRecordOddities: the card has paid, so nothing in its last record that the
// verdict does not rest upon may cost the rider the pass.
func TestLastRecordOddities(t *testing.T) {
	const cad = "9F690801A1A2A3A4000000"
	for name, body := range map[string]string{
		"9F74 of one byte":         "9F740145" + cad,
		"9F5D of one byte":         cad + "9F5D0100",
		"8F of two bytes":          "8F023939" + cad,
		"another ATC":              "9F36020001" + cad,
		"another label, no object": "5001FF" + cad,
		"unsigned 5F34 of another": "5F340107" + cad,
	} {
		card := newPaperCard()
		card.records[[2]byte{1, 0x14}] = record(body)
		if out := tap(t, testConfig(&verdict{reason: oda.OK}), card); out.Result != Approved || out.Data.ATC != 0x1C || out.Data.Card.PSN != 1 {
			t.Errorf("%s: %v, %v, ATC %04X PSN %d", name, out.Result, out.Fault, out.Data.ATC, out.Data.Card.PSN)
		}
	}
	// The same in a record before it ends the tap where nothing is paid.
	card := newPaperCard()
	card.records[[2]byte{2, 0x0C}] = record("8F023939")
	if out := tap(t, testConfig(&verdict{reason: oda.OK}), card); out.Commit != NotCommitted || out.Fault.Tag != 0x8F {
		t.Errorf("%v, %v", out.Commit, out.Fault)
	}
}
