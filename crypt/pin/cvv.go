package pin

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// Code is a card verification value: three decimal digits in ASCII. It never
// prints itself; take the bytes to put it on a track.
type Code [3]byte

const withheldCode = "[code withheld]"

// String gives a fixed text, never the digits.
func (Code) String() string { return withheldCode }

// Format answers every verb of fmt with the fixed text.
func (Code) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheldCode)) }

// MarshalText gives the fixed text, so encoding/json and others never see the code.
func (Code) MarshalText() ([]byte, error) { return []byte(withheldCode), nil }

// LogValue gives slog the fixed text.
func (Code) LogValue() slog.Value { return slog.StringValue(withheldCode) }

// Equal compares in constant time.
func (c Code) Equal(o Code) bool { return subtle.ConstantTimeCompare(c[:], o[:]) == 1 }

// Track holds what a verification value covers beside the PAN.
type Track struct {
	Expiry  [2]byte // n4, in the order that the card's issuer uses: YYMM as on track 2, or MMYY as printed
	Service [2]byte // n3 service code with a leading zero: 02 20
}

// ICVNService is the service code that a chip's copy of the value is computed
// with (iCVN, iCVV), so that data read from the chip do not serve for a stripe.
var ICVNService = [2]byte{0x09, 0x99}

// CVN2Service is the service code of the value printed on the card (CVN2, CVV2).
var CVN2Service = [2]byte{0x00, 0x00}

// ErrTrack says that expiry or service code is not decimal, or the latter longer
// than three digits.
var ErrTrack = errors.New("expiry must be four decimal digits, service code three")

// CVV is the card verification value, which UnionPay calls CVN: PAN, expiry and
// service code, filled up with zeros to 32 digits; the first 16 are encrypted
// under the left half of the key pair, added to the other 16, and encrypted under
// the pair as triple DES; the value is the first three digits of the result, its
// letters A to F counting as 0 to 5 once the digits are used up. Errors: ErrPAN,
// ErrTrack.
func CVV(pair cryptogram.Key, pan [10]byte, t Track) (Code, error) {
	return code(cryptogram.TDES, pair, pan, t)
}

// DCVN is the dynamic verification value in track 2 data of the magnetic stripe
// path (JR/T 0025.12-2010). No public text gives the formula; this is our choice, after
// the practice of other schemes: CVV under the card's own key (option A of the
// master in DGI 8001), with the transaction counter (9F36), modulo 10000, in the
// place of the leftmost four digits of the PAN. SM4 cards encrypt the 32 digits as
// one SM4 block and take three digits of its 32 in the same manner. Errors:
// ErrPAN, ErrTrack, cryptogram.ErrAlgorithm.
func DCVN(alg cryptogram.Alg, card cryptogram.Key, pan [10]byte, t Track, atc uint16) (Code, error) {
	if !alg.Valid() {
		return Code{}, fmt.Errorf("dynamic verification value with %v: %w", alg, cryptogram.ErrAlgorithm)
	}
	if _, err := panDigits(pan); err != nil {
		return Code{}, err
	}
	n := atc % 10000
	pan[0] = byte(n/1000<<4 | n/100%10)
	pan[1] = byte(n/10%10<<4 | n%10)
	return code(alg, card, pan, t)
}

func code(alg cryptogram.Alg, key cryptogram.Key, pan [10]byte, t Track) (Code, error) {
	n, err := panDigits(pan)
	if err != nil {
		return Code{}, err
	}
	var text [16]byte
	for i := range n {
		setNibble(text[:], i, nibble(pan[:], i))
	}
	for i := range 4 {
		setNibble(text[:], n+i, nibble(t.Expiry[:], i))
		if nibble(t.Expiry[:], i) > 9 || nibble(t.Service[:], i) > 9 {
			return Code{}, ErrTrack
		}
	}
	if t.Service[0] > 9 {
		return Code{}, ErrTrack
	}
	for i := range 3 {
		setNibble(text[:], n+4+i, nibble(t.Service[:], 1+i))
	}
	if alg == cryptogram.TDES {
		return decimalise(encryptText(key, text)), nil
	}
	block, err := cryptogram.NewBlock(alg, key)
	if err != nil {
		return Code{}, fmt.Errorf("dynamic verification value: %w", err)
	}
	block.Encrypt(text[:], text[:])
	return decimalise(text[:]), nil
}

// encryptText is the triple DES part: a CBC of two blocks of which the first is
// encrypted under the left half alone, that is ISO/IEC 9797-1 MAC algorithm 3.
func encryptText(key cryptogram.Key, text [16]byte) []byte {
	var single cryptogram.Key // twice the left half: single DES
	copy(single[:], key[:8])
	copy(single[8:], key[:8])
	mustTDES(single).Encrypt(text[:8], text[:8])
	subtle.XORBytes(text[:8], text[:8], text[8:])
	mustTDES(key).Encrypt(text[:8], text[:8])
	return text[:8]
}

func mustTDES(key cryptogram.Key) cryptogram.Block {
	b, err := cryptogram.NewBlock(cryptogram.TDES, key)
	if err != nil {
		panic("pin: a key of the right length was refused: " + err.Error())
	}
	return b
}

// decimalise takes the first three digits of b, and then its letters less ten.
func decimalise(b []byte) Code {
	var c Code
	at := 0
	for _, letters := range []bool{false, true} {
		for i := 0; i < 2*len(b) && at < len(c); i++ {
			v := nibble(b, i)
			if (v > 9) != letters {
				continue
			}
			if letters {
				v -= 10
			}
			c[at] = '0' + v
			at++
		}
	}
	return c
}
