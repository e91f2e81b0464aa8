package emv_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
)

const traces = "../../../testdata/card-traces/"

// exchange is a command and its answer.
type exchange struct{ command, answer string }

// recorded reads a session of testdata/card-traces.
func recorded(t testing.TB, session string) []exchange {
	t.Helper()
	f, err := os.Open(traces + "traces.jsonl")
	noError(t, err)
	defer f.Close()
	var list []exchange
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row struct{ Session, Command, Response string }
		noError(t, json.Unmarshal(lines.Bytes(), &row))
		if row.Session == session {
			list = append(list, exchange{row.Command, row.Response})
		}
	}
	noError(t, lines.Err())
	if len(list) == 0 {
		t.Fatalf("no session %q", session)
	}
	return list
}

// unionPayKeys are the published RSA keys of the CA.
func unionPayKeys(t testing.TB) []oda.CAKey {
	t.Helper()
	b, err := os.ReadFile(traces + "capk-A000000333.json")
	noError(t, err)
	var rows []struct{ Index, Algorithm, Modulus, Exponent string }
	noError(t, json.Unmarshal(b, &rows))
	var keys []oda.CAKey
	for _, r := range rows {
		if r.Algorithm == "RSA" && r.Exponent == "03" {
			keys = append(keys, oda.CAKey{RID: [5]byte{0xA0, 0, 0, 3, 0x33}, Index: unhex(t, r.Index)[0], RSA: &oda.RSAPublic{Modulus: unhex(t, r.Modulus), Exponent: 3}})
		}
	}
	return keys
}

// TestRecordedUnionPaySession: at the UnionPay test card of testdata/card-traces
// (session upi-contact), with the amount, date, country, unpredictable numbers and
// issuer's answer of that day, the machine sends the recorded commands byte for byte
// up to the end, verifies the card's certificates and dynamic signature under the
// published CA key 09, and finds the recorded TVR and TSI.
func TestRecordedUnionPaySession(t *testing.T) {
	session := recorded(t, "upi-contact")
	v, err := oda.NewVerifier(unionPayKeys(t), 4)
	noError(t, err)
	cfg := &emv.Config{
		Country: [2]byte{0, 0x36}, Currency: [2]byte{0, 0x36}, Exponent: 2, Type: 0x22,
		Capabilities: [3]byte{0xE0, 0xF0, 0xC8}, Additional: [5]byte{}, Directory: true, Authenticate: v,
		Applications: unionPay(),
	}
	for i := range cfg.Applications {
		cfg.Applications[i].Version, cfg.Applications[i].FloorLimit = [2]byte{0, 0x20}, 5000
	}
	in := emv.Input{Amount: 6580, Time: 1426492896, UN: [4]byte{0x35, 0x10, 0x54, 0x0E}, CardUN: [4]byte{0x78, 0x63, 0xAF, 0xC6}}
	m, err := emv.New(cfg)
	noError(t, err)
	noError(t, m.Reset(in))
	ready, at := m.Step(emv.Event{Kind: emv.Start}), 0
	for ready.Outcome == nil {
		switch {
		case ready.Send != nil:
			got := strings.ToUpper(hex.EncodeToString(ready.Send))
			if at == len(session) || got != session[at].command {
				t.Fatalf("command %d is\n%s\nwant\n%s", at+1, got, session[min(at, len(session)-1)].command)
			}
			ready = m.Step(emv.Answered(unhex(t, session[at].answer)))
			at++
		case ready.Online != nil:
			ready = m.Step(emv.Event{Kind: emv.HostAnswered, Host: &txn.OnlineAnswer{Code: [2]byte{'0', '0'}, ICC: unhex(t, "91081122334455667788")}})
		case ready.RemoveCard:
			ready = m.Step(emv.Event{Kind: emv.CardRemoved})
		default:
			t.Fatalf("unexpected %v", ready)
		}
	}
	out, d := ready.Outcome, ready.Outcome.Data
	if at != len(session) {
		t.Errorf("%d of %d commands", at, len(session))
	}
	if out.Result != kernel.Approved || !out.Online || !out.Signature || out.Reversal != emv.NoReversal {
		t.Errorf("outcome %+v", out)
	}
	if d.TVR != [5]byte{0, 0, 0, 0x80, 0x40} || d.TSI != [2]byte{0xF8, 0} || d.CVMResults != [3]byte{0x5E, 3, 0} || d.ATC != 6 {
		t.Errorf("TVR %X TSI %X CVM results %X ATC %d", d.TVR, d.TSI, d.CVMResults, d.ATC)
	}
	if got := d.Card.PAN.Digits(); got != "6210948000000011" {
		t.Errorf("card %s", got)
	}
	genuine := false
	for _, n := range m.Notes() {
		genuine = genuine || n.Code == emv.NoteGenuine
	}
	if !genuine {
		t.Error("the dynamic signature was not verified")
	}
}
