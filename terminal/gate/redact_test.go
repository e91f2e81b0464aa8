package gate_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/row"
)

// TestNoNumberInPrint sends what a host may want to log through every way of
// printing, and looks for the account number: as digits, as bytes in hexadecimal and
// in decimal, and as base64 of the static data.
func TestNoNumberInPrint(t *testing.T) {
	w := newWorld(t)
	station, _ := w.book.StationByName("北京南站")
	st := w.addGate("out", "a", gate.Config{Terminal: 1, Mode: gate.Exit, Station: station, Medium: 1, RetapWindow: time.Minute, PassWindow: time.Minute})
	r := w.makeCard("rider", goodSpec("sm"))
	other := w.makeCard("other", goodSpec("3des"))
	w.tap(st, other, cutAfterLast, nil)
	res := w.tap(st, r, noCut, nil)
	if !res.Opened || len(res.Waiting) != 1 || len(res.Records) != 1 {
		t.Fatalf("result %+v", res)
	}
	rec := res.Records[0]
	var b strings.Builder
	for _, v := range []any{rec.Evidence, &rec.Evidence, rec, &rec, res, *res, st.gate, st.array, res.Closed, struct{ E row.Evidence }{rec.Evidence}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
			slog.New(h).Info("tap", "value", v)
		}
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(j)
	}
	if !strings.Contains(b.String(), "evidence(9F4B 69 bytes, CA key 57)") {
		t.Error("the evidence is not even named")
	}
	printed := strings.ToUpper(b.String())
	static, err := json.Marshal(rec.Evidence.Card.StaticData)
	w.must(err)
	for _, key := range []*rider{r, other} {
		pan := key.key.PAN
		decimal := strings.Trim(fmt.Sprint(pan[1:7]), "[]")
		for _, secret := range []string{
			pan.Digits(), fmt.Sprintf("%X", pan.Digits()), decimal, strings.ReplaceAll(decimal, " ", ", "),
			strings.ToUpper(strings.TrimSuffix(fmt.Sprintf("%#v", pan[1:5])[7:], "}")), strings.ToUpper(string(static[1:20])),
		} {
			if strings.Contains(printed, secret) {
				i := strings.Index(printed, secret)
				t.Errorf("%q is in the print: %q", secret, printed[max(0, i-60):i+len(secret)+20])
			}
		}
	}
}
