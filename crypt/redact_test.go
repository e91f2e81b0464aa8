package crypt_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/wire/block"
)

// traces are the forms in which a printer may show a secret.
func traces(secret []byte) []string {
	part := secret[:6]
	var decimal, goHex []string
	for _, b := range part[:3] {
		decimal = append(decimal, fmt.Sprint(b))
		goHex = append(goHex, fmt.Sprintf("%#x", b))
	}
	return []string{
		string(part), hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)),
		strings.Join(decimal, " "), strings.Join(decimal, ", "), strings.Join(decimal, ","), strings.Join(goHex, ", "),
		strings.TrimRight(base64.StdEncoding.EncodeToString(secret), "=")[:8],
		new(big.Int).SetBytes(secret).String(), fmt.Sprintf("%q", string(part)),
	}
}

// show prints a value in every way that a program might by accident.
func show(t *testing.T, v any) string {
	t.Helper()
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "% x"} {
		fmt.Fprintf(&out, verb+"\n", v)
	}
	fmt.Fprintln(&out, v, []any{v}, map[string]any{"k": v}, struct{ V any }{v})
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v, "in", struct{ V any }{v})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v, "in", struct{ V any }{v})
	raw, err := json.Marshal(map[string]any{"v": v, "list": []any{v}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(raw)
	return out.String()
}

// TestSecretsDoNotPrintThemselves tries every type that holds a secret, as value
// and as pointer.
func TestSecretsDoNotPrintThemselves(t *testing.T) {
	key := cryptogram.Key{0xC3, 0xD4, 0xE5, 0xF6, 0xA7, 0xB8, 0xC9, 0xDA, 0xEB, 0xFC, 0x8D, 0x9E, 0xAF, 0xB1, 0xC2, 0xD3}
	var scalar [32]byte
	copy(scalar[:], key[:])
	rsa := devkeys.RSACard(0)
	store := keystore.New()
	if err := store.AddSymmetric("ac", keystore.IssuerAC, cryptogram.SM4, key); err != nil {
		t.Fatal(err)
	}
	if err := store.AddSM2("sign", keystore.TerminalSign, scalar); err != nil {
		t.Fatal(err)
	}
	block, err := cryptogram.NewBlock(cryptogram.SM4, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := oda.NewSM2Private(scalar)
	if err != nil {
		t.Fatal(err)
	}
	rsaPrivate, err := oda.NewRSAPrivate(rsa)
	if err != nil {
		t.Fatal(err)
	}
	// The verifier has just derived this card's key and session key.
	v := cryptogram.NewVerifier(cryptogram.SM4, block, block)
	iad := cryptogram.IAD{CVN: cryptogram.CVN17, Alg: cryptogram.SM4}
	v.Check([10]byte{0x62}, 0, &cryptogram.TerminalInput{}, &cryptogram.CardInput{ATC: 1}, iad.Append(nil), [8]byte{}, true)
	session := cryptogram.DeriveSessionKey(cryptogram.SM4, cryptogram.DeriveCardKey(cryptogram.SM4, block, [10]byte{0x62}, 0), 1)

	pin := oda.PINBlock{0x26, 0x98, 0x76, 0x54, 0xFF, 0xFF, 0xFF, 0xFF}

	keys := keystore.CardKeys{Alg: cryptogram.SM4, AC: key, MAC: key, ENC: key}
	secrets := [][]byte{key[:], scalar[:], session[:], rsa.P, rsa.Q, pin[:]}
	for _, value := range []any{
		key, &key, []cryptogram.Key{key}, map[string]cryptogram.Key{"k": key}, keys, &keys,
		v, *v, *store, store, private, *private, rsaPrivate, *rsaPrivate, rsa, &rsa, pin, &pin, []oda.PINBlock{pin},
	} {
		text := show(t, value)
		for _, secret := range secrets {
			for _, trace := range traces(secret) {
				if strings.Contains(text, trace) {
					t.Errorf("%T shows its secret as %q in\n%s", value, trace, text)
				}
			}
		}
	}
	// The search itself must be able to find something.
	found := 0
	for _, trace := range traces(key[:]) {
		if strings.Contains(show(t, key[:]), trace) {
			found++
		}
	}
	if found < 4 {
		t.Errorf("a bare slice is found in only %d forms: the search is blind", found)
	}
}

// TestCardDataDoNotPrintThemselves: what proves a card's key holds its account
// number, readable in 5A, the static data and an SM2 certificate.
func TestCardDataDoNotPrintThemselves(t *testing.T) {
	pan := [10]byte{0x62, 0x28, 0xC0, 0x01, 0x83, 0x94, 0x11, 0x17, 0xFF, 0xFF}
	static := append([]byte{0x5A, 0x08}, pan[:8]...)
	data := oda.CardData{PAN: pan, CardCert: append([]byte{0x14}, pan[:]...), StaticData: static}
	cert := oda.CardCert{PAN: pan, StaticData: static}
	stored := block.Card{Certificate: data.CardCert, Static: static}
	type holder struct {
		Name string
		Data oda.CardData
	}
	for _, value := range []any{
		data, &data, []oda.CardData{data}, map[string]oda.CardData{"k": data}, holder{"h", data}, &holder{"h", data},
		cert, &cert, stored, &stored, block.Evidence{Cards: []block.Card{stored}}, &block.Evidence{Cards: []block.Card{stored}},
	} {
		text := show(t, value)
		for _, trace := range traces(pan[:]) {
			if strings.Contains(text, trace) {
				t.Errorf("%T shows the account number as %q in\n%s", value, trace, text)
			}
		}
		for _, trace := range traces(pan[1:]) {
			if strings.Contains(text, trace) {
				t.Errorf("%T shows a part of the account number as %q in\n%s", value, trace, text)
			}
		}
	}
	if text := show(t, struct{ PAN [10]byte }{pan}); !strings.Contains(text, traces(pan[:])[3]) {
		t.Errorf("a bare array is not found: the search is blind in\n%s", text)
	}
}
