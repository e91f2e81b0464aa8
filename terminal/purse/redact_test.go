package purse_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/citycard/citycard/terminal/purse"
)

// TestNothingIsPrinted: no value of the package shows a card number or a PIN, however it
// is written down.
func TestNothingIsPrinted(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	tap := s.tap(x, wants{amount: 400, compound: true})
	b := &bank{t: t}
	in := loadInput(x, 100, false)
	out, _, _, _ := s.visit(x, b, in, nil, fault{}, nil)
	if tap.out.Data.Answered != true || out.Code == [4]byte{} {
		t.Fatal("no trades")
	}
	probe := s.tap(x, wants{prove: tap.out.Data}).probe
	x.chip.PowerOff()
	check(t, x.chip.PowerOn(&x.rand))
	var q purse.Inquiry
	ready, err := q.Begin(x.aid, x.network)
	check(t, err)
	for ready.Statement == nil {
		ready = q.Answer(s.transmit(x.chip, ready.Send))
	}
	number := unhex(t, "03103104810010000001")
	pin := unhex(t, "123456")
	values := []any{s.machine, tap.out, tap.out.Data, *tap.out.Data, tap.out.Data.Card, probe, &s.loader, in, *in, out, out.Data, out.Data.Request, &q, ready.Statement}
	for i, v := range values {
		var text bytes.Buffer
		j, err := json.Marshal(v)
		check(t, err)
		text.Write(j)
		fmt.Fprintf(&text, " %v %+v %#v %s %x %d", v, v, v, v, v, v)
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "v", v)
		plain := strings.NewReplacer(",", "", "0x", "", " ", "", "\n", "").Replace(text.String())
		for _, secret := range [][]byte{number[2:6], number[6:], pin} {
			decimal := strings.Trim(fmt.Sprint(secret), "[]")
			for _, form := range []string{fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), strings.ReplaceAll(decimal, " ", ""), base64.StdEncoding.EncodeToString(secret)} {
				if strings.Contains(plain, form) {
					t.Errorf("value %d, %T: %s is written down: %s", i, v, form, text.String())
				}
			}
		}
	}
}
