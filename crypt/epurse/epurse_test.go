package epurse_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
)

var testKey = epurse.Key{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}

func algs() *rapid.Generator[epurse.Alg] {
	return rapid.SampledFrom([]epurse.Alg{epurse.TDES, epurse.SM4})
}

func keys() *rapid.Generator[epurse.Key] {
	return rapid.Custom(func(t *rapid.T) epurse.Key {
		return epurse.Key(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"))
	})
}

// TestLineRoundTrip: what is protected opens again, and no bit of it, of the header or
// of the challenge may be another.
func TestLineRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alg, key := algs().Draw(t, "alg"), keys().Draw(t, "key")
		challenge := rapid.SliceOfN(rapid.Byte(), 4, 8).Draw(t, "challenge")
		h := epurse.Header(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "header"))
		data := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "data")
		encipher := rapid.Bool().Draw(t, "encipher")
		l := epurse.NewLine(alg, key, challenge)
		field, err := l.Protect(nil, h, data, encipher)
		if err != nil || len(field) != l.Length(len(data), encipher) {
			t.Fatalf("%d bytes, error %v", len(field), err)
		}
		back, err := l.Open(h, field, encipher)
		if err != nil || string(back) != string(data) {
			t.Fatalf("opened %X, %v", back, err)
		}
		bit := rapid.IntRange(0, 8*len(field)-1).Draw(t, "bit")
		field[bit/8] ^= 1 << (bit % 8)
		if _, err := l.Open(h, field, encipher); err == nil {
			t.Fatal("a changed command opens")
		}
		field[bit/8] ^= 1 << (bit % 8)
		h[2] ^= 1
		if _, err := l.Open(h, field, encipher); err == nil {
			t.Fatal("another header opens")
		}
		answer := l.ProtectAnswer(nil, data, encipher)
		if back, err := l.OpenAnswer(answer, encipher); err != nil || string(back) != string(data) {
			t.Fatalf("answer opened %X, %v", back, err)
		}
		answer[len(answer)-1] ^= 1
		if _, err := l.OpenAnswer(answer, encipher); err == nil {
			t.Fatal("a changed answer opens")
		}
	})
}

// TestMACTwin compares the chaining with the MAC of the debit/credit application: with
// equal halves ISO 9797-1 algorithm 3 is DES-CBC, and SM4 is the same.
func TestMACTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "data")
		key := keys().Draw(t, "key")
		l := epurse.NewLine(epurse.SM4, key, nil)
		want := cryptogram.MAC(cryptogram.SM4, key, data)
		if got := l.ProtectAnswer(nil, data, false); string(got[len(data):]) != string(want[:4]) {
			t.Fatalf("SM4: %X, want %X", got[len(data):], want[:4])
		}
		l = epurse.NewLine(epurse.TDES, key, nil)
		want = cryptogram.MAC(cryptogram.TDES, key, data)
		if got := l.ProtectAnswer(nil, data, false); string(got[len(data):]) != string(want[:4]) {
			t.Fatalf("3DES: %X, want %X", got[len(data):], want[:4])
		}
		var twin, half epurse.Key
		copy(twin[:], key[:8])
		copy(twin[8:], key[:8])
		copy(half[:], key[:8]) // the other half is 00, so that folding gives this one
		want = cryptogram.MAC(cryptogram.TDES, twin, data)
		if got := epurse.TACSession(epurse.TDES, half).MAC(data); string(got[:]) != string(want[:4]) {
			t.Fatalf("DES: %X, want %X", got, want[:4])
		}
	})
}

func TestAlg(t *testing.T) {
	for b := range 256 {
		a, ok := epurse.AlgOf(byte(b))
		if ok != (b == 0 || b == 4) || ok != a.Valid() {
			t.Errorf("algorithm %02X: %v", b, ok)
		}
	}
	if epurse.TDES.String() != "3DES" || epurse.SM4.String() != "SM4" || epurse.Alg(7).String() != "algorithm 07" {
		t.Error("names of algorithms")
	}
	if epurse.Compound.String() != "compound purchase" || epurse.Type(0).String() != "type 00" || epurse.Type(0x92).String() != "type 92" {
		t.Error("names of trades")
	}
}

// TestPanics: what only a program can get wrong stops it with a text.
func TestPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"algorithm":           func() { epurse.Diversify(7, testKey, epurse.Factor{}) },
		"session":             func() { epurse.LoadSession(7, testKey, [4]byte{}, 1) },
		"challenge":           func() { epurse.NewLine(epurse.TDES, testKey, make([]byte, 9)) },
		"authentication":      func() { epurse.Authentication(epurse.TDES, testKey, make([]byte, 9)) },
		"authentication code": func() { epurse.PurchaseMAC1(epurse.Session{}, &epurse.Trade{AuthCode: make([]byte, 17)}) },
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "epurse: ") {
					t.Errorf("%s: panic with %q", name, text)
				}
			}()
			f()
		}()
	}
}

func TestRedacted(t *testing.T) {
	s := epurse.TACSession(epurse.SM4, testKey)
	l := epurse.NewLine(epurse.SM4, testKey, nil)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "session", s, "line", l)
	j, err := json.Marshal([]any{s, l})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ToUpper(fmt.Sprintf("%v %+v %#v %x %v %s %s", s, s, l, s, l, j, log.String()))
	if strings.Contains(text, "1122") || strings.Contains(text, "17 34") || !strings.Contains(text, "WITHHELD") {
		t.Errorf("a key is printed: %s", text)
	}
}

func FuzzOpen(f *testing.F) {
	l := epurse.NewLine(epurse.TDES, testKey, []byte{1, 2, 3, 4})
	for _, encipher := range []bool{false, true} {
		field, err := l.Protect(nil, epurse.Header{4, 0xD6, 0x95, 0}, []byte{1, 2, 3}, encipher)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(field, encipher, false)
		f.Add(l.ProtectAnswer(nil, []byte{1, 2, 3}, encipher), encipher, true)
	}
	f.Fuzz(func(t *testing.T, field []byte, enciphered, sm4 bool) {
		alg := epurse.TDES
		if sm4 {
			alg = epurse.SM4
		}
		l := epurse.NewLine(alg, testKey, []byte{1, 2, 3, 4})
		h := epurse.Header{4, 0xD6, 0x95, 0}
		if data, err := l.Open(h, field, enciphered); err == nil {
			again, err := l.Protect(nil, h, data, enciphered)
			if err != nil || enciphered && len(field) > 4 && string(again) != string(field) {
				t.Fatalf("%X opens to %X and becomes %X, %v", field, data, again, err)
			}
		}
		if data, err := l.OpenAnswer(field, enciphered); err == nil {
			if again := l.ProtectAnswer(nil, data, enciphered); string(again) != string(field) {
				t.Fatalf("%X opens to %X and becomes %X", field, data, again)
			}
		}
	})
}

func BenchmarkPurchase(b *testing.B) {
	tr := &epurse.Trade{Type: epurse.PurchaseEP, Amount: 200, TerminalSeq: 1}
	for _, alg := range []epurse.Alg{epurse.TDES, epurse.SM4} {
		b.Run(alg.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := epurse.PurchaseSession(alg, testKey, [4]byte{1, 2, 3, 4}, 7, tr.TerminalSeq)
				epurse.PurchaseMAC1(s, tr)
				epurse.PurchaseMAC2(s, tr.Amount)
				epurse.PurchaseTAC(epurse.TACSession(alg, testKey), tr)
			}
		})
	}
}
