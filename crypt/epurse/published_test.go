package epurse_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"testing"

	"github.com/citycard/citycard/crypt/epurse"
)

// TestPublishedLoad verifies pboc-ep-load of testdata/vectors/pboc.json, and that the
// recorded session cs-t2_load is that load: every MAC and the TAC bit for bit.
func TestPublishedLoad(t *testing.T) {
	raw, err := os.ReadFile("../../testdata/vectors/pboc.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Name             string
		Inputs, Expected map[string]string
	}
	if err := json.Unmarshal(raw, &list); err != nil || len(list) != 1 || list[0].Name != "pboc-ep-load" {
		t.Fatalf("%d vectors, error %v", len(list), err)
	}
	in := func(name string) []byte {
		var x text
		if err := x.UnmarshalText([]byte(list[0].Inputs[name])); err != nil || len(x) == 0 {
			t.Fatalf("input %s: %X, %v", name, []byte(x), err)
		}
		return x
	}
	tr := &epurse.Trade{Type: epurse.Type(in("transaction_type")[0]), Amount: binary.BigEndian.Uint32(in("amount")), Terminal: epurse.Terminal(in("terminal")),
		Stamp: epurse.Stamp(append(in("date"), in("time")...))}
	seq := binary.BigEndian.Uint16(in("online_counter"))
	s := epurse.LoadSession(epurse.TDES, epurse.Key(in("load_key")), [4]byte(in("card_random")), seq)
	tac := epurse.TACSession(epurse.TDES, epurse.Key(in("tac_key")))
	balance := binary.BigEndian.Uint32(in("balance_before"))
	mac1, mac2, code := epurse.LoadMAC1(s, balance, tr), epurse.LoadMAC2(s, tr), epurse.LoadTAC(tac, balance+tr.Amount, seq, tr)
	for name, got := range map[string][]byte{"session_key": s.Bytes(nil), "tac_key_folded": tac.Bytes(nil), "mac1": mac1[:], "mac2": mac2[:], "tac": code[:]} {
		var want text
		if err := want.UnmarshalText([]byte(list[0].Expected[name])); err != nil || !bytes.Equal(want, got) {
			t.Errorf("%s is %X, want %X, %v", name, got, []byte(want), err)
		}
	}
	answers := recorded(t, "cs-t2_load")
	if got := answers["00C0000010"]; len(got) != 18 || !bytes.Equal(got[12:16], mac1[:]) {
		t.Errorf("recorded answer of INITIALIZE FOR LOAD %X", got)
	}
	if got := answers["00C0000004"]; len(got) != 6 || !epurse.Equal(code, got[:4]) {
		t.Errorf("recorded TAC %X", got)
	}
}

// recorded are the answers of a recorded session by command.
func recorded(t *testing.T, session string) map[string][]byte {
	f, err := os.Open("../../testdata/card-traces/traces.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][]byte{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var x struct {
			Session, Command string
			Response         text
		}
		if !bytes.Contains(lines.Bytes(), []byte(session)) {
			continue
		}
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		out[x.Command] = x.Response
	}
	return out
}
