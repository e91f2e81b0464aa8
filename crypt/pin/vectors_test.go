package pin

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("%q is not hexadecimal: %v", s, err)
	}
	return b
}

func key(t testing.TB, s string) cryptogram.Key { return cryptogram.Key(unhex(t, s)) }

func pan(t testing.TB, digits string) [10]byte {
	t.Helper()
	return [10]byte(unhex(t, digits+strings.Repeat("F", 20-len(digits))))
}

func mustPIN(t testing.TB, digits string) PIN {
	t.Helper()
	p, err := New(digits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func load[T any](t *testing.T, file string) []T {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []T
	if err := json.Unmarshal(b, &out); err != nil || len(out) == 0 {
		t.Fatalf("%s: %d entries, %v", file, len(out), err)
	}
	return out
}

type inputs struct {
	PIN, PAN, Expiry, Key string
	Service               string `json:"service_code"`
	CVKA                  string `json:"cvk_a"`
	CVKB                  string `json:"cvk_b"`
	PINField              string `json:"plain_pin_field"`
	PANField              string `json:"plain_pan_field"`
}

type vector struct {
	Name     string
	Inputs   inputs
	Expected struct{ CVV, Block string }
}

func TestVectorFile(t *testing.T) {
	checks := map[string]func(*testing.T, vector){
		"cvv-classic":      checkCVV,
		"pin-format0-x924": checkFormat(Format0),
		"pin-format2":      checkFormat(Format2),
		"pin-format4":      checkFormat4,
	}
	for _, v := range load[vector](t, "../../testdata/vectors/pin-cvv.json") {
		check := checks[v.Name]
		if check == nil {
			t.Errorf("vector %q is not checked", v.Name)
			continue
		}
		delete(checks, v.Name)
		t.Run(v.Name, func(t *testing.T) { check(t, v) })
	}
	for name := range checks {
		t.Errorf("vector %q is in no file", name)
	}
}

func checkCVV(t *testing.T, v vector) {
	in := v.Inputs
	track := Track{Expiry: [2]byte(unhex(t, in.Expiry)), Service: [2]byte(unhex(t, "0"+in.Service))}
	got, err := CVV(key(t, in.CVKA+in.CVKB), pan(t, in.PAN), track)
	if err != nil || string(got[:]) != v.Expected.CVV {
		t.Errorf("CVV is %s, %v, want %s", got[:], err, v.Expected.CVV)
	}
}

func checkFormat(f Format) func(*testing.T, vector) {
	return func(t *testing.T, v vector) {
		var number [10]byte
		if f == Format0 {
			number = pan(t, v.Inputs.PAN)
		}
		want := mustPIN(t, v.Inputs.PIN)
		block, err := Encode(f, want, number, nil)
		if err != nil || !bytes.Equal(block[:], unhex(t, v.Expected.Block)) {
			t.Errorf("block is %X, %v, want %s", block, err, v.Expected.Block)
		}
		got, format, err := Decode(block, number)
		if err != nil || format != f || !got.Equal(want) {
			t.Errorf("the block opens as %v with %d digits, %v", format, got.Len(), err)
		}
	}
}

func checkFormat4(t *testing.T, v vector) {
	in := v.Inputs
	want := mustPIN(t, in.PIN)
	field, err := panField(pan(t, in.PAN))
	if err != nil || !bytes.Equal(field[:], unhex(t, in.PANField)) {
		t.Errorf("PAN field is %X, %v, want %s", field, err, in.PANField)
	}
	block, err := EncipherAES(key(t, in.Key), want, pan(t, in.PAN), bytes.NewReader(unhex(t, in.PINField)[8:]))
	if err != nil || !bytes.Equal(block[:], unhex(t, v.Expected.Block)) {
		t.Errorf("block is %X, %v, want %s", block, err, v.Expected.Block)
	}
	got, err := DecipherAES(key(t, in.Key), block, pan(t, in.PAN))
	if err != nil || !got.Equal(want) {
		t.Errorf("the block opens with %d digits, %v", got.Len(), err)
	}
}

func TestPublishedCVV(t *testing.T) {
	pair := key(t, "0123456789ABCDEFFEDCBA9876543210")
	for _, v := range load[struct{ PAN, Expiry, Service, CVV string }](t, "testdata/cvv.json") {
		track := Track{Expiry: [2]byte(unhex(t, v.Expiry)), Service: [2]byte(unhex(t, "0"+v.Service))}
		got, err := CVV(pair, pan(t, v.PAN), track)
		if err != nil || string(got[:]) != v.CVV {
			t.Errorf("CVV of %s is %s, %v, want %s", v.PAN, got[:], err, v.CVV)
		}
	}
}

// TestChangeValue checks the block and the script around it.
func TestChangeValue(t *testing.T) {
	type value struct {
		Name, Alg, Card, Session, PIN, Plain, Enciphered, ATC, AC, MAC string
		MACSession                                                     string `json:"mac_session"`
	}
	for _, v := range load[value](t, "testdata/change.json") {
		k := ChangeKeys{Alg: cryptogram.Alg(unhex(t, v.Alg)[0]), Card: key(t, v.Card), Session: key(t, v.Session)}
		got, err := ChangeBlock(k, mustPIN(t, v.PIN), nil)
		if err != nil || !bytes.Equal(got[:], unhex(t, v.Enciphered)) {
			t.Errorf("%s: block is %X, %v, want %s", v.Name, got, err, v.Enciphered)
		}
		c, err := k.cipher()
		if err != nil {
			t.Fatal(err)
		}
		clear := got
		for at := 0; at < 16; at += c.BlockSize() {
			c.Decrypt(clear[at:], clear[at:])
		}
		if !bytes.Equal(clear[:], unhex(t, v.Plain)) {
			t.Errorf("%s: clear block is %X, want %s", v.Name, clear, v.Plain)
		}
		opened, err := OpenChange(k, got[:], nil)
		if err != nil || !opened.Equal(mustPIN(t, v.PIN)) {
			t.Errorf("%s: the block opens with %d digits, %v", v.Name, opened.Len(), err)
		}
		atc := unhex(t, v.ATC)
		mac, err := cryptogram.ScriptMAC(k.Alg, key(t, v.MACSession), [4]byte{0x84, 0x24, 0x00, 0x02},
			uint16(atc[0])<<8|uint16(atc[1]), [8]byte(unhex(t, v.AC)), got[:])
		if err != nil || !bytes.Equal(mac[:], unhex(t, v.MAC)) {
			t.Errorf("%s: script MAC is %X, %v, want %s", v.Name, mac, err, v.MAC)
		}
	}
}
