package pin

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// FuzzDecode: what opens is a PIN, and makes the same block again where the format
// leaves no choice.
func FuzzDecode(f *testing.F) {
	number := [10]byte{0x62, 0x28, 0x00, 0x01, 0x00, 0x00, 0x11, 0x17, 0xFF, 0xFF}
	for _, s := range []string{"041234FFFFFFFFFF", "1412340123456789", "241234FFFFFFFFFF", "2C123456789012FF", "341234ABCDEFABCD", "241234FFFFFFFFF0", "0000000000000000"} {
		f.Add(unhex(f, s), number[:])
	}
	f.Fuzz(func(t *testing.T, block, pan []byte) {
		if len(block) != 8 || len(pan) != 10 {
			return
		}
		p, format, err := Decode([8]byte(block), [10]byte(pan))
		if err != nil {
			if p != (PIN{}) {
				t.Errorf("a PIN beside %v", err)
			}
			return
		}
		if again, err := New(p.Digits()); err != nil || !again.Equal(p) {
			t.Errorf("%X opens as no PIN: %v", block, err)
		}
		if format == Format0 || format == Format2 {
			if b, err := Encode(format, p, [10]byte(pan), nil); err != nil || !bytes.Equal(b[:], block) {
				t.Errorf("%X comes back as %X, %v", block, b, err)
			}
		}
	})
}

// FuzzOpenChange: what opens makes the same block again, since that form leaves no
// choice.
func FuzzOpenChange(f *testing.F) {
	f.Add(byte(cryptogram.TDES), unhex(f, "2EDCEDD0A4892BA791AD0F43393CFA08"), unhex(f, "B582B7876584F129B31230EC8C7A5BDA"), unhex(f, "4511286D71ED842E31CE92C8502FC745"), "")
	f.Add(byte(cryptogram.SM4), make([]byte, 16), make([]byte, 16), make([]byte, 16), "123456")
	k := ChangeKeys{Alg: cryptogram.SM4}
	current := mustPIN(f, "1234")
	b, err := ChangeBlock(k, mustPIN(f, "654321"), &current)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(cryptogram.SM4), b[:], k.Card[:], k.Session[:], "1234")
	f.Add(byte(3), b[:3], k.Card[:], k.Session[:], "1234")
	f.Fuzz(func(t *testing.T, alg byte, enciphered, card, session []byte, digits string) {
		if len(card) != 16 || len(session) != 16 {
			return
		}
		k := ChangeKeys{Alg: cryptogram.Alg(alg), Card: cryptogram.Key(card), Session: cryptogram.Key(session)}
		var current *PIN
		if p, err := New(digits); err == nil {
			current = &p
		}
		p, err := OpenChange(k, enciphered, current)
		if err != nil {
			return
		}
		if b, err := ChangeBlock(k, p, current); err != nil || !bytes.Equal(b[:], enciphered) {
			t.Errorf("%X comes back as %X, %v", enciphered, b, err)
		}
	})
}

// FuzzDecipherAES: no block may do harm, and the right one opens.
func FuzzDecipherAES(f *testing.F) {
	f.Add(unhex(f, "A912150391AB65A67E52883D81CE2D15"), unhex(f, "AF8CB133A78F8DC2D1359F18527593FB"), unhex(f, "4111111111111111FFFF"))
	f.Add(make([]byte, 16), make([]byte, 16), make([]byte, 10))
	f.Fuzz(func(t *testing.T, block, k, pan []byte) {
		if len(block) != 16 || len(k) != 16 || len(pan) != 10 {
			return
		}
		p, err := DecipherAES(cryptogram.Key(k), [16]byte(block), [10]byte(pan))
		if (err == nil) != (p.Len() >= MinLen) {
			t.Errorf("%d digits, %v", p.Len(), err)
		}
	})
}
