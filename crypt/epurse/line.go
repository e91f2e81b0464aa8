package epurse

import (
	"crypto/des"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"

	"github.com/emmansun/gmsm/sm4"
)

// ErrLine says that a protected command or answer has no MAC, a wrong one, or not
// the form of enciphered data behind it.
var ErrLine = errors.New("line protection does not hold")

// Header is CLA INS P1 P2 of a protected command.
type Header [4]byte

// Line protects one command and its answer (class 04 or 84) under a key and the
// last challenge, padded with 00 to a block, as initial value:
//
//	CLA INS P1 P2 Lc data MAC, Lc counting the four bytes of the MAC
//
// The MAC is over all before it, padded with 80 00..: ISO 9797-1 algorithm 3 for
// triple DES, CBC-MAC for SM4. Enciphered data are the block by block encipherment
// of: length byte, data, and 80 00.. where a block is not full; the MAC is over
// the ciphertext.
type Line struct {
	alg Alg
	key Key
	iv  [16]byte
}

// NewLine prepares the protection under the last 4, 8 or 16 bytes of challenge. It
// panics if the challenge is longer than a block.
func NewLine(alg Alg, key Key, challenge []byte) Line {
	if len(challenge) > alg.BlockSize() {
		panic(fmt.Sprintf("epurse: a challenge of %d bytes is longer than a block of %v", len(challenge), alg))
	}
	l := Line{alg: alg, key: key}
	copy(l.iv[:], challenge)
	return l
}

// Format answers every verb of fmt with a fixed text.
func (Line) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// LogValue gives slog the fixed text.
func (Line) LogValue() slog.Value { return slog.StringValue(withheld) }

// MarshalText gives the fixed text, so encoding/json never sees the key.
func (Line) MarshalText() ([]byte, error) { return []byte(withheld), nil }

func (l *Line) mac(data []byte) MAC {
	x := l.iv
	if l.alg == SM4 {
		b := must(sm4.NewCipher(l.key[:]))
		cbcMAC(x[:], data, b, b)
	} else {
		cbcMAC(x[:8], data, must(des.NewCipher(l.key[:8])), whole(TDES, &l.key))
	}
	return MAC(x[:4])
}

func (l *Line) commandMAC(h Header, data []byte) MAC {
	var room [5 + 255]byte
	m := append(room[:0], h[:]...)
	m = append(m, byte(len(data)+len(MAC{})))
	return l.mac(append(m, data...))
}

// Protect appends the data field of a protected command: data, enciphered if
// wanted, and MAC. It fails with ErrLine if that is longer than 255 bytes.
func (l *Line) Protect(dst []byte, h Header, data []byte, encipher bool) ([]byte, error) {
	if n := l.Length(len(data), encipher); n > 255 {
		return dst, fmt.Errorf("protect command of %d bytes, they would become %d: %w", len(data), n, ErrLine)
	}
	if encipher {
		data = l.encipher(data)
	}
	m := l.commandMAC(h, data)
	return append(append(dst, data...), m[:]...), nil
}

// Open checks the data field of a protected command and gives its data, a part of
// field unless they were enciphered. The error is ErrLine.
func (l *Line) Open(h Header, field []byte, enciphered bool) ([]byte, error) {
	n := len(field) - len(MAC{})
	if n < 0 || len(field) > 255 {
		return nil, fmt.Errorf("protected command of %d bytes, want 4 to 255: %w", len(field), ErrLine)
	}
	if !Equal(l.commandMAC(h, field[:n]), field[n:]) {
		return nil, fmt.Errorf("MAC of the command is wrong: %w", ErrLine)
	}
	if !enciphered || n == 0 {
		return field[:n], nil
	}
	return l.decipher(field[:n])
}

// ProtectAnswer appends an answer's data and the MAC over them, under the same
// initial value as the command's.
func (l *Line) ProtectAnswer(dst, data []byte, encipher bool) []byte {
	if encipher {
		data = l.encipher(data)
	}
	m := l.mac(data)
	return append(append(dst, data...), m[:]...)
}

// OpenAnswer checks a protected answer and gives its data. The error is ErrLine.
func (l *Line) OpenAnswer(field []byte, enciphered bool) ([]byte, error) {
	n := len(field) - len(MAC{})
	if n < 0 || !Equal(l.mac(field[:n]), field[n:]) {
		return nil, fmt.Errorf("MAC of an answer of %d bytes is wrong: %w", len(field), ErrLine)
	}
	if !enciphered {
		return field[:n], nil
	}
	return l.decipher(field[:n])
}

// Length is how many bytes n bytes of data become with their protection.
func (l *Line) Length(n int, enciphered bool) int {
	if enciphered {
		size := l.alg.BlockSize()
		n = (n + size) / size * size
	}
	return n + len(MAC{})
}

func (l *Line) encipher(data []byte) []byte {
	b := whole(l.alg, &l.key)
	size := b.BlockSize()
	out := append(make([]byte, 0, l.Length(len(data), true)), byte(len(data)))
	out = append(out, data...)
	for pad := byte(0x80); len(out)%size != 0; pad = 0 {
		out = append(out, pad)
	}
	for i := 0; i < len(out); i += size {
		b.Encrypt(out[i:], out[i:])
	}
	return out
}

func (l *Line) decipher(src []byte) ([]byte, error) {
	b := whole(l.alg, &l.key)
	size := b.BlockSize()
	if len(src) == 0 || len(src)%size != 0 {
		return nil, fmt.Errorf("enciphered data of %d bytes are not whole blocks: %w", len(src), ErrLine)
	}
	out := make([]byte, len(src))
	for i := 0; i < len(src); i += size {
		b.Decrypt(out[i:], src[i:])
	}
	n := int(out[0])
	if 1+n > len(out) || len(out)-1-n >= size {
		return nil, fmt.Errorf("enciphered data say a length of %d in %d bytes: %w", n, len(out), ErrLine)
	}
	for i, p := range out[1+n:] {
		if i == 0 && p != 0x80 || i > 0 && p != 0 {
			return nil, fmt.Errorf("enciphered data are not padded with 80 00..: %w", ErrLine)
		}
	}
	return out[1 : 1+n], nil
}

// Authentication is the cryptogram of EXTERNAL and INTERNAL AUTHENTICATE: data of
// at most a block, padded with 00, enciphered. Of an SM4 block it is the left half
// xor the right one. It panics if the data are longer than a block.
func Authentication(alg Alg, key Key, data []byte) [8]byte {
	if len(data) > alg.BlockSize() {
		panic(fmt.Sprintf("epurse: %d bytes to authenticate are longer than a block of %v", len(data), alg))
	}
	var x [16]byte
	copy(x[:], data)
	whole(alg, &key).Encrypt(x[:], x[:])
	if alg == SM4 {
		subtle.XORBytes(x[:8], x[:8], x[8:])
	}
	return [8]byte(x[:8])
}
