package tap_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/terminal/pos"
)

// TestReportKeys: the contract of the JSON form, with the types that it promises.
func TestReportKeys(t *testing.T) {
	tr := (&shop{t: t, profile: "dev-sm"}).sell(pos.Sale{Amount: 150})
	b, err := json.Marshal(tr.Report("en"))
	check(t, err)
	var got map[string]any
	check(t, json.Unmarshal(b, &got))
	for key, want := range map[string]any{
		"outcome": "offline_approved", "amount_fen": 150.0, "pan_masked": "622800******1117", "psn": "01", "atc": 1.0, "cid": "40", "oda": "fdda_ok",
		"tvr": "0000000000", "tsi": "8000", "balance_fen": 99850.0, "balance_before_fen": 100000.0, "paid_fen": 150.0, "kind": "purchase",
		"interface": "contactless", "commit": "committed", "fault": "", "display": "Approved", "display_zh": "交易成功", "aid": "A000000333010101",
		"cryptogram_verified": "genuine", "apdus": 7.0, "reversal": nil, "available_fen": nil, "auth_code": "", "host_code": "", "signature": false,
		"electronic_cash": true, "msd": false, "online_pin": false, "host": "development issuer", "reader_error": "",
	} {
		if v, ok := got[key]; !ok || v != want {
			t.Errorf("%s is %v, want %v", key, v, want)
		}
	}
	if ms, ok := got["field_ms"].(float64); !ok || ms < 50 || ms > 300 {
		t.Errorf("field_ms %v", got["field_ms"])
	}
	if us, ok := got["cpu_us"].(float64); !ok || us <= 0 {
		t.Errorf("cpu_us %v", got["cpu_us"])
	}
	if len(got["cryptogram"].(string)) != 16 {
		t.Errorf("cryptogram %v", got["cryptogram"])
	}
	steps := got["steps"].([]any)
	if len(steps) != 7 {
		t.Fatalf("%d steps", len(steps))
	}
	sum := 0.0
	for i, s := range steps {
		step := s.(map[string]any)
		masked := step["masked"] == true // which only such a step says
		if n := len(step); n != 6 && !(n == 7 && masked) || step["sw"] != "9000" || step["command"] == "" || step["response"] == "" || step["note"] == "" || step["us"].(float64) <= 0 {
			t.Errorf("step %d: %v", i+1, step)
		}
		sum += step["field_us"].(float64)
	}
	if total := got["field_ms"].(float64) * 1000; sum <= 0 || sum >= total || total-sum > 20_000 {
		t.Errorf("steps take %v µs of %v", sum, total)
	}
	if rows := got["rows"].([]any); len(rows) != 1 || rows[0].(map[string]any)["kind"] != "purchase" || rows[0].(map[string]any)["amount_fen"] != 150.0 {
		t.Errorf("rows %v", got["rows"])
	}
}

// TestReportIsHexadecimal: what must not be seen is zeros of the same length, and the
// step says so; what may be seen is whole.
func TestReportIsHexadecimal(t *testing.T) {
	const pan, hidden = "6228000100001117", "6228000000001117"
	for _, show := range []bool{false, true} {
		tr := (&shop{t: t, profile: "dev-3des", side: card.Contact, person: &holder{pin: "123456"}, showPAN: show}).sell(pos.Sale{Amount: 60000})
		masked, length, pins, whole := 0, 0, 0, 0
		for i, l := range tr.Report("en").Steps {
			command, err := hex.DecodeString(l.Command)
			check(t, err)
			response, err := hex.DecodeString(l.Response)
			check(t, err)
			length += len(command) + len(response)
			if l.Masked {
				masked++
			}
			if strings.Contains(l.Response, pan) {
				whole++
			}
			if strings.HasPrefix(l.Command, "0020") {
				pins++
				if !l.Masked || strings.Trim(l.Command[10:], "0") != "" {
					t.Errorf("step %d shows a PIN block: %+v", i+1, l)
				}
			}
			if strings.Contains(l.Response, hidden) && !l.Masked {
				t.Errorf("shown %v, step %d: %+v", show, i+1, l)
			}
		}
		if !show && (whole != 0 || masked < 2+pins) || show && (whole == 0 || masked != pins) || pins != 1 {
			t.Errorf("shown %v: %d numbers are whole, %d steps are masked, %d have a PIN", show, whole, masked, pins)
		}
		if length != tr.Used.Sent+tr.Used.Received {
			t.Errorf("%d bytes in the steps, %d went over the line", length, tr.Used.Sent+tr.Used.Received)
		}
	}
}

// TestReportOfWhatIsUnknown: null and empty, never zero that could be taken for a
// value.
func TestReportOfWhatIsUnknown(t *testing.T) {
	tr := (&shop{t: t, profile: "dev-sm", faults: leavesAtGPO}).sell(pos.Sale{Amount: 150})
	r := tr.Report("en")
	if r.Outcome != "card_lost" || r.PAN != "" || r.PSN != "" || r.ATC != nil || r.Balance != nil || r.Before != nil || r.Cryptogram != "" || r.CID != "" {
		t.Errorf("%+v", r)
	}
	last := r.Steps[len(r.Steps)-1]
	if last.Response != "" || last.SW != "" || !strings.Contains(last.Note, "the card is gone") || last.FieldUS <= 0 {
		t.Errorf("%+v", last)
	}
}

// TestReportOfAnOnlineSale: issuer, scripts and PIN are events, in both languages.
func TestReportOfAnOnlineSale(t *testing.T) {
	load := (&shop{t: t, profile: "dev-3des", side: card.Contact, lang: "zh"}).sell(pos.Sale{Kind: pos.Load, Amount: 700}).Report("zh")
	if len(load.Scripts) != 1 || load.Scripts[0].Result != "performed" || load.Scripts[0].Template != "72" || load.HostCode != "00" || len(load.AuthCode) != 6 {
		t.Errorf("%+v", load.Scripts)
	}
	if load.Available == nil || *load.Available != int64(host.OpeningAccount)-700 || *load.Before != 100000 || *load.Balance != 100700 {
		t.Errorf("account %v, card %v to %v", load.Available, load.Before, load.Balance)
	}
	var seen []string
	for _, e := range load.Events {
		seen = append(seen, e.What)
		if e.What == "issuer" && (e.After == 0 || !strings.Contains(e.Note, "圈存")) {
			t.Errorf("%+v", e)
		}
	}
	if got := strings.Join(seen, " "); got != "opening issuer removal" {
		t.Errorf("events %s", got)
	}
}
