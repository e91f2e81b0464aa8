package authorise_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/wire/tlv"
)

// Neither account number, check value, PIN nor key is in what a value prints, whether
// by fmt, JSON or slog.
func TestNothingSecretIsPrinted(t *testing.T) {
	track, err := authorise.ParseTrack([]byte("6228000100001117D35122200001987"))
	noError(t, err)
	next, err := pin.New("738495")
	noError(t, err)
	old, err := pin.New("826173")
	noError(t, err)
	order := authorise.Order{Template: tlv.TagIssuerScript2, Commands: []authorise.Command{authorise.ChangePIN(next, &old), authorise.PutData(tlv.TagECBalance, []byte{0xC0, 0xFF, 0xEE})}}
	for name, v := range map[string]any{
		"track": track, "pointer to track": &track, "order": order, "card": authorise.Card{Orders: []authorise.Order{order}},
		"masters": *masters(t, cryptogram.TDES), "master keys": authorise.MasterKeys{CVN: cryptogram.Key(unhex("0123456789ABCDEFFEDCBA9876543210"))},
		"refused card": authorise.Change{Decision: authorise.Decision{Note: "x"}},
	} {
		text := fmt.Sprintf("%v|%+v|%#v|%s|%q", v, v, v, v, v)
		js, err := json.Marshal(v)
		noError(t, err)
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		for _, all := range []string{text, string(js), log.String()} {
			for _, secret := range []string{"6228000100001117", "0001987", "738495", "826173", "0x73", "0x84", "115 132 149", "130 97 115", "c0ffee", "C0FFEE", "192 255 238", "0xc0", "0xfe", "254 220"} {
				if strings.Contains(all, secret) {
					t.Errorf("%s prints %s: %.300s", name, secret, all)
				}
			}
		}
	}
}
