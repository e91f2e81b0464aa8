package pin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
	"io"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// EncipherAES makes an enciphered PIN block of format 4 under an AES-128 key (ISO
// 9564-1, 9.4.2):
//
//	PIN field   4 N P P P P . . . . . . . . A A | eight random bytes
//	PAN field   M, PAN right-justified to 12 digits at least, zeros; M digits more than 12
//	block       AES(AES(PIN field) xor PAN field)
//
// fill gives the random bytes. Errors: ErrPIN for no PIN, ErrPAN, and that of fill.
func EncipherAES(key cryptogram.Key, p PIN, pan [10]byte, fill io.Reader) ([16]byte, error) {
	var b [16]byte
	if p.n == 0 {
		return b, ErrPIN
	}
	field, err := panField(pan)
	if err != nil {
		return b, err
	}
	put(b[:], byte(Format4), p, []byte{0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA})
	if _, err := io.ReadFull(fill, b[8:]); err != nil {
		return [16]byte{}, fmt.Errorf("fill PIN block: %w", err)
	}
	block := newAES(key)
	block.Encrypt(b[:], b[:])
	subtle.XORBytes(b[:], b[:], field[:])
	block.Encrypt(b[:], b[:])
	return b, nil
}

// DecipherAES opens an enciphered PIN block of format 4. A block for another PAN
// does not open. Errors: ErrBlock, ErrPAN.
func DecipherAES(key cryptogram.Key, enciphered [16]byte, pan [10]byte) (PIN, error) {
	field, err := panField(pan)
	if err != nil {
		return PIN{}, err
	}
	block := newAES(key)
	b := enciphered
	block.Decrypt(b[:], b[:])
	subtle.XORBytes(b[:], b[:], field[:])
	block.Decrypt(b[:], b[:])
	p, ok := take(b[:8], byte(Format4), 0xA, 0xA)
	if !ok {
		return PIN{}, ErrBlock
	}
	return p, nil
}

func newAES(key cryptogram.Key) cipher.Block {
	b, err := aes.NewCipher(key[:])
	if err != nil {
		panic("pin: an AES key of the right length was refused: " + err.Error())
	}
	return b
}

// panField is the PAN field of format 4.
func panField(pan [10]byte) (field [16]byte, err error) {
	n, err := panDigits(pan)
	if err != nil {
		return field, err
	}
	lead := max(0, 12-n)
	setNibble(field[:], 0, byte(n+lead-12))
	for i := range n {
		setNibble(field[:], 1+lead+i, nibble(pan[:], i))
	}
	return field, nil
}
